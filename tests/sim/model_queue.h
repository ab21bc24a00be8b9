/* model_queue.h - the oracle's own books: who waits in which lane, whose turn it is, and what limits allow. Plain: every
 * question is answered by looking at all flows. Emits no finding. */
#ifndef SNAKEPIT_SIM_MODEL_QUEUE_H
#define SNAKEPIT_SIM_MODEL_QUEUE_H

#include "world.h"

struct model;
struct model_client;
struct model_pool;
struct model_task;

/* How much of a rate is used up: a token is the period in microseconds, and each microsecond takes away as much as there
 * are tokens in a period. */
struct model_rate {
    int64_t level;
    int64_t at_us;
};

enum model_limit { MODEL_FREE, MODEL_AT_RUNNING_MAX, MODEL_AT_RATE };

/* Tasks that take turns with those of other flows. Where it stands in the round is told by a number: the count of turns
 * that had been taken when it came to the end of the ring. Flows with one number came in an order that only the broker
 * knows. */
struct model_flow {
    uint64_t client; /* serial; 0: a fair key's, or that of all the others */
    uint8_t key[64];
    uint32_t key_bytes; /* 0: a client's, or that of all the others */
    struct model_task *queues[PRIORITIES]; /* oldest first */
    uint64_t positions[PRIORITIES];
    uint64_t earliest[PRIORITIES]; /* the same, if the lane was never empty in a step in which tasks left it and others came:
                                    * what comes first of all that is due at one time is the broker's choice */
    uint64_t emptied[PRIORITIES]; /* in that step */
    uint64_t tasks, running; /* not final; leases */
    struct model_rate rate;
    enum model_limit limit; /* as last reviewed */
    struct model_task *walk; /* oracle_inspect.c */
    uint64_t walk_round;
    struct model_flow *prev, *next; /* its pool's; the first is that of tasks without a key */
};

/* The flow of a new task, made at need: counts it. */
struct model_flow *
model_join_flow(struct model_pool *pool, const struct submit *submit, const struct model_client *client);

void
model_free_flows(struct model_pool *pool);

/* Put the task into its place: behind all of its flow that were accepted before it. */
void
model_queue_task(struct model *model, struct model_task *task);

void
model_unqueue_task(struct model *model, struct model_task *task);

/* A task of the flow starts, which stands in a queue: it is the flow's turn. */
void
model_start(struct model *model, struct model_task *task);

/* A lease of the flow ended. */
void
model_end_run(struct model *model, struct model_pool *pool, struct model_flow *flow);

/* Time passed: who is free again? Flows that are like new ones are forgotten. */
void
model_review_flows(struct model *model, struct model_pool *pool);

/* Other settings are in force; these were so far. */
void
model_change_limits(struct model *model, struct model_pool *pool, const struct pool_settings *old);

enum model_limit
model_pool_limit(const struct model *model, const struct model_pool *pool);

/* A task that nothing but a slot is missing for, or NULL. */
const struct model_task *
model_find_eligible(const struct model *model, const struct model_pool *pool);

/* Flows of which something waits or runs, without that of tasks without a key. */
uint64_t
model_count_keys(const struct model_pool *pool);

#endif
