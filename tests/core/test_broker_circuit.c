/* test_broker_circuit.c - a pool whose attempts fail is left alone for a while. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct kit kit;

static struct pool_settings
breaking(enum when_open when_open)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "text");
    pool.circuit_failures = 2;
    pool.circuit_window_us = 10 * SECOND;
    pool.circuit_pause_us = 30 * SECOND;
    pool.when_open = when_open;
    return pool;
}

/* Nobody stalls: heartbeats would only be in the way. */
static void
begin(enum when_open when_open)
{
    struct pool_settings pool = breaking(when_open);
    struct broker_settings settings;

    kit_settings(&settings);
    settings.heartbeat_us = 3600 * SECOND;
    kit_init_with(&kit, &settings, &pool);
    kit_client(&kit, 1, 1);
}

static void
set_up(void)
{
    begin(WHEN_OPEN_WAIT);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_circuit, .init = set_up, .fini = tear_down);

/* One task after the other, each on the one slot of worker 1, fails. */
static void
fail_tasks(uint64_t first, int count)
{
    for (int i = 0; i < count; i++) {
        kit_submit(&kit, 1, first + (uint64_t)i);
        kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    }
}

static void
open_circuit(void)
{
    kit_worker(&kit, 1, "text", 1);
    fail_tasks(1, 2);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_OPEN);
}

static enum wait_cause
cause(struct explanation *explanation)
{
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), explanation), OK);
    return explanation->cause;
}

Test(broker_circuit, opens_when_enough_attempts_failed_and_tells)
{
    kit_worker(&kit, 1, "text", 1);
    fail_tasks(1, 2);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_CIRCUIT_OPENED)->retry_us, 30 * SECOND);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_fence(&kit, 1), 0, "it waits, although the worker is free");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    cr_assert_eq(kit_pool(&kit, "numbers").circuit, CIRCUIT_CLOSED, "another pool goes on");
}

Test(broker_circuit, what_is_no_failure_of_the_pool_leaves_it_closed)
{
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 6; id++) {
        kit_submit(&kit, 1, id);
        kit_error(&kit, 1, kit_fence(&kit, 1), id % 2 ? ERROR_BAD_PAYLOAD : ERROR_NO_SUCH_FUNCTION);
    }
    for (uint64_t id = 7; id <= 9; id++) {
        uint64_t fence;

        kit_submit(&kit, 1, id);
        fence = kit_fence(&kit, 1);
        kit_cancel(&kit, 1, id);
        kit_error(&kit, 1, fence, ERROR_CANCELLED);
    }
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_CLOSED);
}

Test(broker_circuit, a_lost_worker_is_a_failure_of_all_that_it_ran_and_one_that_says_bye_is_not)
{
    kit_worker(&kit, 1, "text", 2);
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_CLOSED);
    kit_worker(&kit, 1, "text", 2);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_pass(&kit, 1 * SECOND);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_LOST));
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_OPEN);
}

Test(broker_circuit, after_the_pause_one_task_is_tried_and_its_success_lets_all_go_on)
{
    uint64_t fence;

    open_circuit();
    kit_worker(&kit, 2, "text", 1);
    kit_submit(&kit, 1, 3);
    kit_submit(&kit, 1, 4);
    kit_live_through(&kit, 30 * SECOND - 1);
    cr_assert_eq(kit_fence(&kit, 1) + kit_fence(&kit, 2), 0);
    kit_live_through(&kit, 1);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_HALF_OPEN);
    cr_assert_eq(kit_pool(&kit, "text").running, 1, "the second worker stays free");
    fence = kit_fence(&kit, 1);
    cr_assert_neq(fence, 0);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_CIRCUIT_CLOSED));
    cr_assert_neq(kit_fence(&kit, 1) + kit_fence(&kit, 2), 0);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_CLOSED);
}

Test(broker_circuit, a_probe_that_fails_opens_it_for_twice_as_long)
{
    open_circuit();
    kit_submit(&kit, 1, 3);
    kit_live_through(&kit, 30 * SECOND);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_CIRCUIT_OPENED)->retry_us, 60 * SECOND);
}

