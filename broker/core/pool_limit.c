/* pool_limit.c - what limits a pool and its flows: how many run, how fast they start; see pool.h. */
#include "broker/core/pool.h"

#include <assert.h>

/* Flows without tasks are kept until their buckets are full, but not more of them: beyond, a key that comes back at once
 * starts with a full bucket. */
enum { IDLE_FLOWS_MAX = 100000 };

/* Idle flows have time to go: nobody is woken for each of them. */
#define IDLE_GRID_US INT64_C(1000000)

/* --- what is limited -------------------------------------------------------------------------------------------- */

/* Why nothing more may start now, when so many run. */
static enum limit_cause
judge(const struct limit_settings *settings, uint64_t running, struct bucket *bucket, int64_t now_us)
{
    if (settings->running_max > 0 && running >= settings->running_max)
        return LIMIT_RUNNING;
    if (settings->rate.count > 0 && bucket_due_us(bucket, settings, now_us) > now_us)
        return LIMIT_RATE;
    return LIMIT_NONE;
}

/* May the flow's tasks go? To be called when anything changed that matters to it, or its time has come. */
static void
review_flow(struct pool *pool, struct flow *flow, int64_t now_us)
{
    const struct limit_settings *settings = &pool->settings.key_limit;
    enum limit_cause cause = judge(settings, flow->running, &flow->bucket, now_us);

    if (flow->is_held != (cause != LIMIT_NONE))
        (flow->is_held ? queue_release : queue_hold)(&pool->queue, flow);
    if (cause == LIMIT_RATE)
        heap_put(&pool->held, &flow->due, bucket_due_us(&flow->bucket, settings, now_us));
    else
        heap_remove(&pool->held, &flow->due);
}

static void
review_rate(struct pool *pool, int64_t now_us)
{
    const struct limit_settings *settings = &pool->settings.limit;

    pool->token_us = settings->rate.count > 0 ? bucket_due_us(&pool->bucket, settings, now_us) : now_us;
    pool->is_rate_held = pool->token_us > now_us;
}

enum limit_cause
pool_limited_by(const struct pool *pool)
{
    uint64_t running_max = pool->settings.limit.running_max;

    if (running_max > 0 && pool->slots_busy >= running_max)
        return LIMIT_RUNNING;
    return pool->is_rate_held ? LIMIT_RATE : LIMIT_NONE;
}

enum limit_cause
pool_flow_limited_by(const struct flow *flow)
{
    if (!flow->is_held)
        return LIMIT_NONE;
    return heap_node_is_in(&flow->due) ? LIMIT_RATE : LIMIT_RUNNING;
}

/* --- flows come and go ------------------------------------------------------------------------------------------ */

static struct flow *
flow_of(struct heap_node *due)
{
    return heap_owner(due, struct flow, due);
}

static void
drop_flow(struct pool *pool, struct flow *flow)
{
    heap_remove(&pool->idle, &flow->due);
    HASH_DELETE(hh, pool->flows, flow);
    flow_destroy(&flow);
}

/* Let go of those that are like new ones, and of those that are too many. */
static void
drop_idle(struct pool *pool, int64_t now_us)
{
    while (pool->idle.count > IDLE_FLOWS_MAX || (pool->idle.count > 0 && heap_first_key(&pool->idle) <= now_us))
        drop_flow(pool, flow_of(heap_first(&pool->idle)));
}

/* Keep an idle flow until its bucket is full. */
static void
let_rest(struct pool *pool, struct flow *flow, int64_t now_us)
{
    const struct limit_settings *settings = &pool->settings.key_limit;
    int64_t full_us = settings->rate.count > 0 ? bucket_full_us(&flow->bucket, settings, now_us) : now_us;

    heap_put(&pool->idle, &flow->due, full_us);
}

/* Something that belonged to the flow ended. */
static void
review_end(struct pool *pool, struct flow *flow, int64_t now_us)
{
    if (!flow_is_idle(flow)) {
        review_flow(pool, flow, now_us);
        return;
    }
    heap_remove(&pool->held, &flow->due);
    let_rest(pool, flow, now_us);
    drop_idle(pool, now_us);
}

struct flow *
pool_join_flow(struct pool *pool, const struct flow_key *key, int64_t now_us)
{
    unsigned hash = flow_key_hash(key, pool->hash_seed);
    struct flow *flow;

    HASH_FIND_BYHASHVALUE(hh, pool->flows, key->bytes, key->size, hash, flow);
    if (!flow) {
        flow = flow_new(key);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, pool->flows, flow->key.bytes, flow->key.size, hash, flow);
    } else if (flow_is_idle(flow)) {
        heap_remove(&pool->idle, &flow->due);
    }
    flow->tasks++;
    review_flow(pool, flow, now_us);
    return flow;
}

