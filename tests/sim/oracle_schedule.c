/* oracle_schedule.c - tasks that the broker runs every so often: when it must, and when it may not; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

static struct model_schedule *
find(struct model *model, struct bytes name)
{
    for (int i = 0; i < SCHEDULES_SIM_MAX; i++)
        if (model->schedules[i].settings.name && name.size == strlen(model->schedules[i].settings.name) &&
            memcmp(name.data, model->schedules[i].settings.name, name.size) == 0)
            return &model->schedules[i];
    return NULL;
}

void
oracle_set_schedule(struct oracle *oracle, const struct schedule_settings *settings, int status)
{
    struct model_schedule *schedule = find(&oracle->model, bytes_of(settings->name));

    if (status != OK)
        BREAK(oracle, "operator", "a schedule could not be set: %d", status);
    for (int i = 0; i < SCHEDULES_SIM_MAX && !schedule; i++)
        if (!oracle->model.schedules[i].settings.name) {
            schedule = &oracle->model.schedules[i];
            *schedule = (struct model_schedule){.number = ++oracle->model.schedules_made};
        }
    schedule->settings = *settings;
    schedule->due_us = oracle->now_us + settings->delay_us;
}

void
oracle_remove_schedule(struct oracle *oracle, struct bytes name, int status)
{
    struct model_schedule *schedule = find(&oracle->model, name);

    if ((status == OK) != (schedule != NULL))
        BREAK(oracle, "operator", "the removal of a schedule returned %d", status);
    if (schedule)
        *schedule = (struct model_schedule){0};
}

/* --- runs ------------------------------------------------------------------------------------------------------------- */

static const struct note *
find_missed(const struct oracle *oracle, const struct model_schedule *schedule)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_NOTE && action->note.kind == NOTE_SCHEDULE_MISSED &&
            strcmp(action->note.schedule, schedule->settings.name) == 0)
            return &action->note;
    }
    return NULL;
}

/* A refusal depends on what else this tick did before; that there is room in the end is not enough to blame it. */
static void
miss(struct oracle *oracle, struct model_schedule *schedule, const char *reason)
{
    struct model_pool *pool = model_find_pool(&oracle->model, bytes_of(schedule->settings.pool));
    bool overlaps = schedule->open > 0 || schedule->ended_us == oracle->now_us;

    if (strcmp(reason, "the former run has not ended") == 0) {
        if (!overlaps || schedule->settings.overlap == OVERLAP_QUEUE)
            BREAK(oracle, "schedule", "schedule %s skipped a run, and no other is open", schedule->settings.name);
        schedule->skipped++;
        oracle->tally->sometimes[SOMETIMES_RUN_SKIPPED]++;
        return;
    }
    if (strcmp(reason, "no_such_pool") != 0 && pool) {
        pool->offered++;
        pool->refused++;
    }
    schedule->refused++;
    oracle->tally->sometimes[SOMETIMES_RUN_REFUSED]++;
}

static void
run(struct oracle *oracle, struct model_schedule *schedule)
{
    struct model *model = &oracle->model;
    struct submit submit = {
        .id = ref_number(model->numbers + 1),
        .pool = bytes_of(schedule->settings.pool),
        .function = bytes_of(schedule->settings.function),
        .content_type = bytes_of("json"),
        .payload.data = bytes_of("[]"),
        .priority = PRIORITY_DEFAULT,
    };
    struct model_task *task;

    if (schedule->settings.overlap == OVERLAP_SKIP && schedule->open > 0)
        BREAK(oracle, "schedule", "schedule %s ran while a former run was open", schedule->settings.name);
    if (!model_find_pool(model, submit.pool)) {
        BREAK(oracle, "schedule", "schedule %s ran in a pool that is not there", schedule->settings.name);
        return;
    }
    model->first = &model->house;
    task = model_accept(model, &model->house, &submit, oracle->now_us);
    task->schedule = schedule;
    task->schedule_number = schedule->number;
    schedule->open++;
    schedule->runs++;
    oracle->tally->sometimes[SOMETIMES_RUN]++;
}

/* The schedule whose last run's number is asked for. */
struct run_search {
    const char *name;
    uint64_t task;
};

static void
visit_run(void *context, const struct schedule_stats *stats)
{
    struct run_search *search = context;

    if (strcmp(stats->name, search->name) == 0)
        search->task = stats->task;
}

/* Of two that are due at one time, the broker's numbers tell which ran first. */
static bool
is_due_before(const struct oracle *oracle, const struct model_schedule *a, const struct model_schedule *b)
{
    struct run_search ours = {.name = a->settings.name}, other = {.name = b->settings.name};

    if (a->due_us != b->due_us)
        return a->due_us < b->due_us;
    broker_each_schedule(oracle->broker, visit_run, &ours);
    broker_each_schedule(oracle->broker, visit_run, &other);
    return ours.task < other.task;
}

/* The one that is due first, or NULL. */
static struct model_schedule *
next_due(struct oracle *oracle)
{
    struct model_schedule *next = NULL;

    for (int i = 0; i < SCHEDULES_SIM_MAX; i++) {
        struct model_schedule *schedule = &oracle->model.schedules[i];

        if (schedule->settings.name && schedule->due_us <= oracle->now_us && (!next || is_due_before(oracle, schedule, next)))
            next = schedule;
    }
    return next;
}

void
oracle_run_schedules(struct oracle *oracle)
{
    struct model_schedule *schedule;

    while ((schedule = next_due(oracle))) {
        const struct note *missed = find_missed(oracle, schedule);
        int64_t next_us = schedule->due_us + schedule->settings.every_us;

        oracle->tally->sometimes[SOMETIMES_RUN_MADE_UP] += next_us <= oracle->now_us;
        schedule->due_us = next_us > oracle->now_us ? next_us : oracle->now_us + schedule->settings.every_us;
        if (missed)
            miss(oracle, schedule, missed->reason);
        else
            run(oracle, schedule);
    }
}

void
oracle_schedule_note(struct oracle *oracle, const struct note *note)
{
    const struct model_schedule *schedule;

    if (note->kind != NOTE_SCHEDULE_MISSED)
        return;
    schedule = find(&oracle->model, bytes_of(note->schedule));
    if (!schedule || !oracle->is_tick || schedule->due_us > oracle->now_us)
        BREAK(oracle, "schedule", "schedule %s missed a run that was not due", note->schedule);
}

static void
compare(void *context, const struct schedule_stats *stats)
{
    struct oracle *oracle = context;
    const struct model_schedule *schedule = find(&oracle->model, bytes_of(stats->name));

    if (!schedule)
        BREAK(oracle, "schedule", "schedule %s is shown, and was removed", stats->name);
    else if (schedule->runs != stats->runs || schedule->skipped != stats->skipped || schedule->refused != stats->refused ||
             schedule->open != stats->running || schedule->due_us != stats->due_us)
        BREAK(oracle, "schedule",
              "schedule %s: %" PRIu64 " runs, %" PRIu64 " skipped, %" PRIu64 " refused, %" PRIu64 " open, due in %" PRIi64
              "; it should be %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIi64,
              stats->name, stats->runs, stats->skipped, stats->refused, stats->running, stats->due_us - oracle->now_us,
              schedule->runs, schedule->skipped, schedule->refused, schedule->open, schedule->due_us - oracle->now_us);
}

void
oracle_check_schedules(struct oracle *oracle)
{
    broker_each_schedule(oracle->broker, compare, oracle);
}
