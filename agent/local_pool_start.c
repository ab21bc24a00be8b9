/* local_pool_start.c - when workers of a pool start, and what is due; see local_pool.h. */
#include "agent/broker_session.h"
#include "agent/local_pool_state.h"
#include "wire/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* A nursery that takes no more requests just now is asked again after this. */
#define ASK_AGAIN_US INT64_C(10000)

/* --- starting ------------------------------------------------------------------------------------------------- */

static unsigned
count_starting(const struct local_pool *pool)
{
    const struct place *place;
    unsigned count = 0;

    DL_FOREACH(pool->places, place)
        count += place->worker != NULL && worker_process_is_starting(place->worker);
    return count;
}

void
local_pool_report(const struct local_pool *pool, const struct worker_end *end)
{
    broker_session_exited(pool->shared.context->session, pool->shared.name, end);
}

/* A worker did not come into being. */
static void
note_unstarted(struct local_pool *pool, const char *reason, uint64_t replaces, int64_t now_us)
{
    struct worker_end end = {.cause = EXIT_START_FAILED, .text = reason, .text_bytes = strlen(reason),
                             .replaces = replaces, .is_start_failure = true};

    local_pool_report(pool, &end);
    if (replaces == 0)
        pool_health_fail(&pool->health, &end, now_us);
}

static void
start_nursery(struct local_pool *pool, int64_t now_us)
{
    if (!pool->uses_nursery || pool->is_closing || local_pool_has_nursery_process(pool) ||
        now_us < pool->nursery_due_us || !pool_health_allows(&pool->health, now_us))
        return;
    pool->is_nursery_stale = false;
    pool->is_nursery_refused = false;
    if (nursery_start(pool->nursery, now_us) != OK) {
        note_unstarted(pool, strerror(errno), 0, now_us);
        pool->nursery_due_us = now_us + pool->shared.context->restart_delay_max_us;
    }
}

/* False when the nursery takes no more just now. */
static bool
start_at(struct local_pool *pool, struct place *place, int64_t now_us)
{
    uint64_t replaces = place->worker == NULL ? 0 : place->replaces;
    bool has_nursery = pool->uses_nursery;

    /* 0 stands for a worker that was spawned. */
    if (++pool->asked == 0)
        pool->asked = 1;
    int err = place_start(place, has_nursery ? pool->nursery : NULL, pool->asked, now_us);
    if (err == ERR_AGAIN)
        pool->ask_us = now_us + ASK_AGAIN_US;
    if (err == ERR_SYSTEM) {
        note_unstarted(pool, strerror(errno), replaces, now_us);
        place->replaces = 0;
    }
    return err != ERR_AGAIN;
}

static bool
can_start(const struct local_pool *pool, int64_t now_us)
{
    return !pool->uses_nursery || (nursery_is_ready(pool->nursery) && now_us >= pool->ask_us);
}

/* Successors first, and past gate and breaker: they are one at a time, and the broker asked for them. */
static void
start_due(struct local_pool *pool, int64_t now_us)
{
    struct place *place;

    start_gate_watch(&pool->gate, count_starting(pool), now_us);
    DL_FOREACH(pool->places, place)
        if (place_wants_successor(place) && can_start(pool, now_us) && !start_at(pool, place, now_us))
            return;
    DL_FOREACH(pool->places, place) {
        if (!place_is_due(place, now_us) || !can_start(pool, now_us) || !start_gate_allows(&pool->gate, now_us) ||
            !pool_health_allows(&pool->health, now_us))
            continue;
        if (!start_at(pool, place, now_us))
            return;
        start_gate_pass(&pool->gate);
        pool_health_try(&pool->health, now_us);
    }
}

/* --- time ----------------------------------------------------------------------------------------------------- */

void
local_pool_lose_unborn(struct local_pool *pool, struct place *place, struct worker_process *worker, const char *reason,
                       int64_t now_us)
{
    struct worker_end end;
    char text[256];

    /* The reason may be the worker's own, and the worker goes. */
    snprintf(text, sizeof(text), "%s", reason == NULL ? "" : reason);
    place_handle_unborn(place, worker, reason == NULL ? NULL : text, now_us, &end);
    if (reason == NULL)
        return;
    local_pool_report(pool, &end);
    if (end.replaces == 0)
        pool_health_fail(&pool->health, &end, now_us);
}

static void
tick_process(struct local_pool *pool, struct place *place, struct worker_process *worker, int64_t now_us)
{
    if (worker == NULL || worker_process_tick(worker, now_us))
        return;
    bool is_unwanted = worker_process_is_stopping(worker);
    /* A nursery that does not do what it is asked for stands still, or is no nursery any more. */
    if (!is_unwanted && !worker_process_has_failed(worker) && local_pool_has_nursery_process(pool))
        worker_process_stop(nursery_process(pool->nursery), now_us);
    local_pool_lose_unborn(pool, place, worker, is_unwanted ? NULL : worker_process_reason(worker), now_us);
}

void
local_pool_tick(struct local_pool *pool, int64_t now_us)
{
    struct place *place, *next;

    DL_FOREACH_SAFE(pool->places, place, next) {
        tick_process(pool, place, place->worker, now_us);
        tick_process(pool, place, place->successor, now_us);
        if (place_is_gone(place)) {
            DL_DELETE(pool->places, place);
            place_destroy(&place);
        }
    }
    if (local_pool_has_nursery_process(pool))
        worker_process_tick(nursery_process(pool->nursery), now_us);
    start_nursery(pool, now_us);
    start_due(pool, now_us);
    pool_health_review(&pool->health, pool->places, pool->wanted, now_us);
}

static int64_t
earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static int64_t
later(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

/* When a worker can be started at this place; INT64_MAX: not before something else happens. */
static int64_t
start_due_us(const struct local_pool *pool, const struct place *place)
{
    bool wants_worker = place->worker == NULL && !place->is_closing;
    bool has_nursery = pool->uses_nursery;

    if ((!wants_worker && !place_wants_successor(place)) || (has_nursery && !nursery_is_ready(pool->nursery)))
        return INT64_MAX;
    int64_t due_us = has_nursery ? pool->ask_us : 0;
    if (wants_worker) {
        due_us = later(due_us, place->due_us);
        due_us = later(due_us, start_gate_next_due_us(&pool->gate));
        due_us = later(due_us, pool_health_try_us(&pool->health));
    }
    return due_us;
}

int64_t
local_pool_next_due_us(const struct local_pool *pool)
{
    const struct place *place;
    int64_t due_us = pool_health_next_due_us(&pool->health, pool->places);

    DL_FOREACH(pool->places, place) {
        due_us = earlier(due_us, start_due_us(pool, place));
        if (place->worker != NULL)
            due_us = earlier(due_us, worker_process_next_due_us(place->worker));
        if (place->successor != NULL)
            due_us = earlier(due_us, worker_process_next_due_us(place->successor));
    }
    if (local_pool_has_nursery_process(pool))
        due_us = earlier(due_us, worker_process_next_due_us(nursery_process(pool->nursery)));
    else if (pool->uses_nursery && !pool->is_closing)
        due_us = earlier(due_us, later(pool->nursery_due_us, pool_health_try_us(&pool->health)));
    return due_us;
}
