/* advice.c - the rules by which a pool is judged; see advice.h. */
#include "broker/io/advice.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Slots are to be busy for four fifths of the time: beyond that, waits grow without bound. */
#define UTILISATION_WANTED 0.8
/* Numbers of a shorter time are chance. */
#define SECONDS_MIN 10.0
#define MEBIBYTE 1048576.0

static void __attribute__((format(printf, 2, 3)))
say(char *text, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(text, ADVICE_TEXT_BYTES, format, values);
    va_end(values);
}

/* --- rules: whether they apply, and then what they say -------------------------------------------------------- */

static bool
is_pool_failed(const struct advice_facts *pool, struct advice *advice)
{
    if (!pool->is_failed)
        return false;
    say(advice->action, "look for worker.start_failed in the log, and mend what keeps the workers of %s from starting",
        pool->pool);
    say(advice->reason, "too many starts failed, so the pool is failed; it is tried again rarely");
    return true;
}

static bool
is_circuit_open(const struct advice_facts *pool, struct advice *advice)
{
    if (!pool->is_circuit_open)
        return false;
    say(advice->action, "mend what its tasks fail of; snakepit resume %s then lets them go on at once", pool->pool);
    say(advice->reason, "too many tasks failed, so the circuit is open: at most one at a time is tried, now and then");
    return true;
}

static bool
has_no_worker(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->workers > 0 || pool->is_failed || (pool->queued == 0 && pool->workers_wanted == 0))
        return false;
    if (pool->workers_wanted > 0)
        say(advice->action, "look for worker.start_failed and worker.died in the log");
    else
        say(advice->action, "start a worker (snakepit-worker), or set workers for pool %s in the configuration",
            pool->pool);
    say(advice->reason, "no worker is connected (configured: %" PRIu64 "; tasks that wait: %" PRIu64 ")",
        pool->workers_wanted, pool->queued);
    return true;
}

static bool
has_no_usable_worker(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->workers == 0 || pool->ready > 0)
        return false;
    say(advice->action, "see snakepit workers %s: nothing is dispatched until one of them is ready", pool->pool);
    say(advice->reason, "of %" PRIu64 " workers, %" PRIu64 " are stalled, %" PRIu64 " are draining and %" PRIu64
        " have lost their connection", pool->workers, pool->stalled, pool->draining, pool->detached);
    return true;
}

/* Little's law: so many slots are busy on average when tasks come at this rate and run for so long. */
static uint64_t
slots_needed(const struct advice_facts *pool)
{
    return (uint64_t)ceil(pool->accepted_per_second * pool->run_mean_seconds / UTILISATION_WANTED);
}

static bool
needs_workers(const struct advice_facts *pool, struct advice *advice)
{
    uint64_t needed = slots_needed(pool), each, more;

    if (pool->workers == 0 || pool->recent_seconds < SECONDS_MIN || pool->utilisation < 0.9 || pool->queued_growth <= 0 ||
        pool->queued < pool->slots)
        return false;
    each = pool->slots > pool->workers ? pool->slots / pool->workers : 1;
    more = needed > pool->slots ? (needed - pool->slots + each - 1) / each : 1;
    say(advice->action, "add %" PRIu64 " worker%s to pool %s: set workers = %" PRIu64, more, more == 1 ? "" : "s",
        pool->pool, pool->workers + more);
    say(advice->reason, "in the last %.0f s the slots were busy for %.0f %% of the time and the queue grew by %.3g tasks/s; "
        "%.3g tasks/s that run for %.3g s each need %" PRIu64 " slots, and there are %" PRIu64, pool->recent_seconds,
        pool->utilisation * 100, pool->queued_growth, pool->accepted_per_second, pool->run_mean_seconds,
        needed > pool->slots ? needed : pool->slots + each, pool->slots);
    return true;
}

static bool
makes_tasks_wait(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->workers == 0 || pool->recent_seconds < SECONDS_MIN || pool->full_share < 0.5 || (pool->utilisation >= 0.9 && pool->queued_growth > 0))
        return false;
    say(advice->action, "if tasks of %s wait too long, add workers", pool->pool);
    say(advice->reason, "in the last %.0f s tasks waited for a slot for %.0f %% of the time; one in a hundred waited for "
        "%.3g s or more", pool->recent_seconds, pool->full_share * 100, pool->wait_p99_seconds);
    return true;
}

