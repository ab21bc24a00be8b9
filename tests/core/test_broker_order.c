/* test_broker_order.c - tasks of a group run one at a time, in order of acceptance. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_order, 1);

static void
offer(uint64_t id, const char *group, uint8_t priority)
{
    struct submit submit = kit_task(id);

    submit.group = bytes_of(group);
    submit.priority = priority;
    kit_offer(&kit, 1, &submit);
}

/* The fence of the first TASK of this step, which went to the worker and is the attempt at the task with this number. */
static uint64_t
fence_of(uint32_t peer, uint64_t number)
{
    struct explanation why;

    cr_assert_eq(broker_explain_task(kit.broker, number, &why), OK);
    cr_assert_eq(why.cause, CAUSE_RUNNING, "task %u should run", (unsigned)number);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, peer, VERB_TASK), 1);
    return kit_fence(&kit, peer);
}

static bool
is_waiting(uint64_t number)
{
    struct explanation why;

    cr_assert_eq(broker_explain_task(kit.broker, number, &why), OK);
    return why.cause == CAUSE_GROUP_WAITS;
}

static struct submit
delayed_task(uint64_t id, const char *group, uint64_t delay_ms)
{
    struct submit submit = kit_task(id);

    submit.group = bytes_of(group);
    submit.delay_ms = delay_ms;
    return submit;
}

Test(broker_order, a_group_runs_one_task_at_a_time_whatever_the_priority)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 0);
    fence = fence_of(1, 1);
    offer(2, "a", 5);
    offer(3, "a", 9);
    cr_assert(is_waiting(2) && is_waiting(3));
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
    kit_result(&kit, 1, fence, "1");
    fence = fence_of(1, 2);
    cr_assert(is_waiting(3));
    kit_result(&kit, 1, fence, "2");
    fence_of(1, 3);
}

Test(broker_order, other_groups_and_tasks_without_one_do_not_wait)
{
    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    offer(2, "a", 5);
    offer(3, "b", 5);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    offer(4, "", 5);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_pool(&kit, "text").running, 3);
}

Test(broker_order, the_same_name_in_another_pool_is_another_group)
{
    struct submit submit = kit_task(2);

    kit_worker(&kit, 1, "text", 2);
    kit_worker(&kit, 2, "numbers", 2);
    offer(1, "a", 5);
    submit.group = bytes_of("a");
    submit.pool = bytes_of("numbers");
    kit_offer(&kit, 1, &submit);
    cr_assert_neq(kit_fence(&kit, 2), 0);
}

Test(broker_order, the_next_of_a_group_has_its_place_by_its_own_priority_and_age)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    offer(2, "a", 5);
    offer(3, "", 5);
    offer(4, "", 9);
    kit_result(&kit, 1, fence, "1");
    fence = fence_of(1, 4);
    kit_result(&kit, 1, fence, "4");
    fence = fence_of(1, 2);
    kit_result(&kit, 1, fence, "2");
    fence_of(1, 3);
}

Test(broker_order, a_lost_task_keeps_its_turn)
{
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "a", 5);
    offer(2, "a", 5);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_eq(kit_fence(&kit, 2), 0);
    kit_pass(&kit, 500 * MS);
    fence_of(2, 1);
    cr_assert(is_waiting(2));
}

Test(broker_order, a_task_given_back_keeps_its_turn)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 2);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    offer(2, "a", 5);
    kit_nack(&kit, 1, fence);
    fence_of(1, 1);
    cr_assert(is_waiting(2));
}

Test(broker_order, a_group_waits_until_the_worker_has_answered_a_task_that_expired)
{
    struct submit submit = kit_task(1);
    struct explanation why;
    uint64_t fence;

    kit_worker(&kit, 1, "text", 2);
    submit.group = bytes_of("a");
    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    offer(2, "a", 5);
    kit_pass(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_eq(broker_explain_task(kit.broker, 2, &why), OK);
    cr_assert_eq(why.cause, CAUSE_GROUP_WAITS);
    cr_assert_eq(why.behind.task, 0);
    cr_assert_neq(why.behind.worker, 0);
    offer(3, "b", 5);
    cr_assert_neq(kit_fence(&kit, 1), 0, "a slot was free all the time");
    kit_error(&kit, 1, fence, ERROR_CANCELLED);
    fence_of(1, 2);
}

Test(broker_order, a_group_goes_on_when_the_worker_of_an_ended_task_is_lost)
{
    struct submit submit = kit_task(1);

    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    submit.group = bytes_of("a");
    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_offer(&kit, 1, &submit);
    offer(2, "a", 5);
    kit_pass(&kit, 100 * MS);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_pass(&kit, 500 * MS);
    fence_of(2, 2);
}

Test(broker_order, a_delayed_head_holds_the_others_back)
{
    struct submit submit = delayed_task(1, "a", 1000);

    kit_worker(&kit, 1, "text", 4);
    kit_offer(&kit, 1, &submit);
    offer(2, "a", 5);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    kit_live_through(&kit, 1000 * MS);
    fence_of(1, 1);
    cr_assert(is_waiting(2));
}

Test(broker_order, a_delayed_task_that_is_due_waits_for_its_turn)
{
    struct submit submit = delayed_task(2, "a", 1000);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 1000 * MS);
    cr_assert(is_waiting(2));
    kit_result(&kit, 1, fence, "1");
    fence_of(1, 2);
}

