/* oracle_inspect.c - whether the lists that the broker shows to operators are those of the model; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

/* A walk along the broker's list of one pool, beside the model's. */
struct walk {
    struct oracle *oracle;
    const struct model_pool *pool;
    const struct model_task *queued; /* the next that must come */
    int priority;
    uint64_t running, waiting, delayed, workers;
};

/* The first task of this priority or a lower one. */
static void
find_next_queue(struct walk *walk)
{
    while (!walk->queued && walk->priority > 0)
        walk->queued = walk->pool->queues[--walk->priority];
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
    if (strcmp(stats->state, "queued") != 0)
        return;
    walk->waiting++;
    find_next_queue(walk);
    if (!walk->queued || walk->queued->number != stats->task)
        BREAK(walk->oracle, "P8", "task %" PRIu64 " is shown where task %" PRIu64 " stands in the queue", stats->task,
              walk->queued ? walk->queued->number : 0);
    else
        walk->queued = walk->queued->next;
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
        struct walk walk = {.oracle = oracle, .pool = pool, .priority = PRIORITIES};

        broker_each_task(oracle->broker, pool->name, SIZE_MAX, visit_task, &walk);
        broker_each_worker(oracle->broker, pool->name, visit_worker, &walk);
        if (walk.running != pool->running || walk.waiting != pool->queued || walk.delayed != pool->delayed)
            BREAK(oracle, "inspect", "pool %s shows %" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " delayed",
                  pool->name, walk.running, walk.waiting, walk.delayed);
    }
}
