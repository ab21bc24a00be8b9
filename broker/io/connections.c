/* connections.c - the peers of one socket; see connections.h. */
#include "broker/io/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An array of peers by a small number: the core's, or a descriptor. */
struct index {
    struct connection **peers;
    uint32_t capacity;
};

struct connections {
    struct connection *by_routing_id; /* a hash; owns the peers */
    struct index by_number;
    struct index by_fd;
    uint32_t lowest_free; /* no number below is free */
};

static struct connection *
index_get(const struct index *index, uint32_t at)
{
    return at < index->capacity ? index->peers[at] : NULL;
}

static void
index_set(struct index *index, uint32_t at, struct connection *peer)
{
    if (at >= index->capacity) {
        uint32_t capacity = index->capacity ? index->capacity : 64;

        while (capacity <= at)
            capacity *= 2;
        index->peers = realloc(index->peers, capacity * sizeof index->peers[0]);
        if (!index->peers)
            abort();
        memset(index->peers + index->capacity, 0, (capacity - index->capacity) * sizeof index->peers[0]);
        index->capacity = capacity;
    }
    index->peers[at] = peer;
}

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
    struct connection *peer, *next;

    if (!connections)
        return;
    HASH_ITER(hh, connections->by_routing_id, peer, next)
        connections_remove(connections, peer);
    free(connections->by_number.peers);
    free(connections->by_fd.peers);
    free(connections);
    *connections_p = NULL;
}

struct connection *
connections_find(const struct connections *connections, struct bytes routing_id)
{
    struct connection *peer;

    HASH_FIND(hh, connections->by_routing_id, routing_id.data, routing_id.size, peer);
    return peer;
}

struct connection *
connections_at(const struct connections *connections, uint32_t number)
{
    return index_get(&connections->by_number, number);
}

struct connection *
connections_by_fd(const struct connections *connections, int fd)
{
    return fd >= 0 ? index_get(&connections->by_fd, (uint32_t)fd) : NULL;
}

struct connection *
connections_add(struct connections *connections, struct bytes routing_id, int fd)
{
    struct connection *peer = calloc(1, sizeof *peer + routing_id.size);

    if (!peer)
        abort();
    assert(!connections_by_fd(connections, fd));
    memcpy(peer->routing_id, routing_id.data, routing_id.size);
    peer->routing_id_bytes = routing_id.size;
    peer->fd = fd;
    HASH_ADD(hh, connections->by_routing_id, routing_id[0], routing_id.size, peer);
    if (fd >= 0)
        index_set(&connections->by_fd, (uint32_t)fd, peer);
    connections_number(connections, peer);
    return peer;
}

void
connections_number(struct connections *connections, struct connection *peer)
{
    assert(peer->number == 0);
    while (connections_at(connections, connections->lowest_free))
        connections->lowest_free++;
    peer->number = connections->lowest_free++;
    index_set(&connections->by_number, peer->number, peer);
}

void
connections_release_number(struct connections *connections, struct connection *peer)
{
    if (peer->number == 0)
        return;
    index_set(&connections->by_number, peer->number, NULL);
    if (peer->number < connections->lowest_free)
        connections->lowest_free = peer->number;
    peer->number = 0;
}

void
connections_release_fd(struct connections *connections, struct connection *peer)
{
    if (peer->fd >= 0)
        index_set(&connections->by_fd, (uint32_t)peer->fd, NULL);
    peer->fd = -1;
}

void
connections_remove(struct connections *connections, struct connection *peer)
{
    connections_release_number(connections, peer);
    connections_release_fd(connections, peer);
    HASH_DELETE(hh, connections->by_routing_id, peer);
    outbound_fini(&peer->outbound);
    free(peer);
}

unsigned
connections_count(const struct connections *connections)
{
    return HASH_COUNT(connections->by_routing_id);
}
