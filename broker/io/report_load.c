/* report_load.c - numbers of busy pools; see report_load.h. */
#include "broker/io/report_load.h"

#include "broker/io/advice.h"
#include "broker/io/config_value.h"
#include "wire/err.h"
#include "wire/text.h"

#include <stdio.h>
#include <string.h>

/* One pool, with everything that is known of it. */
struct view {
    struct pool_stats pool;
    struct load_stats total, recent;
    uint64_t stalled, draining, detached;
    uint64_t rss_bytes, rss_min_bytes, rss_max_bytes, rss_known; /* of workers that have said it */
    uint64_t thread_workers_with_gil;
};

static double
seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static double
share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : -1;
}

static double
rate(uint64_t count, int64_t span_us)
{
    return span_us > 0 ? (double)count * 1e6 / (double)span_us : 0;
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static void
see_worker(void *context, const struct worker_stats *worker)
{
    struct view *view = context;

    view->stalled += strcmp(worker->state, "stalled") == 0;
    view->draining += strcmp(worker->state, "draining") == 0;
    view->detached += strcmp(worker->state, "detached") == 0;
    view->thread_workers_with_gil += worker->profile == PROFILE_THREAD && worker->slots > 1 && worker->gil_enabled;
    if (worker->rss_bytes == 0)
        return;
    view->rss_bytes += worker->rss_bytes;
    if (view->rss_known++ == 0 || worker->rss_bytes < view->rss_min_bytes)
        view->rss_min_bytes = worker->rss_bytes;
    if (worker->rss_bytes > view->rss_max_bytes)
        view->rss_max_bytes = worker->rss_bytes;
}

static void
take_view(const struct admin_sources *sources, const struct pool_stats *pool, int64_t now_us, struct view *ret_view)
{
    *ret_view = (struct view){.pool = *pool};
    broker_get_load(sources->broker, text_bytes(pool->name), now_us, &ret_view->total, &ret_view->recent);
    broker_each_worker(sources->broker, pool->name, see_worker, ret_view);
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static void
put_latency(struct report_map *load, const char *key, const struct latency_stats *latency)
{
    struct report_map map;

    report_put_key(load, key);
    report_map_begin(&map, load->buffer);
    report_put_uint(&map, "count", latency->count);
    report_put_float(&map, "mean_seconds", seconds(latency->mean_us));
    report_put_float(&map, "p50_seconds", seconds(latency->p50_us));
    report_put_float(&map, "p90_seconds", seconds(latency->p90_us));
    report_put_float(&map, "p99_seconds", seconds(latency->p99_us));
    report_put_float(&map, "p999_seconds", seconds(latency->p999_us));
    report_put_float(&map, "max_seconds", seconds(latency->max_us));
    report_map_end(&map);
}

/* A share that is not known is nil. */
static void
put_share(struct report_map *map, const char *key, uint64_t part, uint64_t whole)
{
    if (whole > 0) {
        report_put_float(map, key, share(part, whole));
        return;
    }
    report_put_key(map, key);
    wire_write_nil(map->buffer);
}

static void
put_load(struct report_map *pool, const char *key, const struct load_stats *load)
{
    uint64_t span_us = load->span_us > 0 ? (uint64_t)load->span_us : 0;
    struct report_map map;

    report_put_key(pool, key);
    report_map_begin(&map, pool->buffer);
    report_put_seconds(&map, "span_seconds", load->span_us);
    report_put_uint(&map, "accepted", load->accepted);
    report_put_uint(&map, "dispatched", load->dispatched);
    report_put_uint(&map, "answered", load->answered);
    report_put_float(&map, "accepted_per_second", rate(load->accepted, load->span_us));
    report_put_float(&map, "answered_per_second", rate(load->answered, load->span_us));
    put_share(&map, "utilisation", load->busy_us, load->capacity_us);
    put_share(&map, "saturation", load->full_us, span_us);
    report_put_float(&map, "busy_mean", span_us ? share(load->busy_us, span_us) : 0);
    report_put_float(&map, "queued_mean", span_us ? share(load->queued_us, span_us) : 0);
    report_put_uint(&map, "queued_max", load->queued_max);
    put_latency(&map, "wait", &load->wait);
    put_latency(&map, "run", &load->run);
    report_map_end(&map);
}

static void
put_memory(struct report_map *pool, const struct view *view)
{
    struct report_map map;

    report_put_key(pool, "memory");
    report_map_begin(&map, pool->buffer);
    report_put_uint(&map, "workers", view->rss_known);
    report_put_uint(&map, "total_bytes", view->rss_bytes);
    report_put_uint(&map, "min_bytes", view->rss_min_bytes);
    report_put_uint(&map, "mean_bytes", view->rss_known ? view->rss_bytes / view->rss_known : 0);
    report_put_uint(&map, "max_bytes", view->rss_max_bytes);
    report_put_uint(&map, "limit_bytes", view->pool.worker_memory_max);
    report_map_end(&map);
}

static void
fill_rates(const struct load_stats *recent, const struct load_stats *total, struct advice_facts *facts)
{
    facts->recent_seconds = (double)recent->span_us / 1e6;
    facts->utilisation = share(recent->busy_us, recent->capacity_us);
    facts->full_share = share(recent->full_us, (uint64_t)recent->span_us);
    facts->queued_growth = recent->span_us > 0 ? (double)recent->queued_growth * 1e6 / (double)recent->span_us : 0;
    facts->accepted_per_second = rate(recent->accepted, recent->span_us);
    facts->run_mean_seconds = seconds(recent->run.mean_us);
    facts->wait_p99_seconds = seconds(recent->wait.p99_us);
    facts->run_p99_seconds = seconds(recent->run.p99_us);
    facts->total_seconds = (double)total->span_us / 1e6;
    facts->total_utilisation = share(total->busy_us, total->capacity_us);
    facts->total_queued_max = total->queued_max;
}

static void
fill_facts(const struct view *view, struct advice_facts *facts)
{
    const struct pool_stats *pool = &view->pool;

    *facts = (struct advice_facts){
        .pool = pool->name,
        .is_draining = pool->is_draining,
        .is_circuit_open = pool->circuit != CIRCUIT_CLOSED,
        .is_failed = pool->is_failed,
        .is_memory_limit_off = pool->is_memory_limit_off,
        .workers = pool->workers,
        .ready = pool->workers_ready,
        .stalled = view->stalled,
        .draining = view->draining,
        .detached = view->detached,
        .workers_wanted = pool->workers_wanted,
        .slots = pool->slots,
        .thread_workers_with_gil = view->thread_workers_with_gil,
        .queued = pool->queued,
        .queued_max = pool->queued_max,
        .succeeded = pool->succeeded,
        .failed = pool->failed,
        .dead = pool->dead,
        .requeued = pool->requeued,
        .refused = pool->refused_busy,
        .rss_min_bytes = view->rss_min_bytes,
        .rss_max_bytes = view->rss_max_bytes,
        .memory_limit_bytes = pool->worker_memory_max,
        .ttl_seconds = (double)pool->worker_ttl_us / 1e6,
        .start_timeout_seconds = (double)pool->start_timeout_us / 1e6,
    };
    fill_rates(&view->recent, &view->total, facts);
}

static void
put_recommendations(struct report_map *pool, const struct view *view)
{
    struct advice list[32];
    struct advice_facts facts;
    size_t count;

    fill_facts(view, &facts);
    count = advice_give(&facts, list, sizeof list / sizeof *list);
    report_put_key(pool, "recommendations");
    wire_write_array(pool->buffer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct report_map map;

        report_map_begin(&map, pool->buffer);
        report_put_text(&map, "code", list[i].code);
        report_put_text(&map, "severity", severity_name(list[i].severity));
        report_put_text(&map, "action", list[i].action);
        report_put_text(&map, "reason", list[i].reason);
        report_map_end(&map);
    }
}

/* --- the answers ---------------------------------------------------------------------------------------------- */

typedef void
write_view_fn(struct report_map *map, const struct view *view);

static void
write_stats(struct report_map *map, const struct view *view)
{
    report_put_pool(map, &view->pool);
    put_load(map, "total", &view->total);
    put_load(map, "recent", &view->recent);
}

/* As the configuration writes it. */
static void
put_limit(struct report_map *map, const char *prefix, const struct limit_settings *limit)
{
    char key[32], text[UNIT_TEXT_BYTES];

    snprintf(key, sizeof key, "%srunning_max", prefix);
    report_put_uint(map, key, limit->running_max);
    snprintf(key, sizeof key, "%srate", prefix);
    rate_format(limit->rate.count, limit->rate.period_s, text);
    report_put_text(map, key, text);
}

static void
put_sharing(struct report_map *map, const struct pool_stats *pool)
{
    report_put_text(map, "fairness", pool->fairness == FAIRNESS_CLIENT ? "client" : "key");
    put_limit(map, "", &pool->limit);
    put_limit(map, "key_", &pool->key_limit);
}

static void
write_inspection(struct report_map *map, const struct view *view)
{
    write_stats(map, view);
    report_put_uint(map, "workers_stalled", view->stalled);
    report_put_uint(map, "workers_draining", view->draining);
    report_put_uint(map, "workers_detached", view->detached);
    put_memory(map, view);
    put_sharing(map, &view->pool);
    put_recommendations(map, view);
}

static void
write_views(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes name, int64_t now_us,
            write_view_fn *write)
{
    struct broker_stats all;
    struct pool_stats pool;
    bool is_one = name.size > 0;
    struct report_map map;
    struct view view;

    broker_get_stats(sources->broker, &all);
    wire_write_array(buffer, is_one ? 1 : (uint32_t)all.pools);
    for (size_t i = 0; (is_one ? broker_find_pool(sources->broker, name, &pool) : broker_get_pool(sources->broker, i, &pool)) == OK;
         i++) {
        take_view(sources, &pool, now_us, &view);
        report_map_begin(&map, buffer);
        write(&map, &view);
        report_map_end(&map);
        if (is_one)
            return;
    }
}

void
report_stats(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes pool, int64_t now_us)
{
    write_views(buffer, sources, pool, now_us, write_stats);
}

void
report_inspect(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes pool, int64_t now_us)
{
    write_views(buffer, sources, pool, now_us, write_inspection);
}
