/* test_connections.c - tests of broker/io/connections.c. */
#include "broker/io/connections.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct parcel_store store;
static struct connections *connections;

static void
set_up(void)
{
    connections = connections_new();
}

static void
tear_down(void)
{
    connections_destroy(&connections);
    parcel_store_fini(&store);
}

TestSuite(connections, .init = set_up, .fini = tear_down);

/* Routing ids of ZeroMQ begin with a zero byte. */
static struct bytes
make_id(uint32_t number)
{
    static uint8_t id[5];

    memcpy(id + 1, &number, sizeof number);
    return (struct bytes){id, sizeof id};
}

static struct connection *
add(uint32_t id)
{
    struct connection *connection = connections_add(connections, make_id(id));

    outbound_init(&connection->outbound, &store, 1024);
    return connection;
}

Test(connections, are_found_by_routing_id_and_by_number)
{
    struct connection *a = add(7), *b = add(8);

    cr_expect_eq(connections_find(connections, make_id(7)), a);
    cr_expect_eq(connections_find(connections, make_id(8)), b);
    cr_expect_null(connections_find(connections, make_id(9)));
    cr_expect_eq(connections_at(connections, a->number), a);
    cr_expect_null(connections_at(connections, 0));
    cr_expect_null(connections_at(connections, 99999));
    cr_expect_eq(connections_count(connections), 2);
}

Test(connections, get_the_lowest_free_number_from_one)
{
    for (uint32_t id = 1; id <= 1000; id++)
        cr_assert_eq(add(id)->number, id);
    connections_remove(connections, connections_at(connections, 500));
    connections_remove(connections, connections_at(connections, 3));
    cr_expect_eq(add(2001)->number, 3);
    cr_expect_eq(add(2002)->number, 500);
    cr_expect_eq(add(2003)->number, 1001);
}

Test(connections, may_lose_their_number_and_get_another_one)
{
    struct connection *slow = add(1);

    connections_release_number(connections, slow);
    cr_expect_eq(slow->number, 0);
    cr_expect_null(connections_at(connections, 1));
    cr_expect_eq(add(2)->number, 1);
    connections_number(connections, slow);
    cr_expect_eq(slow->number, 2);
    cr_expect_eq(connections_find(connections, make_id(1)), slow);
}
