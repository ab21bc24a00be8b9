/* test_broker_agent.c - sessions of agents, what they tell, and pools that fail. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { AGENT = 1000, AGENT_PEER = 100 };

KIT_SUITE(broker_agent, 0);

static void
pool_is(uint32_t peer, enum agent_state state)
{
    struct pool_report report = {.pool = bytes_of("text"), .state = state};

    kit_pool_says(&kit, peer, &report);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

Test(broker_agent, an_agent_is_welcomed_and_its_heartbeats_are_answered)
{
    cr_assert_neq(kit_agent(&kit, AGENT_PEER, AGENT, 3), 0);
    cr_assert_eq(kit_note(&kit, NOTE_AGENT_CONNECTED)->agent, AGENT);
    cr_assert_str_eq(kit_note(&kit, NOTE_AGENT_CONNECTED)->agent_name, "agent");
    cr_assert_eq(kit_pool(&kit, "text").workers_wanted, 3);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT));
    cr_assert_eq(kit_stats(&kit).workers, 0, "it is no worker");
}

static void
take_heard(void *context, const struct agent_stats *stats)
{
    *(int64_t *)context = stats->heard_us;
}

Test(broker_agent, what_is_shown_of_an_agent_says_when_it_was_last_heard)
{
    int64_t first_us = 0, second_us = 0;

    kit_agent(&kit, AGENT_PEER, AGENT, 3);
    broker_each_agent(kit.broker, take_heard, &first_us);
    kit_pass(&kit, SECOND);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    broker_each_agent(kit.broker, take_heard, &second_us);
    cr_assert_eq(second_us - first_us, SECOND);
}

Test(broker_agent, an_agent_cannot_speak_as_a_worker_nor_a_worker_as_an_agent)
{
    struct message processes = {.verb = VERB_PROCESSES};

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_DRAINING);
    cr_assert_eq(kit_worker_error(&kit, AGENT_PEER), ERROR_UNKNOWN_VERB);
    kit_worker(&kit, 1, "text", 1);
    kit_command(&kit, SIDE_WORKER, 1, &processes);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_UNKNOWN_VERB);
}

Test(broker_agent, one_who_is_silent_or_says_bye_is_lost_and_its_workers_stay)
{
    uint64_t worker;

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    for (int i = 0; i < 3; i++) {
        kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
        kit_pass(&kit, SECOND);
    }
    cr_assert_str_eq(kit_note(&kit, NOTE_AGENT_LOST)->reason, "silent");
    cr_assert_str_eq(kit_worker_state(&kit, worker), "ready");
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REHELLO));
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_BYE);
    cr_assert_str_eq(kit_note(&kit, NOTE_AGENT_LOST)->reason, "said BYE");
    cr_assert_eq(kit_pool(&kit, "text").agents, 0);
}

Test(broker_agent, of_two_with_one_number_the_later_wins_and_the_other_is_asked_for_its_hello)
{
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agent(&kit, 101, AGENT, 5);
    cr_assert_eq(kit_pool(&kit, "text").agents, 1);
    cr_assert_eq(kit_pool(&kit, "text").workers_wanted, 5);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REHELLO));
    kit_gone(&kit, SIDE_WORKER, AGENT_PEER);
    kit_pass(&kit, SECOND);
    cr_assert_eq(kit_pool(&kit, "text").agents, 1, "the end of the old connection means nothing");
}

Test(broker_agent, a_connection_is_one_thing_at_a_time)
{
    kit_agent(&kit, 1, AGENT, 1);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_not_null(kit_note(&kit, NOTE_AGENT_LOST));
    cr_assert(kit_pool(&kit, "text").workers == 1 && kit_pool(&kit, "text").agents == 0);
    kit_agent(&kit, 1, AGENT, 1);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_STOPPED));
    cr_assert(kit_pool(&kit, "text").workers == 0 && kit_pool(&kit, "text").agents == 1);
}

Test(broker_agent, the_wanted_workers_are_those_of_all_agents_or_else_the_configured_ones)
{
    struct pool_report fewer = {.pool = bytes_of("text"), .has_wanted = true, .wanted = 1};

    kit_agent(&kit, AGENT_PEER, AGENT, 3);
    kit_agent(&kit, 101, AGENT + 1, 4);
    cr_assert_eq(kit_pool(&kit, "text").workers_wanted, 7);
    kit_pool_says(&kit, 101, &fewer);
    cr_assert_eq(kit_pool(&kit, "text").workers_wanted, 4);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_BYE);
    cr_assert_eq(kit_pool(&kit, "text").workers_wanted, 1);
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

Test(broker_agent, the_end_of_a_process_is_known_at_once_and_named_when_its_connection_has_ended)
{
    struct exited exited = {.pool = bytes_of("text"), .pid = 11, .cause = EXIT_SIGNAL, .status = 11};
    uint64_t worker;

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_str_eq(kit_worker_state(&kit, worker), "ready", "its last words may be on their way");
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_LOST)->reason, "killed by signal 11 (SIGSEGV)");
    cr_assert_str_eq(kit_note(&kit, NOTE_TASK_REQUEUED)->reason, "killed by signal 11 (SIGSEGV)");
    cr_assert_str_eq(kit_worker_state(&kit, worker), "none", "no grace is needed");
}

Test(broker_agent, a_worker_that_ended_soon_after_it_was_ready_exited_and_its_start_did_not_fail)
{
    struct exited exited = {.pool = bytes_of("text"), .pid = 11, .cause = EXIT_START_FAILED, .status = 9};

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_exited(&kit, AGENT_PEER, &exited);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_LOST)->reason, "exited with status 9");
}

Test(broker_agent, a_detached_worker_whose_process_ended_is_lost_at_once)
{
    struct exited exited = {.pool = bytes_of("text"), .pid = 11, .cause = EXIT_OOM};

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_LOST)->reason, "killed by the kernel for want of memory");
    kit_exited(&kit, AGENT_PEER, &exited);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_EXITED), "whom it does not know is told all the same");
}

Test(broker_agent, the_error_of_a_dead_task_names_the_last_cause)
{
    struct exited exited = {.pool = bytes_of("text"), .pid = 11, .cause = EXIT_STATUS, .status = 3};
    struct submit submit = kit_task(1);

    submit.max_attempts = 1;
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_offer(&kit, 1, &submit);
    kit_exited(&kit, AGENT_PEER, &exited);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the worker was lost in every allowed attempt; the last one: exited with status 3"));
}

/* --- pools that fail ---------------------------------------------------------------------------------------------- */

