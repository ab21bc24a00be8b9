/* broker_retry.c - failed attempts that are tried again after a while, and what is remembered of attempts; see
 * broker_state.h. */
#include "broker/core/broker_offer.h"
#include "broker/core/broker_patience.h"
#include "wire/text.h"

#include <stdlib.h>
#include <string.h>

enum { CAUSE_BYTES = ATTEMPT_CAUSE_BYTES_MAX + 1 };

/* --- what the client wants -------------------------------------------------------------------------------------- */

/* The list in one allocation, with its texts behind it. */
static void
copy_texts(struct task_extra *extra, const struct texts *texts)
{
    struct texts walk = *texts;
    struct bytes text;
    size_t bytes = 0;
    uint8_t *at;

    while (wire_texts_next(&walk, &text) == OK)
        bytes += sizeof text + text.size;
    extra->retry_on = malloc(bytes);
    if (!extra->retry_on)
        abort();
    at = (uint8_t *)(extra->retry_on + texts->count);
    walk = *texts;
    while (wire_texts_next(&walk, &text) == OK) {
        memcpy(at, text.data, text.size);
        extra->retry_on[extra->retry_on_count++] = (struct bytes){at, text.size};
        at += text.size;
    }
}

const char *
broker_find_bad_patience(const struct submit *submit)
{
    if (submit->retries > RETRIES_MAX)
        return "retries";
    if (submit->backoff_ms > DURATION_MS_MAX)
        return "backoff_ms";
    return submit->kills_max > KILLS_MAX ? "kills_max" : NULL;
}

void
broker_take_retry_options(struct task *task, const struct submit *submit)
{
    struct task_extra *extra = task_get_extra(task);

    extra->retries = submit->retries;
    extra->has_retries = submit->has_retries;
    extra->backoff_ms = submit->backoff_ms;
    extra->has_backoff = submit->has_backoff;
    extra->kills_max = submit->kills_max;
    if (submit->retry_on.count > 0)
        copy_texts(extra, &submit->retry_on);
}

/* --- may it be tried again? ---------------------------------------------------------------------------------------- */

/* What the pool allows by itself is not meant for tasks that may run at most once. */
static uint32_t
retries_max(const struct task *task)
{
    if (task->extra && task->extra->has_retries)
        return task->extra->retries;
    return task->is_lost_once_lost ? 0 : task->pool->settings.retries;
}

/* The whole name of the exception's type, or its part behind the last dot. */
static bool
is_type(struct bytes type, struct bytes name)
{
    uint32_t before = type.size - name.size;

    if (name.size > type.size || memcmp(type.data + before, name.data, name.size) != 0)
        return false;
    return before == 0 || (type.data[before - 1] == '.' && !memchr(name.data, '.', name.size));
}

static bool
is_in_pools_list(const struct task *task, struct bytes type)
{
    char *const *names = task->pool->settings.retry_on;

    if (!names || !names[0])
        return true;
    for (; *names; names++)
        if (is_type(type, text_bytes(*names)))
            return true;
    return false;
}

/* Is this a failure after which a retry is wanted? */
static bool
is_retried(const struct task *task, struct bytes type)
{
    const struct task_extra *extra = task->extra;

    if (!extra || extra->retry_on_count == 0)
        return is_in_pools_list(task, type);
    for (uint32_t i = 0; i < extra->retry_on_count; i++)
        if (is_type(type, extra->retry_on[i]))
            return true;
    return false;
}

/* --- when? ---------------------------------------------------------------------------------------------------------- */

/* Doubled for each failure after the first, and then shortened a little, differently for each task: tasks that failed
 * together shall not come back together. */
static int64_t
retry_delay_us(const struct broker *broker, const struct task *task, uint32_t failures)
{
    const struct pool_settings *settings = &task->pool->settings;
    bool has_own = task->extra && task->extra->has_backoff;
    int64_t delay_us = has_own ? (int64_t)task->extra->backoff_ms * 1000 : settings->retry_delay_us;
    int64_t max_us = settings->retry_delay_max_us;
    uint64_t jitter_us, chance;

    for (uint32_t i = 1; i < failures && delay_us > 0 && delay_us < max_us; i++)
        delay_us *= 2;
    if (delay_us > max_us)
        delay_us = max_us;
    jitter_us = (uint64_t)delay_us * settings->retry_jitter_percent / 100;
    chance = hash_mix(task->number ^ hash_mix(task->attempt ^ broker->settings.hash_seed));
    return delay_us - (int64_t)(chance % (jitter_us + 1));
}

/* --- what is remembered --------------------------------------------------------------------------------------------- */

void
broker_record_attempt(const struct broker *broker, struct task *task, const struct lease *lease, bool is_kill,
                      const char *cause)
{
    struct task_extra *extra = task_get_extra(task);
    struct attempt attempt = {
        .number = task->attempt,
        .is_kill = is_kill && !lease->is_ahead,
        .worker = lease->worker->session,
        .worker_name = lease->worker->name,
        .run_us = broker->now_us - lease->leased_us,
        .cause = cause,
    };

    extra->kills += is_kill && !lease->is_ahead; /* which has not begun, as far as anybody knows; but it may be the one */
    extra->is_suspect |= is_kill && !extra->affinity; /* it goes to the worker of its session */
    attempts_add(&extra->attempts, &attempt);
}

/* "ValueError: it did not work", cut. */
static void
describe_failure(const struct verdict *verdict, char ret_cause[CAUSE_BYTES])
{
    struct bytes type = text_head(verdict->type, CAUSE_BYTES / 2);
    struct bytes parts[] = {type, text_bytes(type.size > 0 ? ": " : ""), verdict->text};
    size_t used = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct bytes part = text_head(parts[i], (uint32_t)(CAUSE_BYTES - 1 - used));

        if (part.size > 0)
            memcpy(ret_cause + used, part.data, part.size);
        used += part.size;
    }
    ret_cause[used] = '\0';
}

static void
note_retry(struct broker *broker, const struct task *task, const struct verdict *verdict, int64_t delay_us)
{
    const char *type = verdict->type.size > 0 ? outbox_copy(broker->outbox, verdict->type.data, verdict->type.size) : NULL;
    struct note *note = outbox_note(broker->outbox, NOTE_TASK_RETRIED);

    note->pool = task->pool->name;
    note->task = task->number;
    note->worker = verdict->lease->worker->session;
    note->reason = type;
    note->count = task->attempt;
    note->retry_us = delay_us;
}

bool
broker_retry(struct broker *broker, struct task *task, const struct verdict *verdict)
{
    uint32_t failures = (task->extra ? task->extra->failures : 0) + 1;
    char cause[CAUSE_BYTES];
    int64_t delay_us;

    if (failures > retries_max(task) || task->tries >= task->tries_max || task->is_cancel_asked ||
        pool_refuses(task->pool) || !is_retried(task, verdict->type))
        return false;
    delay_us = retry_delay_us(broker, task, failures);
    if (delay_us >= task->live.deadline_us - broker->now_us) /* it would only be waited for in vain */
        return false;
    describe_failure(verdict, cause);
    broker_record_attempt(broker, task, verdict->lease, false, cause);
    task->extra->failures = failures;
    broker_touch_pool(broker, task->pool);
    pool_withdraw(task->pool, task);
    task->live.not_before_us = broker->now_us + delay_us;
    pool_put(task->pool, task, TASK_DELAYED);
    broker_arm_task(broker, task);
    task->pool->retried++;
    note_retry(broker, task, verdict, delay_us);
    return true;
}
