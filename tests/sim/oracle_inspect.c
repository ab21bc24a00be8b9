/* oracle_inspect.c - whether the lists that the broker shows to operators are those of the model; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

/* A walk along the broker's list of one pool, beside the model's. */
struct walk {
    struct oracle *oracle;
    const struct model_pool *pool;
    int priority;       /* of the queued tasks that are shown */
    bool is_held;       /* those whose flows must not go now, which come after the others */
    uint64_t round;     /* so many were shown of the same flow before */
    uint64_t position;  /* of the flows that were shown in this round, at least */
    uint64_t running, waiting, parked, quarantined, delayed, workers;
};

/* Strict tasks of a bound session stand in the queue or beside it, as the broker likes. */
static bool
needs_no_place(const struct model_task *task)
{
    return task->affinity && task->is_strict && task->affinity->worker;
}

static bool
is_called(const struct model_pool *pool, uint64_t number)
{
    const struct model_task *task;

    for (int priority = 0; pool->affinities && priority < PRIORITIES; priority++)
        DL_FOREACH(pool->flows->queues[priority], task)
            if (needs_no_place(task) && task->number == number)
                return true;
    return false;
}

static struct model_task *
skip(struct model_task *task)
{
    while (task && needs_no_place(task))
        task = task->next;
    return task;
}

static void
begin_priority(struct walk *walk, int priority)
{
    struct model_flow *flow;

    walk->priority = priority;
    walk->is_held = false;
    walk->round = walk->position = 0;
    DL_FOREACH(walk->pool->flows, flow) {
        flow->walk = skip(flow->queues[priority]);
        flow->walk_round = 0;
    }
}

static bool
is_through(const struct walk *walk)
{
    const struct model_flow *flow;

    DL_FOREACH(walk->pool->flows, flow)
        if (flow->walk)
            return false;
    return true;
}

static struct model_flow *
find_flow(const struct walk *walk, uint64_t number)
{
    struct model_flow *flow;

    DL_FOREACH(walk->pool->flows, flow)
        if (flow->walk && flow->walk->number == number)
            return flow;
    return NULL;
}

/* A queued task is shown: in the order in which lanes will take their turns, as far as that is known. */
static void
visit_queued(struct walk *walk, const struct task_stats *stats)
{
    struct model_flow *flow;
    bool is_held;

    while (walk->priority > stats->priority && is_through(walk))
        begin_priority(walk, walk->priority - 1);
    flow = find_flow(walk, stats->task);
    is_held = flow && flow->limit != MODEL_FREE;
    if (is_held && !walk->is_held) {
        walk->is_held = true;
        walk->round = walk->position = 0;
    }
    if (flow && flow->walk_round > walk->round) {
        walk->round = flow->walk_round;
        walk->position = 0;
    }
    if (walk->priority != stats->priority || !flow || is_held != walk->is_held || flow->walk_round < walk->round ||
        (!is_held && flow->positions[walk->priority] < walk->position)) {
        BREAK(walk->oracle, "P8", "task %" PRIu64 " is shown where it does not stand in the queue", stats->task);
        return;
    }
    if (flow->earliest[walk->priority] > walk->position)
        walk->position = flow->earliest[walk->priority];
    flow->walk_round++;
    flow->walk = skip(flow->walk->next);
}

/* Those that wait for their turn in a group come after the queue, in any order. */
static bool
is_parked(const struct model_pool *pool, uint64_t number)
{
    const struct model_task *task;

    DL_FOREACH(pool->parked, task)
        if (task->number == number)
            return true;
    return is_called(pool, number);
}

static uint64_t
count_parked(const struct model_pool *pool)
{
    const struct model_task *task;
    uint64_t parked = 0;

    DL_FOREACH(pool->parked, task)
        parked++;
    for (int priority = 0; pool->flows && priority < PRIORITIES; priority++)
        DL_FOREACH(pool->flows->queues[priority], task)
            parked += needs_no_place(task);
    return parked;
}

static void
visit_task(void *context, const struct task_stats *stats)
{
    struct walk *walk = context;
    bool is_running = strcmp(stats->state, "running") == 0;

    if (is_running != (stats->worker != 0))
        BREAK(walk->oracle, "inspect", "task %" PRIu64 " is %s, on worker %" PRIu64, stats->task, stats->state,
              stats->worker);
    walk->running += is_running;
    walk->delayed += strcmp(stats->state, "delayed") == 0;
    walk->quarantined += strcmp(stats->state, "quarantined") == 0;
    if (strcmp(stats->state, "queued") != 0)
        return;
    walk->waiting++;
    if (is_parked(walk->pool, stats->task))
        walk->parked++;
    else
        visit_queued(walk, stats);
}

static const char *
name_state(const struct model_worker *worker)
{
    if (!worker->peer)
        return "detached";
    if (worker->is_draining)
        return "draining";
    return worker->is_stalled ? "stalled" : "ready";
}

static void
visit_worker(void *context, const struct worker_stats *stats)
{
    struct walk *walk = context;
    struct model_worker *worker = NULL;

    walk->workers++;
    HASH_FIND(hh, walk->oracle->model.workers, &stats->id, sizeof stats->id, worker);
    if (!worker || worker->pool != walk->pool)
        BREAK(walk->oracle, "inspect", "worker %" PRIu64 " is shown in pool %s", stats->id, walk->pool->name);
    else if (worker->busy != stats->busy || worker->slots != stats->slots ||
             strcmp(stats->state, name_state(worker)) != 0)
        BREAK(walk->oracle, "inspect", "worker %" PRIu64 " is shown %s with %u of %u, and is %s with %u of %u",
              stats->id, stats->state, stats->busy, stats->slots, name_state(worker), worker->busy, worker->slots);
}

void
oracle_inspect(struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->model.pool_count; i++) {
        const struct model_pool *pool = &oracle->model.pools[i];
        if (pool->is_gone)
            continue;
        struct walk walk = {.oracle = oracle, .pool = pool};

        begin_priority(&walk, PRIORITIES - 1);
        broker_each_task(oracle->broker, pool->name, SIZE_MAX, visit_task, &walk);
        broker_each_worker(oracle->broker, pool->name, visit_worker, &walk);
        oracle_inspect_dead(oracle, pool);
        if (walk.running != pool->running || walk.waiting + walk.quarantined != pool->queued ||
            walk.quarantined != pool->quarantined || walk.delayed != pool->delayed)
            BREAK(oracle, "inspect", "pool %s shows %" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " delayed",
                  pool->name, walk.running, walk.waiting, walk.delayed);
        oracle_inspect_sessions(oracle, pool);
        if (walk.parked != count_parked(pool))
            BREAK(oracle, "P8", "pool %s shows other tasks that wait for their turn in a group", pool->name);
    }
}
