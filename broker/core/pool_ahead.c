/* pool_ahead.c - what is sent to a worker before a slot is free for it, so that it need not wait for a round trip between two
 * short tasks; see pool.h.
 *
 * A task that was sent ahead is bound to that worker until it is given back. So it must be one that nothing else depends on,
 * and those before it must be known to be short. */
#include "broker/core/lease.h"
#include "broker/core/pool.h"

#include <utlist.h>

/* So many workers are compared to find the one that holds most. */
enum { LOOK_AT_MAX = 8 };

/* Who takes turns, or is limited, is not to start later than was counted. */
static bool
is_plain(const struct pool *pool)
{
    return !pool->flows && !limit_is_set(&pool->settings.limit) && pool->settings.run_timeout_us == 0 &&
           pool->circuit.state == CIRCUIT_CLOSED && pool->suspects.count == 0;
}

bool
pool_may_feed(const struct pool *pool, const struct worker *worker)
{
    return pool->queue.count > 0 && worker->state == WORKER_READY && worker->busy == worker->slots && !worker->is_alone &&
           worker->unsure == 0 && worker->recalled == 0 && !worker->affinities && pool->crew.count == 0 && is_plain(pool);
}

/* One that has no order, no deadline, no key, and another attempt left if its worker is lost before it began. */
static bool
is_plain_task(const struct task *task)
{
    return !task->extra && !task->is_lost_once_lost && task->live.deadline_us == INT64_MAX &&
           task->tries + 1 < task->tries_max;
}

bool
pool_allows_ahead(const struct pool *pool, const struct worker *worker, const struct task *task, int64_t expected_us)
{
    const struct pool_settings *settings = &pool->settings;

    return expected_us > 0 && is_plain_task(task) && worker->ahead < (uint64_t)settings->prefetch * worker->slots &&
           worker->expected_us + expected_us <= pool_ahead_us(pool) * worker->slots;
}

struct lease *
pool_latest_ahead(const struct worker *worker)
{
    struct lease *lease;

    if (worker->ahead == worker->recalled)
        return NULL;
    for (lease = worker->leases->prev; lease->is_recalled; lease = lease->prev)
        ;
    return lease;
}

struct lease *
pool_choose_recall(const struct pool *pool)
{
    const struct worker *worker, *most = pool->ahead;
    int looked = 0;

    DL_FOREACH2(pool->ahead, worker, ahead_next) {
        if (looked++ == LOOK_AT_MAX)
            break;
        if (worker->ahead - worker->recalled > most->ahead - most->recalled)
            most = worker;
    }
    return most ? pool_latest_ahead(most) : NULL;
}

void
pool_review_ahead(struct pool *pool, struct worker *worker)
{
    bool has_some = worker->peer > 0 && worker->ahead > worker->recalled;

    pool->recalled += (uint64_t)worker->recalled - worker->recalled_counted;
    worker->recalled_counted = worker->recalled;
    if (has_some == worker->is_in_ahead)
        return;
    worker->is_in_ahead = has_some;
    if (has_some)
        DL_APPEND2(pool->ahead, worker, ahead_prev, ahead_next);
    else
        DL_DELETE2(pool->ahead, worker, ahead_prev, ahead_next);
}
