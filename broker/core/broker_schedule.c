/* broker_schedule.c - tasks that the broker itself submits again and again; see schedule.h and broker_schedule.h. */
#include "broker/core/broker_offer.h"
#include "broker/core/broker_schedule.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <string.h>

/* By name; there are few, and names are asked for by people. */
static struct schedule *
find(const struct broker *broker, struct bytes name)
{
    struct schedule *schedule;

    for (schedule = broker->schedules; schedule; schedule = schedule->hh.next)
        if (text_is(name, schedule->name))
            return schedule;
    return NULL;
}

static struct schedule *
find_number(const struct broker *broker, uint64_t number)
{
    struct schedule *schedule;

    HASH_FIND_BYHASHVALUE(hh, broker->schedules, &number, sizeof number, (unsigned)hash_mix(number), schedule);
    return schedule;
}

static void
note_missed(struct broker *broker, const struct schedule *schedule, const char *reason)
{
    struct note *note = outbox_note(broker->outbox, NOTE_SCHEDULE_MISSED);

    note->pool = outbox_copy(broker->outbox, schedule->pool, strlen(schedule->pool));
    note->schedule = outbox_copy(broker->outbox, schedule->name, strlen(schedule->name));
    note->reason = reason;
}

int
broker_set_schedule(struct broker *broker, const struct schedule_settings *settings)
{
    struct schedule *schedule = find(broker, text_bytes(settings->name));

    if (schedule && !schedule_change(schedule, settings, broker->now_us))
        return ERR_INVALID;
    if (!schedule) {
        if (HASH_COUNT(broker->schedules) >= SCHEDULES_MAX)
            return ERR_FULL;
        schedule = schedule_new(++broker->schedule_last, settings, broker->now_us);
        if (!schedule)
            return ERR_INVALID;
        schedule->timer.tag = TIMER_SCHEDULE;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->schedules, &schedule->number, sizeof schedule->number,
                                    (unsigned)hash_mix(schedule->number), schedule);
    }
    heap_put(&broker->timers, &schedule->timer, schedule->due_us);
    return OK;
}

static void
drop(struct broker *broker, struct schedule *schedule)
{
    heap_remove(&broker->timers, &schedule->timer);
    HASH_DELETE(hh, broker->schedules, schedule);
    schedule_destroy(&schedule);
}

int
broker_remove_schedule(struct broker *broker, struct bytes name)
{
    struct schedule *schedule = find(broker, name);

    if (!schedule)
        return ERR_NOT_FOUND;
    drop(broker, schedule);
    return OK;
}

void
broker_destroy_schedules(struct broker *broker)
{
    struct schedule *schedule, *next;

    HASH_ITER(hh, broker->schedules, schedule, next)
        drop(broker, schedule);
}

/* Its task may end before this returns. */
static void
submit(struct broker *broker, struct schedule *schedule)
{
    struct submit submit = {
        .pool = text_bytes(schedule->pool),
        .function = schedule->body->function,
        .content_type = schedule->body->content_type,
        .payload = schedule->body->payload,
        .priority = PRIORITY_DEFAULT,
    };
    enum error_code code;

    schedule->open++;
    schedule->runs++;
    code = broker_submit_scheduled(broker, &submit, schedule->number, &schedule->task);
    if (code == ERROR_NONE)
        return;
    schedule->open--;
    schedule->runs--;
    schedule->refused++;
    note_missed(broker, schedule, error_code_name(code));
}

void
broker_schedule_due(struct broker *broker, struct schedule *schedule)
{
    bool is_run = schedule_begin(schedule, broker->now_us);

    heap_put(&broker->timers, &schedule->timer, schedule->due_us);
    if (is_run)
        submit(broker, schedule);
    else
        note_missed(broker, schedule, "the former run has not ended");
}

void
broker_scheduled_final(struct broker *broker, const struct task *task)
{
    struct schedule *schedule = find_number(broker, task->extra->schedule);

    if (!schedule) /* removed meanwhile */
        return;
    schedule->open--;
    schedule->last = task->verdict;
    schedule->succeeded += task->verdict == ERROR_NONE;
    schedule->failed += task->verdict != ERROR_NONE;
}

void
broker_each_schedule(const struct broker *broker, void (*visit)(void *context, const struct schedule_stats *stats),
                     void *context)
{
    for (const struct schedule *schedule = broker->schedules; schedule; schedule = schedule->hh.next) {
        struct schedule_stats stats = {
            .name = schedule->name,
            .pool = schedule->pool,
            .function = schedule->body->function,
            .payload = schedule->body->payload.data,
            .overlap = schedule->overlap,
            .every_us = schedule->every_us,
            .due_us = schedule->due_us,
            .running = schedule->open,
            .runs = schedule->runs,
            .skipped = schedule->skipped,
            .refused = schedule->refused,
            .succeeded = schedule->succeeded,
            .failed = schedule->failed,
            .task = schedule->task,
            .last = schedule->last < 0 ? NULL : task_final_name((enum error_code)schedule->last),
        };

        visit(context, &stats);
    }
}
