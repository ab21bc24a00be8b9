/* report_explain.c - why something waits, in words; see report_explain.h. */
#include "broker/io/report_explain.h"

#include "broker/io/config_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

/* A sentence that grows; what does not fit is cut. */
struct text {
    char data[TEXT_BYTES];
    size_t size;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *text, const char *format, ...)
{
    va_list values;
    int size;

    va_start(values, format);
    size = vsnprintf(text->data + text->size, sizeof text->data - text->size, format, values);
    va_end(values);
    text->size += size > 0 ? (size_t)size : 0;
    if (text->size >= sizeof text->data)
        text->size = sizeof text->data - 1;
}

const char *
wait_cause_name(enum wait_cause cause)
{
    static const char *const names[CAUSES] = {
        [CAUSE_NONE] = "nothing_waits",   [CAUSE_FINAL] = "final",
        [CAUSE_RUNNING] = "running",      [CAUSE_DELAYED] = "delayed",
        [CAUSE_SHUTDOWN] = "shutdown",    [CAUSE_NO_WORKER] = "no_worker",
        [CAUSE_POOL_FAILED] = "pool_failed", [CAUSE_NONE_USABLE] = "no_usable_worker",
        [CAUSE_ALL_BUSY] = "all_busy",    [CAUSE_CIRCUIT_OPEN] = "circuit_open",
        [CAUSE_GROUP_WAITS] = "group_waits", [CAUSE_SESSION_WAITS] = "session_waits",
        [CAUSE_ADOPTING] = "adopting",
        [CAUSE_RUNNING_MAX] = "running_max", [CAUSE_RATE_LIMITED] = "rate_limited",
        [CAUSE_KEY_LIMITED] = "key_limited",
        [CAUSE_QUARANTINED] = "quarantined",
    };

    return names[cause];
}

static double
seconds(int64_t us)
{
    return us > 0 ? (double)us / 1e6 : 0;
}

/* --- one sentence for each cause ------------------------------------------------------------------------------ */

static void
say_workers(struct text *text, const struct explanation *why)
{
    add(text, "none of the %" PRIu64 " workers of pool %s can take a task: %" PRIu64 " stalled, %" PRIu64 " draining, %" PRIu64
        " without connection", why->pool.workers, why->pool.name, why->stalled, why->draining, why->detached);
}

static void
say_busy(struct text *text, const struct explanation *why, int64_t now_us)
{
    add(text, "all %" PRIu64 " slots of pool %s are busy", why->pool.slots_busy, why->pool.name);
    if (why->oldest.task != 0)
        add(text, "; longest, for %.3g s, with task %" PRIu64 " (%.*s) on worker %" PRIu64,
            seconds(now_us - why->oldest_leased_us), why->oldest.task, (int)why->oldest.function.size,
            (const char *)why->oldest.function.data, why->oldest.worker);
    else if (why->oldest.worker != 0)
        add(text, "; longest, for %.3g s, with a task that has ended but that worker %" PRIu64 " has not given up",
            seconds(now_us - why->oldest_leased_us), why->oldest.worker);
}

static void
say_circuit(struct text *text, const struct explanation *why, int64_t now_us)
{
    add(text, "too many tasks of pool %s failed, so that its circuit is open: ", why->pool.name);
    if (why->due_us > 0)
        add(text, "in %.3g s one task is tried", seconds(why->due_us - now_us));
    else
        add(text, "one task is being tried");
    add(text, "; once the cause is mended, `snakepit resume %s` closes it at once", why->pool.name);
}

static void
say_group(struct text *text, const struct explanation *why)
{
    add(text, "it waits for its turn in group %.*s", (int)why->group.size, (const char *)why->group.data);
    if (why->behind.task != 0)
        add(text, ": task %" PRIu64 " (%.*s) has it, which is %s", why->behind.task, (int)why->behind.function.size,
            (const char *)why->behind.function.data, why->behind.state);
    else
        add(text, ": the task before has ended, but worker %" PRIu64 " has not given it up", why->behind.worker);
    if (why->ahead > 1)
        add(text, "; %" PRIu64 " tasks of the group go before it", why->ahead);
}

static void
say_rate(struct text *text, const struct limit_settings *limit, const struct explanation *why, int64_t now_us)
{
    char rate[UNIT_TEXT_BYTES];

    rate_format(limit->rate.count, limit->rate.period_s, rate);
    add(text, "%s; the next task may start in %.3g s", rate, seconds(why->due_us - now_us));
}

