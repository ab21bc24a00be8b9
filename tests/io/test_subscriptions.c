/* test_subscriptions.c - which events are wanted. */
#include "broker/io/subscriptions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct subscriptions subscriptions;

static void
set_up(void)
{
    subscriptions_init(&subscriptions);
}

static void
tear_down(void)
{
    subscriptions_fini(&subscriptions);
}

TestSuite(subscriptions, .init = set_up, .fini = tear_down);

static void
take(char first, const char *prefix)
{
    char message[128];
    int size = snprintf(message, sizeof message, "%c%s", first, prefix);

    if (first == 0)
        size = 1 + snprintf(message + 1, sizeof message - 1, "%s", prefix);
    subscriptions_take(&subscriptions, message, (size_t)size);
}

Test(subscriptions, nothing_is_wanted_at_first)
{
    cr_assert_not(subscriptions_want(&subscriptions, "worker.lost"));
}

Test(subscriptions, a_name_is_wanted_by_any_of_its_prefixes)
{
    take(1, "worker.");
    cr_assert(subscriptions_want(&subscriptions, "worker.lost"));
    cr_assert_not(subscriptions_want(&subscriptions, "worker"));
    cr_assert_not(subscriptions_want(&subscriptions, "pool.open"));
    take(1, "pool.open");
    cr_assert(subscriptions_want(&subscriptions, "pool.open"));
    take(0, "worker.");
    cr_assert_not(subscriptions_want(&subscriptions, "worker.lost"));
    cr_assert_eq(subscriptions_count(&subscriptions), 1);
}

Test(subscriptions, the_empty_prefix_wants_everything)
{
    take(1, "");
    cr_assert(subscriptions_want(&subscriptions, "request.executed"));
    take(0, "");
    cr_assert_not(subscriptions_want(&subscriptions, "request.executed"));
}

Test(subscriptions, what_is_no_subscription_is_passed_over)
{
    subscriptions_take(&subscriptions, "", 0);
    take(2, "worker.");
    take('x', "worker.");
    take(0, "worker.");
    cr_assert_eq(subscriptions_count(&subscriptions), 0);
    cr_assert_not(subscriptions_want(&subscriptions, "worker.lost"));
}

Test(subscriptions, too_many_want_everything_until_they_are_gone)
{
    char prefix[32];

    for (int i = 0; i < SUBSCRIPTIONS_MAX + 10; i++) {
        snprintf(prefix, sizeof prefix, "x%d", i);
        take(1, prefix);
    }
    cr_assert_eq(subscriptions.count, SUBSCRIPTIONS_MAX);
    cr_assert_eq(subscriptions_count(&subscriptions), SUBSCRIPTIONS_MAX + 10);
    cr_assert(subscriptions_want(&subscriptions, "worker.lost"));
    for (int i = 0; i < SUBSCRIPTIONS_MAX + 10; i++) {
        snprintf(prefix, sizeof prefix, "x%d", i);
        take(0, prefix);
    }
    cr_assert_eq(subscriptions_count(&subscriptions), 0);
    cr_assert_not(subscriptions_want(&subscriptions, "worker.lost"));
}
