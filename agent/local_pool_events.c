/* local_pool_events.c - ends of processes, the nursery's news, orders of the broker; see local_pool.h. */
#include "agent/broker_session.h"
#include "agent/local_pool_state.h"
#include "agent/memory.h"
#include "wire/err.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Begin a line about the nursery. */
static struct log *
begin_log(const struct local_pool *pool, enum log_level level, const char *event, pid_t pid)
{
    struct log *log = pool->shared.context->log;

    log_begin(log, level, event);
    log_str(log, "pool", pool->shared.name);
    log_int(log, "pid", pid);
    return log;
}

/* The place that has this process, and the process; NULL: none. `pid` 0: the expected worker of this number. */
static struct place *
find_place(const struct local_pool *pool, pid_t pid, uint32_t number, struct worker_process **ret_worker)
{
    struct place *place;

    DL_FOREACH(pool->places, place) {
        struct worker_process *both[] = {place->worker, place->successor};
        for (size_t i = 0; i < 2; i++) {
            if (both[i] == NULL || worker_process_pid(both[i]) != pid ||
                (pid == 0 && worker_process_number(both[i]) != number))
                continue;
            *ret_worker = both[i];
            return place;
        }
    }
    return NULL;
}

/* --- the nursery ---------------------------------------------------------------------------------------------- */

static void
handle_born(struct local_pool *pool, const struct nursery_news *news, int64_t now_us)
{
    struct worker_process *worker;
    struct place *place = find_place(pool, 0, news->number, &worker);

    if (place == NULL) {
        /* It was given up; it is our child, and nobody's worker. */
        kill(-news->pid, SIGKILL);
        return;
    }
    worker_process_handle_born(worker, news->pid, now_us);
    struct log *log = begin_log(pool, LOG_INFO, "worker.spawned", news->pid);
    log_str(log, "worker_name", worker_process_name(worker));
    log_end(log);
}

static void
handle_news(struct local_pool *pool, const struct nursery_news *news, int64_t now_us)
{
    struct worker_process *worker;
    pid_t pid = worker_process_pid(nursery_process(pool->nursery));

    switch (news->word) {
    case NURSERY_READY:
        log_end(begin_log(pool, LOG_INFO, "nursery.ready", pid));
        return;
    case NURSERY_REFUSED:
        pool->is_nursery_refused = true;
        pool_health_refuse(&pool->health, news->text, now_us);
        return;
    case NURSERY_STALE:
        pool->is_nursery_stale = true;
        return;
    case NURSERY_BORN:
        handle_born(pool, news, now_us);
        return;
    case NURSERY_FAILED:
        if (find_place(pool, 0, news->number, &worker) != NULL)
            worker_process_handle_failed(worker, news->text, now_us);
        return;
    }
}

void
local_pool_hear_nursery(struct local_pool *pool, int64_t now_us)
{
    struct nursery_news news;

    while (local_pool_has_nursery_process(pool) && nursery_next(pool->nursery, now_us, &news))
        handle_news(pool, &news, now_us);
}

static int64_t
take_nursery_delay_us(struct local_pool *pool, const struct worker_end *end)
{
    const struct agent_context *context = pool->shared.context;

    if (end->was_asked || pool->is_nursery_stale || end->is_sent_signal)
        return 0;
    if (end->is_settled)
        pool->nursery_delay_us = context->restart_delay_us;
    int64_t delay_us = pool->nursery_delay_us;
    pool->nursery_delay_us = delay_us > context->restart_delay_max_us / 2 ? context->restart_delay_max_us : delay_us * 2;
    return delay_us;
}

static void
log_nursery_end(const struct local_pool *pool, const struct worker_end *end, int64_t delay_us)
{
    bool is_well = end->was_asked || pool->is_nursery_stale;
    struct log *log = begin_log(pool, is_well ? LOG_INFO : LOG_ERROR,
                                pool->is_nursery_stale ? "nursery.stale" : is_well ? "nursery.exited" : "nursery.died",
                                end->pid);

    log_int(log, end->is_signal ? "signal_number" : "exit_status", end->status);
    if (!pool->is_closing)
        log_int(log, "restart_ms", delay_us / 1000);
    if (pool->is_nursery_refused)
        log_str(log, "reason", pool->health.reason);
    else if (!is_well && end->text_bytes > 0)
        log_bytes(log, "tail", end->text, end->text_bytes);
    log_end(log);
}

/* Nobody can be forked for a while: the broker shall not wait for successors. */
static void
give_up_successors(struct local_pool *pool, const struct worker_end *end)
{
    struct place *place;

    DL_FOREACH(pool->places, place) {
        if (!place_wants_successor(place))
            continue;
        struct worker_end none = {.cause = EXIT_START_FAILED, .text = end->text, .text_bytes = end->text_bytes,
                                  .replaces = place->replaces};
        if (pool->is_nursery_refused) {
            none.text = pool->health.reason;
            none.text_bytes = strlen(none.text);
        }
        local_pool_report(pool, &none);
        place->replaces = 0;
    }
}

