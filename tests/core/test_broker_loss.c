/* test_broker_loss.c - what becomes of tasks whose workers are lost, give them back, or answer too late. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_loss, 0);

/* The worker on this connection vanishes and does not come back. */
static void
lose(uint32_t peer)
{
    kit_gone(&kit, SIDE_WORKER, peer);
    kit_live_through(&kit, 500 * MS);
}

Test(broker_loss, tasks_of_a_lost_worker_go_back_to_their_place)
{
    uint64_t session;

    kit_client(&kit, 1, 1);
    session = kit_worker(&kit, 1, "text", 3);
    for (uint64_t id = 1; id <= 6; id++)
        kit_submit(&kit, 1, id);
    lose(1);
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_LOST)->worker, session);
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_LOST)->count, 3);
    cr_assert_eq(kit_count_notes(&kit, NOTE_TASK_REQUEUED), 3);
    cr_assert_eq(kit_note(&kit, NOTE_TASK_REQUEUED)->worker, session);
    cr_assert_eq(kit_note(&kit, NOTE_TASK_REQUEUED)->task, 3, "the newest first");
    cr_assert_str_eq(kit_note(&kit, NOTE_TASK_REQUEUED)->reason, "worker lost");
    cr_assert_eq(kit_pool(&kit, "text").requeued, 3);
    kit_worker(&kit, 2, "text", 6);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 1, "what was lost with a worker runs alone");
        cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
        kit_result(&kit, 2, kit_fence(&kit, 2), "6");
    }
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 3);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 1);
}

Test(broker_loss, a_waiting_worker_gets_the_task_when_the_grace_is_over_and_not_before)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_worker(&kit, 2, "text", 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 500 * MS);
    kit_pass(&kit, 500 * MS - 1);
    cr_assert_eq(kit_fence(&kit, 2), 0);
    kit_pass(&kit, 1);
    cr_assert_gt(kit_fence(&kit, 2), fence);
}

Test(broker_loss, after_max_attempts_the_task_is_dead)
{
    struct submit submit = kit_task(1);

    submit.max_attempts = 2;
    kit_client(&kit, 1, 1);
    kit_offer(&kit, 1, &submit);
    kit_worker(&kit, 1, "text", 1);
    lose(1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_worker(&kit, 2, "text", 1);
    lose(2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.attempt, 2);
    cr_assert_eq(kit_note(&kit, NOTE_TASK_DEAD)->count, 2);
    cr_assert_eq(kit_pool(&kit, "text").dead, 1);
}

Test(broker_loss, the_pool_says_how_many_attempts_when_the_task_does_not)
{
    struct submit submit = kit_task(1);

    submit.kills_max = 1000;
    kit_client(&kit, 1, 1);
    kit_offer(&kit, 1, &submit);
    for (uint32_t attempt = 1; attempt <= 5; attempt++) {
        kit_worker(&kit, attempt, "text", 1);
        cr_assert_eq(kit_sent(&kit, SIDE_WORKER, attempt, VERB_TASK)->task.attempt, attempt);
        lose(attempt);
    }
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
}

Test(broker_loss, at_most_once_ends_as_lost)
{
    struct submit submit = kit_task(1);

    submit.max_attempts = 1;
    submit.on_loss = LOSS_FINAL;
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    lose(1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_LOST);
    cr_assert_eq(kit_pool(&kit, "text").lost, 1);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_fence(&kit, 2), 0);
}

Test(broker_loss, a_nack_puts_the_task_back_and_does_not_count_as_an_attempt)
{
    struct submit submit = kit_task(1);

    submit.max_attempts = 1;
    submit.on_loss = LOSS_FINAL;
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    for (uint32_t attempt = 2; attempt < 6; attempt++) {
        kit_nack(&kit, 1, kit_fence(&kit, 1));
        cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, attempt, "attempts only grow");
    }
    cr_assert_eq(kit_pool(&kit, "text").requeued, 4);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.info.attempt, 5);
}

Test(broker_loss, a_late_answer_of_a_lost_worker_is_stale)
{
    uint64_t old, current;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    old = kit_fence(&kit, 1);
    lose(1);
    kit_worker(&kit, 1, "text", 1);
    current = kit_fence(&kit, 1);
    cr_assert_gt(current, old);
    kit_result(&kit, 1, old, "old");
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_ERROR)->error.ref.number, old);
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    kit_error(&kit, 1, old, ERROR_FAILED);
    kit_chunk(&kit, 1, old, 1);
    kit_nack(&kit, 1, old);
    cr_assert_eq(kit_stats(&kit).stale, 4);
    kit_result(&kit, 1, current, "new");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    kit_result(&kit, 1, current, "again");
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE, "a second answer, too");
}

Test(broker_loss, a_worker_cannot_answer_for_another)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_worker(&kit, 2, "text", 1);
    kit_result(&kit, 2, fence, "6");
    cr_assert_eq(kit_worker_error(&kit, 2), ERROR_STALE);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}

Test(broker_loss, fences_start_at_the_epoch_and_grow_by_one)
{
    uint64_t first = UINT64_C(1) << 32;

    kit_worker(&kit, 1, "text", 10);
    kit_worker(&kit, 2, "numbers", 10);
    for (uint64_t id = 0; id < 10; id++) {
        struct submit submit = kit_task(id);

        submit.pool = bytes_of(id % 2 ? "text" : "numbers");
        kit_offer(&kit, 1, &submit);
        cr_assert_eq(kit_fence(&kit, id % 2 ? 1 : 2), first + id);
    }
}

Test(broker_loss, a_restart_within_the_same_second_repeats_no_fence)
{
    struct broker_settings settings;
    struct kit later;
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_settings(&settings);
    settings.epoch_us = 200;
    kit_init_with(&later, &settings, NULL);
    kit_worker(&later, 1, "text", 1);
    kit_submit(&later, 1, 1);
    cr_assert_gt(kit_fence(&later, 1), fence + 100000);
    kit_fini(&later);
}

Test(broker_loss, an_error_that_only_the_broker_may_give_counts_as_failed)
{
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_BUSY);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_loss, an_orphaned_slot_is_free_when_its_worker_is_lost)
{
    struct submit submit = kit_task(1);

    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    lose(1);
    cr_assert_eq(kit_count_notes(&kit, NOTE_TASK_REQUEUED), 0);
    cr_assert_eq(kit_pool(&kit, "text").slots, 0);
}
