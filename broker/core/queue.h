/* queue.h - the waiting tasks of one pool: strict priorities, and order of acceptance within each. Owns no task. */
#ifndef SNAKEPIT_CORE_QUEUE_H
#define SNAKEPIT_CORE_QUEUE_H

#include "broker/core/task.h"

/* New tasks come in order of acceptance, so a list keeps it. A task that comes back (requeued, or its delay is over)
 * belongs somewhere in the middle, so those stand in a heap beside the list; the next is the older of both fronts. */
struct queue {
    struct task *fifo[PRIORITIES];
    struct heap returned[PRIORITIES];
    uint64_t counts[PRIORITIES];
    uint64_t count;
};

void
queue_init(struct queue *queue);

void
queue_fini(struct queue *queue);

/* Append a new task; its number must be above all that were added before. */
void
queue_add(struct queue *queue, struct task *task);

/* Put a task back to its place. */
void
queue_return(struct queue *queue, struct task *task);

void
queue_remove(struct queue *queue, struct task *task);

/* The task that must be dispatched next, or NULL. */
struct task *
queue_first(const struct queue *queue);

/* Call `visit` in order of dispatch, for at most `limit` tasks; returns how many. */
size_t
queue_each(const struct queue *queue, size_t limit, void (*visit)(void *context, const struct task *task),
           void *context);

/* Assert that counts and orders hold. */
void
queue_check(const struct queue *queue);

#endif
