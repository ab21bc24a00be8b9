/* pool_health.c - failures and state of one pool here; see pool_health.h. */
#include "agent/pool_health.h"

#include "agent/broker_session.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* A worker that was ready for so long shows that workers of the pool can be started again. */
#define TRIAL_US INT64_C(1000000)

void
pool_health_init(struct pool_health *health, const struct worker_pool *pool)
{
    memset(health, 0, sizeof(*health));
    health->pool = pool;
}

void
pool_health_configure(struct pool_health *health, const struct pool_config *config)
{
    breaker_init(&health->breaker, config->start_failures_max, config->start_failures_window_us);
}

void
pool_health_note_change(struct pool_health *health)
{
    health->has_changed = true;
}

static void
log_failed(const struct pool_health *health, const char *remedy, const char *tail, size_t tail_bytes)
{
    struct log *log = health->pool->context->log;

    log_begin(log, LOG_ERROR, "pool.failed");
    log_str(log, "pool", health->pool->name);
    log_str(log, "reason", health->reason);
    log_str(log, "remedy", remedy);
    log_int(log, "next_try_ms", health->breaker.window_us / 1000);
    if (tail_bytes > 0)
        log_bytes(log, "tail", tail, tail_bytes);
    log_end(log);
}

void
pool_health_fail(struct pool_health *health, const struct worker_end *end, int64_t now_us)
{
    if (!breaker_fail(&health->breaker, now_us))
        return;
    snprintf(health->reason, sizeof(health->reason), "%u starts failed within %lld s", health->breaker.failures_max,
             (long long)(health->breaker.window_us / 1000000));
    log_failed(health, "mend what the tail shows; SIGHUP tries again at once", end->text, end->text_bytes);
}

void
pool_health_refuse(struct pool_health *health, const char *reason, int64_t now_us)
{
    bool was_closed = breaker_trip(&health->breaker, now_us);

    breaker_try(&health->breaker, now_us);
    snprintf(health->reason, sizeof(health->reason), "nursery_refused: %s", reason);
    if (was_closed)
        log_failed(health, "mend the app or set nursery = false; SIGHUP tries again at once", NULL, 0);
}

bool
pool_health_allows(const struct pool_health *health, int64_t now_us)
{
    return breaker_allows(&health->breaker, now_us);
}

void
pool_health_try(struct pool_health *health, int64_t now_us)
{
    breaker_try(&health->breaker, now_us);
}

int64_t
pool_health_try_us(const struct pool_health *health)
{
    return health->breaker.is_open ? health->breaker.try_us : 0;
}

static int64_t
ready_us_of(const struct place *place)
{
    return place->worker == NULL ? INT64_MAX : worker_process_ready_us(place->worker);
}

/* When the trial of the first worker that became ready after the failures ends, or INT64_MAX. */
static int64_t
trial_us(const struct pool_health *health, const struct place *places)
{
    const struct place *place;
    int64_t first_us = INT64_MAX;

    DL_FOREACH(places, place) {
        int64_t ready_us = ready_us_of(place);
        if (ready_us > health->breaker.opened_us && ready_us < first_us)
            first_us = ready_us;
    }
    return first_us == INT64_MAX ? INT64_MAX : first_us + TRIAL_US;
}

/* One that was ready before the failures serves on; one that became so since then is on trial. */
static bool
has_old_worker(const struct pool_health *health, const struct place *places)
{
    const struct place *place;

    DL_FOREACH(places, place)
        if (ready_us_of(place) <= health->breaker.opened_us)
            return true;
    return false;
}

static void
recover(struct pool_health *health)
{
    struct log *log = health->pool->context->log;

    breaker_reset(&health->breaker);
    log_begin(log, LOG_INFO, "pool.recovered");
    log_str(log, "pool", health->pool->name);
    log_end(log);
}

void
pool_health_review(struct pool_health *health, const struct place *places, unsigned wanted, int64_t now_us)
{
    if (health->breaker.is_open && now_us >= trial_us(health, places))
        recover(health);
    bool has_failed = health->breaker.is_open && !has_old_worker(health, places);
    if (health->is_told && health->told_failed == has_failed && health->told_wanted == wanted && !health->has_changed)
        return;
    if (!broker_session_pool(health->pool->context->session, health->pool->name, has_failed, wanted,
                             health->has_changed, has_failed ? health->reason : ""))
        return;
    health->is_told = true;
    health->told_failed = has_failed;
    health->told_wanted = wanted;
    health->has_changed = false;
}

int64_t
pool_health_next_due_us(const struct pool_health *health, const struct place *places)
{
    return health->breaker.is_open ? trial_us(health, places) : INT64_MAX;
}

void
pool_health_forget_told(struct pool_health *health)
{
    health->is_told = false;
}
