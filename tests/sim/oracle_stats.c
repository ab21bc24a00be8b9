/* oracle_stats.c - what must hold after every step: the public numbers are the model's, nothing waits that need not, and
 * nothing due is left undone; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

#define SAME(oracle, pool, what, real, model)                                                                          \
    do {                                                                                                               \
        if ((real) != (model))                                                                                         \
            BREAK(oracle, "P15", "pool %s: " what " is %" PRIu64 ", and should be %" PRIu64, (pool)->name,             \
                  (uint64_t)(real), (uint64_t)(model));                                                                \
    } while (0)

/* Tasks wait beside a free slot, and rightly so. */
static void
count_limits(struct oracle *oracle, const struct model_pool *pool)
{
    enum model_limit limit = model_pool_limit(&oracle->model, pool);
    uint64_t *sometimes = oracle->tally->sometimes;
    const struct model_flow *flow;

    sometimes[SOMETIMES_RUNNING_MAX] += limit == MODEL_AT_RUNNING_MAX;
    sometimes[SOMETIMES_RATE_LIMITED] += limit == MODEL_AT_RATE;
    DL_FOREACH(pool->flows, flow) {
        sometimes[SOMETIMES_KEY_RUNNING_MAX] += flow->limit == MODEL_AT_RUNNING_MAX;
        sometimes[SOMETIMES_KEY_RATE_LIMITED] += flow->limit == MODEL_AT_RATE;
    }
}

static bool
has_strict(const struct model_pool *pool)
{
    for (const struct model_affinity *affinity = pool->affinities; affinity; affinity = affinity->hh.next)
        if (affinity->stricts > 1)
            return true;
    return false;
}

/* Work conserving: no task waits while somebody could run it. */
static void
check_idle(struct oracle *oracle, const struct model_pool *pool)
{
    const struct model_task *eligible = model_find_eligible(&oracle->model, pool);
    const struct model_worker *worker;

    if (pool->queued == pool->quarantined || oracle->model.is_shutting || !model_circuit_admits(&pool->circuit))
        return;
    DL_FOREACH(pool->workers, worker) {
        if (!model_worker_is_ready(worker) || worker->busy >= worker->slots || model_worker_is_alone(worker) ||
            oracle_is_kept_free(oracle, worker))
            continue;
        if (eligible)
            BREAK(oracle, "P12", "pool %s: task %" PRIu64 " waits while worker %" PRIu64 " has %u of %u slots free",
                  pool->name, eligible->number, worker->session, worker->slots - worker->busy, worker->slots);
        else
            count_limits(oracle, pool);
        oracle->tally->sometimes[SOMETIMES_GROUP_WAITED] += pool->parked != NULL;
        oracle->tally->sometimes[SOMETIMES_SESSION_WAITED] += !eligible && has_strict(pool);
        return;
    }
}

void
oracle_check_busy(struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->model.pool_count; i++) {
        check_idle(oracle, &oracle->model.pools[i]);
        oracle_check_unused(oracle, &oracle->model.pools[i]);
    }
}

/* Tasks of which nobody was told ended expired, or otherwise: the sum must be right, and the broker says which. */
static void
settle_doubts(struct model_pool *pool, const struct pool_stats *stats)
{
    uint64_t *finals = pool->finals;

    if (pool->doubtful > 0 &&
        stats->expired + stats->cancelled + stats->lost + stats->failed ==
            finals[ERROR_EXPIRED] + finals[ERROR_CANCELLED] + finals[ERROR_LOST] + finals[ERROR_FAILED]) {
        finals[ERROR_FAILED] = stats->failed;
        finals[ERROR_EXPIRED] = stats->expired;
        finals[ERROR_CANCELLED] = stats->cancelled;
        finals[ERROR_LOST] = stats->lost;
        finals[ERROR_FAILED] = stats->failed;
    }
    pool->doubtful = 0;
}

static void
check_finals(struct oracle *oracle, const struct model_pool *pool, const struct pool_stats *stats)
{
    SAME(oracle, pool, "succeeded", stats->succeeded, pool->finals[ERROR_NONE]);
    SAME(oracle, pool, "failed", stats->failed, pool->finals[ERROR_FAILED]);
    SAME(oracle, pool, "cancelled", stats->cancelled, pool->finals[ERROR_CANCELLED]);
    SAME(oracle, pool, "expired", stats->expired, pool->finals[ERROR_EXPIRED]);
    SAME(oracle, pool, "dead", stats->dead, pool->finals[ERROR_DEAD]);
    SAME(oracle, pool, "lost", stats->lost, pool->finals[ERROR_LOST]);
    SAME(oracle, pool, "requeued", stats->requeued, pool->requeued);
    SAME(oracle, pool, "retried", stats->retried, pool->retried);
    SAME(oracle, pool, "refused", stats->refused, pool->refused);
    SAME(oracle, pool, "deduplicated", stats->deduplicated, pool->deduplicated);
    if (oracle->model.remembers_exactly)
        SAME(oracle, pool, "dedup_kept", stats->dedup_kept, pool->remembered_count);
}