void
pool_leave_flow(struct pool *pool, struct flow *flow, int64_t now_us)
{
    assert(flow->tasks > 0);
    flow->tasks--;
    if (flow_is_idle(flow))
        review_end(pool, flow, now_us);
}

/* --- tasks start and end ---------------------------------------------------------------------------------------- */

void
pool_start_lease(struct pool *pool, struct flow *flow, int64_t now_us)
{
    if (pool->settings.limit.rate.count > 0) {
        bucket_take(&pool->bucket, &pool->settings.limit, now_us);
        review_rate(pool, now_us);
    }
    if (!flow)
        return;
    flow->running++;
    if (pool->settings.key_limit.rate.count > 0)
        bucket_take(&flow->bucket, &pool->settings.key_limit, now_us);
    review_flow(pool, flow, now_us);
}

void
pool_adopt_lease(struct pool *pool, struct flow *flow, int64_t now_us)
{
    flow->running++;
    review_flow(pool, flow, now_us);
}

void
pool_end_lease(struct pool *pool, struct flow *flow, int64_t now_us)
{
    assert(flow->running > 0);
    flow->running--;
    review_end(pool, flow, now_us);
}

/* --- time and settings ------------------------------------------------------------------------------------------ */

int64_t
pool_limits_due_us(const struct pool *pool)
{
    int64_t due_us = heap_first_key(&pool->held);
    int64_t idle_us = heap_first_key(&pool->idle);

    if (pool->is_rate_held && pool->token_us < due_us)
        due_us = pool->token_us;
    if (pool->idle.count > 0 && (idle_us / IDLE_GRID_US + 1) * IDLE_GRID_US < due_us)
        due_us = (idle_us / IDLE_GRID_US + 1) * IDLE_GRID_US;
    return due_us;
}

void
pool_pass_limits(struct pool *pool, int64_t now_us)
{
    review_rate(pool, now_us);
    while (pool->held.count > 0 && heap_first_key(&pool->held) <= now_us)
        review_flow(pool, flow_of(heap_first(&pool->held)), now_us);
    drop_idle(pool, now_us);
}

void
pool_change_limits(struct pool *pool, const struct pool_settings *old, int64_t now_us)
{
    struct flow *flow, *next;

    if (limit_is_same(&old->limit, &pool->settings.limit) && limit_is_same(&old->key_limit, &pool->settings.key_limit))
        return;
    bucket_change(&pool->bucket, &old->limit, &pool->settings.limit, now_us);
    review_rate(pool, now_us);
    HASH_ITER(hh, pool->flows, flow, next) {
        bucket_change(&flow->bucket, &old->key_limit, &pool->settings.key_limit, now_us);
        if (flow_is_idle(flow))
            let_rest(pool, flow, now_us);
        else
            review_flow(pool, flow, now_us);
    }
    drop_idle(pool, now_us);
}

/* --- the end, and checking -------------------------------------------------------------------------------------- */

void
pool_drop_flows(struct pool *pool)
{
    struct flow *flow, *next;

    HASH_ITER(hh, pool->flows, flow, next)
        drop_flow(pool, flow);
}

void
pool_check_limits(const struct pool *pool, int64_t now_us)
{
    const struct limit_settings *settings = &pool->settings.key_limit;
    uint64_t held = 0, idle = 0;

    heap_check(&pool->held);
    heap_check(&pool->idle);
    for (const struct flow *flow = pool->flows; flow; flow = flow->hh.next) {
        struct bucket bucket = flow->bucket;
        enum limit_cause cause = judge(settings, flow->running, &bucket, now_us);

        if (flow_is_idle(flow)) {
            assert(!flow->lanes && heap_node_is_in(&flow->due));
            idle++;
            continue;
        }
        assert(flow->is_held == (cause != LIMIT_NONE));
        assert(heap_node_is_in(&flow->due) == (cause == LIMIT_RATE));
        assert(cause != LIMIT_RATE || heap_key(&pool->held, &flow->due) > now_us);
        held += cause == LIMIT_RATE;
    }
    assert(held == pool->held.count && idle == pool->idle.count && idle <= IDLE_FLOWS_MAX);
}
