/* refusal.h - what is said of a command that was refused, and how many of them a peer may send. Sends nothing. */
#ifndef SNAKEPIT_IO_REFUSAL_H
#define SNAKEPIT_IO_REFUSAL_H

#include "broker/io/connections.h"
#include "wire/wire.h"

/* Offences on one connection before it is ignored; docs/protocol.md, section 8. */
#define REFUSAL_OFFENCES_MAX 16

/* The answer to who sent it. Its views are of *fault and of static text. */
void
refusal_answer(const struct wire_fault *fault, uint64_t inline_bytes_max, struct message *ret_answer);

/* True: it was a worker's answer. Refused, it still ends its attempt: the worker has done with it, and the client
 * waits. */
bool
refusal_ends_attempt(enum side side, const struct wire_fault *fault);

/* What the core is told of that attempt in place of the refused answer. Its views are of static text. */
void
refusal_verdict(const struct wire_fault *fault, struct message *ret_verdict);

/* Count one offence of `peer`. True: that was one too many. */
bool
refusal_count_offence(struct connection *peer);

#endif
