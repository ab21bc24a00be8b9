/* model_queue.c - flows, turns and limits; see model_queue.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* --- rates -------------------------------------------------------------------------------------------------------- */

static int64_t
token(const struct limit_settings *settings)
{
    return (int64_t)settings->rate.period_s * 1000000;
}

/* What the level may be when nothing is left. */
static int64_t
level_max(const struct limit_settings *settings)
{
    int64_t tenth = settings->rate.count / settings->rate.period_s / 10;

    if (settings->rate_burst)
        return settings->rate_burst * token(settings);
    return (tenth ? tenth : 1) * token(settings);
}

static int64_t
level_now(const struct model_rate *rate, const struct limit_settings *settings, int64_t now_us)
{
    int64_t count = settings->rate.count;

    if (rate->level <= 0 || (now_us - rate->at_us) >= rate->level / count + 1)
        return 0;
    return rate->level > (now_us - rate->at_us) * count ? rate->level - (now_us - rate->at_us) * count : 0;
}

static enum model_limit
find_limit(const struct limit_settings *settings, uint64_t running, const struct model_rate *rate, int64_t now_us)
{
    if (settings->running_max && running >= settings->running_max)
        return MODEL_AT_RUNNING_MAX;
    if (settings->rate.count && level_now(rate, settings, now_us) + token(settings) > level_max(settings))
        return MODEL_AT_RATE;
    return MODEL_FREE;
}

static void
use(struct model_rate *rate, const struct limit_settings *settings, int64_t now_us)
{
    if (settings->rate.count == 0)
        return;
    rate->level = level_now(rate, settings, now_us) + token(settings);
    rate->at_us = now_us;
}

/* Whole tokens stay, as far as there is room; what was full stays full. */
static void
change(struct model_rate *rate, const struct limit_settings *old, const struct limit_settings *new, int64_t now_us)
{
    int64_t tokens, room;

    if (old->rate.count == new->rate.count && old->rate.period_s == new->rate.period_s &&
        old->rate_burst == new->rate_burst)
        return;
    rate->level = old->rate.count ? level_now(rate, old, now_us) : 0;
    rate->at_us = now_us;
    if (rate->level == 0 || new->rate.count == 0) {
        rate->level = 0;
        return;
    }
    tokens = (level_max(old) - rate->level) / token(old);
    room = level_max(new) / token(new);
    rate->level = (room - (tokens < room ? tokens : room)) * token(new);
}

/* --- flows -------------------------------------------------------------------------------------------------------- */

static bool
is_of(const struct model_flow *flow, struct bytes key, uint64_t client)
{
    return flow->client == client && flow->key_bytes == key.size && memcmp(flow->key, key.data, key.size) == 0;
}

static struct model_flow *
add_flow(struct model_pool *pool, struct bytes key, uint64_t client)
{
    struct model_flow *flow = calloc(1, sizeof *flow);

    if (!flow)
        abort();
    flow->client = client;
    flow->key_bytes = key.size;
    memcpy(flow->key, key.data, key.size);
    DL_APPEND(pool->flows, flow);
    return flow;
}

struct model_flow *
model_join_flow(struct model_pool *pool, const struct submit *submit, const struct model_client *client)
{
    bool is_client = submit->fair_key.size == 0 && pool->settings.fairness == FAIRNESS_CLIENT;
    struct bytes key = submit->fair_key.size > 0 ? submit->fair_key : bytes_of("");
    uint64_t serial = is_client ? client->serial : 0;
    struct model_flow *flow;

    if (!pool->flows)
        add_flow(pool, bytes_of(""), 0);
    DL_FOREACH(pool->flows, flow)
        if (is_of(flow, key, serial))
            break;
    if (!flow)
        flow = add_flow(pool, key, serial);
    flow->tasks++;
    return flow;
}

void
model_free_flows(struct model_pool *pool)
{
    struct model_flow *flow, *next;

    DL_FOREACH_SAFE(pool->flows, flow, next)
        free(flow);
    pool->flows = NULL;
}

/* Its lanes come to the end of their rings, as they may go again. */
static void
review(struct model *model, struct model_pool *pool, struct model_flow *flow)
{
    enum model_limit limit = MODEL_FREE;

    if (flow != pool->flows)
        limit = find_limit(&pool->settings.key_limit, flow->running, &flow->rate, model->now_us);
    if (flow->limit != MODEL_FREE && limit == MODEL_FREE)
        for (int priority = 0; priority < PRIORITIES; priority++)
            flow->positions[priority] = flow->earliest[priority] = model->turns;
    flow->limit = limit;
}

