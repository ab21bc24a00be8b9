/* flow.h - the tasks of one fair key in one pool, or of one client: whoever takes turns with the others. A plain record
 * with its lanes; which of them may go is the queue's business, what limits them the pool's.
 *
 * It exists while a task that belongs to it is not final or a lease of such a task is open, and then until its bucket is
 * full: a new one would start with a full bucket. */
#ifndef SNAKEPIT_CORE_FLOW_H
#define SNAKEPIT_CORE_FLOW_H

#include "broker/core/bucket.h"
#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "broker/core/lane.h"
#include "broker/core/task_extra.h"

enum { FLOW_KEY_BYTES_MAX = 65 };

/* Whose tasks: those of a fair key, or those of a client's session. */
struct flow_key {
    uint8_t size;
    uint8_t bytes[FLOW_KEY_BYTES_MAX];
};

struct flow_key
flow_key_of_text(struct bytes fair_key);

struct flow_key
flow_key_of_client(uint64_t session);

/* `seed` keeps clients from choosing keys that collide. */
unsigned
flow_key_hash(const struct flow_key *key, uint64_t seed);

struct flow {
    UT_hash_handle hh;     /* pool.flows */
    struct lane *lanes;    /* those with tasks, at most one for each priority; linked by `sibling` */
    uint64_t tasks;        /* that belong to it and are not final */
    uint64_t running;      /* leases of such tasks, also of those that have ended since */
    struct bucket bucket;
    struct heap_node due;  /* pool.held: when its next token is there; pool.idle: when its bucket is full */
    bool is_held;          /* no task of it may go now */
    struct flow_key key;
};

/* The flow that a task belongs to until it is final, or NULL. */
static inline struct flow *
task_flow(const struct task *task)
{
    return task->extra ? task->extra->flow : NULL;
}

struct flow *
flow_new(const struct flow_key *key);

/* Frees a flow without tasks, leases and lanes. */
void
flow_destroy(struct flow **flow_p);

/* Nothing belongs to it any more. */
static inline bool
flow_is_idle(const struct flow *flow)
{
    return flow->tasks == 0 && flow->running == 0;
}

/* The lane of this priority, made at need. */
struct lane *
flow_open_lane(struct flow *flow, uint8_t priority);

/* The lane of this priority, or NULL. */
struct lane *
flow_lane(const struct flow *flow, uint8_t priority);

/* Free a lane of the flow, which is empty and in no ring. */
void
flow_close_lane(struct flow *flow, struct lane *lane);

#endif
