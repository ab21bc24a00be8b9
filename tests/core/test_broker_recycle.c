/* test_broker_recycle.c - workers are replaced without losing capacity or work. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

enum { AGENT = 1000, AGENT_PEER = 100 };

static struct kit kit;

/* A broker whose pools have these settings, and an agent that keeps two workers. */
static void
begin_with(struct pool_settings *settings)
{
    settings->recycle_jitter_percent = 0;
    kit_init_with(&kit, NULL, settings);
    kit_agent(&kit, AGENT_PEER, AGENT, 2);
}

static struct pool_settings
some_settings(void)
{
    struct pool_settings settings;

    pool_settings_init(&settings, "text");
    return settings;
}

static void
set_up(void)
{
    struct pool_settings settings = some_settings();

    begin_with(&settings);
}

/* In place of set_up, for a test with its own settings. */
static void
begin_again_with(struct pool_settings *settings)
{
    kit_fini(&kit);
    begin_with(settings);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_recycle, .init = set_up, .fini = tear_down);

static uint64_t
recycled(enum recycle_reason reason)
{
    return kit_pool(&kit, "text").recycled[reason];
}

static void
say_bye(uint32_t peer)
{
    kit_verb(&kit, SIDE_WORKER, peer, VERB_BYE);
}

/* All but these two peers stay silent. */
static void
beat(uint32_t first, uint32_t last)
{
    for (uint32_t peer = first; peer <= last; peer++)
        kit_verb(&kit, SIDE_WORKER, peer, VERB_HEARTBEAT);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
}

/* --- make before break -------------------------------------------------------------------------------------------- */

Test(broker_recycle, the_replacement_is_ready_before_the_old_worker_is_asked_to_end)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    const struct message *replace;

    cr_assert_eq(kit_recycle(&kit, old), 1);
    replace = kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE);
    cr_assert_not_null(replace);
    cr_assert(replace->replace.session == old && replace->replace.pid == 11 && !replace->replace.first);
    cr_assert(bytes_are(replace->replace.pool, "text") && bytes_are(replace->replace.reason, "manual"));
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP), "it goes on");
    cr_assert_str_eq(kit_worker_state(&kit, old), "ready");

    kit_agents_worker(&kit, 2, AGENT, 12, old);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP)->stop.reason, "manual"));
    cr_assert_str_eq(kit_worker_state(&kit, old), "draining");
    cr_assert_eq(kit_pool(&kit, "text").workers_ready, 1);

    say_bye(1);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_RECYCLED)->reason, "manual");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_RETIRE)->retire.pid, 11);
    cr_assert_eq(recycled(RECYCLE_MANUAL), 1);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0);
}

Test(broker_recycle, running_tasks_end_first_and_new_ones_go_to_the_replacement)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_recycle(&kit, old);
    kit_submit(&kit, 1, 2);
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    cr_assert_neq(kit_fence(&kit, 2), 0, "the waiting task goes to the new one");
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    say_bye(1);
    cr_assert_eq(kit_pool(&kit, "text").requeued, 0);
    cr_assert_eq(recycled(RECYCLE_MANUAL), 1);
}

Test(broker_recycle, only_as_many_are_replaced_at_one_time_as_the_pool_says)
{
    struct pool_settings settings = some_settings();
    uint64_t sessions[4];

    settings.recycle_parallel = 2;
    begin_again_with(&settings);
    for (uint32_t i = 0; i < 4; i++)
        sessions[i] = kit_agents_worker(&kit, i + 1, AGENT, 11 + i, 0);
    cr_assert_eq(kit_recycle(&kit, 0), 4);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE), 2);
    cr_assert(kit_pool(&kit, "text").recycling == 2 && kit_pool(&kit, "text").recycle_due == 2);
    kit_agents_worker(&kit, 5, AGENT, 15, sessions[0]);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE), 0, "the old one is still here");
    say_bye(1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE), 1);
    cr_assert_eq(kit_recycle(&kit, 0), 4, "two that are being replaced, one that waits, and the new one");
}

Test(broker_recycle, a_replacement_that_fails_leaves_the_old_worker_where_it_is_and_is_tried_again_ever_later)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    struct exited exited = {.pool = bytes_of("text"), .cause = EXIT_START_FAILED, .status = 1, .replaces = old};

    kit_recycle(&kit, old);
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_REPLACE_FAILED)->reason, "ended before it was ready, with status 1");
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_REPLACE_FAILED)->retry_us, 30 * SECOND);
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_START_FAILED)->agent, AGENT);
    cr_assert_str_eq(kit_worker_state(&kit, old), "ready");
    for (int i = 0; i < 29; i++) {
        kit_pass(&kit, SECOND);
        cr_assert_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE));
        beat(1, 1);
    }
    kit_pass(&kit, SECOND);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE));
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_REPLACE_FAILED)->retry_us, 60 * SECOND);
    kit_recycle(&kit, old);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE), "an operator need not wait");
}

