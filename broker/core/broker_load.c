/* broker_load.c - how busy pools are: told when all slots have been taken for a while, and shown; see broker_state.h. */
#include "broker/core/broker_state.h"
#include "wire/text.h"

#include <string.h>

/* A pool that is full for a moment between two tasks is nothing to tell. */
#define FULL_AFTER_US INT64_C(1000000)
#define FREE_AFTER_US INT64_C(10000000)

/* --- capacity reached ------------------------------------------------------------------------------------------- */

/* The timer stands still while it is running: a pool that changes at every task must not pay for it at every task. */
void
broker_review_capacity(struct broker *broker, struct pool *pool)
{
    struct capacity *capacity = &pool->capacity;

    capacity->is_full = pool_is_full(pool);
    capacity->since_us = broker->now_us;
    if (capacity->is_full != capacity->is_reached && !heap_node_is_in(&capacity->timer))
        heap_put(&broker->timers, &capacity->timer,
                 broker->now_us + (capacity->is_full ? FULL_AFTER_US : FREE_AFTER_US));
}

static void
tell_capacity(struct broker *broker, struct pool *pool)
{
    bool is_full = pool->capacity.is_full;
    struct note *note = outbox_note(broker->outbox, is_full ? NOTE_POOL_CAPACITY_REACHED : NOTE_POOL_CAPACITY_FREE);

    pool->capacity.is_reached = is_full;
    note->pool = pool->name;
    note->slots = pool->slots_busy + pool->slots_free;
    note->queued = pool_queued(pool);
}

void
broker_capacity_due(struct broker *broker, struct pool *pool)
{
    struct capacity *capacity = &pool->capacity;
    int64_t due_us;

    heap_remove(&broker->timers, &capacity->timer);
    if (capacity->is_full != pool_is_full(pool)) {
        capacity->is_full = !capacity->is_full;
        capacity->since_us = broker->now_us;
    }
    if (capacity->is_full == capacity->is_reached)
        return;
    due_us = capacity->since_us + (capacity->is_full ? FULL_AFTER_US : FREE_AFTER_US);
    if (due_us > broker->now_us)
        heap_put(&broker->timers, &capacity->timer, due_us);
    else
        tell_capacity(broker, pool);
}

/* --- executed requests ------------------------------------------------------------------------------------------ */

void
broker_watch_requests(struct broker *broker, bool is_watched)
{
    broker->is_watched = is_watched;
}

void
broker_note_executed(struct broker *broker, const struct lease *lease, enum error_code verdict)
{
    const struct task *task = lease->task;
    struct bytes function = task->body->function;
    const char *name = outbox_copy(broker->outbox, function.data, function.size); /* the body may end first */
    struct note *note = outbox_note(broker->outbox, NOTE_REQUEST_EXECUTED);

    note->pool = task->pool->name;
    note->task = task->number;
    note->worker = lease->worker->session;
    note->worker_name = lease->worker->name;
    note->function = name;
    note->state = task_final_name(verdict);
    note->attempt = task->attempt;
    note->wait_us = lease->leased_us - task->live.not_before_us;
    note->run_us = broker->now_us - lease->leased_us;
}

void
broker_note_app(struct broker *broker, const struct worker *worker, const struct app_event *event)
{
    struct note *note = broker_note_worker(broker, NOTE_APP_EVENT, worker);

    note->name = outbox_copy(broker->outbox, event->name.data, event->name.size);
    note->fields = event->fields;
}

/* --- what admin calls show -------------------------------------------------------------------------------------- */

static void
get_latency(const struct histogram *histogram, struct latency_stats *ret_stats)
{
    *ret_stats = (struct latency_stats){
        .count = histogram->count,
        .mean_us = histogram_mean(histogram),
        .p50_us = histogram_quantile(histogram, 500000),
        .p90_us = histogram_quantile(histogram, 900000),
        .p99_us = histogram_quantile(histogram, 990000),
        .p999_us = histogram_quantile(histogram, 999000),
        .max_us = histogram->max,
    };
}

static void
get_load(const struct load_slice *slice, uint64_t queued, struct load_stats *ret_stats)
{
    *ret_stats = (struct load_stats){
        .span_us = slice->span_us,
        .accepted = slice->accepted,
        .dispatched = slice->dispatched,
        .answered = slice->answered,
        .busy_us = slice->busy_us,
        .capacity_us = slice->capacity_us,
        .queued_us = slice->queued_us,
        .full_us = slice->full_us,
        .queued_max = slice->queued_max,
        .queued_growth = (int64_t)queued - (int64_t)slice->queued_at_start,
    };
    get_latency(&slice->wait, &ret_stats->wait);
    get_latency(&slice->run, &ret_stats->run);
}

int
broker_get_load(const struct broker *broker, struct bytes name, int64_t now_us, struct load_stats *ret_all,
                struct load_stats *ret_recent)
{
    const struct pool *pool = broker_pool(broker, name);
    struct pool_load load;
    struct load_slice slice;

    if (!pool)
        return ERR_NOT_FOUND;
    load = pool->load; /* the time since the last touch is accounted for in a copy */
    pool_load_touch(&load, now_us, pool_levels(pool));
    pool_load_get_all(&load, &slice);
    get_load(&slice, pool_queued(pool), ret_all);
    pool_load_get_recent(&load, &slice);
    get_load(&slice, pool_queued(pool), ret_recent);
    return OK;
}