void
model_review_flows(struct model *model, struct model_pool *pool)
{
    struct model_flow *flow, *next;

    DL_FOREACH_SAFE(pool->flows, flow, next) {
        bool is_idle = flow->tasks == 0 && flow->running == 0 && flow != pool->flows;

        review(model, pool, flow);
        if (!is_idle || (pool->settings.key_limit.rate.count > 0 &&
                         level_now(&flow->rate, &pool->settings.key_limit, model->now_us) > 0))
            continue;
        DL_DELETE(pool->flows, flow);
        free(flow);
    }
}

void
model_change_limits(struct model *model, struct model_pool *pool, const struct pool_settings *old)
{
    struct model_flow *flow;

    change(&pool->rate, &old->limit, &pool->settings.limit, model->now_us);
    DL_FOREACH(pool->flows, flow)
        change(&flow->rate, &old->key_limit, &pool->settings.key_limit, model->now_us);
    model_review_flows(model, pool);
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

/* The lane has its first task. */
static void
join_round(struct model *model, struct model_flow *flow, uint8_t priority)
{
    flow->positions[priority] = model->turns;
    if (flow->emptied[priority] != model->step)
        flow->earliest[priority] = model->turns;
}

/* Suspects stand apart, in one row for all flows. */
static void
queue_suspect(struct model_task *task)
{
    struct model_task **queue = &task->pool->suspects, *at = *queue;

    task->pool->quarantined++;
    while (at && (at->priority > task->priority || (at->priority == task->priority && at->number < task->number)))
        at = at->next;
    DL_PREPEND_ELEM(*queue, at, task);
}

void
model_queue_task(struct model *model, struct model_task *task)
{
    struct model_task **queue = &task->flow->queues[task->priority];
    struct model_task *at = *queue;

    task->state = MODEL_QUEUED;
    task->pool->queued++;
    task->pool->waiting_bytes += task->size_bytes;
    if (task->is_suspect) {
        queue_suspect(task);
        return;
    }
    if (!*queue)
        join_round(model, task->flow, task->priority);
    if (!at || at->prev->number < task->number) {
        DL_APPEND(*queue, task);
        return;
    }
    while (at && at->number < task->number)
        at = at->next;
    DL_PREPEND_ELEM(*queue, at, task);
}

void
model_unqueue_task(struct model *model, struct model_task *task)
{
    if (task->is_suspect) {
        DL_DELETE(task->pool->suspects, task);
    } else {
        DL_DELETE(task->flow->queues[task->priority], task);
        if (!task->flow->queues[task->priority])
            task->flow->emptied[task->priority] = model->step;
    }
    task->pool->quarantined -= task->is_suspect;
    task->pool->queued--;
    task->pool->waiting_bytes -= task->size_bytes;
}

void
model_start(struct model *model, struct model_task *task)
{
    struct model_pool *pool = task->pool;
    struct model_flow *flow = task->flow;

    use(&pool->rate, &pool->settings.limit, model->now_us);
    if (flow != pool->flows)
        use(&flow->rate, &pool->settings.key_limit, model->now_us);
    if (!task->is_suspect) /* which takes nobody's turn */
        flow->positions[task->priority] = flow->earliest[task->priority] = ++model->turns;
    flow->running++;
    review(model, pool, flow);
}

void
model_end_run(struct model *model, struct model_pool *pool, struct model_flow *flow)
{
    flow->running--;
    review(model, pool, flow);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

enum model_limit
model_pool_limit(const struct model *model, const struct model_pool *pool)
{
    const struct model_worker *worker;
    uint64_t running = 0;

    DL_FOREACH(pool->workers, worker)
        running += worker->busy;
    return find_limit(&pool->settings.limit, running, &pool->rate, model->now_us);
}

const struct model_task *
model_find_eligible(const struct model *model, const struct model_pool *pool)
{
    const struct model_flow *flow;

    if (model_pool_limit(model, pool) != MODEL_FREE)
        return NULL;
    DL_FOREACH(pool->flows, flow)
        for (int priority = 0; flow->limit == MODEL_FREE && priority < PRIORITIES; priority++)
            if (model_first_ready(flow->queues[priority]))
                return model_first_ready(flow->queues[priority]);
    return NULL;
}

uint64_t
model_count_keys(const struct model_pool *pool)
{
    const struct model_flow *flow;
    uint64_t count = 0;

    DL_FOREACH(pool->flows, flow)
        count += flow != pool->flows && (flow->tasks > 0 || flow->running > 0);
    return count;
}
