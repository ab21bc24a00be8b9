/* oracle_retry.c - failed attempts that are tried again: after which failures, how often, when; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

static uint32_t
retries_max(const struct model_task *task)
{
    if (task->patience.has_retries)
        return task->patience.retries;
    return task->at_most_once ? 0 : task->pool->settings.retries;
}

/* The whole name, or what stands behind its last dot. */
static bool
is_named(struct bytes type, struct bytes name)
{
    uint32_t last = 0;

    for (uint32_t i = 0; i < type.size; i++)
        if (type.data[i] == '.')
            last = i + 1;
    if (name.size == type.size)
        return memcmp(name.data, type.data, name.size) == 0;
    return name.size == type.size - last && memcmp(name.data, type.data + last, name.size) == 0;
}

static bool
is_wanted(const struct model_task *task, struct bytes type)
{
    struct texts own = task->patience.retry_on;
    char *const *names = task->pool->settings.retry_on;

    for (uint32_t i = 0; i < own.count; i++)
        if (is_named(type, own.list[i]))
            return true;
    if (own.count > 0)
        return false;
    for (size_t i = 0; names && names[i]; i++)
        if (is_named(type, bytes_of(names[i])))
            return true;
    return !names || !names[0];
}

/* Without jitter. */
static int64_t
longest_delay_us(const struct model_task *task)
{
    const struct pool_settings *settings = &task->pool->settings;
    int64_t delay_us =
        task->patience.has_backoff ? (int64_t)task->patience.backoff_ms * 1000 : settings->retry_delay_us;

    for (uint32_t i = 0; i < task->failures && delay_us < settings->retry_delay_max_us; i++)
        delay_us *= 2;
    return delay_us < settings->retry_delay_max_us ? delay_us : settings->retry_delay_max_us;
}

static const struct note *
find_note(const struct oracle *oracle, uint64_t task)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_NOTE && action->note.kind == NOTE_TASK_RETRIED && action->note.task == task)
            return &action->note;
    }
    return NULL;
}

static bool
may_be_retried(struct oracle *oracle, const struct model_task *task, struct bytes type)
{
    uint32_t retries = retries_max(task);
    bool is_left = task->failures < retries && task->tries < task->tries_max && !task->cancel_asked;

    oracle->tally->sometimes[SOMETIMES_RETRIES_USED_UP] += retries > 0 && task->failures == retries;
    oracle->tally->sometimes[SOMETIMES_RETRY_OF_ANOTHER_TYPE] += is_left && !is_wanted(task, type);
    return is_left && is_wanted(task, type);
}

/* How long the pause may be is known, how long it is says the note. */
static bool
check_delay(struct oracle *oracle, const struct model_task *task, const struct note *note)
{
    int64_t longest_us = longest_delay_us(task), left_us = task->deadline_us - oracle->now_us;
    int64_t shortest_us = longest_us - longest_us * task->pool->settings.retry_jitter_percent / 100;

    if (!note && longest_us < left_us)
        BREAK(oracle, "P3", "task %" PRIu64 " failed, and was not tried again", task->number);
    oracle->tally->sometimes[SOMETIMES_RETRY_BEHIND_DEADLINE] += !note;
    if (!note)
        return false;
    if (note->retry_us < shortest_us || note->retry_us > longest_us)
        BREAK(oracle, "retry", "task %" PRIu64 " is delayed by %" PRIi64 " us, and should be by %" PRIi64 " to %" PRIi64,
              task->number, note->retry_us, shortest_us, longest_us);
    if (note->retry_us >= left_us)
        BREAK(oracle, "P10", "task %" PRIu64 " waits for a retry behind its deadline", task->number);
    return true;
}

bool
oracle_takes_retry(struct oracle *oracle, struct model_lease *lease, struct bytes type)
{
    struct model_task *task = lease->task;
    const struct note *note = find_note(oracle, task->number);

    if (!may_be_retried(oracle, task, type)) {
        if (note)
            BREAK(oracle, "retry", "task %" PRIu64 " is tried again, after %u failures", task->number, task->failures);
        return false;
    }
    if (!check_delay(oracle, task, note))
        return false;
    oracle->tally->sometimes[SOMETIMES_RETRIED]++;
    oracle_judge_attempt(oracle, lease, ATTEMPT_FAILED);
    task->failures++;
    model_delay_again(&oracle->model, task, oracle->now_us + note->retry_us);
    return true;
}
