/* broker_ahead.c - sends tasks before a slot is free for them, and asks for them back; see broker_state.h.
 *
 * A worker with one slot that runs tasks of microseconds would idle for a round trip after each of them. So when it answers,
 * it gets some of the next ones, as many as take about as long as a few round trips, if its tasks are known to be short. What
 * has not begun there is recalled when a slot elsewhere is free, and when the worker does not come on. Its worker gives it
 * back (NACK) or has begun it; either way it runs once. */
#include "broker/core/broker_state.h"

#include <utlist.h>

int64_t
broker_expect_run(struct broker *broker, const struct task *task, uint16_t *ret_cell)
{
    const struct pool *pool = task->pool;

    *ret_cell = run_times_find(task->body->function, broker->settings.hash_seed, pool->settings.prefetch_cells);
    return run_times_expect(&pool->run_times, *ret_cell);
}

/* When one began that was sent ahead and is answered before those ahead of it, nobody knows. */
void
broker_learn_run(struct broker *broker, const struct lease *lease)
{
    struct pool *pool = lease->worker->pool;

    if (!lease->is_ahead)
        run_times_learn(&pool->run_times, lease->run_cell, broker->now_us - lease->leased_us, pool_long_us(pool));
}

static void
arm(struct broker *broker, struct pool *pool)
{
    if (!heap_node_is_in(&pool->ahead_timer))
        heap_put(&broker->timers, &pool->ahead_timer, broker->now_us + pool_long_us(pool));
}

void
broker_send_ahead(struct broker *broker, struct worker *worker)
{
    struct pool *pool = worker->pool;

    if (broker->state != BROKER_RUNNING || broker->is_doing_due)
        return;
    while (pool && pool_may_feed(pool, worker)) {
        struct task *task = pool_choose_task(pool);
        uint16_t cell;

        if (!task || !pool_allows_ahead(pool, worker, task, broker_expect_run(broker, task, &cell)))
            return;
        broker_lease_ahead(broker, task, worker);
        arm(broker, pool);
    }
}

static void
send_recall(struct broker *broker, const struct lease *lease)
{
    outbox_send(broker->outbox, SIDE_WORKER, lease->worker->peer, VERB_RECALL, NULL)->fence = lease->fence;
}

static void
recall(struct broker *broker, struct lease *lease)
{
    lease_recall(lease);
    pool_review_ahead(lease->worker->pool, lease->worker);
    send_recall(broker, lease);
}

void
broker_recall(struct broker *broker, struct pool *pool)
{
    if (!circuit_admits(&pool->circuit) || limit_is_set(&pool->settings.limit))
        return;
    while (pool->ahead && pool->recalled < pool->slots_free)
        recall(broker, pool_choose_recall(pool));
}

void
broker_recall_again(struct broker *broker, const struct lease *lease)
{
    if (lease->is_recalled)
        send_recall(broker, lease);
}

void
broker_ahead_due(struct broker *broker, struct pool *pool)
{
    struct worker *worker, *next;

    heap_remove(&broker->timers, &pool->ahead_timer);
    DL_FOREACH_SAFE2(pool->ahead, worker, next, ahead_next) {
        struct lease *lease;

        if (worker->progress_us + pool_long_us(pool) > broker->now_us)
            continue;
        while ((lease = pool_latest_ahead(worker)))
            recall(broker, lease);
    }
    if (pool->ahead)
        arm(broker, pool);
}
