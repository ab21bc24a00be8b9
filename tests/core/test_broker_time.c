/* test_broker_time.c - delays and deadlines. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_time, 1);

static void
offer(uint64_t id, uint64_t delay_ms, uint64_t deadline_ms)
{
    struct submit submit = kit_task(id);

    submit.delay_ms = delay_ms;
    submit.deadline_ms = deadline_ms;
    submit.has_deadline = deadline_ms > 0;
    kit_offer(&kit, 1, &submit);
}

Test(broker_time, a_delayed_task_is_not_dispatched_before)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 200, 0);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_pool(&kit, "text").delayed, 1);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 200 * MS);
    kit_pass(&kit, 200 * MS - 1);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    kit_pass(&kit, 1);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_time, a_delayed_task_takes_its_place_by_acceptance)
{
    offer(1, 100, 0);
    offer(2, 0, 0);
    kit_pass(&kit, 100 * MS);
    kit_worker(&kit, 1, "text", 2);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 2);
    kit_result(&kit, 1, kit_fence(&kit, 1), "first");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.ref.number, 1);
}

Test(broker_time, what_is_due_together_is_dispatched_in_order)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 200, 0);
    offer(2, 100, 0);
    kit_pass(&kit, 300 * MS);
    kit_result(&kit, 1, kit_fence(&kit, 1), "first");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.ref.number, 1);
}

Test(broker_time, an_event_that_comes_late_finds_due_things_done)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 100, 0);
    kit.now_us += 150 * MS;
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_neq(kit_fence(&kit, 1), 0, "although nobody ticked");
}

Test(broker_time, a_queued_task_expires_at_its_deadline)
{
    offer(1, 0, 300);
    kit_pass(&kit, 300 * MS - 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    kit_pass(&kit, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_pool(&kit, "text").expired, 1);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_fence(&kit, 1), 0);
}

Test(broker_time, a_delayed_task_can_expire_before_its_time_has_come)
{
    offer(1, 500, 300);
    kit_pass(&kit, 300 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_time, the_deadline_counts_from_acceptance_also_after_a_delay)
{
    offer(1, 200, 300);
    kit_pass(&kit, 200 * MS);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 100 * MS);
    kit_pass(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_time, a_running_task_expires_and_its_slot_stays_taken_until_the_worker_answers)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, 300);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 300 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL)->cancel.ref.number, fence);
    offer(2, 0, 0);
    cr_assert_eq(kit_fence(&kit, 1), 0, "the slot is not free yet");
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    kit_result(&kit, 1, fence, "too late");
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT), "one final state, which never changes");
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_ERROR));
    cr_assert_neq(kit_fence(&kit, 1), 0, "now it is");
}

Test(broker_time, a_chunk_or_nack_after_the_deadline_goes_nowhere)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, 300);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 300 * MS);
    kit_chunk(&kit, 1, fence, 1);
    cr_assert_eq(kit.outbox.count, 0);
    kit_nack(&kit, 1, fence);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
}

Test(broker_time, the_worker_is_told_what_is_left_of_the_deadline)
{
    offer(1, 0, 300);
    kit_pass(&kit, 100 * MS);
    kit_worker(&kit, 1, "text", 1);
    cr_assert(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.has_deadline);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.deadline_ms, 200);
}

Test(broker_time, a_deadline_of_nothing_expires_at_once_and_never_runs)
{
    struct submit submit = kit_task(1);

    submit.has_deadline = true;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_time, a_requeued_task_still_expires)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, 2000);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_live_through(&kit, 1500 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_time, an_idle_broker_needs_no_call)
{
    cr_assert_eq(broker_next_due_us(kit.broker), INT64_MAX);
    offer(1, 0, 0);
    cr_assert_eq(broker_next_due_us(kit.broker), INT64_MAX);
}

Test(broker_time, the_longest_delay_and_deadline_do_not_overflow)
{
    offer(1, DURATION_MS_MAX, DURATION_MS_MAX);
    cr_assert_eq(kit_pool(&kit, "text").delayed, 1);
    kit_pass(&kit, DURATION_MS_MAX * 1000);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_time, a_thousand_things_due_at_once_are_all_done_in_one_tick)
{
    for (uint64_t id = 0; id < 1000; id++)
        offer(id, 100 + id % 7, id % 2 ? 105 : 0);
    kit_pass(&kit, 200 * MS);
    cr_assert_eq(kit_pool(&kit, "text").expired, 500);
    cr_assert_eq(kit_pool(&kit, "text").queued, 500);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 60 * SECOND, "the finals are kept for so long");
}
