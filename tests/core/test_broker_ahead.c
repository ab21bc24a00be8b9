/* test_broker_ahead.c - tasks that are sent before a slot is free for them, and asked back. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct kit kit;

/* A pool `text` with at most three tasks ahead for each slot. Client 1 is there. */
static void
set_up(void)
{
    struct broker_settings settings;
    struct pool_settings pool;

    kit_settings(&settings);
    pool_settings_init(&pool, "text");
    pool.prefetch = 3;
    kit_init_with(&kit, &settings, &pool);
    kit_client(&kit, 1, 1);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_ahead, .init = set_up, .fini = tear_down);

/* Worker 1 has run some tasks, each for so long, and idles. */
static void
learn(int64_t run_us)
{
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 100; id < 120; id++) {
        uint64_t fence;

        kit_submit(&kit, 1, id);
        fence = kit_fence(&kit, 1);
        kit_pass(&kit, run_us);
        kit_result(&kit, 1, fence, "6");
    }
}

/* Worker 1 runs task 1 and `count` more wait; then it answers, and what it gets is in the outbox. Its first fence. */
static uint64_t
answer_with_queue(uint64_t count)
{
    uint64_t fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    for (uint64_t id = 2; id <= count + 1; id++)
        kit_submit(&kit, 1, id);
    kit_pass(&kit, 20);
    kit_result(&kit, 1, fence, "6");
    return kit_fence(&kit, 1);
}

Test(broker_ahead, of_a_function_that_is_not_known_nothing_is_sent_ahead)
{
    kit_worker(&kit, 1, "text", 1);
    answer_with_queue(10);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
}

Test(broker_ahead, short_tasks_are_sent_ahead_up_to_the_limit)
{
    learn(20);
    answer_with_queue(10);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 4, "one for the slot, three ahead");
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 6);
}

Test(broker_ahead, each_answer_brings_the_next_one)
{
    uint64_t fence;

    learn(20);
    fence = answer_with_queue(10);
    kit_pass(&kit, 20);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
    cr_assert_eq(kit_fence(&kit, 1), fence + 4);
}

Test(broker_ahead, they_are_as_many_as_take_a_few_round_trips)
{
    learn(900);
    answer_with_queue(10);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 2, "two of 0.9 ms fit in 2 ms");
}

Test(broker_ahead, nothing_is_sent_ahead_of_long_tasks)
{
    learn(100000);
    answer_with_queue(10);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
}

Test(broker_ahead, one_long_run_ends_it_at_once)
{
    uint64_t fence;

    learn(20);
    fence = answer_with_queue(10);
    kit_pass(&kit, 500000);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 0);
}

Test(broker_ahead, a_free_slot_elsewhere_recalls_the_latest)
{
    uint64_t fence;

    learn(20);
    fence = answer_with_queue(4);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 4);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_RECALL), 1, "one for each free slot");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_RECALL)->fence, fence + 3);
    kit_nack(&kit, 1, fence + 3);
    cr_assert_neq(kit_fence(&kit, 2), 0, "it goes there");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_RECALL), 0, "and the slot is taken");
}

Test(broker_ahead, a_recalled_task_that_has_begun_ends_where_it_is)
{
    uint64_t fence;

    learn(20);
    fence = answer_with_queue(2);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 2);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_RECALL)->fence, fence + 1);
    kit_result(&kit, 1, fence, "6");
    kit_result(&kit, 1, fence + 1, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    kit_nack(&kit, 1, fence + 1);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
}

Test(broker_ahead, what_waits_behind_a_task_that_runs_on_is_recalled)
{
    learn(20);
    answer_with_queue(4);
    kit_pass(&kit, 4000);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_RECALL), 0);
    kit_pass(&kit, 4000);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_RECALL), 3);
}

Test(broker_ahead, a_lost_worker_is_not_held_against_what_had_not_begun)
{
    uint64_t fence;

    learn(20);
    fence = answer_with_queue(2);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 600000);
    cr_assert_eq(kit_pool(&kit, "text").quarantined, 2);
    for (int kill = 0; kill < 2; kill++) {
        kit_worker(&kit, 1, "text", 1);
        cr_assert_gt(kit_fence(&kit, 1), fence);
        kit_gone(&kit, SIDE_WORKER, 1);
        kit_live_through(&kit, 600000);
        cr_assert_eq(kit_pool(&kit, "text").dead, 1, "the first has cost two workers by then");
    }
}

Test(broker_ahead, what_runs_at_most_once_is_not_sent_ahead_nor_what_stands_behind_it)
{
    struct submit submit = kit_task(50);
    uint64_t fence;

    learn(20);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    submit.on_loss = LOSS_FINAL;
    submit.max_attempts = 1;
    kit_offer(&kit, 1, &submit);
    kit_submit(&kit, 1, 3);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
}