Test(broker_recycle, a_replacement_that_is_late_leaves_the_old_worker_and_takes_its_place_when_it_comes_after_all)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_recycle(&kit, old);
    for (int i = 0; i < 60; i++) {
        kit_pass(&kit, SECOND);
        beat(1, 1);
    }
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0);
    cr_assert_eq(kit_pool(&kit, "text").recycle_due, 1);
    cr_assert_str_eq(kit_worker_state(&kit, old), "ready");
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    say_bye(1);
    cr_assert_eq(recycled(RECYCLE_MANUAL), 1);
    cr_assert(kit_pool(&kit, "text").recycling == 0 && kit_pool(&kit, "text").recycle_due == 0);
}

/* --- break before make -------------------------------------------------------------------------------------------- */

Test(broker_recycle, without_memory_for_both_the_old_worker_ends_first_and_one_at_a_time)
{
    struct pool_settings settings = some_settings();
    uint64_t sessions[2];
    struct exited exited = {.pool = bytes_of("text"), .cause = EXIT_NO_MEMORY};

    settings.recycle_parallel = 2;
    begin_again_with(&settings);
    for (uint32_t i = 0; i < 2; i++)
        sessions[i] = kit_agents_worker(&kit, i + 1, AGENT, 11 + i, 0);
    kit_recycle(&kit, 0);
    exited.replaces = sessions[0];
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE)->replace.first);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    exited.replaces = sessions[1];
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP), "the first must be filled before");
    say_bye(1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP));
    kit_agents_worker(&kit, 3, AGENT, 13, sessions[0]);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP));
    cr_assert_eq(kit_pool(&kit, "text").workers_ready, 1);
}

Test(broker_recycle, after_shutdown_no_old_worker_ends_first)
{
    struct event shutdown = {.kind = EVENT_SHUTDOWN, .shutdown_us = 10 * SECOND};
    struct exited exited = {.pool = bytes_of("text"), .cause = EXIT_NO_MEMORY};

    exited.replaces = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1); /* or it would be over at once */
    kit_recycle(&kit, 0);
    kit_event(&kit, &shutdown);
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE));
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0);
}

Test(broker_recycle, a_pool_may_ask_for_the_old_worker_to_end_first)
{
    struct pool_settings settings = some_settings();
    uint64_t old;

    settings.recycle_first = true;
    begin_again_with(&settings);
    old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_recycle(&kit, old);
    cr_assert(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE)->replace.first);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    say_bye(1);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 1, "its place is open");
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0);
}

Test(broker_recycle, a_worker_without_an_agent_is_asked_to_end_and_the_next_one_waits_until_its_place_is_filled)
{
    uint64_t first = kit_worker(&kit, 1, "numbers", 1);
    uint64_t second = kit_worker(&kit, 2, "numbers", 1);

    cr_assert_eq(kit_recycle(&kit, first), 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    cr_assert_eq(kit_recycle(&kit, second), 1);
    say_bye(1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP));
    for (int i = 0; i < 100; i++) {
        kit_pass(&kit, SECOND);
        cr_assert_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP), "nobody has come");
        beat(2, 2);
    }
    kit_worker(&kit, 3, "numbers", 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_STOP));
}

Test(broker_recycle, a_place_that_its_agent_does_not_want_filled_any_more_holds_nobody_up)
{
    struct pool_report fewer = {.pool = bytes_of("text"), .has_wanted = true, .wanted = 1};
    struct pool_settings settings = some_settings();
    uint64_t old;

    settings.recycle_first = true;
    begin_again_with(&settings);
    old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_agents_worker(&kit, 2, AGENT, 12, 0);
    kit_recycle(&kit, old);
    say_bye(1);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 1, "its place is open");
    kit_pool_says(&kit, AGENT_PEER, &fewer);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0, "one worker is wanted, and it is there");
}

Test(broker_recycle, a_worker_whose_time_is_over_is_asked_to_end_once)
{
    struct pool_settings settings = some_settings();

    settings.recycle_first = true;
    settings.worker_ttl_us = SECOND;
    begin_again_with(&settings);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_pass(&kit, SECOND);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 1);
}

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

