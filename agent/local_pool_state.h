/* local_pool_state.h - what a local pool holds. Private to the files local_pool*.c. */
#ifndef SNAKEPIT_AGENT_LOCAL_POOL_STATE_H
#define SNAKEPIT_AGENT_LOCAL_POOL_STATE_H

#include "agent/local_pool.h"
#include "agent/pool_health.h"
#include "agent/start_gate.h"

struct local_pool {
    struct worker_pool shared;
    struct place *places;
    unsigned wanted;
    uint32_t asked;            /* the number of the last request to the nursery */
    bool is_closing;
    bool uses_nursery;
    struct start_gate gate;
    struct pool_health health;
    struct nursery *nursery;   /* NULL: the pool never had one */
    int64_t nursery_due_us;    /* when to start it, while it has no process */
    int64_t nursery_delay_us;
    bool is_nursery_stale;     /* it ends to be started anew */
    bool is_nursery_refused;   /* the app cannot be forked */
    int64_t ask_us;            /* it takes no requests before this */
};

bool
local_pool_has_nursery_process(const struct local_pool *pool);

/* Tell the broker of an end, or of a worker that did not come into being. */
void
local_pool_report(const struct local_pool *pool, const struct worker_end *end);

/* An expected worker will not come; with a `reason` that is a failed start. */
void
local_pool_lose_unborn(struct local_pool *pool, struct place *place, struct worker_process *worker, const char *reason,
                       int64_t now_us);

#endif
