/* test_broker_fair.c - fair keys: who gets the next slot. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct kit kit;

static void
begin(enum fairness fairness)
{
    struct pool_settings settings;

    pool_settings_init(&settings, "");
    settings.fairness = fairness;
    kit_init_with(&kit, NULL, &settings);
    for (uint32_t peer = 1; peer <= 3; peer++)
        kit_client(&kit, peer, (uint8_t)peer);
}

static void
set_up(void)
{
    begin(FAIRNESS_KEY);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_fair, .init = set_up, .fini = tear_down);

/* `key` "" is none. */
static void
offer(uint32_t client, uint64_t id, const char *key)
{
    struct submit submit = kit_task(id);
    char function[32];

    snprintf(function, sizeof function, "%s%u", key, client);
    submit.function = bytes_of(function);
    submit.fair_key = bytes_of(key);
    kit_offer(&kit, client, &submit);
}

/* Answer the one task that worker 1 has; the function of the next one, which was dispatched by that. */
static struct bytes
next(uint64_t *fence)
{
    const struct message *task;

    kit_result(&kit, 1, *fence, "done");
    task = kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK);
    *fence = task ? task->task.fence : 0;
    return task ? task->task.function : bytes_of("");
}

Test(broker_fair, keys_get_equal_shares_however_much_each_offers)
{
    uint64_t fence, counts[3] = {0};

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "");
    fence = kit_fence(&kit, 1);
    for (uint64_t id = 1; id <= 900; id++)
        offer(1, id, id <= 500 ? "a" : id <= 800 ? "b" : "c");
    for (int i = 0; i < 300; i++)
        counts[next(&fence).data[0] - 'a']++;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(counts[i], 100);
}

Test(broker_fair, a_flood_in_one_key_lets_the_task_of_another_wait_for_one_round)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "a");
    fence = kit_fence(&kit, 1);
    for (uint64_t id = 1; id <= 1000; id++)
        offer(1, id, "a");
    offer(1, 2000, "b");
    cr_assert(bytes_are(next(&fence), "a1"));
    cr_assert(bytes_are(next(&fence), "b1"));
    cr_assert(bytes_are(next(&fence), "a1"));
}

Test(broker_fair, tasks_without_a_key_take_their_turn_together)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "");
    fence = kit_fence(&kit, 1);
    offer(1, 1, "");
    offer(2, 1, "");
    offer(3, 1, "a");
    offer(3, 2, "a");
    cr_assert(bytes_are(next(&fence), "1"));
    cr_assert(bytes_are(next(&fence), "a3"));
    cr_assert(bytes_are(next(&fence), "2"));
    cr_assert(bytes_are(next(&fence), "a3"));
}

Test(broker_fair, a_requeued_task_goes_before_the_younger_ones_of_its_key)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "a");
    fence = kit_fence(&kit, 1);
    offer(1, 1, "a");
    kit_nack(&kit, 1, fence);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
}

Test(broker_fair, one_key_is_one_flow_for_all_clients)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "");
    fence = kit_fence(&kit, 1);
    offer(1, 1, "a");
    offer(2, 1, "a");
    offer(3, 1, "b");
    cr_assert(bytes_are(next(&fence), "a1"));
    cr_assert(bytes_are(next(&fence), "b3"));
    cr_assert(bytes_are(next(&fence), "a2"));
}

Test(broker_fair, a_pool_that_is_fair_to_clients_lets_one_task_wait_for_one_round, .init = NULL)
{
    uint64_t fence;

    begin(FAIRNESS_CLIENT);
    kit_worker(&kit, 1, "text", 1);
    offer(1, 0, "");
    fence = kit_fence(&kit, 1);
    for (uint64_t id = 1; id <= 1000; id++)
        offer(1, id, "");
    offer(2, 1, "");
    offer(3, 1, "");
    offer(3, 2, "k");
    cr_assert(bytes_are(next(&fence), "1"));
    cr_assert(bytes_are(next(&fence), "2"));
    cr_assert(bytes_are(next(&fence), "3"));
    cr_assert(bytes_are(next(&fence), "k3"));
    cr_assert(bytes_are(next(&fence), "1"));
}

Test(broker_fair, thousands_of_keys_leave_nothing_behind)
{
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 2000; id++) {
        char key[32];

        snprintf(key, sizeof key, "key%u", (unsigned)id);
        offer(1, id, key);
        kit_result(&kit, 1, kit_fence(&kit, 1), "done");
        kit_seen(&kit, 1, id);
    }
    cr_assert_eq(kit_pool(&kit, "text").keys, 0);
}

Test(broker_fair, keys_are_counted_while_something_of_them_waits_or_runs)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "a");
    fence = kit_fence(&kit, 1);
    offer(1, 2, "a");
    offer(1, 3, "b");
    offer(1, 4, "");
    cr_assert_eq(kit_pool(&kit, "text").keys, 2);
    kit_cancel(&kit, 1, 3);
    cr_assert_eq(kit_pool(&kit, "text").keys, 1);
    kit_cancel(&kit, 1, 2);
    kit_error(&kit, 1, fence, ERROR_FAILED);
    cr_assert_eq(kit_pool(&kit, "text").keys, 0);
}