/* The three causes that limits are. */
static void
say_limit(struct text *text, const struct explanation *why, int64_t now_us)
{
    const struct pool_stats *pool = &why->pool;

    if (why->cause == CAUSE_RUNNING_MAX) {
        add(text, "pool %s runs %" PRIu64 " tasks, and its running_max is %" PRIu32, pool->name, pool->slots_busy,
            pool->limit.running_max);
    } else if (why->cause == CAUSE_RATE_LIMITED) {
        add(text, "pool %s is at its rate, ", pool->name);
        say_rate(text, &pool->limit, why, now_us);
    } else if (why->due_us == 0) {
        add(text, "%" PRIu64 " tasks of its key run, and key_running_max of pool %s is %" PRIu32, why->key_running,
            pool->name, pool->key_limit.running_max);
    } else {
        add(text, "its key is at the key_rate of pool %s, ", pool->name);
        say_rate(text, &pool->key_limit, why, now_us);
    }
}

static void
say_delay(struct text *text, const struct explanation *why, int64_t now_us)
{
    if (why->cause == CAUSE_ADOPTING)
        add(text, "the broker was started anew, and a worker may still come that has it running; else it");
    else
        add(text, "it is delayed and");
    add(text, " may start in %.3g s", seconds(why->due_us - now_us));
}

static void
say_session(struct text *text, const struct explanation *why)
{
    bool is_ready = strcmp(why->awaited_state, "ready") == 0;

    add(text, "session %.*s is bound to worker %" PRIu64 ", which %s%s", (int)why->session.size,
        (const char *)why->session.data, why->awaited, is_ready ? "has no free slot" : "is ",
        is_ready ? "" : why->awaited_state);
    if (why->ahead > 0)
        add(text, "; %" PRIu64 " task%s go%s before it there", why->ahead, why->ahead == 1 ? "" : "s",
            why->ahead == 1 ? "es" : "");
}

static void
say_cause(struct text *text, const struct explanation *why, int64_t now_us)
{
    switch (why->cause) {
    case CAUSE_FINAL:
        add(text, "it has ended: %s", why->final_state);
        return;
    case CAUSE_RUNNING:
        add(text, "it runs on worker %" PRIu64 " for %.3g s now, attempt %" PRIu32 "%s", why->task.worker,
            seconds(now_us - why->leased_us), why->task.attempt,
            why->is_cancel_asked ? "; its worker was asked to end it" : "");
        return;
    case CAUSE_DELAYED:
    case CAUSE_ADOPTING:
        say_delay(text, why, now_us);
        return;
    case CAUSE_SHUTDOWN:
        add(text, "the broker is shutting down and starts no more tasks");
        return;
    case CAUSE_NO_WORKER:
        add(text, "no worker of pool %s is connected (%" PRIu64 " configured)", why->pool.name, why->pool.workers_wanted);
        return;
    case CAUSE_POOL_FAILED:
        add(text, "the workers of pool %s cannot be started; see worker.start_failed in the log", why->pool.name);
        return;
    case CAUSE_NONE_USABLE:
        say_workers(text, why);
        return;
    case CAUSE_ALL_BUSY:
        say_busy(text, why, now_us);
        return;
    case CAUSE_CIRCUIT_OPEN:
        say_circuit(text, why, now_us);
        return;
    case CAUSE_GROUP_WAITS:
        say_group(text, why);
        return;
    case CAUSE_RUNNING_MAX:
    case CAUSE_RATE_LIMITED:
    case CAUSE_KEY_LIMITED:
        say_limit(text, why, now_us);
        return;
    case CAUSE_SESSION_WAITS:
        say_session(text, why);
        return;
    case CAUSE_QUARANTINED:
        add(text, "a worker was lost with it, so it runs alone, and waits for a worker of pool %s without tasks",
            why->pool.name);
        return;
    default:
        add(text, "nothing waits in pool %s", why->pool.name);
    }
}

static bool
is_queued(const struct explanation *why)
{
    return why->cause >= CAUSE_SHUTDOWN && why->cause < CAUSES;
}

/* When the task may start if all goes on as in the last minute; negative: nobody knows. */
static double
estimate_seconds(const struct explanation *why, const struct load_stats *recent)
{
    if (why->cause != CAUSE_ALL_BUSY || recent->answered == 0)
        return -1;
    return (double)(why->ahead + 1) * seconds(recent->span_us) / (double)recent->answered;
}