Test(broker_recycle, an_old_worker_that_dies_while_its_replacement_starts_leaves_its_place_to_that)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    uint64_t other = kit_agents_worker(&kit, 3, AGENT, 13, 0);

    kit_recycle(&kit, 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_pass(&kit, 500 * MS);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_LOST));
    cr_assert(recycled(RECYCLE_DIED) == 1 && recycled(RECYCLE_MANUAL) == 0);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE), "the other one waits");
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE)->replace.session, other);
}

Test(broker_recycle, when_both_die_the_agents_next_worker_fills_the_place)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    struct exited exited = {.pool = bytes_of("text"), .cause = EXIT_SIGNAL, .status = 9, .replaces = old};

    kit_agents_worker(&kit, 3, AGENT, 13, 0);
    kit_recycle(&kit, old);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_pass(&kit, 500 * MS);
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 1);
    kit_agents_worker(&kit, 2, AGENT, 12, 0);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0, "the pool has both its workers");
}

Test(broker_recycle, a_lost_agent_takes_nothing_away_and_is_asked_again_when_it_is_back)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_recycle(&kit, old);
    kit_gone(&kit, SIDE_WORKER, AGENT_PEER);
    kit_pass(&kit, 500 * MS);
    cr_assert_not_null(kit_note(&kit, NOTE_AGENT_LOST));
    cr_assert_str_eq(kit_worker_state(&kit, old), "ready");
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP), "nobody would start another one");
    kit_agent(&kit, 101, AGENT, 2);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 101, VERB_REPLACE)->replace.session, old);
}

Test(broker_recycle, an_agent_that_comes_back_within_the_grace_is_asked_the_same_again)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_recycle(&kit, old);
    kit_gone(&kit, SIDE_WORKER, AGENT_PEER);
    kit_pass(&kit, 400 * MS);
    kit_agent(&kit, 101, AGENT, 2);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 101, VERB_REPLACE)->replace.session, old);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 1);
}

Test(broker_recycle, a_detached_worker_is_asked_to_end_when_it_is_back)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    struct hello hello = kit_worker_hello("text", 1);

    kit_recycle(&kit, old);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    hello.session = old;
    hello.pid = 11;
    hello.agent = AGENT;
    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 3, &hello), old);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 3, VERB_STOP));
    cr_assert_str_eq(kit_worker_state(&kit, old), "draining");
}

Test(broker_recycle, a_worker_that_does_not_end_is_left_its_tasks_and_is_retired_when_it_has_none)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_recycle(&kit, old);
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    for (int i = 0; i < 60; i++) {
        kit_pass(&kit, SECOND);
        beat(1, 2);
    }
    cr_assert_str_eq(kit_worker_state(&kit, old), "draining");
    kit_result(&kit, 1, fence, "6");
    for (int i = 0; i < 10 && kit_count_notes(&kit, NOTE_WORKER_RECYCLED) == 0; i++) {
        beat(1, 2);
        kit_pass(&kit, SECOND);
    }
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_RETIRE)->retire.pid, 11);
    cr_assert_str_eq(kit_worker_state(&kit, old), "none");
}

Test(broker_recycle, a_stranger_cannot_take_a_workers_place)
{
    uint64_t old = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_recycle(&kit, old);
    kit_agents_worker(&kit, 2, AGENT + 1, 12, old);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
    kit_agents_worker(&kit, 3, AGENT, 13, old);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP));
}

Test(broker_recycle, a_worker_that_leaves_by_itself_is_not_replaced)
{
    uint64_t leaving = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_eq(kit_recycle(&kit, leaving), 0);
    cr_assert_eq(kit.status, OK);
    kit_recycle(&kit, 12345);
    cr_assert_eq(kit.status, ERR_NOT_FOUND);
}

Test(broker_recycle, a_shutdown_begins_no_replacement_and_ends_in_the_middle_of_one)
{
    struct event shutdown = {.kind = EVENT_SHUTDOWN, .shutdown_us = 10 * SECOND};
    uint64_t first = kit_agents_worker(&kit, 1, AGENT, 11, 0);

    kit_agents_worker(&kit, 2, AGENT, 12, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    kit_recycle(&kit, 0);
    kit_event(&kit, &shutdown);
    kit_agents_worker(&kit, 3, AGENT, 13, first);
    say_bye(1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE));
    kit_pass(&kit, 10 * SECOND);
    cr_assert(kit_is_shut(&kit));
}