static void
check_pool(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats)
{
    uint64_t workers = 0, ready = 0, slots = 0, busy = 0;
    const struct model_worker *worker;

    DL_FOREACH(pool->workers, worker) {
        workers++;
        ready += model_worker_is_ready(worker);
        slots += worker->slots;
        busy += worker->busy;
    }
    SAME(oracle, pool, "queued", stats->queued, pool->queued);
    SAME(oracle, pool, "quarantined", stats->quarantined, pool->quarantined);
    SAME(oracle, pool, "delayed", stats->delayed, pool->delayed);
    SAME(oracle, pool, "running", stats->running, pool->running);
    SAME(oracle, pool, "workers", stats->workers, workers);
    SAME(oracle, pool, "workers_ready", stats->workers_ready, ready);
    SAME(oracle, pool, "slots", stats->slots, slots);
    SAME(oracle, pool, "slots_busy", stats->slots_busy, busy);
    SAME(oracle, pool, "keys", stats->keys, model_count_keys(pool));
    SAME(oracle, pool, "draining", stats->is_draining, pool->is_draining || pool->is_removed);
    SAME(oracle, pool, "queued_bytes", stats->queued_bytes, pool->waiting_bytes);
    if (stats->queued_bytes > stats->queued_bytes_max && pool->requeued + pool->retried == 0)
        BREAK(oracle, "P15", "pool %s holds more bytes than its limit", pool->name);
    oracle_check_circuit(oracle, pool, stats);
    oracle_check_dead(oracle, pool, stats);
    oracle_check_suspects(oracle, pool, stats);
    settle_doubts(pool, stats);
    check_finals(oracle, pool, stats);
}

static uint64_t
count_clients(const struct model *model)
{
    uint64_t count = 0;
    const struct model_client *client;

    DL_FOREACH(model->all_clients, client)
        count += !client->is_gone;
    return count;
}

static uint64_t
count_result_bytes(const struct oracle *oracle)
{
    struct pool_stats pool;
    uint64_t bytes = 0;

    for (size_t i = 0; broker_get_pool(oracle->broker, i, &pool) == OK; i++)
        bytes += pool.dedup_bytes;
    return bytes;
}

/* P17: a pool that is removed goes when its last task and its last worker have gone, and not before. */
static void
check_presence(struct oracle *oracle, struct model_pool *pool, bool is_there)
{
    bool is_needed = model_pool_has_tasks(pool) || pool->workers;

    if (!is_there && (!pool->is_removed || is_needed))
        BREAK(oracle, "P17", "pool %s is gone, with tasks or workers or without being removed", pool->name);
    if (is_there && (pool->is_gone || (pool->is_removed && !is_needed)))
        BREAK(oracle, "P17", "pool %s is there, and nothing needs it any more", pool->name);
    if (pool->is_stopping && (!pool->is_removed || model_pool_has_tasks(pool)))
        BREAK(oracle, "P17", "a worker of pool %s was asked to stop, and the pool needs it", pool->name);
    pool->is_stopping = false;
    oracle->tally->sometimes[SOMETIMES_POOL_WENT] += !is_there && !pool->is_gone;
    if (!is_there) /* and what comes back under its name begins anew */
        pool->circuit.state = CIRCUIT_CLOSED, pool->circuit.marks_count = 0;
    if (!is_there)
        model_forget_dedups(&oracle->model, pool);
    pool->is_gone = !is_there;
}

void
oracle_check_stats(struct oracle *oracle)
{
    const struct broker *broker = oracle->broker;
    struct model *model = &oracle->model;
    struct broker_stats stats;

    for (uint32_t i = 0; i < model->pool_count; i++) {
        struct pool_stats pool_stats;
        struct model_pool *pool = &model->pools[i];
        bool is_there = broker_find_pool(broker, bytes_of(pool->name), &pool_stats) == OK;

        check_presence(oracle, pool, is_there);
        if (is_there)
            check_pool(oracle, pool, &pool_stats);
    }
    broker_get_stats(broker, &stats);
    if (stats.stale != model->stale)
        BREAK(oracle, "P5", "%" PRIu64 " stale answers were counted, and %" PRIu64 " came", stats.stale, model->stale);
    if (stats.clients != count_clients(model))
        BREAK(oracle, "P15", "%" PRIu64 " clients are counted, and %" PRIu64 " are there", stats.clients,
              count_clients(model));
    if (stats.workers != HASH_COUNT(model->workers))
        BREAK(oracle, "P15", "%" PRIu64 " workers are counted, and %u are there", stats.workers,
              HASH_COUNT(model->workers));
    if (stats.undeliverable < oracle->undeliverable)
        BREAK(oracle, "P15", "the count of undeliverable messages shrank");
    oracle->undeliverable = stats.undeliverable;
    if (stats.tasks < model->live_tasks + model->kept_count || stats.tasks > HASH_COUNT(model->tasks))
        BREAK(oracle, "P15", "%" PRIu64 " tasks are held, and it should be %" PRIu64 " to %u", stats.tasks,
              model->live_tasks + model->kept_count, HASH_COUNT(model->tasks));
    oracle->held_results = count_result_bytes(oracle);
    oracle->held_tasks = stats.tasks;
    oracle->held_bytes = stats.bytes;
    if (oracle->is_tick && !model->is_shut && broker_next_due_us(broker) <= oracle->now_us)
        BREAK(oracle, "P19", "something is due in the past after it was done");
}
