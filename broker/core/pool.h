/* pool.h - one named pool: its waiting and running tasks, its workers, its counters. Sends nothing, reads no clock. */
#ifndef SNAKEPIT_CORE_POOL_H
#define SNAKEPIT_CORE_POOL_H

#include "broker/core/affinity.h"
#include "broker/core/circuit.h"
#include "broker/core/crew.h"
#include "broker/core/dedup.h"
#include "broker/core/group.h"
#include "broker/core/dead_list.h"
#include "broker/core/pool_load.h"
#include "broker/core/pool_settings.h"
#include "broker/core/queue.h"
#include "broker/core/recycle.h"
#include "broker/core/run_times.h"

/* Why no further task may go. */
enum limit_cause {
    LIMIT_NONE,
    LIMIT_RUNNING, /* running_max: until a lease ends */
    LIMIT_RATE,    /* rate: until the next token is there */
};

enum pool_state {
    POOL_OPEN,
    POOL_DRAINING, /* an operator said so: no new tasks */
    POOL_REMOVED,  /* not in the configuration any more: no new tasks, and it goes when the last one has ended */
    POOL_STATES,
};

/* How fast the pool ended tasks lately, measured over windows of a second. */
struct pace {
    int64_t window_us;    /* when the window began */
    uint64_t window_done; /* tasks ended in it */
    int64_t us_per_task;  /* of the last full window; 0: not known yet */
};

/* Whether all slots are busy while tasks wait, and whether that was told. It has to stay so for a while to be told. */
struct capacity {
    bool is_full;     /* as last seen */
    bool is_reached;  /* as last told */
    int64_t since_us; /* when is_full last changed */
    struct heap_node timer;
};

struct pool {
    char *name;
    UT_hash_handle hh; /* in broker.pools_by_name */
    uint8_t state;     /* enum pool_state; changed by pool_become only */
    bool is_empty_told; /* REMOVED: there are no tasks any more */
    bool is_stirred;   /* tasks came from beside the queue into it, and were not dispatched yet */
    bool is_saturated; /* tasks were refused, and the queue has not fallen since */
    struct pool_settings settings; /* its `name` is the one above */

    struct queue queue;
    struct task *parked; /* QUEUED, and not in the queue: no free slot helps them yet. Last parked last. */
    struct heap suspects;    /* queued ones that run alone, since a worker was lost with them; by `returned` */
    struct worker *reserved; /* READY, with several slots: it gets nothing more, to become idle for the first suspect */
    uint64_t alone_count;    /* workers with several slots that are reserved, or run a suspect */
    struct task *delayed;
    struct task *running; /* oldest dispatch first */
    uint64_t parked_count;
    uint64_t delayed_count;
    uint64_t running_count;
    uint64_t waiting_bytes; /* all three */

    struct group *groups; /* by name */
    struct affinities affinities;

    struct flow *flows;    /* hash by key */
    struct bucket bucket;  /* of the pool's rate */
    bool is_rate_held;     /* no task may go before */
    int64_t token_us;      /* this */
    struct heap held;      /* flows whose next token is not there yet, by when it is */
    struct heap idle;      /* flows to which nothing belongs, by when their buckets are full */
    struct heap_node limit_timer;
    uint64_t hash_seed;    /* of fair keys */

    struct worker *workers; /* all sessions, oldest first */
    uint64_t workers_count;
    uint64_t workers_ready;
    struct crew crew;
    uint64_t slots_busy; /* leases */
    uint64_t slots_free; /* that may be used: of the workers in the crew */

    struct run_times run_times;
    struct worker *ahead;  /* connected ones, that hold something that was sent ahead and could be recalled */
    uint64_t recalled;     /* leases that were sent ahead, were recalled, and have no answer or slot yet */
    struct heap_node ahead_timer;

    struct pace pace;
    uint64_t finals[ERROR_LOST + 1]; /* by verdict: FAILED stands for all that failed; never shrink */
    uint64_t requeued, retried;
    uint64_t refused, refused_busy;
    struct dead_list dead;

    struct circuit circuit;
    struct dedup_store dedups;
    uint64_t deduplicated; /* tasks that found their key taken; never shrinks */
    struct recycling recycling;
    uint64_t agents; /* that serve it, */
    uint64_t agents_failed; /* those that cannot start workers for it, */
    uint64_t agents_wanted; /* and how many workers all of them keep alive */
    bool is_failed; /* all agents failed and no worker is ready */

