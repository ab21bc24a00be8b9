/* inbound.h - one received message, walked command by command with its attachment frames. Knows no peers, answers nobody. */
#ifndef SNAKEPIT_IO_INBOUND_H
#define SNAKEPIT_IO_INBOUND_H

#include "wire/wire.h"

struct inbound;

/* For the messages of one ROUTER socket. Freed with inbound_destroy. */
struct inbound *
inbound_new(enum side side, uint64_t control_bytes_max, uint64_t inline_bytes_max);

void
inbound_destroy(struct inbound **inbound_p);

/* Take the next message off the socket, without waiting; the one before must have been walked to its end, or dropped.
 * OK; ERR_AGAIN: none is there; ERR_SYSTEM. */
int
inbound_receive(struct inbound *inbound, void *socket);

/* Of the message received last. */
struct bytes
inbound_routing_id(const struct inbound *inbound);

bool
inbound_has_delimiter(const struct inbound *inbound);

/* Bytes of the message's frames. */
uint64_t
inbound_bytes(const struct inbound *inbound);

/* The descriptor of the connection that it came from, or -1. Costs a search by name: ask once per connection. */
int
inbound_fd(struct inbound *inbound);

enum inbound_next {
    INBOUND_COMMAND, /* *ret_message; its views and attachments live until the next call */
    INBOUND_FAULT,   /* *ret_fault; go on */
    INBOUND_END,
};

enum inbound_next
inbound_next(struct inbound *inbound, const struct message **ret_message, struct wire_fault *ret_fault);

/* Give up what is left of the message. */
void
inbound_drop(struct inbound *inbound);

#endif
