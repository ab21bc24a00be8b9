/* test_broker_ladder.c - how running tasks are made to end: asked, by an exception, with their process; run-time limits. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

enum { AGENT = 1000, AGENT_PEER = 100, PID = 77 };

/* The kit's pools have the defaults: 5 s to the exception, 5 s more to the end of the process. */
KIT_SUITE(broker_ladder, 1);

static void
start_again(const struct pool_settings *pool)
{
    struct broker_settings settings;

    kit_fini(&kit);
    kit_settings(&settings);
    kit_init_with(&kit, &settings, pool);
    kit_client(&kit, 1, 1);
}

static const struct cancel *
cancel_sent(uint32_t peer)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, peer, VERB_CANCEL);

    return message ? &message->cancel : NULL;
}

static const struct stop *
stop_sent(uint32_t peer)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, peer, VERB_STOP);

    return message ? &message->stop : NULL;
}

static const struct retire *
retire_sent(void)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, AGENT_PEER, VERB_RETIRE);

    return message ? &message->retire : NULL;
}

/* A worker without an agent, whose task 1 was asked to end. */
static uint64_t
cancelled_task(uint32_t slots)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", slots);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    return fence;
}

static void
agents_cancelled_task(void)
{
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agents_worker(&kit, 1, AGENT, PID, 0);
    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
}

/* Let time pass while the worker and its agent say that they live; the outbox shows the last half of a second. */
static void
stay(int64_t us)
{
    for (; us > SECOND / 2; us -= SECOND / 2) {
        kit_live_through(&kit, SECOND / 2);
        kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
        kit_verb(&kit, SIDE_WORKER, AGENT_PEER, VERB_HEARTBEAT);
    }
    kit_live_through(&kit, us);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

Test(broker_ladder, a_task_is_asked_first_and_gets_an_exception_when_that_did_not_help)
{
    uint64_t fence = cancelled_task(1);

    cr_assert_not(cancel_sent(1)->raise);
    stay(5 * SECOND - 1);
    cr_assert_null(cancel_sent(1));
    kit_live_through(&kit, 1);
    cr_assert_eq(cancel_sent(1)->ref.number, fence);
    cr_assert(cancel_sent(1)->raise);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    kit_live_through(&kit, 20 * SECOND);
    cr_assert_null(stop_sent(1), "it has ended");
}

Test(broker_ladder, a_process_whose_task_ignores_that_is_killed_by_its_agent_and_gets_no_other_task)
{
    agents_cancelled_task();
    stay(10 * SECOND - 1);
    cr_assert_null(retire_sent());
    kit_live_through(&kit, 1);
    cr_assert(retire_sent()->kill);
    cr_assert_eq(retire_sent()->pid, PID);
    cr_assert(bytes_are(retire_sent()->reason, "cancel"));
    cr_assert_str_eq(kit_note(&kit, NOTE_TASK_CANCEL_IGNORED)->reason, "its process is ended");
    cr_assert_eq(kit_note(&kit, NOTE_TASK_CANCEL_IGNORED)->task, 1);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1, "its slot stays taken");
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_fence(&kit, 1), 0);
}

Test(broker_ladder, with_the_process_the_task_ends_cancelled_and_is_not_requeued)
{
    agents_cancelled_task();
    stay(10 * SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE, "it may still run");
    kit_exited(&kit, AGENT_PEER, &(struct exited){.pool = bytes_of("text"), .pid = PID, .cause = EXIT_SIGNAL, .status = 9});
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").requeued, 0);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
    cr_assert_eq(kit_pool(&kit, "text").recycled[RECYCLE_CANCEL], 1);
    cr_assert_eq(kit_pool(&kit, "text").recycled[RECYCLE_DIED], 0);
}

Test(broker_ladder, a_worker_without_an_agent_is_told_to_end_soon)
{
    cancelled_task(1);
    stay(10 * SECOND);
    cr_assert(bytes_are(stop_sent(1)->reason, "cancel"));
    cr_assert_gt(stop_sent(1)->grace_ms, 0);
    cr_assert_lt(stop_sent(1)->grace_ms, 5000);
}

Test(broker_ladder, a_kill_that_does_not_help_is_tried_again_and_the_client_is_told)
{
    agents_cancelled_task();
    stay(10 * SECOND);
    stay(5 * SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert(retire_sent()->kill);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    stay(5 * SECOND);
    cr_assert(retire_sent()->kill);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE, "it was told once");
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
}