    struct capacity capacity;
    struct pool_load load; /* large, so it stands last */
};

/* Copies the settings. The caller frees the result with pool_destroy. */
struct pool *
pool_new(const struct pool_settings *settings);

/* Frees the pool, which must have no tasks and no workers. */
void
pool_destroy(struct pool **pool_p);

/* Other settings under the same name. */
void
pool_change(struct pool *pool, const struct pool_settings *settings);

/* Returns whether anything changed. */
bool
pool_become(struct pool *pool, enum pool_state state);

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* Put a task that is in no list where `state` belongs: with the delayed, into the queue (a new task last, any other to
 * its place), or with the running. The task must belong to this pool. */
void
pool_put(struct pool *pool, struct task *task, enum task_state state);

/* Let a task wait outside of the queue: one that is in no list becomes QUEUED, one that stands in the queue leaves it. */
void
pool_park(struct pool *pool, struct task *task);

/* The same, until this worker, to which its session is bound, has a free slot. A task that is parked already goes on to
 * wait so. */
void
pool_park_at(struct pool *pool, struct task *task, struct worker *worker);

/* A parked task goes to its place in the queue. */
void
pool_unpark(struct pool *pool, struct task *task);

/* Of the tasks that are parked until this worker has a free slot, as many as it has go to their place. Whoever gets there
 * first has the slot, so some may come back. */
void
pool_call_parked(struct pool *pool, struct worker *worker);

/* Do its tasks end, and new ones, since nobody can run them? */
static inline bool
pool_refuses(const struct pool *pool)
{
    return pool->is_failed && pool->settings.when_failed == WHEN_FAILED_REFUSE;
}

/* Take a task out of the list that its state names; the state stays as it is until the caller gives it the next. */
void
pool_withdraw(struct pool *pool, struct task *task);

/* The same for a queued task that is dispatched: it has had its lane's turn. */
void
pool_take(struct pool *pool, struct task *task);

/* Tasks for which people say "queued". */
static inline uint64_t
pool_queued(const struct pool *pool)
{
    return pool->queue.count + pool->suspects.count + pool->parked_count;
}

static inline uint64_t
pool_waiting(const struct pool *pool)
{
    return pool_queued(pool) + pool->delayed_count;
}

/* Why no task of so many bytes is taken, for instance "pool.queued_max", or NULL when there is room. */
const char *
pool_full_limit(const struct pool *pool, uint64_t bytes);

/* Did the queue fall far enough that the pool is not saturated any more? A little below the limit is not enough, or it
 * would be so at every task. */
bool
pool_has_recovered(const struct pool *pool);

/* A task ended, with this verdict. */
void
pool_count_final(struct pool *pool, enum error_code verdict, int64_t now_us);

/* How long so many tasks take here, as far as the recent past can tell; at least 10 ms, at most 5 s. */
uint64_t
pool_retry_after_ms(const struct pool *pool, uint64_t tasks, int64_t now_us);

/* --- workers -------------------------------------------------------------------------------------------------- */

void
pool_add_worker(struct pool *pool, struct worker *worker);

void
pool_remove_worker(struct pool *pool, struct worker *worker);

static inline struct load_levels
pool_levels(const struct pool *pool)
{
    return (struct load_levels){pool->slots_busy, pool->slots_free, pool_queued(pool)};
}

/* Tasks wait because every slot is busy. (Without any slot they wait for workers.) */
static inline bool
pool_is_full(const struct pool *pool)
{
    return pool->queue.count > 0 && pool->crew.count == 0 && pool->slots_busy > 0;
}

/* How many workers the pool should have: what its agents keep alive, or else what the configuration says. */
static inline uint64_t
pool_workers_wanted(const struct pool *pool)
{
    return pool->agents > 0 ? pool->agents_wanted : pool->settings.workers_wanted;
}

/* Let the crew and the counts of slots agree with the worker's state and load. To be called after either changed. */
void
pool_review_worker(struct pool *pool, struct worker *worker);

/* The policy: who gets the next task. The worker with a free slot that runs the fewest; among equals the one that has
 * been so for longest. NULL: nobody is free. */
struct worker *
pool_choose_worker(struct pool *pool);

/* --- pool_ahead.c: what is sent before a slot is free for it ------------------------------------------------------- */

/* The policy: may this task go to this worker, all of whose slots are taken, and run there when the leases before it have
 * ended? `expected_us`: how long it runs; 0: not known. */
