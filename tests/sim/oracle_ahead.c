/* oracle_ahead.c - tasks that are sent before a slot is free for them: which, to whom, and that they are asked back; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

/* A tick that is due may be late by so much. */
#define SLACK_US INT64_C(100000)

static bool
has_free_slot(struct oracle *oracle, struct model_worker *worker)
{
    return model_worker_is_ready(worker) && !worker->is_unwelcomed && worker->busy < worker->slots &&
           !model_worker_is_alone(worker) && !oracle_is_kept_free(oracle, worker);
}

/* P12: a task that waits at a worker must be free to go elsewhere, and must lose nothing when it did not begin. */
static const char *
find_bond(const struct model_task *task)
{
    if (task->at_most_once)
        return "runs at most once";
    if (task->group || task->affinity)
        return "has an order";
    if (task->is_suspect)
        return "is a suspect";
    if (task->deadline_us != INT64_MAX)
        return "has a deadline";
    return task->tries + 1 >= task->tries_max ? "has one attempt left" : NULL;
}

void
oracle_check_ahead(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task)
{
    const struct pool_settings *settings = &task->pool->settings;
    const char *bond = find_bond(task);

    if (worker->ahead >= settings->prefetch * worker->slots)
        BREAK(oracle, "P12", "worker %" PRIu64 " has %u slots, waits with %u tasks, and got one more", worker->session,
              worker->slots, worker->ahead);
    else if (bond)
        BREAK(oracle, "P12", "task %" PRIu64 " was sent ahead, and %s", task->number, bond);
    else if (limit_is_set(&settings->limit) || task->pool->circuit.state != CIRCUIT_CLOSED || task->pool->suspects)
        BREAK(oracle, "P12", "task %" PRIu64 " was sent ahead in a pool that must not", task->number);
    oracle->tally->sometimes[SOMETIMES_SENT_AHEAD]++;
}

/* --- recall ------------------------------------------------------------------------------------------------------- */

/* It was kept free for a suspect, which has just gone elsewhere. */
static bool
is_kept_no_more(const struct oracle *oracle, const struct model_worker *worker)
{
    return worker->session == worker->pool->reserved && model_worker_is_ready(worker) && !oracle_is_reserved(oracle, worker);
}

static uint64_t
count_free(struct oracle *oracle, const struct model_pool *pool, bool with_kept)
{
    uint64_t free = 0;
    struct model_worker *worker;

    DL_FOREACH(pool->workers, worker)
        if (has_free_slot(oracle, worker) || (with_kept && is_kept_no_more(oracle, worker)))
            free += worker->slots - worker->busy;
    return free;
}

static uint64_t
count_recalled(const struct model_pool *pool)
{
    uint64_t recalled = 0;
    const struct model_worker *worker;
    const struct model_lease *lease;

    DL_FOREACH(pool->workers, worker)
        DL_FOREACH(worker->leases, lease)
            recalled += lease->is_recalled;
    return recalled;
}

static bool
is_slow(const struct oracle *oracle, const struct model_worker *worker)
{
    return worker->progress_us + 4 * worker->pool->settings.prefetch_us <= oracle->now_us;
}

/* Only what has no slot is asked back, once; for a slot that is free, or from behind a task that takes long. */
void
oracle_check_recall(struct oracle *oracle, uint32_t peer, uint64_t fence)
{
    struct model_lease *lease = model_find_lease(&oracle->model, fence);

    if (!lease || lease->worker->peer != peer || !lease->is_ahead) {
        BREAK(oracle, "P12", "fence %" PRIu64 " was recalled, and it was not sent ahead to worker peer %u", fence, peer);
        return;
    }
    if (lease->is_recalled && !lease->owes_recall)
        BREAK(oracle, "P12", "fence %" PRIu64 " was recalled twice", fence);
    else if (!lease->is_recalled && !is_slow(oracle, lease->worker) &&
             count_free(oracle, lease->worker->pool, true) <= count_recalled(lease->worker->pool))
        BREAK(oracle, "P12", "fence %" PRIu64 " was recalled for nothing", fence);
    else
        oracle->tally->sometimes[is_slow(oracle, lease->worker) ? SOMETIMES_RECALLED_SLOW : SOMETIMES_RECALLED_IDLE]++;
    oracle->tally->sometimes[SOMETIMES_RECALLED]++;
    lease->is_recalled = true;
    lease->owes_recall = false;
}

/* P12: no task waits unstarted at a worker that can be asked while a slot is free elsewhere. */
void
oracle_check_unused(struct oracle *oracle, const struct model_pool *pool)
{
    uint64_t free = count_free(oracle, pool, false);
    const struct model_worker *worker;
    const struct model_lease *lease;

    if (oracle->model.is_shutting)
        return;
    DL_FOREACH(pool->workers, worker)
        DL_FOREACH(worker->leases, lease) {
            if (lease->owes_recall)
                BREAK(oracle, "P12", "fence %" PRIu64 " was recalled, and its worker was not asked again", lease->fence);
            if (lease->is_ahead && worker->busy < worker->slots)
                BREAK(oracle, "P12", "fence %" PRIu64 " waits at a worker that has a free slot", lease->fence);
            if (!lease->is_ahead || lease->is_recalled || !worker->peer || limit_is_set(&pool->settings.limit) ||
                !model_circuit_admits(&pool->circuit))
                continue;
            if (free > count_recalled(pool))
                BREAK(oracle, "P12", "fence %" PRIu64 " waits unstarted at worker %" PRIu64 " while a slot is free elsewhere",
                      lease->fence, worker->session);
            if (oracle->is_tick && worker->progress_us + 8 * pool->settings.prefetch_us + SLACK_US < oracle->now_us &&
                oracle->now_us >= oracle->lenient_us)
                BREAK(oracle, "P12", "fence %" PRIu64 " waits unstarted behind a task that takes long", lease->fence);
        }
}
