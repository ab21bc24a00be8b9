/* broker_patience.h - what becomes of attempts that failed or were lost, for the files that know broker_state.h only: tried
 * again, in quarantine, dead. */
#ifndef SNAKEPIT_CORE_BROKER_PATIENCE_H
#define SNAKEPIT_CORE_BROKER_PATIENCE_H

#include "broker/core/broker_state.h"

/* --- broker_quarantine.c: tasks with which workers were lost run alone ------------------------------------------ */

/* Hand out the suspects whose turn it is, and let a worker become idle for the next one. */
void
broker_dispatch_suspects(struct broker *broker, struct pool *pool);

/* A suspect that waited may have gone, or a worker that was kept for it: nobody else need wait for that. At the end of each
 * turn while broker.has_suspects. */
void
broker_review_suspects(struct broker *broker);

/* --- broker_retry.c: failed attempts, tried again, and what is remembered of attempts --------------------------- */

/* The field of those about retries and kills that is out of range, or NULL. */
const char *
broker_find_bad_patience(const struct submit *submit);

/* What the client says about retries and kills; to be called when it says anything. */
void
broker_take_retry_options(struct task *task, const struct submit *submit);

/* Delay the task for its next attempt if that is allowed, else return false and change nothing. It has no lease any more;
 * verdict->lease is the one it had. */
bool
broker_retry(struct broker *broker, struct task *task, const struct verdict *verdict);

/* Remember, for the list of dead tasks, how this attempt ended. */
void
broker_record_attempt(const struct broker *broker, struct task *task, const struct lease *lease, bool is_kill,
                      const char *cause);

/* --- broker_dead.c: tasks that ended as dead ------------------------------------------------------------------- */

/* List the task, which is about to end as dead with this text. */
void
broker_bury(struct broker *broker, struct task *task, struct bytes text);

int
broker_handle_dead(struct broker *broker, const struct event *event);

#endif