Test(broker_ladder, a_process_that_runs_other_tasks_stays_and_so_does_the_slot)
{
    uint64_t fence = cancelled_task(4);

    stay(5 * SECOND);
    cr_assert(cancel_sent(1)->raise);
    stay(5 * SECOND);
    cr_assert_null(stop_sent(1));
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_CANCEL_IGNORED));
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED, "there is nothing more to wait for");
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    kit_submit(&kit, 1, 2);
    cr_assert_neq(kit_fence(&kit, 1), 0, "the other slots are used");
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit.outbox.count, 0, "nobody wants its result");
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
}

Test(broker_ladder, a_pool_may_say_that_its_shared_processes_are_killed_which_costs_the_others_no_attempt)
{
    struct pool_settings pool;
    struct submit other = kit_task(2);

    pool_settings_init(&pool, "");
    pool.cancel_kill_shared = true;
    start_again(&pool);
    cancelled_task(4);
    other.max_attempts = 1;
    kit_offer(&kit, 1, &other);
    stay(10 * SECOND);
    cr_assert_not_null(stop_sent(1));
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").dead, 0);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_neq(kit_fence(&kit, 2), 0, "its one attempt was not its own fault");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
}

Test(broker_ladder, a_process_that_is_to_end_for_one_task_may_meanwhile_do_all_that_it_was_to_do_in_its_life)
{
    struct pool_settings pool;
    uint64_t other_fence;

    pool_settings_init(&pool, "");
    pool.cancel_kill_shared = true;
    pool.worker_max_tasks = 1;
    start_again(&pool);
    cancelled_task(2);
    kit_submit(&kit, 1, 2);
    other_fence = kit_fence(&kit, 1);
    stay(10 * SECOND);
    cr_assert_not_null(stop_sent(1));
    kit_result(&kit, 1, other_fence, "4");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_null(stop_sent(1), "it knows");
}

Test(broker_ladder, a_process_that_is_to_end_for_its_task_has_no_more_time_when_it_is_back)
{
    struct hello hello = kit_worker_hello("text", 1);
    struct submit submit = kit_task(1);
    uint64_t fence;

    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    stay(10 * SECOND);
    cr_assert_gt(stop_sent(1)->grace_ms, 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert_gt(stop_sent(2)->grace_ms, 0);
}

Test(broker_ladder, steps_of_which_a_pool_says_never_are_not_taken)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "");
    pool.cancel_grace_us = 0;
    start_again(&pool);
    cancelled_task(1);
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_null(cancel_sent(1));
    pool.cancel_grace_us = SECOND;
    pool.cancel_kill_grace_us = 0;
    start_again(&pool);
    cancelled_task(1);
    kit_live_through(&kit, SECOND);
    cr_assert(cancel_sent(1)->raise);
    kit_live_through(&kit, 3600 * SECOND);
    cr_assert_null(stop_sent(1));
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
}

Test(broker_ladder, a_task_past_its_deadline_is_made_to_end_too)
{
    struct submit submit = kit_task(1);

    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_not(cancel_sent(1)->raise);
    stay(5 * SECOND);
    cr_assert(cancel_sent(1)->raise);
    stay(5 * SECOND);
    cr_assert_not_null(stop_sent(1));
    cr_assert_eq(kit_note(&kit, NOTE_TASK_CANCEL_IGNORED)->task, 0);
    kit_live_through(&kit, 20 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 0, "its client was told before");
}

/* --- workers that are away ---------------------------------------------------------------------------------------- */

Test(broker_ladder, an_exception_that_is_due_while_the_worker_is_away_comes_when_it_is_back)
{
    struct hello hello = kit_worker_hello("text", 1);
    struct pool_settings pool;
    uint64_t fence;

    pool_settings_init(&pool, "");
    pool.cancel_grace_us = 100 * MS;
    start_again(&pool);
    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 200 * MS);
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert(cancel_sent(2)->raise);
}

Test(broker_ladder, a_process_that_has_begun_another_session_is_not_killed_for_the_old_one)
{
    agents_cancelled_task();
    kit_agents_worker(&kit, 2, AGENT, PID, 0);
    stay(10 * SECOND);
    cr_assert_null(retire_sent());
}

/* --- run-time limits ---------------------------------------------------------------------------------------------- */

