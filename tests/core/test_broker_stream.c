/* test_broker_stream.c - the credit of streams: what a reader allows, and what becomes of streams whose reader is away. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_stream, 1);

static struct submit
stream(uint64_t id, uint32_t credit)
{
    struct submit submit = kit_task(id);

    submit.stream = true;
    submit.credit = credit;
    return submit;
}

/* A stream with credit 2 that runs in worker 1; returns its fence. */
static uint64_t
running_stream(void)
{
    struct submit submit = stream(1, 2);

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    return kit_fence(&kit, 1);
}

static void
allow(uint32_t peer, uint64_t count, uint32_t attempt)
{
    struct message message = {.verb = VERB_CREDIT, .credit = {ref_number(1), count, attempt}};

    kit_command(&kit, SIDE_CLIENT, peer, &message);
}

static const struct credit *
credit_sent(uint32_t peer)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, peer, VERB_CREDIT);

    return message ? &message->credit : NULL;
}

Test(broker_stream, a_worker_is_told_the_credit_with_the_task_and_what_is_allowed_later)
{
    uint64_t fence = running_stream();

    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.credit, 2);
    allow(1, 3, 0);
    cr_assert_eq(credit_sent(1)->ref.number, fence);
    cr_assert_eq(credit_sent(1)->count, 3);
    allow(1, 3, 0);
    cr_assert_null(credit_sent(1), "it says nothing new");
}

Test(broker_stream, a_chunk_beyond_the_credit_is_refused_and_missed_at_the_end)
{
    uint64_t fence = running_stream();

    kit_chunk(&kit, 1, fence, 1);
    kit_chunk(&kit, 1, fence, 2);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK));
    kit_chunk(&kit, 1, fence, 3);
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK));
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_BAD_FIELD);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.info.chunks, 3);
}

Test(broker_stream, a_later_attempt_begins_with_the_credit_of_the_task_and_takes_no_credit_of_an_earlier_one)
{
    running_stream();
    allow(1, 9, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.credit, 2);
    allow(1, 9, 1);
    cr_assert_null(credit_sent(2));
    allow(1, 9, 2);
    cr_assert_eq(credit_sent(2)->count, 9);
}

Test(broker_stream, credit_of_a_task_that_does_not_run_or_has_none_means_nothing)
{
    struct submit submit = stream(1, 2);

    kit_offer(&kit, 1, &submit);
    allow(1, 9, 0);
    cr_assert_eq(kit.outbox.count, 0);
    kit_cancel(&kit, 1, 1);
    allow(1, 9, 0);
    cr_assert_eq(kit.outbox.count, 0);
    submit = stream(1, 0);
    kit_client(&kit, 2, 2);
    kit_offer(&kit, 2, &submit);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.credit, 0);
    allow(2, 9, 0);
    cr_assert_null(credit_sent(1));
    allow(9, 9, 0);
    cr_assert_eq(kit_client_error(&kit, 9), ERROR_NONE);
}

Test(broker_stream, a_task_that_is_no_stream_has_no_credit)
{
    struct submit submit = stream(1, 2);

    submit.stream = false;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.credit, 0);
    submit = stream(2, CREDIT_MAX + 1);
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BAD_FIELD);
}

Test(broker_stream, a_reader_may_lift_the_limit_for_this_attempt_and_later_ones)
{
    struct submit submit = stream(1, 2);

    kit_offer(&kit, 1, &submit);
    allow(1, UINT64_MAX, 0);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.credit, 0);
    kit_chunk(&kit, 1, kit_fence(&kit, 1), 1);
    submit = stream(2, 2);
    kit_client(&kit, 2, 2);
    kit_worker(&kit, 2, "text", 1);
    submit.id = ref_number(1);
    kit_offer(&kit, 2, &submit);
    allow(2, UINT64_MAX, 7);
    cr_assert_eq(credit_sent(2)->count, UINT64_MAX);
}

/* --- peers that are away -------------------------------------------------------------------------------------------- */

Test(broker_stream, a_reader_that_is_away_for_a_moment_keeps_its_worker_waiting)
{
    uint64_t fence = running_stream();

    kit_chunk(&kit, 1, fence, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_chunk(&kit, 1, fence, 2);
    kit_live_through(&kit, 59 * SECOND);
    cr_assert_null(credit_sent(1));
    kit_client(&kit, 2, 1);
    allow(2, 4, 1);
    cr_assert_eq(credit_sent(1)->count, 4);
}

Test(broker_stream, a_reader_that_is_back_and_offers_its_task_again_need_not_know_what_was_lost)
{
    uint64_t fence = running_stream();
    struct submit submit = stream(1, 2);

    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_chunk(&kit, 1, fence, 1);
    kit_chunk(&kit, 1, fence, 2);
    kit_client(&kit, 2, 1);
    kit_offer(&kit, 2, &submit);
    cr_assert_eq(credit_sent(1)->count, 4, "two more than were sent");
    kit_offer(&kit, 2, &submit);
    cr_assert_null(credit_sent(1));
}

Test(broker_stream, a_worker_that_is_back_may_send_as_much_again_since_it_does_not_know_what_was_lost)
{
    uint64_t fence = running_stream();
    struct hello hello = kit_worker_hello("text", 1);

    hello.session = fence ? kit_worker(&kit, 1, "text", 1) : 0;
    fence = kit_fence(&kit, 1);
    allow(1, 3, 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert_eq(credit_sent(2)->ref.number, fence);
    cr_assert_eq(credit_sent(2)->count, 5);
    kit_chunk(&kit, 2, fence, 5);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK));
}

Test(broker_stream, no_worker_waits_for_a_reader_that_is_gone)
{
    running_stream();
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_live_through(&kit, 60 * SECOND);
    cr_assert_eq(credit_sent(1)->count, UINT64_MAX);
}

Test(broker_stream, nor_for_one_that_says_bye_nor_does_a_later_attempt)
{
    running_stream();
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_BYE);
    cr_assert_eq(credit_sent(1)->count, UINT64_MAX);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.credit, 0);
}

Test(broker_stream, a_reader_whose_tasks_are_cancelled_with_it_asks_for_their_end_instead)
{
    struct hello hello = kit_client_hello(2);
    struct submit submit = stream(1, 2);

    hello.on_disconnect = DISCONNECT_CANCEL;
    kit_hello(&kit, SIDE_CLIENT, 2, &hello);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 2, &submit);
    kit_verb(&kit, SIDE_CLIENT, 2, VERB_BYE);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
    cr_assert_null(credit_sent(1));
}
