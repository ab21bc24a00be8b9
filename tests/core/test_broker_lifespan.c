/* test_broker_lifespan.c - when workers are due, by age, work and memory; stalled ones; and those whose GIL is on. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

#define MEBIBYTE (UINT64_C(1) << 20)

enum { AGENT = 1000, AGENT_PEER = 100 };

static struct kit kit;
static struct pool_settings settings;

static void
begin(void)
{
    kit_init_with(&kit, NULL, &settings);
    kit_agent(&kit, AGENT_PEER, AGENT, 2);
}

static void
set_up(void)
{
    pool_settings_init(&settings, "text");
    settings.recycle_jitter_percent = 0;
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_lifespan, .init = set_up, .fini = tear_down);

static const char *
replace_reason(void)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_REPLACE);

    if (!message)
        return "none";
    return bytes_are(message->replace.reason, "ttl") ? "ttl"
           : bytes_are(message->replace.reason, "max_tasks") ? "max_tasks"
           : bytes_are(message->replace.reason, "memory") ? "memory"
           : bytes_are(message->replace.reason, "reload") ? "reload"
           : bytes_are(message->replace.reason, "stalled") ? "stalled" : "another";
}

static void
beat_with(uint32_t peer, const struct heartbeat *heartbeat)
{
    struct message message = {.verb = VERB_HEARTBEAT, .heartbeat = *heartbeat};

    kit_command(&kit, SIDE_WORKER, peer, &message);
}

static void
run_task(uint32_t worker_peer, uint64_t id)
{
    kit_submit(&kit, 1, id);
    kit_result(&kit, worker_peer, kit_fence(&kit, worker_peer), "6");
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

Test(broker_lifespan, a_worker_is_replaced_when_its_time_is_over)
{
    settings.worker_ttl_us = 60 * SECOND;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    for (int i = 0; i < 59; i++) {
        kit_pass(&kit, SECOND);
        cr_assert_str_eq(replace_reason(), "none");
        kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
        kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    }
    kit_pass(&kit, SECOND);
    cr_assert_str_eq(replace_reason(), "ttl");
}

Test(broker_lifespan, a_worker_is_replaced_when_it_has_done_its_tasks)
{
    settings.worker_max_tasks = 3;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    run_task(1, 1);
    run_task(1, 2);
    cr_assert_str_eq(replace_reason(), "none");
    run_task(1, 3);
    cr_assert_str_eq(replace_reason(), "max_tasks");
    run_task(1, 4);
    cr_assert_str_eq(replace_reason(), "none", "once");
}

Test(broker_lifespan, tasks_that_a_worker_did_before_a_restart_of_the_broker_count)
{
    struct heartbeat heartbeat = {.has_facts = true, .tasks_done = 500, .gil_enabled = -1};

    settings.worker_max_tasks = 400;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    beat_with(1, &heartbeat);
    cr_assert_str_eq(replace_reason(), "max_tasks");
}

Test(broker_lifespan, memory_that_the_agent_measures_wins_over_what_the_worker_says)
{
    struct heartbeat heartbeat = {.has_facts = true, .rss_bytes = 900 * MEBIBYTE, .tasks_done = 5, .gil_enabled = -1};

    settings.worker_memory_max = 200 * MEBIBYTE;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    run_task(1, 1);
    kit_uses(&kit, AGENT_PEER, 11, 100 * MEBIBYTE);
    beat_with(1, &heartbeat);
    cr_assert_str_eq(replace_reason(), "none");
    kit_uses(&kit, AGENT_PEER, 12345, 900 * MEBIBYTE);
    cr_assert_str_eq(replace_reason(), "none", "a process that is no worker");
    kit_uses(&kit, AGENT_PEER, 11, 200 * MEBIBYTE);
    cr_assert_str_eq(replace_reason(), "memory");
}

Test(broker_lifespan, a_worker_without_an_agent_is_judged_by_what_it_says)
{
    struct heartbeat heartbeat = {.has_facts = true, .rss_bytes = 900 * MEBIBYTE, .tasks_done = 5, .gil_enabled = -1};

    settings.worker_memory_max = 200 * MEBIBYTE;
    begin();
    kit_worker(&kit, 1, "text", 1);
    beat_with(1, &heartbeat);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP)->stop.reason, "memory"));
}

Test(broker_lifespan, a_limit_below_what_an_idle_worker_takes_is_told_once_and_not_used)
{
    settings.worker_memory_max = 200 * MEBIBYTE;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_agents_worker(&kit, 2, AGENT, 12, 0);
    kit_uses(&kit, AGENT_PEER, 11, 250 * MEBIBYTE);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_MEMORY_LIMIT_TOO_LOW)->rss_bytes, 250 * MEBIBYTE);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_MEMORY_LIMIT_TOO_LOW)->limit_bytes, 200 * MEBIBYTE);
    cr_assert(kit_pool(&kit, "text").is_memory_limit_off);
    cr_assert_str_eq(replace_reason(), "none");
    kit_uses(&kit, AGENT_PEER, 12, 250 * MEBIBYTE);
    cr_assert_null(kit_note(&kit, NOTE_POOL_MEMORY_LIMIT_TOO_LOW));
    kit_client(&kit, 1, 1);
    run_task(1, 1);
    kit_uses(&kit, AGENT_PEER, 11, 900 * MEBIBYTE);
    cr_assert_str_eq(replace_reason(), "none");
}

Test(broker_lifespan, what_a_first_task_takes_is_not_what_an_idle_worker_takes)
{
    settings.worker_memory_max = 200 * MEBIBYTE;
    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    kit_pass(&kit, SECOND);
    kit_uses(&kit, AGENT_PEER, 11, 250 * MEBIBYTE);
    cr_assert_null(kit_note(&kit, NOTE_POOL_MEMORY_LIMIT_TOO_LOW));
    cr_assert_str_eq(replace_reason(), "memory");
}

Test(broker_lifespan, a_reload_gives_new_limits_and_forgets_what_was_due_by_the_old_ones)
{
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    settings.worker_max_tasks = 1;
    begin();
    kit_client(&kit, 1, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_agents_worker(&kit, 2, AGENT, 12, 0);
    run_task(1, 1);
    kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    run_task(2, 2);
    cr_assert(kit_pool(&kit, "text").recycling == 1 && kit_pool(&kit, "text").recycle_due == 1);
    settings.worker_max_tasks = 5;
    kit_event(&kit, &event);
    cr_assert(kit_pool(&kit, "text").recycling == 1 && kit_pool(&kit, "text").recycle_due == 0);
    settings.worker_ttl_us = 1;
    kit_event(&kit, &event);
    kit_pass(&kit, 1);
    cr_assert_eq(kit_pool(&kit, "text").recycle_due, 1);
}

Test(broker_lifespan, workers_of_an_older_configuration_are_replaced_when_their_agent_says_so)
{
    struct pool_report changed = {.pool = bytes_of("text"), .changed = true};

    begin();
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_agents_worker(&kit, 2, AGENT + 1, 12, 0);
    kit_pool_says(&kit, AGENT_PEER, &changed);
    cr_assert_str_eq(replace_reason(), "reload");
    cr_assert_eq(kit_pool(&kit, "text").recycle_due, 0, "the other is not this agent's");
}

/* --- stalled ------------------------------------------------------------------------------------------------------ */

