/* broker_order.h - what must wait though a slot is free: groups, and sessions of tasks. For broker_*.c files only. */
#ifndef SNAKEPIT_CORE_BROKER_ORDER_H
#define SNAKEPIT_CORE_BROKER_ORDER_H

#include "broker/core/broker_state.h"

/* Is there room for the session of this task, if it has one? */
bool
broker_has_session_room(const struct broker *broker, const struct pool *pool, const struct submit *submit);

/* Does the task want to be refused rather than wait for the worker of its session, and would it wait? */
bool
broker_is_session_busy(const struct broker *broker, const struct pool *pool, const struct submit *submit);

/* A task that was just accepted joins its group and its session. To be called before it is put anywhere. */
void
broker_join_order(struct broker *broker, struct task *task, const struct submit *submit);

/* A task that is in no list becomes QUEUED: in the queue, or parked until its turn comes. */
void
broker_enqueue(struct broker *broker, struct task *task);

/* The worker of whose slots a task with an extra has to wait for one; NULL: it need not. */
struct worker *
broker_awaited_worker(const struct task *task);

/* Which worker takes the first task of the queue, which has an extra, when `free` is the one that plain tasks would go to.
 * NULL: the task must wait for another one, and has left the queue. */
struct worker *
broker_route(struct broker *broker, struct task *task, struct worker *free);

/* A lease of a task with an extra begins. */
void
broker_begin_order(struct broker *broker, struct lease *lease);

/* The lease of a task of a group has ended. */
void
broker_let_go_group(struct broker *broker, struct lease *lease);

/* A task with an extra is about to end: others may have their turn by that. */
void
broker_leave_order(struct broker *broker, struct task *task);

/* The worker keeps no session's state any more, as it is gone or takes no more tasks. */
void
broker_leave_sessions(struct broker *broker, struct worker *worker);

/* Does the loss of this lease, whose worker is gone, end its task for the loss of its session? */
bool
broker_is_session_lost(const struct task *task, const struct worker *worker);

/* The time of unused sessions of the pool is over, or its settings changed. */
void
broker_sessions_due(struct broker *broker, struct pool *pool);

/* Assert that the task waits where it should. */
void
broker_check_order(const struct task *task);

/* Dispatch what was brought into a queue in this turn, and not dispatched yet. */
void
broker_dispatch_stirred(struct broker *broker);

#endif
