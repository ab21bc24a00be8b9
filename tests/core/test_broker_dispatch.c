/* test_broker_dispatch.c - who gets which task. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_dispatch, 1);

/* Submit, and tell which of the workers 1..9 got it; 0: none. */
static uint32_t
submit(uint64_t id)
{
    kit_submit(&kit, 1, id);
    for (uint32_t peer = 1; peer < 10; peer++)
        if (kit_fence(&kit, peer) != 0)
            return peer;
    return 0;
}

Test(broker_dispatch, slots_are_credit)
{
    kit_worker(&kit, 1, "text", 3);
    for (uint64_t id = 1; id <= 3; id++)
        cr_assert_eq(submit(id), 1);
    cr_assert_eq(submit(4), 0);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 3);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_dispatch, a_free_slot_takes_the_next_task_at_once)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    kit_result(&kit, 1, fence, "6");
    cr_assert_gt(kit_fence(&kit, 1), fence);
}

Test(broker_dispatch, the_least_loaded_worker_is_next)
{
    kit_worker(&kit, 1, "text", 4);
    kit_worker(&kit, 2, "text", 4);
    kit_worker(&kit, 3, "text", 1);
    cr_assert_eq(submit(1), 1);
    cr_assert_eq(submit(2), 2);
    cr_assert_eq(submit(3), 3);
    cr_assert_eq(submit(4), 1);
    cr_assert_eq(submit(5), 2);
    cr_assert_eq(submit(6), 1);
}

Test(broker_dispatch, among_idle_workers_the_longest_idle_is_next)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    kit_worker(&kit, 3, "text", 1);
    cr_assert_eq(submit(1), 1);
    fence = kit_fence(&kit, 1);
    cr_assert_eq(submit(2), 2);
    kit_result(&kit, 2, kit_fence(&kit, 2), "6");
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(submit(3), 3);
    cr_assert_eq(submit(4), 2);
    cr_assert_eq(submit(5), 1);
}

Test(broker_dispatch, workers_serve_their_own_pool_only)
{
    kit_worker(&kit, 1, "numbers", 4);
    cr_assert_eq(submit(1), 0);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_dispatch, higher_priorities_go_first_and_equal_ones_in_order)
{
    const uint8_t priorities[] = {0, 5, 9, 5, 9, 0};
    const uint64_t order[] = {3, 5, 2, 4, 1, 6};
    uint64_t fence;

    for (uint64_t id = 1; id <= 6; id++) {
        struct submit task = kit_task(id);

        task.priority = priorities[id - 1];
        kit_offer(&kit, 1, &task);
    }
    kit_worker(&kit, 1, "text", 1);
    for (int i = 0; i < 6; i++) {
        fence = kit_fence(&kit, 1);
        kit_result(&kit, 1, fence, "6");
        cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.ref.number, order[i]);
    }
}

Test(broker_dispatch, first_dispatches_follow_the_order_of_acceptance_whatever_is_lost_between)
{
    uint64_t last_first = 0;

    for (uint64_t id = 1; id <= 40; id++)
        kit_submit(&kit, 1, id);
    for (uint32_t round = 1; kit_pool(&kit, "text").queued > 0; round++) {
        kit_worker(&kit, 1, "text", 3);
        for (size_t i = 0; i < kit_count(&kit, SIDE_WORKER, 1, VERB_TASK); i++) {
            const struct task_command *task = &kit_sent_nth(&kit, SIDE_WORKER, 1, VERB_TASK, i)->task;

            cr_assert(task->attempt > 1 || task->fence > last_first);
            last_first = task->attempt == 1 ? task->fence : last_first;
        }
        if (round % 2)
            kit_result(&kit, 1, kit_fence(&kit, 1), "6");
        kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    }
    cr_assert_gt(kit_pool(&kit, "text").succeeded, 0);
}

Test(broker_dispatch, a_large_and_a_small_worker_share_the_load)
{
    kit_worker(&kit, 1, "text", SLOTS_MAX);
    kit_worker(&kit, 2, "text", 2);
    for (uint64_t id = 1; id <= 100; id++)
        submit(id);
    cr_assert_eq(kit_pool(&kit, "text").running, 100);
    cr_assert_eq(submit(101), 1);
}
