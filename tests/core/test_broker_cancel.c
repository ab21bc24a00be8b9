/* test_broker_cancel.c - CANCEL from clients and operators. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_cancel, 1);

static int
operator_cancels(uint64_t number)
{
    struct event event = {.kind = EVENT_TASK_CANCEL, .task = number};

    kit_event(&kit, &event);
    return kit.status;
}

Test(broker_cancel, a_queued_task_ends_cancelled)
{
    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_fence(&kit, 1), 0, "and never runs");
}

Test(broker_cancel, a_delayed_task_ends_cancelled)
{
    struct submit submit = kit_task(1);

    submit.delay_ms = 1000;
    kit_offer(&kit, 1, &submit);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").delayed, 0);
}

Test(broker_cancel, the_worker_of_a_running_task_is_asked_once)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL)->cancel.ref.number, fence);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE, "the answer is its final message");
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit.outbox.count, 0);
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
}

Test(broker_cancel, a_result_that_comes_first_wins)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 0);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_TOO_LATE);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.final, "ok"));
}

Test(broker_cancel, what_is_not_known_is_not_found)
{
    kit_cancel(&kit, 1, 9);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NOT_FOUND);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.ref.number, 9);
    kit_cancel(&kit, 7, 9);
    cr_assert_eq(kit_client_error(&kit, 7), ERROR_NOT_FOUND);
}

Test(broker_cancel, a_client_cannot_cancel_the_task_of_another)
{
    kit_submit(&kit, 1, 1);
    kit_client(&kit, 2, 2);
    kit_cancel(&kit, 2, 1);
    cr_assert_eq(kit_client_error(&kit, 2), ERROR_NOT_FOUND);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_cancel, the_answers_to_a_cancel_are_no_final_messages)
{
    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    kit_cancel(&kit, 1, 2);
    kit_submit(&kit, 1, 3);
    kit_cancel(&kit, 1, 3);
    kit_seen(&kit, 1, 2);
    cr_assert_eq(kit_stats(&kit).tasks, 0, "two final messages were sent, and seen");
}

Test(broker_cancel, a_cancelled_task_is_not_run_again_when_its_worker_is_lost)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
}

Test(broker_cancel, a_cancelled_task_that_is_given_back_ends_cancelled)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    kit_nack(&kit, 1, fence);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_fence(&kit, 1), 0);
}

Test(broker_cancel, a_cancel_while_the_worker_is_away_reaches_it_when_it_is_back)
{
    struct hello hello = kit_worker_hello("text", 1);
    uint64_t fence;

    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit.outbox.count, 0);
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_CANCEL)->cancel.ref.number, fence);
}

Test(broker_cancel, a_slot_whose_task_expired_while_the_worker_was_away_is_asked_for)
{
    struct hello hello = kit_worker_hello("text", 1);
    struct submit submit = kit_task(1);
    uint64_t fence;

    submit.has_deadline = true;
    submit.deadline_ms = 100;
    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 200 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_CANCEL)->cancel.ref.number, fence);
    kit_error(&kit, 2, fence, ERROR_CANCELLED);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
}

Test(broker_cancel, an_operator_cancels_by_the_brokers_number)
{
    struct submit submit = kit_task(77);
    uint64_t number;

    submit.ack = true;
    kit_offer(&kit, 1, &submit);
    number = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task;
    cr_assert_eq(operator_cancels(number + 1), ERR_NOT_FOUND);
    cr_assert_eq(operator_cancels(number), OK);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(operator_cancels(number), ERR_NOT_FOUND, "it is final");
}

Test(broker_cancel, an_operator_asks_the_worker_of_a_running_task)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(operator_cancels(1), ERR_AGAIN);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
}
