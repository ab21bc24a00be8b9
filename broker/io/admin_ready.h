/* admin_ready.h - those who called await_ready and wait for workers. Starts no worker. */
#ifndef SNAKEPIT_IO_ADMIN_READY_H
#define SNAKEPIT_IO_ADMIN_READY_H

#include "broker/core/broker.h"
#include "broker/io/admin_answer.h"

struct ready_wait;

/* All who wait. All zero is an empty one. */
struct ready_waits {
    struct ready_wait *first;
    unsigned count;
};

void
ready_waits_fini(struct ready_waits *waits);

/* Let the caller wait; ready_waits_tick answers, at the earliest in this same turn. A caller too many is refused. */
void
ready_waits_add(struct ready_waits *waits, const struct admin_caller *caller, const struct admin_args *args,
                int64_t now_us, struct outbox *outbox);

/* Its connection ended. */
void
ready_waits_forget(struct ready_waits *waits, uint32_t peer);

/* Answer those whose workers are there, or whose time is over. */
void
ready_waits_tick(struct ready_waits *waits, const struct broker *broker, int64_t now_us, struct outbox *outbox);

/* When somebody's time is over, or INT64_MAX. */
int64_t
ready_waits_due_us(const struct ready_waits *waits);

#endif