static void
handle_nursery_end(struct local_pool *pool, const siginfo_t *info, int64_t now_us)
{
    struct worker_process *worker;
    struct worker_end end;
    struct place *place;

    nursery_handle_end(pool->nursery, info, now_us, &end);
    int64_t delay_us = take_nursery_delay_us(pool, &end);
    pool->nursery_due_us = now_us + delay_us;
    log_nursery_end(pool, &end, delay_us);
    /* What it was asked for and did not fork is asked for again, of the next one. */
    DL_FOREACH(pool->places, place) {
        struct worker_process *both[] = {place->worker, place->successor};
        for (size_t i = 0; i < 2; i++) {
            worker = both[i];
            if (worker != NULL && worker_process_pid(worker) == 0)
                local_pool_lose_unborn(pool, place, worker, NULL, now_us);
        }
    }
    bool is_failure = pool->is_nursery_refused || end.is_start_failure;
    if (pool->is_nursery_stale || end.was_asked || !is_failure)
        return;
    if (!pool->is_nursery_refused)
        pool_health_fail(&pool->health, &end, now_us);
    give_up_successors(pool, &end);
    pool_health_try(&pool->health, now_us);
    end.replaces = 0;
    end.pid = 0;
    end.cause = EXIT_START_FAILED;
    local_pool_report(pool, &end);
}

/* --- workers -------------------------------------------------------------------------------------------------- */

static bool
take_end(struct local_pool *pool, const siginfo_t *info, int64_t now_us)
{
    struct worker_process *worker;
    struct worker_end end;
    struct place *place = find_place(pool, info->si_pid, 0, &worker);

    if (place == NULL)
        return false;
    bool is_successor = worker == place->successor;
    worker_process_handle_end(worker, info, now_us, &end);
    if (end.was_asked)
        end.replaces = 0; /* not a replacement that failed, but one that was not wanted any more */
    local_pool_report(pool, &end);
    if (end.is_start_failure && !is_successor)
        pool_health_fail(&pool->health, &end, now_us);
    place_handle_end(place, worker, &end, now_us);
    return true;
}

bool
local_pool_handle_end(struct local_pool *pool, const siginfo_t *info, int64_t now_us)
{
    if (local_pool_has_nursery_process(pool) && worker_process_pid(nursery_process(pool->nursery)) == info->si_pid) {
        local_pool_hear_nursery(pool, now_us);
        handle_nursery_end(pool, info, now_us);
        return true;
    }
    if (take_end(pool, info, now_us))
        return true;
    /* A forked worker tells of its birth before it can die; perhaps the telling was not read yet. */
    local_pool_hear_nursery(pool, now_us);
    return take_end(pool, info, now_us);
}

bool
local_pool_handle_ready(struct local_pool *pool, pid_t pid, int64_t now_us)
{
    struct worker_process *worker;
    struct place *place = find_place(pool, pid, 0, &worker);

    if (place == NULL) {
        local_pool_hear_nursery(pool, now_us);
        place = find_place(pool, pid, 0, &worker);
    }
    if (place != NULL)
        worker_process_handle_ready(worker, now_us);
    return place != NULL;
}

/* --- orders of the broker ------------------------------------------------------------------------------------- */

/* What a fresh worker takes, to the best of our knowledge: as much as the smallest one; 0: not known. */
static uint64_t
guess_need_bytes(const struct local_pool *pool)
{
    const struct place *place;
    uint64_t least_bytes = UINT64_MAX;

    DL_FOREACH(pool->places, place) {
        uint64_t bytes = place->worker == NULL ? 0 : worker_process_rss_bytes(place->worker);
        if (bytes > 0 && bytes < least_bytes)
            least_bytes = bytes;
    }
    return least_bytes == UINT64_MAX ? 0 : least_bytes;
}

static void
refuse_successor(struct local_pool *pool, uint64_t session, enum exit_cause cause, const char *text)
{
    struct worker_end end = {.cause = cause, .replaces = session, .text = text, .text_bytes = strlen(text)};

    local_pool_report(pool, &end);
}

void
local_pool_replace(struct local_pool *pool, pid_t pid, uint64_t session, bool is_worker_first)
{
    struct worker_process *worker = NULL;
    struct place *place = pid > 0 ? find_place(pool, pid, 0, &worker) : NULL;
    char text[128];

    if (place != NULL && worker == place->successor && !place->is_closing) {
        place_replace_successor(place, session, is_worker_first);
        return;
    }
    if (place == NULL || place->is_closing) {
        refuse_successor(pool, session, EXIT_START_FAILED, "no worker of this agent that is to stay has this pid");
        return;
    }
    uint64_t need_bytes = guess_need_bytes(pool);
    uint64_t free_bytes = memory_available_bytes(pool->shared.context->memory);
    if (!is_worker_first && free_bytes < need_bytes) {
        snprintf(text, sizeof(text), "%llu MiB are free, a worker takes %llu MiB", (unsigned long long)free_bytes >> 20,
                 (unsigned long long)need_bytes >> 20);
        refuse_successor(pool, session, EXIT_NO_MEMORY, text);
        return;
    }
    place_replace(place, session, is_worker_first);
}

bool
local_pool_retire(struct local_pool *pool, pid_t pid, int64_t deadline_us)
{
    struct worker_process *worker;

    if (pid <= 0 || find_place(pool, pid, 0, &worker) == NULL)
        return false;
    worker_process_stop(worker, deadline_us);
    return true;
}