Test(broker_order, a_turn_that_comes_to_a_delayed_task_waits_with_it)
{
    struct submit submit = delayed_task(2, "a", 1000);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    kit_offer(&kit, 1, &submit);
    offer(3, "a", 5);
    kit_result(&kit, 1, fence, "1");
    cr_assert_eq(kit_fence(&kit, 1), 0);
    kit_live_through(&kit, 1000 * MS);
    fence_of(1, 2);
    cr_assert(is_waiting(3));
}

Test(broker_order, a_waiting_task_can_be_cancelled_and_the_others_stay_in_order)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    offer(2, "a", 5);
    offer(3, "a", 5);
    kit_cancel(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    kit_result(&kit, 1, fence, "1");
    fence_of(1, 3);
}

Test(broker_order, cancelling_a_delayed_head_starts_the_next_at_once)
{
    struct submit submit = delayed_task(1, "a", 1000);

    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    offer(2, "a", 5);
    kit_cancel(&kit, 1, 1);
    fence_of(1, 2);
}

Test(broker_order, a_waiting_task_expires_at_its_deadline)
{
    struct submit submit = kit_task(2);

    kit_worker(&kit, 1, "text", 1);
    offer(1, "a", 5);
    submit.group = bytes_of("a");
    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_offer(&kit, 1, &submit);
    kit_live_through(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
}

Test(broker_order, waiting_tasks_count_in_the_limits_of_the_pool)
{
    struct pool_settings pool;

    kit_fini(&kit);
    pool_settings_init(&pool, "text");
    pool.queued_max = 2;
    kit_init_with(&kit, NULL, &pool);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    offer(2, "a", 5);
    offer(3, "a", 5);
    offer(4, "a", 5);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY);
    offer(5, "", 5);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY, "what waits, waits for whatever reason");
}

Test(broker_order, explain_names_the_task_that_has_the_turn)
{
    struct explanation why;

    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    offer(2, "a", 5);
    offer(3, "a", 5);
    cr_assert_eq(broker_explain_task(kit.broker, 3, &why), OK);
    cr_assert_eq(why.cause, CAUSE_GROUP_WAITS);
    cr_assert_eq(why.behind.task, 1);
    cr_assert_eq(why.ahead, 2);
    cr_assert(bytes_are(why.group, "a"));
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), &why), OK);
    cr_assert_eq(why.cause, CAUSE_GROUP_WAITS);
    cr_assert_eq(why.task.task, 2);
}

Test(broker_order, a_failed_pool_ends_what_waits_in_groups_too)
{
    struct pool_report report = {.pool = bytes_of("text"), .state = AGENT_POOL_FAILED};
    struct pool_settings pool;

    kit_fini(&kit);
    pool_settings_init(&pool, "text");
    pool.when_failed = WHEN_FAILED_REFUSE;
    kit_init_with(&kit, NULL, &pool);
    kit_client(&kit, 1, 1);
    kit_agent(&kit, 9, 9, 1);
    for (uint64_t id = 1; id <= 3; id++)
        offer(id, "a", 5);
    kit_pool_says(&kit, 9, &report);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 3);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
}

static void
count(void *context, const struct task_stats *stats)
{
    *(size_t *)context += stats->task > 0;
}

Test(broker_order, waiting_tasks_are_listed)
{
    size_t listed = 0;

    kit_worker(&kit, 1, "text", 4);
    for (uint64_t id = 1; id <= 5; id++)
        offer(id, "a", 5);
    broker_each_task(kit.broker, "text", 100, count, &listed);
    cr_assert_eq(listed, 5);
}

Test(broker_order, the_time_for_a_turn_is_not_counted_as_waiting_for_a_slot)
{
    struct load_stats all, recent;
    uint64_t fence;

    kit_worker(&kit, 1, "text", 4);
    offer(1, "a", 5);
    fence = kit_fence(&kit, 1);
    offer(2, "a", 5);
    kit_pass(&kit, 900 * MS);
    kit_result(&kit, 1, fence, "1");
    fence_of(1, 2);
    broker_get_load(kit.broker, bytes_of("text"), kit.now_us, &all, &recent);
    cr_assert_eq(all.wait.count, 2);
    cr_assert_lt(all.wait.max_us, 1000);
}
