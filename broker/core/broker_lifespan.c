/* broker_lifespan.c - when workers are due: age, work, memory, and patience with stalled ones; see broker_lifecycle.h. */
#include "broker/core/broker_lifecycle.h"

#include <utlist.h>

static int64_t
earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* When the stalled worker is given up, or INT64_MAX. */
static int64_t
patience_ends_us(const struct worker *worker)
{
    int64_t timeout_us = worker->pool->settings.stalled_timeout_us;

    return worker->state == WORKER_STALLED && timeout_us > 0 ? worker->stalled_us + timeout_us : INT64_MAX;
}

void
broker_arm_lifespan(struct broker *broker, struct worker *worker)
{
    int64_t due_us = patience_ends_us(worker);

    if (worker->reason == RECYCLE_NONE)
        due_us = earlier(due_us, worker->lifespan.ends_us);
    if (worker->is_due && worker->retry_us > broker->now_us)
        due_us = earlier(due_us, worker->retry_us);
    if (due_us == INT64_MAX)
        heap_remove(&broker->timers, &worker->due_timer);
    else
        heap_put(&broker->timers, &worker->due_timer, due_us);
}

void
broker_lifespan_due(struct broker *broker, struct worker *worker)
{
    heap_remove(&broker->timers, &worker->due_timer);
    if (patience_ends_us(worker) <= broker->now_us) {
        broker_give_up_stalled(broker, worker);
        return;
    }
    if (worker->lifespan.ends_us <= broker->now_us) {
        worker->lifespan.ends_us = INT64_MAX; /* it rings once */
        if (worker->reason == RECYCLE_NONE)
            broker_recycle(broker, worker, RECYCLE_TTL);
    }
    broker_arm_lifespan(broker, worker);
    if (worker->is_due)
        recycling_advance(broker, worker->pool);
}

/* A limit that an idle worker breaks would replace workers for ever. */
static bool
is_limit_too_low(const struct broker *broker, const struct worker *worker)
{
    bool is_new = broker->now_us - worker->started_us < broker->settings.heartbeat_us / 2;

    return worker->rss_bytes >= worker->lifespan.rss_max && worker->tasks_done == 0 && (worker->busy == 0 || is_new);
}

static void
switch_memory_off(struct broker *broker, struct worker *cause)
{
    struct pool *pool = cause->pool;
    struct note *note = broker_note_worker(broker, NOTE_POOL_MEMORY_LIMIT_TOO_LOW, cause);
    struct worker *worker;

    note->rss_bytes = cause->rss_bytes;
    note->limit_bytes = cause->lifespan.rss_max;
    pool->recycling.is_memory_off = true;
    DL_FOREACH(pool->workers, worker) {
        worker->lifespan.rss_max = UINT64_MAX;
        if (!worker->is_due || worker->reason != RECYCLE_MEMORY)
            continue;
        broker_forget_due(broker, worker);
        broker_judge_lifespan(broker, worker); /* it may be due for something else */
    }
}

void
broker_judge_lifespan(struct broker *broker, struct worker *worker)
{
    enum recycle_reason reason;

    if (worker->reason != RECYCLE_NONE)
        return;
    if (is_limit_too_low(broker, worker))
        switch_memory_off(broker, worker);
    reason = lifespan_judge(&worker->lifespan, broker->now_us, worker->tasks_done, worker->rss_bytes);
    if (reason != RECYCLE_NONE)
        broker_recycle(broker, worker, reason);
}

void
broker_set_lifespan(struct broker *broker, struct worker *worker)
{
    worker->lifespan =
        lifespan_make(&worker->pool->settings, worker->session, broker->settings.hash_seed, worker->started_us);
    if (worker->pool->recycling.is_memory_off)
        worker->lifespan.rss_max = UINT64_MAX;
    worker->tasks_due = worker->reason == RECYCLE_NONE ? worker->lifespan.tasks_max : UINT64_MAX;
    broker_arm_lifespan(broker, worker);
}

static bool
is_limit(enum recycle_reason reason)
{
    return reason == RECYCLE_TTL || reason == RECYCLE_MAX_TASKS || reason == RECYCLE_MEMORY;
}

void
broker_set_lifespans(struct broker *broker, struct pool *pool)
{
    struct worker *worker;

    pool->recycling.is_memory_off = false;
    DL_FOREACH(pool->workers, worker) {
        if (worker->is_due && is_limit((enum recycle_reason)worker->reason))
            broker_forget_due(broker, worker);
        broker_set_lifespan(broker, worker);
        broker_judge_lifespan(broker, worker);
    }
    recycling_advance(broker, pool); /* more may be replaced at one time, perhaps */
}
