/* test_broker_limits.c - how many tasks run at one time, and how fast they start: of a pool, and of each fair key. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct kit kit;
static struct pool_settings settings;

/* The pools are as `settings` says; `text` has a worker with `slots`. */
static void
begin(uint32_t slots)
{
    kit_init_with(&kit, NULL, &settings);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", slots);
}

static void
set_up(void)
{
    pool_settings_init(&settings, "");
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_limits, .init = set_up, .fini = tear_down);

static void
offer(uint64_t id, const char *key)
{
    struct submit submit = kit_task(id);

    submit.function = bytes_of(*key ? key : "none");
    submit.fair_key = bytes_of(key);
    kit_offer(&kit, 1, &submit);
}

/* Let the settings be in force, as a reload does. */
static void
reload(void)
{
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    settings.name = "text";
    kit_event(&kit, &event);
}

static size_t
count_sent(void)
{
    return kit_count(&kit, SIDE_WORKER, 1, VERB_TASK);
}

static uint64_t
running(void)
{
    return kit_pool(&kit, "text").slots_busy;
}

/* --- running_max ------------------------------------------------------------------------------------------------ */

Test(broker_limits, no_more_tasks_run_than_running_max)
{
    uint64_t fence;

    settings.limit.running_max = 2;
    begin(8);
    offer(1, "");
    fence = kit_fence(&kit, 1);
    for (uint64_t id = 2; id <= 10; id++)
        offer(id, "");
    cr_assert_eq(running(), 2);
    kit_result(&kit, 1, fence, "done");
    cr_assert_eq(count_sent(), 1);
    cr_assert_eq(running(), 2);
}

Test(broker_limits, a_lease_whose_task_was_cancelled_counts_until_it_ends)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    settings.limit.running_max = 1;
    begin(8);
    submit.has_deadline = true;
    submit.deadline_ms = 10;
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    offer(2, "");
    kit_pass(&kit, 20 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(count_sent(), 0, "its slot is taken");
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    cr_assert_eq(count_sent(), 1);
}

Test(broker_limits, the_leases_of_a_lost_worker_make_room)
{
    settings.limit.running_max = 2;
    begin(2);
    offer(1, "");
    offer(2, "");
    offer(3, "");
    kit_worker(&kit, 2, "text", 8);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 1, "and what was lost runs alone");
}

Test(broker_limits, a_raised_running_max_dispatches_at_once_and_a_lowered_one_takes_nothing_away)
{
    settings.limit.running_max = 2;
    begin(8);
    for (uint64_t id = 1; id <= 10; id++)
        offer(id, "");
    settings.limit.running_max = 5;
    reload();
    cr_assert_eq(count_sent(), 3);
    settings.limit.running_max = 1;
    reload();
    cr_assert_eq(running(), 5);
    settings.limit.running_max = 0;
    reload();
    cr_assert_eq(running(), 8);
}

/* --- rate ------------------------------------------------------------------------------------------------------- */

Test(broker_limits, tasks_start_at_the_pools_rate)
{
    settings.limit.rate = (struct rate){10, 1};
    settings.limit.rate_burst = 2;
    begin(100);
    for (uint64_t id = 1; id <= 50; id++)
        offer(id, "");
    cr_assert_eq(running(), 2);
    kit_live_through(&kit, 99 * MS);
    cr_assert_eq(running(), 2);
    kit_live_through(&kit, 1 * MS);
    cr_assert_eq(running(), 3);
    kit_live_through(&kit, 1900 * MS);
    cr_assert_eq(running(), 22);
}

Test(broker_limits, a_pool_that_was_idle_starts_a_burst_and_no_more)
{
    settings.limit.rate = (struct rate){60, 60};
    settings.limit.rate_burst = 3;
    begin(100);
    kit_live_through(&kit, 600 * SECOND);
    kit_worker(&kit, 1, "text", 100);
    for (uint64_t id = 1; id <= 50; id++)
        offer(id, "");
    cr_assert_eq(running(), 3);
}

Test(broker_limits, a_deadline_is_kept_while_the_rate_lets_nothing_go)
{
    struct submit submit = kit_task(2);

    settings.limit.rate = (struct rate){1, 3600};
    begin(8);
    offer(1, "");
    submit.has_deadline = true;
    submit.deadline_ms = 50;
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 50 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_limits, another_rate_is_in_force_at_once)
{
    settings.limit.rate = (struct rate){1, 3600};
    begin(100);
    for (uint64_t id = 1; id <= 50; id++)
        offer(id, "");
    cr_assert_eq(running(), 1);
    settings.limit.rate = (struct rate){1, 1};
    reload();
    cr_assert_eq(running(), 1, "the token is used up");
    kit_live_through(&kit, 1 * SECOND);
    cr_assert_eq(running(), 2);
    settings.limit.rate = (struct rate){0, 0};
    reload();
    cr_assert_eq(running(), 50);
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

Test(broker_limits, a_key_at_its_running_max_lets_others_pass)
{
    uint64_t fence;

    settings.key_limit.running_max = 1;
    begin(8);
    offer(1, "a");
    fence = kit_fence(&kit, 1);
    offer(2, "a");
    cr_assert_eq(count_sent(), 0);
    offer(3, "b");
    cr_assert_eq(count_sent(), 1);
    offer(4, "");
    offer(5, "");
    cr_assert_eq(running(), 4, "tasks without a key have no limit of one");
    kit_result(&kit, 1, fence, "done");
    cr_assert_eq(count_sent(), 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.function, "a"));
}

