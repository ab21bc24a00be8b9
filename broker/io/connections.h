/* connections.h - the connections of one ROUTER socket, by routing id and by the core's number. No I/O. */
#ifndef SNAKEPIT_IO_CONNECTIONS_H
#define SNAKEPIT_IO_CONNECTIONS_H

#include "broker/io/outbound.h"
#include "wire/body.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_SLOW,    /* dropped since too much waited for it; may return when it has read all that */
    CONNECTION_IGNORED, /* offended too often; what it sends is dropped unread until it ends */
};

struct connection {
    uint32_t number;  /* the core's number of this peer, connections.c's; 0: the core does not know it, or no longer */
    int fd;           /* presence.c's; -1: it ended, or its descriptor is not known */
    enum connection_state state;
    bool is_ended;    /* the record goes as soon as the core has been told */
    bool is_leaving;  /* in the router's list of those whose end the core must be told */
    bool is_dirty;    /* in the router's list of those to send to */
    bool is_slow;     /* ZeroMQ took no more when it was tried last */
    bool is_doubtful; /* in the presence's list */
    bool is_last_doubt; /* it was asked once */
    bool has_delimiter;
    unsigned offences;
    int64_t doubt_until_us;
    struct outbound outbound;
    struct connection *dirty_prev, *dirty_next;
    struct connection *leaving_prev, *leaving_next;
    struct connection *doubtful_prev, *doubtful_next;
    struct connection *claimant_prev, *claimant_next; /* of the same descriptor; presence.c's */
    UT_hash_handle hh;
    uint32_t routing_id_bytes;
    uint8_t routing_id[];
};

struct connections;

struct connections *
connections_new(void);

/* Frees all of them. *connections_p becomes NULL; NULL is allowed. */
void
connections_destroy(struct connections **connections_p);

/* The connection with this routing id, or NULL. */
struct connection *
connections_find(const struct connections *connections, struct bytes routing_id);

/* The connection of the peer with this number, or NULL. */
struct connection *
connections_at(const struct connections *connections, uint32_t number);

/* Add one with the lowest free number and without a descriptor. The caller sets `outbound` up at once. */
struct connection *
connections_add(struct connections *connections, struct bytes routing_id);

/* Give it the lowest free number; it has none. */
void
connections_number(struct connections *connections, struct connection *connection);

/* Take its number away; another one may have it from now on. */
void
connections_release_number(struct connections *connections, struct connection *connection);

/* Forget and free it with all that waits for it. It is in no list any more. */
void
connections_remove(struct connections *connections, struct connection *connection);

unsigned
connections_count(const struct connections *connections);

#endif
