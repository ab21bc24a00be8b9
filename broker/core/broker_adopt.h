/* broker_adopt.h - tasks of an earlier broker, in struct broker: what its workers hold, and the clients' tasks that wait for
 * them; broker_adopt.c. For the broker_*.c files only. */
#ifndef SNAKEPIT_CORE_BROKER_ADOPT_H
#define SNAKEPIT_CORE_BROKER_ADOPT_H

#include "broker/core/broker_state.h"

/* Is it so soon after the start that workers of an earlier broker may still come? */
bool
broker_is_adopting(const struct broker *broker);

/* Keep a new task, which its client offered before, or before which others of its group may run, from being dispatched as
 * long as broker_is_adopting. */
void
broker_hold_back(struct broker *broker, struct task *task);

/* The delay of a task that is held back is over. False: it may be dispatched; true: it waits on, or has ended. */
bool
broker_holds_on(struct broker *broker, struct task *task);

/* Find what a worker holds of a task that waits. `asked` is the client's task: itself, or one that follows it. True: it is
 * found, and the task runs there or has ended. */
bool
broker_adopt(struct broker *broker, struct task *task, const struct task *asked);

/* End a task that was offered before, is not known here and may run at most once. True: it was so. */
bool
broker_gives_up(struct broker *broker, struct task *task);

/* What a new session of a worker brings along. The fences that were taken, in memory of the outbox. */
struct fences
broker_take_holds(struct broker *broker, struct worker *worker, const struct hello *hello);

/* Whose leases a HELLO with an unknown session holds: the broker has made a session for it already, and it has not heard of
 * that. NULL: nobody's. */
struct worker *
broker_find_holder(const struct broker *broker, const struct hello *hello);

/* The worker has said how the attempt ended; its lease, if there was one, is gone. */
void
broker_answer_orphan(struct broker *broker, struct orphan *orphan, const struct verdict *verdict, uint64_t chunks);

/* The worker does not hold this any more, if it did. */
void
broker_drop_orphan(struct broker *broker, const struct worker *worker, uint64_t fence);

/* The worker is gone, and with it all whose answers it owed. */
void
broker_drop_orphans(struct broker *broker, struct worker *worker);

/* Drop answers that nobody has asked for in time, and let those attempts run on that may wait for a reader. */
void
broker_expire_orphans(struct broker *broker);

/* When broker_expire_orphans has something to do, or INT64_MAX. */
int64_t
broker_orphans_due_us(const struct broker *broker);

/* At the end of the broker. */
void
broker_destroy_orphans(struct broker *broker);

/* --- what that needs of others: broker_dispatch.c, broker_client.c, broker_final.c, broker_answer.c -------------------- */

/* Take a slot of the worker for an attempt that it brings along; no task runs under this lease yet. */
struct lease *
broker_open_lease(struct broker *broker, struct worker *worker, uint64_t fence);

/* A task that waits runs under this lease. */
void
broker_tie_lease(struct broker *broker, struct lease *lease, struct task *task);

/* The client that says it is this instance, or NULL. */
struct client *
broker_find_instance(const struct broker *broker, struct bytes instance);

/* The body of a final message. The caller owns a reference. */
struct body *
broker_make_answer(struct broker *broker, const struct verdict *verdict);

/* The content type of a result for which the worker `said` this. NULL: the task is not known yet, and it stays as said. */
struct bytes
broker_result_type(const struct task *task, struct bytes said);

#endif
