/* connections.h - the peers of one ROUTER socket: found by routing id, by the core's number and by descriptor. No I/O. */
#ifndef SNAKEPIT_IO_CONNECTIONS_H
#define SNAKEPIT_IO_CONNECTIONS_H

#include "broker/io/outbound.h"
#include "wire/body.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_SLOW,    /* was dropped since too much waited for it; may return when it has read all that */
    CONNECTION_IGNORED, /* offended too often; what it sends is dropped unread until its connection ends */
};

/* One connection. The router works on the fields; connections.c keeps number, fd and the table. */
struct connection {
    uint32_t number; /* the core's; 0: the core does not know it, or was told that it is gone */
    int fd;          /* -1: the connection ended, or its descriptor is not known */
    enum connection_state state;
    bool is_ended; /* the connection is gone; the record goes as soon as the core has been told */
    bool has_delimiter;
    bool is_dirty; /* in the router's list of those to send to */
    bool is_leaving; /* in the router's list of those whose end the core must be told */
    unsigned offences;
    struct outbound outbound;
    struct connection *dirty_prev, *dirty_next;
    struct connection *leaving_prev, *leaving_next;
    UT_hash_handle hh;
    uint32_t routing_id_bytes;
    uint8_t routing_id[];
};

struct connections;

struct connections *
connections_new(void);

/* Destroys all peers. *connections_p becomes NULL; NULL is allowed. */
void
connections_destroy(struct connections **connections_p);

/* The peer with this routing id, or NULL. */
struct connection *
connections_find(const struct connections *connections, struct bytes routing_id);

/* The peer with this number, or NULL. */
struct connection *
connections_at(const struct connections *connections, uint32_t number);

/* The peer whose connection has this descriptor, or NULL. */
struct connection *
connections_by_fd(const struct connections *connections, int fd);

/* Add a peer with the lowest free number. No other peer may have this fd; -1 is allowed. The peers own it. */
struct connection *
connections_add(struct connections *connections, struct bytes routing_id, int fd);

/* Give the peer the lowest free number; it has none. */
void
connections_number(struct connections *connections, struct connection *peer);

/* Take the peer's number away; it may be given to another one from now on. */
void
connections_release_number(struct connections *connections, struct connection *peer);

/* The peer's descriptor is no longer its own. */
void
connections_release_fd(struct connections *connections, struct connection *peer);

/* Forget and free the peer with all that waits for it. It is in no list of the router's. */
void
connections_remove(struct connections *connections, struct connection *peer);

unsigned
connections_count(const struct connections *connections);

#endif