bool
pool_allows_ahead(const struct pool *pool, const struct worker *worker, const struct task *task, int64_t expected_us);

/* Is the worker one to which something may be sent ahead at all, as far as it can be told without a task? */
bool
pool_may_feed(const struct pool *pool, const struct worker *worker);

/* The policy: which lease is recalled for a slot that is free elsewhere: the latest of the worker that holds most of them, as
 * far as a short look tells. NULL: none. */
struct lease *
pool_choose_recall(const struct pool *pool);

/* Of this worker, the latest that was sent ahead and not recalled, or NULL. */
struct lease *
pool_latest_ahead(const struct worker *worker);

/* How long what is sent ahead may take for each slot: a few round trips. */
static inline int64_t
pool_ahead_us(const struct pool *pool)
{
    return pool->settings.prefetch_us > 0 ? pool->settings.prefetch_us : PREFETCH_US;
}

/* From when on a run is too long to wait behind. */
static inline int64_t
pool_long_us(const struct pool *pool)
{
    return 4 * pool_ahead_us(pool);
}

/* Let list and count agree with the worker; pool_review_worker calls it. */
void
pool_review_ahead(struct pool *pool, struct worker *worker);

/* The policy: which task goes next. The highest priority; within it, the lane whose turn it is; of that, the task that was
 * accepted first. NULL: none, or the pool is at a limit. */
struct task *
pool_choose_task(const struct pool *pool);

/* --- pool_limit.c: flows, and limits of the pool and of each of them --------------------------------------------- */

/* A new task of this key: counts it. The flow stays until the task has left and its leases have ended. */
struct flow *
pool_join_flow(struct pool *pool, const struct flow_key *key, int64_t now_us);

/* The task is final, or about to be freed, and in no lane. The flow may be freed. */
void
pool_leave_flow(struct pool *pool, struct flow *flow, int64_t now_us);

/* A lease began or ended. `flow` is its task's; in pool_start_lease it may be NULL. */
void
pool_start_lease(struct pool *pool, struct flow *flow, int64_t now_us);

/* One that has run for some time is the flow's from now on: it counts as running, and not as a start. */
void
pool_adopt_lease(struct pool *pool, struct flow *flow, int64_t now_us);

void
pool_end_lease(struct pool *pool, struct flow *flow, int64_t now_us);

/* Why no task of the pool may go. */
enum limit_cause
pool_limited_by(const struct pool *pool);

/* Why no task of a flow to which something belongs may go. */
enum limit_cause
pool_flow_limited_by(const struct flow *flow);

/* When pool_pass_limits has something to do, or INT64_MAX. */
int64_t
pool_limits_due_us(const struct pool *pool);

/* Let go what has its token now. */
void
pool_pass_limits(struct pool *pool, int64_t now_us);

/* The pool's settings were others until now. */
void
pool_change_limits(struct pool *pool, const struct pool_settings *old, int64_t now_us);

/* Free all flows, which must be idle. */
void
pool_drop_flows(struct pool *pool);

void
pool_check_limits(const struct pool *pool, int64_t now_us);

/* --- pool_suspect.c: tasks with which a worker was lost ------------------------------------------------------------ */

/* Whether its next turn belongs to a suspect, and not to an ordinary task: then the suspect, else NULL. Fair keys do not take
 * turns with it: it goes when it is older, or of a higher priority. */
struct task *
pool_next_suspect(const struct pool *pool);

/* Any of them, or NULL. */
struct task *
pool_any_suspect(const struct pool *pool);

/* Calls `visit` for at most `limit` of them, in no order; returns how many. */
size_t
pool_each_suspect(const struct pool *pool, size_t limit, void (*visit)(void *context, const struct task *task),
                  void *context);

/* The policy: where the suspect runs. An idle worker, which gets nothing else until it has ended; of workers with several
 * slots at most half (but one) serve suspects at one time. NULL: there is none. */
struct worker *
pool_choose_for_suspect(const struct pool *pool);

/* Let a worker become idle for the suspect that is next, or end that when there is none. */
void
pool_review_reservation(struct pool *pool);

/* The reserved worker may again get what fits. There must be one. */
void
pool_end_reservation(struct pool *pool);

/* The worker gets nothing besides what it has, or may again get what fits. */
void
pool_set_alone(struct pool *pool, struct worker *worker, bool is_alone);

/* Assert that lists, states and counters agree. */
void
pool_check(const struct pool *pool);

#endif