static struct submit
limited_task(uint64_t id, uint64_t run_ms)
{
    struct submit submit = kit_task(id);

    submit.run_ms = run_ms;
    return submit;
}

Test(broker_ladder, a_worker_is_told_how_long_its_task_may_run)
{
    struct submit submit = limited_task(1, 250);

    kit_worker(&kit, 1, "text", 2);
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.run_ms, 250);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.run_ms, 0);
}

Test(broker_ladder, the_limit_begins_at_the_dispatch_and_a_task_that_ends_for_it_has_timed_out)
{
    struct submit submit = limited_task(1, 2000);
    const struct error *error;
    uint64_t fence;

    kit_offer(&kit, 1, &submit);
    stay(10 * SECOND);
    kit_worker(&kit, 1, "text", 1);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 2 * SECOND - 1);
    cr_assert_null(cancel_sent(1));
    kit_live_through(&kit, 1);
    cr_assert_eq(cancel_sent(1)->ref.number, fence);
    cr_assert_eq(kit_note(&kit, NOTE_TASK_TIMED_OUT)->task, 1);
    cr_assert_eq(kit_note(&kit, NOTE_TASK_TIMED_OUT)->run_us, 2 * SECOND);
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    error = &kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error;
    cr_assert_eq(error->code, ERROR_TIMED_OUT);
    cr_assert(bytes_are(error->text, "the task ran for longer than it may, 2 s"));
    cr_assert_eq(kit_pool(&kit, "text").failed, 1);
}

Test(broker_ladder, a_task_that_fails_because_it_had_to_end_has_timed_out_and_a_result_still_counts)
{
    struct submit submit = limited_task(1, 100);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 100 * MS);
    kit_error(&kit, 1, fence, ERROR_FAILED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_TIMED_OUT);
    submit = limited_task(2, 100);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 100 * MS);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_ladder, a_task_that_timed_out_is_tried_again_as_one_that_failed)
{
    struct submit submit = limited_task(1, 100);
    uint64_t fence;

    submit.has_retries = true;
    submit.retries = 1;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 100 * MS);
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    cr_assert_eq(kit_pool(&kit, "text").delayed, 1);
}

Test(broker_ladder, a_task_that_did_not_end_at_its_limit_times_out_with_its_process)
{
    struct submit submit = limited_task(1, 100);

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    stay(10 * SECOND + 100 * MS);
    cr_assert_not_null(stop_sent(1));
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_TIMED_OUT);
    cr_assert_eq(kit_pool(&kit, "text").requeued, 0);
}

Test(broker_ladder, a_task_in_a_shared_process_that_did_not_end_at_its_limit_times_out_when_nothing_more_can_be_done)
{
    struct submit submit = limited_task(1, 100);

    kit_worker(&kit, 1, "text", 4);
    kit_offer(&kit, 1, &submit);
    stay(10 * SECOND + 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_TIMED_OUT);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
}

Test(broker_ladder, who_cancels_a_task_that_has_run_for_too_long_is_told_that_it_is_cancelled)
{
    struct submit submit = limited_task(1, 100);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 200 * MS);
    kit_cancel(&kit, 1, 1);
    cr_assert_null(cancel_sent(1), "it was asked");
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
}

Test(broker_ladder, a_pool_may_limit_what_says_nothing_itself)
{
    struct submit longer = limited_task(2, 5000);
    struct pool_settings pool;

    pool_settings_init(&pool, "");
    pool.run_timeout_us = SECOND;
    start_again(&pool);
    kit_worker(&kit, 1, "text", 2);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.run_ms, 1000);
    kit_offer(&kit, 1, &longer);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_CANCEL), 1);
    kit_live_through(&kit, 4 * SECOND);
    cr_assert_eq(kit_count_notes(&kit, NOTE_TASK_TIMED_OUT), 1);
}

Test(broker_ladder, a_task_that_is_given_back_gets_its_whole_time_again)
{
    struct submit submit = limited_task(1, 1000);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_live_through(&kit, 800 * MS);
    kit_nack(&kit, 1, fence);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    kit_live_through(&kit, 900 * MS);
    cr_assert_null(cancel_sent(1));
    kit_live_through(&kit, 100 * MS);
    cr_assert_not_null(cancel_sent(1));
}

Test(broker_ladder, a_limit_beyond_all_time_is_refused)
{
    struct submit submit = limited_task(1, DURATION_MS_MAX + 1);

    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BAD_FIELD);
}
