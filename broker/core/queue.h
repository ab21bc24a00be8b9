/* queue.h - the waiting tasks of one pool: strict priorities; within each, lanes that take turns; within each lane, order
 * of acceptance. Owns no task. */
#ifndef SNAKEPIT_CORE_QUEUE_H
#define SNAKEPIT_CORE_QUEUE_H

#include "broker/core/flow.h"

/* Tasks that belong to a flow stand in a lane of it, all others in the queue's own lane of their priority. Lanes with tasks
 * form a ring for each priority. The first of a ring has the next turn: one task, and then it is the last. */
struct queue {
    struct lane own[PRIORITIES];
    struct lane *rings[PRIORITIES];
    uint32_t ready;                /* a bit for each priority whose ring is not empty */
    struct lane *held[PRIORITIES]; /* rings of lanes whose flows must not go now */
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

/* The same, and its lane has had its turn. */
void
queue_take(struct queue *queue, struct task *task);

/* The task that must be dispatched next, or NULL. */
struct task *
queue_first(const struct queue *queue);

/* Any task that waits, held ones too, or NULL. */
struct task *
queue_any(const struct queue *queue);

/* No task of the flow may go until it is released; then it waits for its turn behind all others. */
void
queue_hold(struct queue *queue, struct flow *flow);

void
queue_release(struct queue *queue, struct flow *flow);

/* Call `visit` in order of dispatch, for at most `limit` tasks; returns how many. Of each priority, those that are held
 * come last. */
size_t
queue_each(const struct queue *queue, size_t limit, void (*visit)(void *context, const struct task *task),
           void *context);

/* Assert that counts and orders hold. */
void
queue_check(const struct queue *queue);

#endif
