/* admin.h - calls to the pool `$snakepit`, which the broker answers itself. Answers into an outbox, sends nothing. */
#ifndef SNAKEPIT_IO_ADMIN_H
#define SNAKEPIT_IO_ADMIN_H

#include "broker/core/event.h"
#include "broker/core/outbox.h"
#include "broker/io/admin_report.h"

struct admin;

/* Copies the record; what it points to must live longer. Freed with admin_destroy. */
struct admin *
admin_new(const struct admin_sources *sources);

/* Whoever waits is not answered. *admin_p becomes NULL; NULL is allowed. */
void
admin_destroy(struct admin **admin_p);

/* True when the event is a call for admin_call, and not for the core. */
bool
admin_is_call(const struct event *event);

/* Carry out a call; the answer, and what the core wants done for it, are appended to the outbox. */
void
admin_call(struct admin *admin, const struct event *event, int64_t now_us, struct outbox *outbox);

/* Forget what a client that is gone waits for. */
void
admin_forget_peer(struct admin *admin, uint32_t peer);

/* Answer those who wait for workers, if these are there or the time is over. Call it whenever the core has changed. */
void
admin_tick(struct admin *admin, int64_t now_us, struct outbox *outbox);

/* When admin_tick must be called next, or INT64_MAX. */
int64_t
admin_next_due_us(const struct admin *admin);

#endif