Test(broker_limits, a_limited_key_does_not_hold_up_lower_priorities)
{
    struct submit submit = kit_task(2);

    settings.key_limit.running_max = 1;
    begin(8);
    offer(1, "a");
    submit.fair_key = bytes_of("a");
    submit.priority = 9;
    kit_offer(&kit, 1, &submit);
    submit = kit_task(3);
    submit.priority = 0;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(running(), 2);
}

Test(broker_limits, each_key_has_its_own_rate)
{
    settings.key_limit.rate = (struct rate){10, 1};
    settings.key_limit.rate_burst = 1;
    begin(100);
    for (uint64_t id = 1; id <= 60; id++)
        offer(id, id % 3 == 0 ? "a" : id % 3 == 1 ? "b" : "c");
    cr_assert_eq(running(), 3);
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(running(), 18);
}

Test(broker_limits, a_key_that_went_and_came_back_has_used_its_rate)
{
    uint64_t fence;

    settings.key_limit.rate = (struct rate){1, 1};
    begin(8);
    offer(1, "a");
    fence = kit_fence(&kit, 1);
    kit_result(&kit, 1, fence, "done");
    cr_assert_eq(kit_pool(&kit, "text").keys, 0);
    offer(2, "a");
    cr_assert_eq(running(), 0);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(running(), 1);
}

Test(broker_limits, a_delayed_task_of_a_limited_key_starts_when_both_are_over)
{
    struct submit submit = kit_task(2);

    settings.key_limit.rate = (struct rate){1, 1};
    begin(8);
    offer(1, "a");
    submit.fair_key = bytes_of("a");
    submit.delay_ms = 500;
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 999 * MS);
    cr_assert_eq(running(), 1);
    kit_live_through(&kit, 1 * MS);
    cr_assert_eq(running(), 2);
}

Test(broker_limits, limits_of_keys_change_at_run_time)
{
    settings.key_limit.running_max = 1;
    begin(20);
    for (uint64_t id = 1; id <= 10; id++)
        offer(id, id % 2 ? "a" : "b");
    cr_assert_eq(running(), 2);
    settings.key_limit.running_max = 2;
    reload();
    cr_assert_eq(running(), 4);
    settings.key_limit.running_max = 0;
    settings.key_limit.rate = (struct rate){1, 1};
    reload();
    cr_assert_eq(running(), 6, "a new rate begins with a full bucket");
    settings.key_limit.rate = (struct rate){0, 0};
    reload();
    cr_assert_eq(running(), 10);
}

Test(broker_limits, the_limit_of_keys_and_that_of_the_pool_hold_together)
{
    settings.limit.running_max = 3;
    settings.key_limit.running_max = 2;
    begin(20);
    for (uint64_t id = 1; id <= 10; id++)
        offer(id, id <= 5 ? "a" : "b");
    cr_assert_eq(running(), 3);
}

Test(broker_limits, limits_hold_while_a_pool_is_removed_and_comes_back)
{
    struct event remove = {.kind = EVENT_POOL_REMOVE, .pool = bytes_of("text")};
    uint64_t fence;

    settings.limit.rate = (struct rate){1, 1};
    settings.key_limit.rate = (struct rate){1, 1};
    begin(8);
    offer(1, "a");
    fence = kit_fence(&kit, 1);
    offer(2, "a");
    kit_event(&kit, &remove);
    kit_cancel(&kit, 1, 2);
    kit_result(&kit, 1, fence, "done");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_REMOVED));
    reload();
    kit_worker(&kit, 1, "text", 8);
    offer(3, "a");
    cr_assert_eq(running(), 0, "no time has passed");
    kit_live_through(&kit, SECOND);
    cr_assert_eq(running(), 1);
}

Test(broker_limits, tasks_of_a_pool_that_fails_end_whether_they_are_held_or_not)
{
    uint64_t ends = 0;

    settings.when_failed = WHEN_FAILED_REFUSE;
    settings.limit.running_max = 1;
    settings.key_limit.rate = (struct rate){1, 3600};
    begin(1);
    for (uint64_t id = 1; id <= 4; id++)
        offer(id, "a");
    kit_agent(&kit, 3, 7, 1);
    kit_pool_says(&kit, 3, &(struct pool_report){.pool = bytes_of("text"), .state = AGENT_POOL_FAILED});
    kit_gone(&kit, SIDE_WORKER, 1);
    for (size_t i = 0; i < kit.outbox.count; i++)
        ends += kit.outbox.actions[i].kind == ACTION_SEND && kit.outbox.actions[i].message.verb == VERB_ERROR;
    cr_assert_eq(ends, 3);
}
