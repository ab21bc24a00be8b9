/* test_address.c - tests of agent/address.c and agent/overrides.c: the command line against the configuration. */
#include "agent/address.h"
#include "agent/overrides.h"

#include "wire/err.h"

#include <criterion/criterion.h>

static char address[ADDRESS_BYTES];

static int
find(const char *workers_endpoint, const char *connect)
{
    struct config config = {.workers_endpoint = (char *)workers_endpoint};

    return address_find(&config, connect, address);
}

Test(address, is_the_configurations_when_nothing_is_given)
{
    cr_assert_eq(find("tcp://0.0.0.0:5571", NULL), OK);
    cr_expect_str_eq(address, "tcp://127.0.0.1:5571");
}

Test(address, of_a_host_alone_takes_the_port_of_the_workers_endpoint)
{
    cr_assert_eq(find("tcp://0.0.0.0:5571", "broker.example.org"), OK);
    cr_expect_str_eq(address, "tcp://broker.example.org:5571");
    cr_assert_eq(find("tcp://[::]:5571", "[fe80::1]"), OK);
    cr_expect_str_eq(address, "tcp://[fe80::1]:5571");
}

Test(address, that_is_an_endpoint_is_taken_as_it_is)
{
    cr_assert_eq(find("ipc:///tmp/w", "tcp://a:1"), OK);
    cr_expect_str_eq(address, "tcp://a:1");
}

Test(address, is_refused_when_there_is_no_port_or_no_host)
{
    cr_expect_eq(find("ipc:///tmp/w", "a"), ERR_INVALID);
    cr_expect_eq(find("tcp://0.0.0.0:5571", "a b"), ERR_INVALID);
    cr_expect_eq(find("tcp://0.0.0.0:5571", "a:77"), ERR_INVALID);
    cr_expect_eq(find("tcp://0.0.0.0:5571", ""), ERR_INVALID);
    cr_expect_eq(find("tcp://0.0.0.0:5571", "http://a"), ERR_INVALID);
    cr_expect_eq(find("tcp://0.0.0.0:5571", "tcp://"), ERR_INVALID);
}

Test(overrides, give_the_number_of_the_pool_and_leave_the_others)
{
    static struct overrides overrides;
    struct pool_config pools[] = {{.core = {.name = "a", .workers_wanted = 1}, .app = (char *)"m:a"},
                                  {.core = {.name = "b", .workers_wanted = 2}, .app = (char *)"m:a"}};
    struct config config = {.pools = pools, .pool_count = 2};
    const char *pool = NULL;

    cr_assert_eq(overrides_add(&overrides, "a=7"), OK);
    cr_assert_eq(overrides_add(&overrides, "a=5"), OK);
    cr_expect_eq(overrides_wanted(&overrides, &pools[0]), 5);
    cr_expect_eq(overrides_wanted(&overrides, &pools[1]), 2);
    cr_expect(overrides_fit(&overrides, &config, &pool));
    pools[0].app = NULL;
    cr_expect_not(overrides_fit(&overrides, &config, &pool));
    cr_expect_str_eq(pool, "a");
}

Test(overrides, are_a_pool_an_equals_sign_and_a_number)
{
    static struct overrides overrides;
    static const char *const wrong[] = {"a", "=1", "a=", "a=x", "a=1x", "a=-1", "a= 1", "a=4097"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect_eq(overrides_add(&overrides, wrong[i]), ERR_INVALID, "%s", wrong[i]);
    for (size_t i = 0; i < OVERRIDES_MAX; i++)
        cr_expect_eq(overrides_add(&overrides, "a=0"), OK);
    cr_expect_eq(overrides_add(&overrides, "a=0"), ERR_FULL);
}