Test(broker_circuit, a_probe_that_is_given_back_or_expires_makes_room_for_the_next)
{
    struct submit submit = kit_task(4);
    uint64_t fence;

    open_circuit();
    kit_submit(&kit, 1, 3);
    kit_live_through(&kit, 30 * SECOND);
    kit_nack(&kit, 1, kit_fence(&kit, 1));
    fence = kit_fence(&kit, 1);
    cr_assert_neq(fence, 0, "tried again");
    kit_cancel(&kit, 1, 3);
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    submit.has_deadline = true;
    submit.deadline_ms = 1000;
    kit_offer(&kit, 1, &submit);
    kit_worker(&kit, 2, "text", 1);
    kit_submit(&kit, 1, 5);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
    kit_pass(&kit, 1 * SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_neq(kit_fence(&kit, 2), 0, "the worker of the expired one is still at it, another one may try");
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_HALF_OPEN);
}

Test(broker_circuit, refuses_new_tasks_with_what_is_left_of_the_pause_when_told_to)
{
    kit_fini(&kit);
    begin(WHEN_OPEN_REFUSE);
    open_circuit();
    kit_pass(&kit, 10 * SECOND);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CIRCUIT_OPEN);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.retry_after_ms, 20000);
    cr_assert_eq(kit_pool(&kit, "text").refused, 1);
    kit_live_through(&kit, 20 * SECOND);
    kit_submit(&kit, 1, 4);
    cr_assert_neq(kit_fence(&kit, 1), 0, "somebody has to be the probe");
    kit_submit(&kit, 1, 5);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CIRCUIT_OPEN);
}

Test(broker_circuit, an_operators_resume_closes_it)
{
    struct event event = {.kind = EVENT_POOL_RESUME, .pool = bytes_of("text")};

    open_circuit();
    kit_submit(&kit, 1, 3);
    kit_event(&kit, &event);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_CIRCUIT_CLOSED));
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_circuit, a_reload_that_switches_it_off_closes_it)
{
    struct pool_settings pool = breaking(WHEN_OPEN_WAIT);
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &pool};

    open_circuit();
    pool.circuit_failures = 0;
    kit_submit(&kit, 1, 3);
    kit_event(&kit, &event);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_CLOSED);
}

Test(broker_circuit, explain_names_it_and_when_it_is_tried_again)
{
    struct explanation explanation;

    open_circuit();
    kit_submit(&kit, 1, 3);
    kit_submit(&kit, 1, 4);
    cr_assert_eq(cause(&explanation), CAUSE_CIRCUIT_OPEN);
    cr_assert_eq(explanation.due_us, kit.now_us + 30 * SECOND);
    kit_worker(&kit, 2, "text", 1);
    kit_live_through(&kit, 30 * SECOND);
    cr_assert_eq(cause(&explanation), CAUSE_CIRCUIT_OPEN);
    cr_assert_eq(explanation.due_us, 0, "a probe runs");
}

Test(broker_circuit, a_pool_that_is_removed_while_it_is_open_goes_when_it_can)
{
    struct event event = {.kind = EVENT_POOL_REMOVE, .pool = bytes_of("text")};

    open_circuit();
    kit_event(&kit, &event);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_REMOVED));
    kit_live_through(&kit, 60 * SECOND);
}

static void
offer_in_group(uint64_t id)
{
    struct submit submit = kit_task(id);

    submit.group = bytes_of("g");
    kit_offer(&kit, 1, &submit);
}

Test(broker_circuit, half_open_takes_no_more_while_a_task_waits_for_its_turn_in_a_group)
{
    kit_fini(&kit);
    begin(WHEN_OPEN_REFUSE);
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer_in_group(11); /* runs on worker 1 */
    offer_in_group(12);
    for (uint64_t id = 1; id <= 2; id++) {
        kit_submit(&kit, 1, id);
        kit_error(&kit, 2, kit_fence(&kit, 2), ERROR_FAILED);
    }
    kit_live_through(&kit, 30 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_HALF_OPEN);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CIRCUIT_OPEN, "that one will be tried");
}
