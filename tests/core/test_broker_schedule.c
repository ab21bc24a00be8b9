/* test_broker_schedule.c - tasks that are run again and again. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_schedule, 1);

static struct schedule_settings
hourly(const char *name)
{
    return (struct schedule_settings){
        .name = name, .pool = "text", .function = "sweep", .every_us = 3600 * SECOND, .delay_us = 3600 * SECOND};
}

static int
set(const struct schedule_settings *settings)
{
    struct event event = {.kind = EVENT_SCHEDULE_SET, .schedule_settings = settings};

    kit_event(&kit, &event);
    return kit.status;
}

static void
take_stats(void *context, const struct schedule_stats *stats)
{
    *(struct schedule_stats *)context = *stats;
}

/* Of the last one. */
static struct schedule_stats
look(void)
{
    struct schedule_stats stats = {0};

    broker_each_schedule(kit.broker, take_stats, &stats);
    return stats;
}

Test(broker_schedule, runs_first_after_its_delay_and_then_every_so_often)
{
    struct schedule_settings settings = hourly("tick");

    settings.delay_us = 5 * SECOND;
    settings.args = "[1, 2]";
    cr_assert_eq(set(&settings), OK);
    kit_live_through(&kit, 5 * SECOND - 1);
    cr_assert_eq(look().runs, 0);
    kit_live_through(&kit, 1);
    cr_assert_eq(look().runs, 1);
    kit_worker(&kit, 1, "text", 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.function, "sweep"));
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.payload.data, "[[1, 2]]"));
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.content_type, "json"));
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(look().succeeded, 1);
    cr_assert_str_eq(look().last, "ok");
    kit_live_through(&kit, 3600 * SECOND - 1);
    cr_assert_eq(look().runs, 1);
    kit_live_through(&kit, 1);
    cr_assert_eq(look().runs, 2);
}

Test(broker_schedule, skips_while_the_former_run_has_not_ended)
{
    struct schedule_settings settings = hourly("tick");

    set(&settings);
    kit_live_through(&kit, 3600 * SECOND);
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_eq(look().runs, 1);
    cr_assert_eq(look().skipped, 1);
    cr_assert_str_eq(kit_note(&kit, NOTE_SCHEDULE_MISSED)->schedule, "tick");
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_schedule, or_queues_one_more_when_told_to)
{
    struct schedule_settings settings = hourly("tick");

    settings.overlap = OVERLAP_QUEUE;
    set(&settings);
    kit_live_through(&kit, 7200 * SECOND);
    cr_assert_eq(look().runs, 2);
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
}

Test(broker_schedule, runs_that_were_missed_are_made_up_by_one)
{
    struct schedule_settings settings = hourly("tick");

    settings.every_us = settings.delay_us = 10 * SECOND;
    settings.overlap = OVERLAP_QUEUE;
    set(&settings);
    kit_pass(&kit, 10 * SECOND + 3 * SECOND);
    cr_assert_eq(look().runs, 1, "late by less than a period: the pace holds");
    kit_pass(&kit, 7 * SECOND);
    cr_assert_eq(look().runs, 2);
    kit_pass(&kit, 95 * SECOND);
    cr_assert_eq(look().runs, 3, "nine were missed");
    kit_pass(&kit, 10 * SECOND - 1);
    cr_assert_eq(look().runs, 3);
    kit_pass(&kit, 1);
    cr_assert_eq(look().runs, 4);
}

Test(broker_schedule, a_failure_and_a_refusal_are_counted)
{
    struct schedule_settings settings = hourly("tick");

    set(&settings);
    kit_live_through(&kit, 3600 * SECOND);
    kit_worker(&kit, 1, "text", 1);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_eq(look().failed, 1);
    cr_assert_str_eq(look().last, "failed");
    kit_event(&kit, &(struct event){.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")});
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_eq(look().refused, 1);
    cr_assert_str_eq(kit_note(&kit, NOTE_SCHEDULE_MISSED)->reason, "draining");
}

Test(broker_schedule, set_again_it_is_changed_and_keeps_its_counts)
{
    struct schedule_settings settings = hourly("tick");

    set(&settings);
    kit_live_through(&kit, 3600 * SECOND);
    settings.every_us = settings.delay_us = 60 * SECOND;
    settings.function = "brush";
    cr_assert_eq(set(&settings), OK);
    cr_assert_eq(look().runs, 1);
    cr_assert_eq(look().running, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(look().running, 0, "the run of the older settings is still its own");
    kit_live_through(&kit, 60 * SECOND);
    kit_worker(&kit, 2, "text", 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.function, "brush"));
}

Test(broker_schedule, removed_it_is_gone_and_what_runs_goes_on)
{
    struct schedule_settings settings = hourly("tick");
    struct event event = {.kind = EVENT_SCHEDULE_REMOVE, .schedule = bytes_of("tick")};

    set(&settings);
    kit_live_through(&kit, 3600 * SECOND);
    kit_event(&kit, &event);
    cr_assert_eq(kit.status, OK);
    cr_assert_null(look().name);
    kit_worker(&kit, 1, "text", 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    kit_live_through(&kit, 7200 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
    kit_event(&kit, &event);
    cr_assert_eq(kit.status, ERR_NOT_FOUND);
}

Test(broker_schedule, what_is_no_schedule_is_invalid)
{
    struct schedule_settings settings = hourly("a name");

    cr_assert_eq(set(&settings), ERR_INVALID);
    settings = hourly("tick");
    settings.function = "";
    cr_assert_eq(set(&settings), ERR_INVALID);
    settings = hourly("tick");
    settings.every_us = 0;
    cr_assert_eq(set(&settings), ERR_INVALID);
    settings = hourly("tick");
    cr_assert_eq(set(&settings), OK);
    settings.delay_us = -1;
    cr_assert_eq(set(&settings), ERR_INVALID, "and the old one stays");
    cr_assert_eq(look().every_us, 3600 * SECOND);
}

Test(broker_schedule, a_broker_that_ends_starts_no_more_runs)
{
    struct schedule_settings settings = hourly("tick");

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    set(&settings);
    kit_event(&kit, &(struct event){.kind = EVENT_SHUTDOWN, .shutdown_us = 7200 * SECOND});
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_eq(look().runs, 0);
}
