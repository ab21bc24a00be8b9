/* broker_quarantine.c - tasks with which a worker was lost run alone, so that a task that kills its worker harms no other;
 * see broker_state.h. Which worker that is, the pool says. */
#include "broker/core/broker_patience.h"

static void
lease_alone(struct broker *broker, struct task *task, struct worker *worker)
{
    struct pool *pool = task->pool;

    if (pool->reserved == worker)
        pool_end_reservation(pool);
    broker_lease_task(broker, task, worker);
    task->lease->is_alone = true;
    pool_set_alone(pool, worker, true);
}

/* False: no worker can take it now. */
static bool
advance(struct broker *broker, struct task *task)
{
    struct worker *worker = pool_choose_for_suspect(task->pool);

    if (!worker || !circuit_admits(&task->pool->circuit))
        return false;
    if (task->live.deadline_us <= broker->now_us) {
        struct verdict expired = verdict_make(ERROR_EXPIRED);

        broker_finish(broker, task, &expired);
        return true;
    }
    lease_alone(broker, task, worker);
    return true;
}

void
broker_dispatch_suspects(struct broker *broker, struct pool *pool)
{
    struct task *task;

    if (pool->suspects.count == 0 && !pool->reserved)
        return;
    broker_touch_pool(broker, pool);
    while ((task = pool_next_suspect(pool)) && advance(broker, task))
        continue;
    pool_review_reservation(pool);
}

void
broker_review_suspects(struct broker *broker)
{
    bool are_any = false;

    for (size_t i = 0; i < broker->pools_count; i++) {
        struct pool *pool = broker->pools[i];

        if (pool->suspects.count == 0 && !pool->reserved)
            continue;
        broker_dispatch(broker, pool);
        are_any |= pool->suspects.count > 0 || pool->reserved;
    }
    broker->has_suspects = are_any;
}
