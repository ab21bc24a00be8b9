/* outbound.h - what waits to be sent to one peer: commands, already encoded, and their attachments. Knows no peers. */
#ifndef SNAKEPIT_IO_OUTBOUND_H
#define SNAKEPIT_IO_OUTBOUND_H

#include "wire/message.h"

#include <stddef.h>

struct parcel;
struct flight;

/* Parcels that are empty now, to be filled again by any outbound. One set per thread. */
struct parcel_store {
    struct parcel *spare;
    unsigned count;
};

void
parcel_store_fini(struct parcel_store *store);

/* A record in its owner; the fields are outbound.c's. */
struct outbound {
    struct parcel_store *store; /* not owned */
    struct parcel *parcels;     /* in the order of sending; commands are added to the last one */
    struct flight *flight;      /* what ZeroMQ has taken and not yet written; NULL: nothing large was ever sent */
    size_t waiting_bytes;
    size_t buffer_bytes; /* what the last large control frame needed, to make the next one in one piece */
    size_t control_bytes_max;
};

/* No control frame will be larger than control_bytes_max, unless one command alone is. */
void
outbound_init(struct outbound *outbound, struct parcel_store *store, size_t control_bytes_max);

/* Drops what waits. ZeroMQ may still write what it has taken. */
void
outbound_fini(struct outbound *outbound);

/* Drop what waits here; what ZeroMQ has taken stays counted. */
void
outbound_drop(struct outbound *outbound);

/* Append one command. References its attachments. OK, or ERR_INVALID: it cannot be encoded and nothing was added. */
int
outbound_add(struct outbound *outbound, enum side side, const struct message *message);

/* Hand all that waits to ZeroMQ, without waiting. *sent is raised by the number of messages.
 * OK; ERR_AGAIN: the peer is slow and the rest waits here; ERR_NOT_FOUND: ZeroMQ has no such peer; ERR_SYSTEM. */
int
outbound_send(struct outbound *outbound, void *socket, struct bytes routing_id, bool has_delimiter, uint64_t *sent);

/* Bytes that the peer has not taken yet, here and in ZeroMQ. Small messages are not counted once ZeroMQ has them; its
 * high-water mark bounds them. */
size_t
outbound_bytes(const struct outbound *outbound);

#endif