static void
say(struct text *text, const struct explanation *why, const struct load_stats *recent, int64_t now_us)
{
    double estimate = estimate_seconds(why, recent);

    text->size = 0;
    say_cause(text, why, now_us);
    if (is_queued(why) && why->cause != CAUSE_GROUP_WAITS && why->cause != CAUSE_SESSION_WAITS && why->ahead > 0)
        add(text, "; %" PRIu64 " task%s of higher or equal priority go%s before it", why->ahead,
            why->ahead == 1 ? "" : "s", why->ahead == 1 ? "es" : "");
    if (estimate >= 0)
        add(text, "; at the rate of the last %.0f s it starts in about %.3g s", seconds(recent->span_us), estimate);
    if (why->pool.is_draining)
        add(text, ". The pool refuses new tasks (%s)", report_pool_state(&why->pool));
}

/* --- the answer ----------------------------------------------------------------------------------------------- */

static void
put_task(struct report_map *map, const char *key, const struct task_stats *task, int64_t now_us)
{
    struct report_map inner;

    report_put_key(map, key);
    if (task->task == 0) {
        wire_write_nil(map->buffer);
        return;
    }
    report_map_begin(&inner, map->buffer);
    report_put_task(&inner, task, now_us);
    report_map_end(&inner);
}

static void
put_workers(struct report_map *map, const struct explanation *why)
{
    report_put_uint(map, "workers", why->pool.workers);
    report_put_uint(map, "workers_ready", why->ready);
    report_put_uint(map, "workers_stalled", why->stalled);
    report_put_uint(map, "workers_draining", why->draining);
    report_put_uint(map, "workers_detached", why->detached);
    report_put_uint(map, "slots", why->pool.slots);
    report_put_uint(map, "slots_busy", why->pool.slots_busy);
}

static void
put_order(struct report_map *map, const struct explanation *why, int64_t now_us)
{
    if (why->cause == CAUSE_GROUP_WAITS) {
        report_put_str(map, "group", why->group);
        put_task(map, "behind", &why->behind, now_us);
    }
    if (why->cause == CAUSE_SESSION_WAITS) {
        report_put_str(map, "session", why->session);
        report_put_uint(map, "worker", why->awaited);
        report_put_text(map, "worker_state", why->awaited_state);
    }
}

void
report_explain(struct wire_buffer *buffer, const struct explanation *why, const struct load_stats *recent,
               int64_t now_us)
{
    double estimate = estimate_seconds(why, recent);
    struct report_map map;
    struct text text;

    say(&text, why, recent, now_us);
    report_map_begin(&map, buffer);
    report_put_text(&map, "pool", why->pool.name);
    report_put_text(&map, "pool_state", report_pool_state(&why->pool));
    put_task(&map, "task", &why->task, now_us);
    report_put_text(&map, "cause", wait_cause_name(why->cause));
    report_put_text(&map, "text", text.data);
    report_put_uint(&map, "queued", why->pool.queued);
    if (is_queued(why))
        put_workers(&map, why);
    if (is_queued(why) && why->task.task != 0)
        report_put_uint(&map, "ahead", why->ahead);
    if (why->cause == CAUSE_FINAL)
        report_put_text(&map, "final", why->final_state);
    if (why->limit)
        report_put_text(&map, "limit", why->limit);
    if (why->cause == CAUSE_DELAYED || why->cause == CAUSE_ADOPTING || why->cause == CAUSE_CIRCUIT_OPEN ||
        why->cause == CAUSE_RATE_LIMITED || why->cause == CAUSE_KEY_LIMITED)
        report_put_seconds(&map, "due_seconds", why->due_us > now_us ? why->due_us - now_us : 0);
    if (why->cause == CAUSE_RUNNING)
        report_put_seconds(&map, "running_seconds", now_us - why->leased_us);
    if (why->cause == CAUSE_ALL_BUSY) {
        put_task(&map, "oldest", &why->oldest, now_us);
        report_put_seconds(&map, "oldest_seconds", now_us - why->oldest_leased_us);
    }
    put_order(&map, why, now_us);
    if (estimate >= 0)
        report_put_float(&map, "estimate_seconds", estimate);
    report_map_end(&map);
}
