/* events.h - what the core notes, as a log line and on the XPUB socket, from one place. Decides nothing. */
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

/* Readable when events_mend_listener should be called; -1: it never is. */
int
events_listener_fd(const struct events *events);

/* See listener_mend. */
void
events_mend_listener(struct events *events);

/* Once at the start, too. Learn who came, who went and what they subscribe to: ZeroMQ sees that only inside a call, and
 * nothing else may be sent for days. */
void
events_attend(struct events *events);

/* events_attend should be called although no descriptor says so. */
bool
events_needs_attention(const struct events *events);

/* When events_check_intake is to be called, or INT64_MAX. */
int64_t
events_intake_due_us(const struct events *events);

/* End the subscriber that has sent the most, when they have sent too much: see intake.h. */
void
events_check_intake(struct events *events, int64_t now_us);

/* Does anybody subscribe to events of this kind, as far as events_attend has seen? */
bool
events_are_wanted(const struct events *events, enum note_kind kind);

struct events_stats {
    uint64_t published;     /* events that somebody subscribed to; never shrinks */
    uint64_t overruns;      /* times when a slow subscriber began to lose events; never shrinks */
    uint64_t subscriptions; /* prefixes that somebody subscribes to now */
};

void
events_get_stats(const struct events *events, struct events_stats *ret_stats);

/* Log the note, and publish it as [name][JSON object] if anybody subscribes to it. A slow subscriber loses messages,
 * nobody waits. */
void
events_note(struct events *events, const struct note *note);

#endif