Test(broker_lifespan, a_stalled_worker_is_told_and_left_alone_unless_the_pool_says_otherwise)
{
    uint64_t worker;

    begin();
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_pass(&kit, 3 * SECOND);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_STALLED));
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_HEALTH_CHECK_FAILED)->silent_us, 3 * SECOND);
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, worker), "stalled");
}

/* Bring a worker with a task to its stall, and to the end of its pool's patience. */
static uint64_t
stall_for_too_long(void)
{
    uint64_t worker;

    settings.stalled_timeout_us = 10 * SECOND;
    begin();
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    for (int i = 0; i < 12; i++) {
        kit_pass(&kit, SECOND);
        kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
        cr_assert_str_neq(kit_worker_state(&kit, worker), "none");
    }
    kit_pass(&kit, SECOND);
    return worker;
}

Test(broker_lifespan, after_stalled_timeout_a_worker_is_killed_and_its_tasks_run_elsewhere)
{
    uint64_t worker = stall_for_too_long();

    cr_assert_str_eq(replace_reason(), "stalled");
    cr_assert(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_RETIRE)->retire.kill);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_RETIRE)->retire.pid, 11);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_REQUEUED));
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_RECYCLED)->reason, "stalled");
    cr_assert_str_eq(kit_worker_state(&kit, worker), "none");
    cr_assert_eq(kit_pool(&kit, "text").recycled[RECYCLE_STALLED], 1);
    kit_agents_worker(&kit, 2, AGENT, 12, worker);
    cr_assert_neq(kit_fence(&kit, 2), 0);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_REHELLO), "should it wake up after all");
}

