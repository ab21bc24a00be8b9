/* broker_inspect.c - looking into the broker, for admin calls and tests; see broker.h. Changes nothing. */
#include "broker/core/broker_state.h"
#include "wire/text.h"

#include <string.h>
#include <utlist.h>

void
broker_get_stats(const struct broker *broker, struct broker_stats *ret_stats)
{
    *ret_stats = (struct broker_stats){
        .clients = broker->clients_count,
        .workers = HASH_COUNT(broker->workers),
        .pools = broker->pools_count,
        .tasks = broker->tasks.count,
        .bytes = broker->bytes,
        .stale = broker->stale,
        .undeliverable = broker->undeliverable,
        .is_draining = broker->state != BROKER_RUNNING,
    };
}

static void
count_workers(const struct pool *pool, struct pool_stats *stats)
{
    const struct worker *worker;

    DL_FOREACH(pool->workers, worker) {
        stats->workers_ready += worker->state == WORKER_READY;
        stats->slots += worker->slots;
        stats->slots_busy += worker->busy;
    }
}

static void
get_sharing(const struct pool *pool, struct pool_stats *stats)
{
    stats->fairness = pool->settings.fairness;
    stats->limit = pool->settings.limit;
    stats->key_limit = pool->settings.key_limit;
    stats->keys = HASH_COUNT(pool->flows) - pool->idle.count;
}

/* What is done for the pool besides running its tasks. */
static void
get_care(const struct pool *pool, struct pool_stats *stats)
{
    stats->deduplicated = pool->deduplicated;
    stats->dedup_kept = pool->dedups.kept_count;
    stats->dedup_bytes = pool->dedups.kept_bytes;
    stats->circuit = pool->circuit.state;
    stats->circuit_until_us = pool->circuit.until_us;
}

static void
get_patience(const struct pool *pool, struct pool_stats *stats)
{
    stats->retried = pool->retried;
    stats->quarantined = pool->suspects.count;
    stats->reserved = pool->reserved ? pool->reserved->session : 0;
    stats->dead_listed = pool->dead.count;
    stats->dead_bytes = pool->dead.bytes;
    stats->dead_dropped = pool->dead.dropped;
}

void
broker_get_pool_stats(const struct pool *pool, struct pool_stats *ret_stats)
{
    *ret_stats = (struct pool_stats){
        .name = pool->name,
        .is_draining = pool->state != POOL_OPEN,
        .is_removed = pool->state == POOL_REMOVED,
        .queued = pool_queued(pool),
        .delayed = pool->delayed_count,
        .sessions = HASH_COUNT(pool->affinities.by_name),
        .running = pool->running_count,
        .workers = pool->workers_count,
        .workers_wanted = pool_workers_wanted(pool),
        .agents = pool->agents,
        .is_failed = pool->is_failed,
        .is_memory_limit_off = pool->recycling.is_memory_off,
        .recycling = pool->recycling.in_flight,
        .recycle_due = pool->recycling.due_count,
        .succeeded = pool->finals[ERROR_NONE],
        .failed = pool->finals[ERROR_FAILED],
        .cancelled = pool->finals[ERROR_CANCELLED],
        .expired = pool->finals[ERROR_EXPIRED],
        .dead = pool->finals[ERROR_DEAD],
        .lost = pool->finals[ERROR_LOST],
        .requeued = pool->requeued,
        .refused = pool->refused,
        .refused_busy = pool->refused_busy,
        .queued_bytes = pool->waiting_bytes,
        .queued_max = pool->settings.queued_max,
        .queued_bytes_max = pool->settings.queued_bytes_max,
        .worker_ttl_us = pool->settings.worker_ttl_us,
        .start_timeout_us = pool->settings.start_timeout_us,
        .worker_memory_max = pool->settings.worker_memory_max,
    };
    get_sharing(pool, ret_stats);
    get_patience(pool, ret_stats);
    memcpy(ret_stats->recycled, pool->recycling.counts, sizeof ret_stats->recycled);
    count_workers(pool, ret_stats);
    get_care(pool, ret_stats);
}

int
broker_get_pool(const struct broker *broker, size_t index, struct pool_stats *ret_stats)
{
    if (index >= broker->pools_count)
        return ERR_NOT_FOUND;
    broker_get_pool_stats(broker->pools[index], ret_stats);
    return OK;
}

