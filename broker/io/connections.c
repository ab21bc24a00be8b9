/* connections.c - the connections of one socket; see connections.h. */
#include "broker/io/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct connections {
    struct connection *by_routing_id; /* a hash; owns them */
    struct connection **by_number;
    uint32_t capacity;
    uint32_t lowest_free; /* no number below is free */
};

struct connections *
connections_new(void)
{
    struct connections *connections = calloc(1, sizeof *connections);

    if (!connections)
        abort();
    connections->lowest_free = 1;
    return connections;
}

void
connections_destroy(struct connections **connections_p)
{
    struct connections *connections = *connections_p;
    struct connection *connection, *next;

    if (!connections)
        return;
    HASH_ITER(hh, connections->by_routing_id, connection, next)
        connections_remove(connections, connection);
    free(connections->by_number);
    free(connections);
    *connections_p = NULL;
}

struct connection *
connections_find(const struct connections *connections, struct bytes routing_id)
{
    struct connection *connection;

    HASH_FIND(hh, connections->by_routing_id, routing_id.data, routing_id.size, connection);
    return connection;
}

struct connection *
connections_at(const struct connections *connections, uint32_t number)
{
    return number < connections->capacity ? connections->by_number[number] : NULL;
}

struct connection *
connections_add(struct connections *connections, struct bytes routing_id)
{
    struct connection *connection = calloc(1, sizeof *connection + routing_id.size);

    if (!connection)
        abort();
    memcpy(connection->routing_id, routing_id.data, routing_id.size);
    connection->routing_id_bytes = routing_id.size;
    connection->fd = -1;
    HASH_ADD(hh, connections->by_routing_id, routing_id[0], routing_id.size, connection);
    connections_number(connections, connection);
    return connection;
}

static void
grow(struct connections *connections)
{
    uint32_t capacity = connections->capacity ? 2 * connections->capacity : 64;

    connections->by_number = realloc(connections->by_number, capacity * sizeof connections->by_number[0]);
    if (!connections->by_number)
        abort();
    memset(connections->by_number + connections->capacity, 0,
           (capacity - connections->capacity) * sizeof connections->by_number[0]);
    connections->capacity = capacity;
}

void
connections_number(struct connections *connections, struct connection *connection)
{
    assert(connection->number == 0);
    while (connections_at(connections, connections->lowest_free))
        connections->lowest_free++;
    connection->number = connections->lowest_free++;
    if (connection->number >= connections->capacity)
        grow(connections);
    connections->by_number[connection->number] = connection;
}

void
connections_release_number(struct connections *connections, struct connection *connection)
{
    if (connection->number == 0)
        return;
    connections->by_number[connection->number] = NULL;
    if (connection->number < connections->lowest_free)
        connections->lowest_free = connection->number;
    connection->number = 0;
}

void
connections_remove(struct connections *connections, struct connection *connection)
{
    connections_release_number(connections, connection);
    HASH_DELETE(hh, connections->by_routing_id, connection);
    outbound_fini(&connection->outbound);
    free(connection);
}

unsigned
connections_count(const struct connections *connections)
{
    return HASH_COUNT(connections->by_routing_id);
}