Test(broker_lifespan, a_stalled_worker_that_is_heard_in_time_is_spared)
{
    uint64_t worker;

    settings.stalled_timeout_us = 10 * SECOND;
    begin();
    worker = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_live_through(&kit, 12 * SECOND);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    kit_pass(&kit, 2 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, worker), "ready");
}

Test(broker_lifespan, a_worker_that_was_asked_to_end_and_hangs_is_killed_by_the_same_policy)
{
    uint64_t old;

    settings.stalled_timeout_us = 10 * SECOND;
    begin();
    old = kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    kit_recycle(&kit, old);
    kit_agents_worker(&kit, 2, AGENT, 12, old);
    for (int i = 0; i < 30; i++) {
        kit_pass(&kit, SECOND);
        kit_verb(&kit, SIDE_WORKER, 2, VERB_HEARTBEAT);
        kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    }
    cr_assert_str_eq(kit_worker_state(&kit, old), "none");
    cr_assert_eq(kit_pool(&kit, "text").recycled[RECYCLE_STALLED], 1);
    cr_assert_eq(kit_pool(&kit, "text").recycling, 0);
}

/* --- the GIL ------------------------------------------------------------------------------------------------------- */

Test(broker_lifespan, a_pool_that_requires_free_threading_refuses_a_worker_whose_gil_is_on_and_says_who_did_it)
{
    struct hello hello = kit_worker_hello("text", 4);

    settings.require_free_threading = true;
    begin();
    hello.free_threaded = true;
    hello.gil_module = bytes_of("lxml.etree");
    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE)->error.code, ERROR_GIL_ENABLED);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE)->error.text,
                        "the pool requires free threading, and this worker's GIL is on: lxml.etree switched it on"));
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_REFUSED)->reason, "gil_enabled");
    hello.gil_enabled = false;
    cr_assert_neq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
}

Test(broker_lifespan, a_worker_whose_gil_comes_on_later_is_asked_to_end_and_keeps_its_tasks)
{
    struct hello hello = kit_worker_hello("text", 4);
    struct heartbeat heartbeat = {.has_facts = true, .gil_enabled = 1, .gil_module = bytes_of("lxml.etree")};
    uint64_t worker, fence;

    settings.require_free_threading = true;
    begin();
    hello.gil_enabled = false;
    worker = kit_hello(&kit, SIDE_WORKER, 1, &hello);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    beat_with(1, &heartbeat);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP)->stop.reason, "gil_enabled"));
    cr_assert_str_eq(kit_worker_state(&kit, worker), "draining");
    beat_with(1, &heartbeat);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_STOP), "once");
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}