int
broker_find_pool(const struct broker *broker, struct bytes name, struct pool_stats *ret_stats)
{
    const struct pool *pool = broker_pool(broker, name);

    if (!pool)
        return ERR_NOT_FOUND;
    broker_get_pool_stats(pool, ret_stats);
    return OK;
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

static const struct worker *
find_worker(const struct broker *broker, uint64_t session)
{
    struct worker *worker;

    HASH_FIND_BYHASHVALUE(hh, broker->workers, &session, sizeof session, (unsigned)hash_mix(session), worker);
    return worker;
}

static void
get_worker(const struct worker *worker, struct worker_stats *ret_stats)
{
    *ret_stats = (struct worker_stats){
        .id = worker->session,
        .name = worker->name,
        .pool = worker->pool->name,
        .host = worker->host,
        .python = worker->python,
        .state = worker_state_name(worker->state),
        .pid = worker->process.pid,
        .profile = worker->profile,
        .slots = worker->slots,
        .busy = worker->busy,
        .rss_bytes = worker->rss_bytes,
        .cpu_us = worker->cpu_us,
        .tasks_done = worker->tasks_done,
        .gil_enabled = worker->gil_enabled,
        .free_threaded = worker->free_threaded,
        .is_alone = worker->is_alone,
        .gil_module = worker->gil_module,
        .report = {worker->report, worker->report_bytes},
        .agent = worker->process.agent,
        .replaces = worker->replaces,
        .reason = recycle_reason_name((enum recycle_reason)worker->reason),
        .started_us = worker->started_us,
        .heard_us = worker->heard_us,
    };
}

void
broker_each_worker(const struct broker *broker, const char *pool_name,
                   void (*visit)(void *context, const struct worker_stats *stats), void *context)
{
    const struct pool *pool = pool_name ? broker_pool(broker, text_bytes(pool_name)) : NULL;

    if (pool_name && !pool)
        return;
    for (const struct worker *worker = broker->workers; worker; worker = worker->hh.next) {
        struct worker_stats stats;

        if (pool && worker->pool != pool)
            continue;
        get_worker(worker, &stats);
        visit(context, &stats);
    }
}

int
broker_find_worker(const struct broker *broker, uint64_t session, struct worker_stats *ret_stats)
{
    const struct worker *worker = find_worker(broker, session);

    if (!worker)
        return ERR_NOT_FOUND;
    get_worker(worker, ret_stats);
    return OK;
}

/* --- agents ------------------------------------------------------------------------------------------------------ */

void
broker_each_agent(const struct broker *broker, void (*visit)(void *context, const struct agent_stats *stats),
                  void *context)
{
    for (const struct agent *agent = broker->agents; agent; agent = agent->hh.next) {
        struct agent_stats stats = {
            .id = agent->session,
            .number = agent->number,
            .name = agent->name,
            .host = agent->host,
            .pid = agent->pid,
            .is_connected = agent->peer > 0,
            .pools = agent->duties_count,
            .started_us = agent->started_us,
            .heard_us = agent->heard_us,
        };

        for (uint32_t i = 0; i < agent->duties_count; i++) {
            stats.pools_failed += agent->duties[i].is_failed;
            stats.workers_wanted += agent->duties[i].wanted;
        }
        visit(context, &stats);
    }
}

int
broker_find_session(const struct broker *broker, struct bytes pool_name, struct bytes name,
                    struct session_stats *ret_stats)
{
    const struct pool *pool = broker_pool(broker, pool_name);
    const struct affinity *affinity;

    if (!pool)
        return ERR_NOT_FOUND;
    affinity = affinity_find(&pool->affinities, name, broker->settings.hash_seed);
    if (!affinity)
        return ERR_NOT_FOUND;
    *ret_stats = (struct session_stats){
        .worker = affinity->worker ? affinity->worker->session : 0,
        .tasks = affinity->count,
        .unused_us = affinity->tasks ? 0 : affinity->unused_us,
    };
    return OK;
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

void
broker_get_task(const struct task *task, struct task_stats *ret_stats)
{
    bool is_quarantined = task->state == TASK_QUEUED && task_is_suspect(task) && !task->is_parked;

    *ret_stats = (struct task_stats){
        .task = task->number,
        .pool = task->pool->name,
        .state = is_quarantined ? "quarantined" : task_state_name(task->state),
        .function = task->body->function,
        .priority = task->priority,
        .attempt = task->attempt,
        .worker = task->lease ? task->lease->worker->session : 0,
        .accepted_us = task->accepted_us,
    };
}

void
broker_each_lease(const struct broker *broker, uint64_t session,
                  void (*visit)(void *context, const struct lease_stats *stats), void *context)
{
    const struct worker *worker = find_worker(broker, session);
    const struct lease *lease;

    if (!worker)
        return;
    DL_FOREACH(worker->leases, lease) {
        struct lease_stats stats = {.fence = lease->fence, .leased_us = lease->leased_us,
                                    .is_cancel_asked = lease->ladder != LADDER_NONE};

        if (lease->task)
            broker_get_task(lease->task, &stats.task);
        visit(context, &stats);
    }
}

/* A walk over tasks that ends after `left` more. */
struct walk {
    size_t left;
    void (*visit)(void *context, const struct task_stats *stats);
    void *context;
};

static void
visit_task(void *context, const struct task *task)
{
    struct walk *walk = context;
    struct task_stats stats;

    broker_get_task(task, &stats);
    walk->left--;
    walk->visit(walk->context, &stats);
}

static void
walk_list(struct walk *walk, const struct task *list)
{
    const struct task *task;

    DL_FOREACH(list, task) {
        if (walk->left == 0)
            return;
        visit_task(walk, task);
    }
}

void
broker_each_task(const struct broker *broker, const char *pool_name, size_t limit,
                 void (*visit)(void *context, const struct task_stats *stats), void *context)
{
    struct pool *only = pool_name ? broker_pool(broker, text_bytes(pool_name)) : NULL;
    struct pool *const *pools = pool_name ? &only : broker->pools;
    size_t pools_count = pool_name ? only != NULL : broker->pools_count;
    struct walk walk = {limit, visit, context};

    for (size_t i = 0; i < pools_count; i++)
        walk_list(&walk, pools[i]->running);
    for (size_t i = 0; i < pools_count; i++)
        pool_each_suspect(pools[i], walk.left, visit_task, &walk);
    for (size_t i = 0; i < pools_count; i++)
        queue_each(&pools[i]->queue, walk.left, visit_task, &walk);
    for (size_t i = 0; i < pools_count; i++)
        walk_list(&walk, pools[i]->parked);
    for (size_t i = 0; i < pools_count; i++)
        walk_list(&walk, pools[i]->delayed);
}
