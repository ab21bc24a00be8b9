/* events.h - what the core notes, as a log line and on the PUB socket, from one place. Decides nothing. */
#ifndef SNAKEPIT_IO_EVENTS_H
#define SNAKEPIT_IO_EVENTS_H

#include "broker/core/outbox.h"
#include "broker/io/log.h"

struct events;

/* Bind the event stream to `address`; NULL: notes are only logged. NULL and a logged reason when that fails. */
struct events *
events_new(void *context, const char *address, struct log *log);

/* Close the socket. *events_p becomes NULL; NULL is allowed. */
void
events_destroy(struct events **events_p);

/* The endpoint as bound, or NULL. */
const char *
events_address(const struct events *events);

/* Readable, one or the other, when events_attend should be called; -1 without a socket. */
int
events_fd(const struct events *events);

int
events_monitor_fd(const struct events *events);

/* Once at the start, too. Let ZeroMQ see who came and went: it does that only inside a call, and nothing else may be sent for days. */
void
events_attend(struct events *events);

/* Log the note and publish it as [name][JSON object]. A slow subscriber loses messages, nobody waits. */
void
events_note(struct events *events, const struct note *note);

#endif