static bool
lacks_workers(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->workers == 0 || pool->workers >= pool->workers_wanted)
        return false;
    say(advice->action, "look for worker.died and worker.start_failed in the log");
    say(advice->reason, "only %" PRIu64 " of %" PRIu64 " configured workers are connected", pool->workers,
        pool->workers_wanted);
    return true;
}

static bool
has_stalled_workers(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->stalled == 0 || pool->ready == 0)
        return false;
    say(advice->action, "set stalled_timeout for pool %s to have such workers replaced, or let tasks give up the GIL now "
        "and then", pool->pool);
    say(advice->reason, "%" PRIu64 " workers are connected but send no heartbeats: something holds their interpreter",
        pool->stalled);
    return true;
}

static bool
is_memory_limit_low(const struct advice_facts *pool, struct advice *advice)
{
    double limit = (double)pool->memory_limit_bytes, least = (double)pool->rss_min_bytes;

    if (limit <= 0 || least <= 0 || (least < 0.8 * limit && !pool->is_memory_limit_off))
        return false;
    say(advice->action, "set worker_memory_max of pool %s to at least %.0f MiB", pool->pool,
        ceil(2 * least / MEBIBYTE));
    say(advice->reason, "every worker uses %.0f MiB or more, and the limit is %.0f MiB: %s", least / MEBIBYTE,
        limit / MEBIBYTE, pool->is_memory_limit_off ? "it is not used, as workers would be replaced again and again"
                                                    : "workers would be replaced again and again");
    return true;
}

static bool
has_threads_with_gil(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->thread_workers_with_gil == 0)
        return false;
    say(advice->action, "use profile = \"process\" for pool %s, or a free-threaded Python (python3.14t)", pool->pool);
    say(advice->reason, "in %" PRIu64 " workers of the thread profile the GIL is on: of their threads one runs Python at a "
        "time. That is enough only when tasks wait for input, output or native code", pool->thread_workers_with_gil);
    return true;
}

static bool
refuses_tasks(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->refused == 0)
        return false;
    say(advice->action, "raise queued_max of pool %s (%" PRIu64 "), add workers, or submit more slowly", pool->pool,
        pool->queued_max);
    say(advice->reason, "%" PRIu64 " tasks were refused since the start", pool->refused);
    return true;
}

static bool
is_queue_nearly_full(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->queued_max == 0 || (double)pool->queued < 0.8 * (double)pool->queued_max)
        return false;
    say(advice->action, "add workers to pool %s, or raise queued_max", pool->pool);
    say(advice->reason, "%" PRIu64 " of at most %" PRIu64 " tasks wait; more will be refused", pool->queued,
        pool->queued_max);
    return true;
}

static bool
loses_workers(const struct advice_facts *pool, struct advice *advice)
{
    uint64_t ended = pool->succeeded + pool->failed + pool->dead;

    if (pool->dead == 0 && (pool->requeued < 10 || pool->requeued * 100 < ended))
        return false;
    say(advice->action, "look for worker.lost and task.dead in the log: a task may kill its workers");
    say(advice->reason, "%" PRIu64 " attempts ended without an answer since the start, and %" PRIu64 " tasks are dead",
        pool->requeued, pool->dead);
    return true;
}

static bool
fails_often(const struct advice_facts *pool, struct advice *advice)
{
    uint64_t ended = pool->succeeded + pool->failed;

    if (ended < 20 || pool->failed * 10 < ended)
        return false;
    say(advice->action, "see why tasks of pool %s fail: snakepit events request.executed shows which functions", pool->pool);
    say(advice->reason, "%.0f %% of %" PRIu64 " tasks failed since the start", 100 * (double)pool->failed / (double)ended,
        ended);
    return true;
}

