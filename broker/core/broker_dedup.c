/* broker_dedup.c - one run for all tasks with one key; see dedup.h and broker_state.h.
 *
 * Only results that are ok are remembered: a task that failed, or whose worker was lost, runs again when it is next asked
 * for, since whoever asks again wants it done. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_offer.h"
#include "broker/core/task_extra.h"

static struct dedup *
find(const struct broker *broker, const struct pool *pool, struct bytes key)
{
    return dedup_find(&pool->dedups, PRINCIPAL_ANYBODY, key, broker->settings.hash_seed);
}

static struct dedup *
add(struct broker *broker, struct task *work, const struct submit *submit)
{
    struct pool *pool = work->pool;
    struct dedup *dedup =
        dedup_add(&pool->dedups, PRINCIPAL_ANYBODY, submit->dedup_key, broker->settings.hash_seed);

    dedup->pool = pool;
    dedup->timer.tag = TIMER_DEDUP;
    dedup->work = work;
    dedup->window_us = submit->has_dedup_ms ? (int64_t)submit->dedup_ms * 1000 : pool->settings.dedup_window_us;
    task_get_extra(work)->dedup = dedup;
    return dedup;
}

static uint64_t
shared_bytes(const struct dedup *dedup)
{
    return body_bytes(dedup->work ? dedup->work->body : dedup->final.body);
}

static void
forget(struct broker *broker, struct dedup *dedup)
{
    heap_remove(&broker->timers, &dedup->timer);
    if (dedup->final.body)
        broker->bytes -= body_bytes(dedup->final.body);
    dedup_remove(&dedup->pool->dedups, dedup);
}

static bool
is_over(const struct pool *pool)
{
    const struct dedup_store *store = &pool->dedups;

    return store->kept_count > pool->settings.dedup_max || store->kept_bytes > pool->settings.dedup_bytes_max;
}

/* Results are worth less than tasks. */
bool
broker_forget_results(struct broker *broker, uint64_t bytes)
{
    for (size_t i = 0; i < broker->pools_count; i++)
        while (broker->bytes + bytes > broker->settings.bytes_max && broker->pools[i]->dedups.kept)
            forget(broker, broker->pools[i]->dedups.kept);
    return broker->bytes + bytes <= broker->settings.bytes_max;
}

void
broker_trim_dedups(struct broker *broker, struct pool *pool, bool all)
{
    while (pool->dedups.kept && (all || is_over(pool)))
        forget(broker, pool->dedups.kept);
}

void
broker_dedup_due(struct broker *broker, struct dedup *dedup)
{
    forget(broker, dedup);
}

/* How a work ended, for those that followed it. */
static struct shared_final
describe(const struct task *work)
{
    return (struct shared_final){
        .code = work->verdict,
        .body = work->body,
        .attempt = work->attempt,
        .worker = work->final.worker,
        .leased_us = work->accepted_us + work->final.queue_us,
        .run_us = work->final.run_us,
    };
}

static void
hand_on(struct broker *broker, struct dedup *dedup, const struct task *work)
{
    struct shared_final final = describe(work);
    struct verdict verdict = {.code = final.code, .shared = &final};
    struct pool *pool = dedup->pool;

    dedup->work = NULL;
    while (dedup->followers)
        broker_finish(broker, dedup->followers, &verdict);
    if (final.code != ERROR_NONE || dedup->window_us == 0) {
        forget(broker, dedup);
        return;
    }
    dedup_keep(&pool->dedups, dedup, &final);
    broker->bytes += body_bytes(final.body);
    heap_put(&broker->timers, &dedup->timer, broker->now_us + dedup->window_us);
    broker_trim_dedups(broker, pool, false);
}

/* Nobody waits for it any more. The key is free at once: whoever comes next must not share the end that others wished for. */
static void
abandon(struct broker *broker, struct dedup *dedup)
{
    struct task *work = dedup->work;

    work->extra->dedup = NULL;
    dedup->work = NULL;
    forget(broker, dedup);
    broker_cancel_task(broker, work);
}

void
broker_dedup_final(struct broker *broker, struct task *task)
{
    struct dedup *dedup = task->extra->dedup;

    task->extra->dedup = NULL;
    if (task == dedup->work)
        hand_on(broker, dedup, task);
    else if (dedup->work && !dedup->followers)
        abandon(broker, dedup);
}

/* --- coming ------------------------------------------------------------------------------------------------------ */

/* What runs for all tasks with this key: as the first of them wants it, but without its deadline, which is that one's. */
static struct task *
make_work(struct broker *broker, const struct offer *offer)
{
    struct ref id = ref_number(broker->task_next);
    struct offer own = *offer;
    struct task *work;

    own.key = task_key_make(broker->house->session, &id);
    own.hash = task_key_hash(&own.key, broker->settings.hash_seed);
    work = broker_make_task(broker, &own);
    work->live.deadline_us = INT64_MAX;
    if (work->extra)
        work->extra->credit = 0; /* nobody reads its stream */
    broker_enter_task(broker, broker->house, work);
    broker_enqueue_task(broker, work);
    return work;
}

static struct task *
make_follower(struct broker *broker, const struct offer *offer, struct dedup *dedup)
{
    const struct submit *submit = offer->submit;
    struct body *body = dedup->work ? dedup->work->body : dedup->final.body;
    struct task *task = task_new(broker->task_stock, &offer->key, offer->hash, body);

    body_ref(body);
    task->number = broker->task_next++;
    task->pool = offer->pool;
    task->timer.tag = TIMER_TASK;
    task->accepted_us = broker->now_us;
    task->live.not_before_us = broker->now_us;
    if (submit->has_deadline)
        task->live.deadline_us = broker->now_us + (int64_t)submit->deadline_ms * 1000;
    task->priority = submit->priority;
    task->wants_info = submit->info;
    dedup_follow(dedup, task);
    broker_enter_task(broker, offer->client, task); /* its body is the work's, and counted there */
    broker_arm_task(broker, task);
    return task;
}

/* `dedup` is NULL when the key is free. */
static void
share(struct broker *broker, const struct offer *offer, struct dedup *dedup)
{
    struct task *work = dedup ? NULL : make_work(broker, offer);
    struct task *task;

    if (work)
        dedup = add(broker, work, offer->submit);
    else
        offer->pool->deduplicated++;
    task = make_follower(broker, offer, dedup);
    if (offer->submit->ack)
        broker_acknowledge(broker, task);
    if (!dedup->work) {
        broker_finish(broker, task, &(struct verdict){.code = dedup->final.code, .shared = &dedup->final});
    } else if (task->live.deadline_us <= broker->now_us) {
        struct verdict expired = verdict_make(ERROR_EXPIRED);

        broker_finish(broker, task, &expired);
    } else if (broker_adopt(broker, dedup->work, task) ||
               (work && offer->submit->again && broker_gives_up(broker, work))) {
        return;
    } else if (work) {
        broker_begin_task(broker, work);
    }
}

/* A task with a dedup key is not closed out by what stops a run, when it needs none. */
void
broker_submit_shared(struct broker *broker, struct offer *offer)
{
    struct dedup *dedup = find(broker, offer->pool, offer->submit->dedup_key);

    offer->joins = dedup != NULL;
    offer->records = dedup ? 1 : 2;
    if (dedup)
        offer->bytes = shared_bytes(dedup);
    else if (broker_is_too_large(broker, offer) || broker_is_circuit_open(broker, offer))
        return;
    if (!broker_is_busy(broker, offer) && (dedup || !broker_is_session_refused(broker, offer)))
        share(broker, offer, dedup);
}