Test(broker_agent, a_pool_fails_when_all_its_agents_do_and_no_worker_is_ready)
{
    uint64_t worker;

    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agent(&kit, 101, AGENT + 1, 1);
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    pool_is(AGENT_PEER, AGENT_POOL_FAILED);
    pool_is(101, AGENT_POOL_FAILED);
    cr_assert_not(kit_pool(&kit, "text").is_failed, "a worker is ready");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_FAILED));
    cr_assert(kit_pool(&kit, "text").is_failed);
    pool_is(101, AGENT_POOL_OK);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_RECOVERED));
    pool_is(101, AGENT_POOL_FAILED);
    cr_assert(kit_pool(&kit, "text").is_failed);
    worker = kit_agents_worker(&kit, 1, AGENT, 12, 0);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_RECOVERED));
    cr_assert_str_eq(kit_worker_state(&kit, worker), "ready");
}

Test(broker_agent, tasks_of_a_failed_pool_wait_unless_it_says_otherwise)
{
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    pool_is(AGENT_PEER, AGENT_POOL_FAILED);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_agent, tasks_of_a_failed_pool_that_refuses_end_as_pool_failed_and_so_do_new_ones)
{
    struct pool_settings settings;
    struct submit delayed = kit_task(2);

    kit_fini(&kit);
    pool_settings_init(&settings, "text");
    settings.when_failed = WHEN_FAILED_REFUSE;
    kit_init_with(&kit, NULL, &settings);
    delayed.delay_ms = 1000;
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    kit_offer(&kit, 1, &delayed);
    pool_is(AGENT_PEER, AGENT_POOL_FAILED);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_POOL_FAILED);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_POOL_FAILED);
    cr_assert_eq(kit_pool(&kit, "text").failed, 3);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_POOL_FAILED, "the final state does not change");
    pool_is(AGENT_PEER, AGENT_POOL_OK);
    kit_submit(&kit, 1, 4);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_agent, a_task_that_comes_back_to_a_failed_pool_that_refuses_ends_there)
{
    struct pool_settings settings;

    kit_fini(&kit);
    pool_settings_init(&settings, "text");
    settings.when_failed = WHEN_FAILED_REFUSE;
    kit_init_with(&kit, NULL, &settings);
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_client(&kit, 1, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_submit(&kit, 1, 1);
    pool_is(AGENT_PEER, AGENT_POOL_FAILED);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_pass(&kit, 500 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_POOL_FAILED);
}

Test(broker_agent, one_without_a_number_is_refused)
{
    cr_assert_eq(kit_agent(&kit, AGENT_PEER, 0, 1), 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REFUSE)->error.code, ERROR_BAD_FIELD);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REFUSE)->error.field, "agent"));
}

Test(broker_agent, one_that_serves_more_pools_than_it_may_is_told_so)
{
    struct pool_report report = {.has_wanted = true, .wanted = 1};
    char name[16];

    kit_agent(&kit, AGENT_PEER, AGENT, 1); /* `text` */
    for (int i = 1; i <= AGENT_POOLS_MAX; i++) {
        snprintf(name, sizeof name, "pool-%d", i);
        report.pool = bytes_of(name);
        cr_assert_eq(kit_worker_error(&kit, AGENT_PEER), ERROR_NONE, "pool %d", i);
        kit_pool_says(&kit, AGENT_PEER, &report);
    }
    cr_assert_eq(kit_worker_error(&kit, AGENT_PEER), ERROR_BAD_FIELD);
    report.pool = bytes_of("text");
    kit_pool_says(&kit, AGENT_PEER, &report);
    cr_assert_eq(kit_worker_error(&kit, AGENT_PEER), ERROR_NONE, "those that it has go on");
}