static bool
is_ttl_short(const struct advice_facts *pool, struct advice *advice)
{
    double least = pool->start_timeout_seconds > pool->run_p99_seconds ? pool->start_timeout_seconds : pool->run_p99_seconds;

    if (pool->ttl_seconds <= 0 || pool->ttl_seconds >= least)
        return false;
    say(advice->action, "set worker_ttl of pool %s to several minutes at least", pool->pool);
    say(advice->reason, "worker_ttl is %.3g s: workers are replaced sooner than one may take to start (start_timeout, %.3g s) "
        "or tasks run (%.3g s at p99)", pool->ttl_seconds, pool->start_timeout_seconds, pool->run_p99_seconds);
    return true;
}

static bool
depends_on_one_process(const struct advice_facts *pool, struct advice *advice)
{
    if (pool->workers != 1 || pool->slots < 4)
        return false;
    say(advice->action, "spread the slots of pool %s over two workers or more", pool->pool);
    say(advice->reason, "all %" PRIu64 " slots are in one process: when it ends, every running task starts again",
        pool->slots);
    return true;
}

static bool
is_idle(const struct advice_facts *pool, struct advice *advice)
{
    uint64_t enough;

    if (pool->workers < 2 || pool->total_seconds < 600 || pool->total_utilisation < 0 || pool->total_utilisation > 0.1 ||
        pool->total_queued_max > pool->slots)
        return false;
    enough = (uint64_t)ceil((double)pool->workers * pool->total_utilisation / 0.4);
    say(advice->action, "%" PRIu64 " worker%s would do for pool %s", enough > 0 ? enough : 1, enough > 1 ? "s" : "",
        pool->pool);
    say(advice->reason, "since the start (%.0f s) the slots were busy for %.1f %% of the time", pool->total_seconds,
        pool->total_utilisation * 100);
    return true;
}

static bool
is_draining(const struct advice_facts *pool, struct advice *advice)
{
    if (!pool->is_draining)
        return false;
    say(advice->action, "snakepit resume %s lets it take tasks again", pool->pool);
    say(advice->reason, "an operator drains the pool: new tasks are refused");
    return true;
}

/* The most severe first, and then what stops more tasks. */
static const struct rule {
    const char *code;
    enum severity severity;
    bool (*applies)(const struct advice_facts *pool, struct advice *advice);
} RULES[] = {
    {"pool_failed", SEVERITY_CRITICAL, is_pool_failed},
    {"circuit_open", SEVERITY_CRITICAL, is_circuit_open},
    {"no_workers", SEVERITY_CRITICAL, has_no_worker},
    {"no_usable_workers", SEVERITY_CRITICAL, has_no_usable_worker},
    {"more_workers", SEVERITY_WARNING, needs_workers},
    {"queue_nearly_full", SEVERITY_WARNING, is_queue_nearly_full},
    {"refused_tasks", SEVERITY_WARNING, refuses_tasks},
    {"missing_workers", SEVERITY_WARNING, lacks_workers},
    {"stalled_workers", SEVERITY_WARNING, has_stalled_workers},
    {"memory_limit_low", SEVERITY_WARNING, is_memory_limit_low},
    {"ttl_short", SEVERITY_WARNING, is_ttl_short},
    {"threads_with_gil", SEVERITY_WARNING, has_threads_with_gil},
    {"lost_attempts", SEVERITY_WARNING, loses_workers},
    {"failing_tasks", SEVERITY_WARNING, fails_often},
    {"waiting_tasks", SEVERITY_INFO, makes_tasks_wait},
    {"one_process", SEVERITY_INFO, depends_on_one_process},
    {"idle_workers", SEVERITY_INFO, is_idle},
    {"draining", SEVERITY_INFO, is_draining},
};

const char *
advice_code(size_t index)
{
    return index < sizeof RULES / sizeof *RULES ? RULES[index].code : NULL;
}

size_t
advice_give(const struct advice_facts *facts, struct advice *list, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof RULES / sizeof *RULES && count < size; i++) {
        list[count].code = RULES[i].code;
        list[count].severity = RULES[i].severity;
        count += RULES[i].applies(facts, &list[count]);
    }
    return count;
}

const char *
severity_name(enum severity severity)
{
    static const char *const names[] = {"info", "warning", "critical"};

    return names[severity];
}
