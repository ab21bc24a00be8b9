/* broker_lifecycle.h - what the broker's files call to end workers in time and have others started: agents, lifespans,
 * replacements. For the files that include broker_state.h only.
 *
 * Three parts: broker_agent.c knows the agents, broker_lifespan.c when a worker is due, and broker_recycle.c what happens
 * then, one worker at a time in broker_replace.c. */
#ifndef SNAKEPIT_CORE_BROKER_LIFECYCLE_H
#define SNAKEPIT_CORE_BROKER_LIFECYCLE_H

#include "broker/core/broker_state.h"

/* What a worker that no agent can kill gets to end by itself: its task has had its time already. */
enum { STOP_GRACE_MS = 1000 };

/* --- broker_agent.c: sessions of agents ------------------------------------------------------------------------ */

/* The agent with this number, when it is connected, else NULL. */
struct agent *
broker_find_agent(const struct broker *broker, uint64_t number);

void
broker_hello_agent(struct broker *broker, uint32_t peer, const struct hello *hello);

void
broker_handle_agent(struct broker *broker, struct agent *agent, const struct message *message);

void
broker_agent_peer_gone(struct broker *broker, struct agent *agent);

/* The agent's timer rang. */
void
broker_agent_due(struct broker *broker, struct agent *agent);

/* Its session is over. `reason` is static. */
void
broker_lose_agent(struct broker *broker, struct agent *agent, const char *reason);

/* Let every pool know its agents. To be called when pools or agents changed. */
void
broker_count_agents(struct broker *broker);

/* Does the pool fail, or recover? To be called when its agents or the number of its ready workers changed. */
void
broker_review_failure(struct broker *broker, struct pool *pool);

/* --- broker_lifespan.c: when workers are due -------------------------------------------------------------------- */

/* Give the worker its limits, those of its pool. To be called when it came, and for all of a pool that changed. */
void
broker_set_lifespan(struct broker *broker, struct worker *worker);

/* The same for all workers of the pool. */
void
broker_set_lifespans(struct broker *broker, struct pool *pool);

/* Is it due, by what it did and what it uses? To be called when either changed. */
void
broker_judge_lifespan(struct broker *broker, struct worker *worker);

/* Set its timer. To be called when its state or its turn changed. */
void
broker_arm_lifespan(struct broker *broker, struct worker *worker);

/* The timer rang. */
void
broker_lifespan_due(struct broker *broker, struct worker *worker);

/* --- broker_recycle.c: replacing workers ------------------------------------------------------------------------ */

/* Replace it when its turn comes. Returns whether it will be: not when it is leaving by itself. */
bool
broker_recycle(struct broker *broker, struct worker *worker, enum recycle_reason reason);

/* The worker is ready: it is new, was resumed or was heard again. */
void
broker_recycle_ready(struct broker *broker, struct worker *worker);

/* The worker is new: whose place does it take? */
void
broker_recycle_arrived(struct broker *broker, struct worker *worker);

/* When the pool has as many workers as its agents want, no place is open any more, whoever filled it. To be called when
 * either number changed. */
void
broker_close_places(struct broker *broker, struct pool *pool);

/* The worker is leaving its pool; it has no leases any more. */
void
broker_recycle_gone(struct broker *broker, struct worker *worker, enum worker_end how);

/* It waits for its turn, and is to wait no more: the limit that it broke is gone. */
void
broker_forget_due(struct broker *broker, struct worker *worker);

/* A worker that hangs is killed by its agent, or at least forgotten, and its tasks run elsewhere. */
void
broker_give_up_stalled(struct broker *broker, struct worker *worker);

/* The timer of a replacement rang. */
void
broker_recycle_due(struct broker *broker, struct recycle *recycle);

/* The agent is here (again): what it was asked, it is asked again. */
void
broker_recycle_agent_here(struct broker *broker, const struct agent *agent);

/* The agent is lost: its workers stay. */
void
broker_recycle_agent_lost(struct broker *broker, const struct agent *agent);

/* The agent could not start the replacement of the worker that has or had this session. */
void
broker_recycle_failed(struct broker *broker, struct bytes pool, uint64_t session, bool for_memory, const char *reason);

/* --- broker_replace.c: the single replacement, for broker_recycle.c ------------------------------------------------ */

/* The worker waits for its turn. */
void
recycling_enlist(struct pool *pool, struct worker *worker, bool in_front);

void
recycling_delist(struct worker *worker);

/* Begin what may begin. To be called when anything changed that it depends on. */
void
recycling_advance(struct broker *broker, struct pool *pool);

/* Is it the turn of this pool's next worker? For checks. */
bool
recycling_is_stuck(const struct broker *broker, const struct pool *pool);

/* The replacement in flight of the worker that has, or had, this session, or NULL. */
struct recycle *
recycling_find(const struct pool *pool, uint64_t old);

/* Make one, of a worker that waits no more. */
struct recycle *
recycle_new(struct broker *broker, struct worker *worker);

/* It is over; the next ones may begin. *recycle is freed. */
void
recycle_end(struct broker *broker, struct recycle *recycle);

/* Ask its agent for the new worker. Nothing happens when that is away. */
void
recycle_send(struct broker *broker, const struct recycle *recycle);

/* The old worker takes no more tasks, and ends when it has run those that it has. */
void
recycle_stop_old(struct broker *broker, struct recycle *recycle);

/* No replacement is coming: the old worker stays, and waits for another turn. `in_front`: at once. */
void
recycle_give_back(struct broker *broker, struct recycle *recycle, bool in_front);

/* The same, after a while. */
void
recycle_fail(struct broker *broker, struct recycle *recycle, const char *reason);

/* No other worker of the pool may end before its replacement starts. */
bool
recycling_has_first(const struct pool *pool);

/* Tell why this worker is not replaced now, and when it is tried again. */
void
recycle_note_failed(struct broker *broker, const struct worker *worker, int64_t retry_us, const char *reason);

/* Append a note about the worker, with the reason of its replacement, and its age, work and memory. */
void
recycle_note(struct broker *broker, enum note_kind kind, const struct worker *worker);

/* Tell its agent that the worker's session is over, or to `kill` it. */
void
recycle_send_retire(struct broker *broker, const struct worker *worker, bool kill);

/* --- the end, and checks ---------------------------------------------------------------------------------------- */

/* Take the worker out of everything that concerns its replacement. For the end of the broker. */
void
broker_drop_recycle(struct broker *broker, struct worker *worker);

/* Free what is in flight of a pool without workers. */
void
broker_destroy_recycles(struct broker *broker, struct pool *pool);

/* Assert that it agrees with the workers. */
void
broker_check_recycling(const struct broker *broker, const struct pool *pool);

#endif
