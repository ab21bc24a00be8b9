/* test_broker_inspect.c - what admin calls can see. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <string.h>

KIT_SUITE(broker_inspect, 1);

struct list {
    struct task_stats tasks[32];
    struct worker_stats workers[32];
    size_t count;
};

static void
add_task(void *context, const struct task_stats *stats)
{
    struct list *list = context;

    list->tasks[list->count++] = *stats;
}

static void
add_worker(void *context, const struct worker_stats *stats)
{
    struct list *list = context;

    list->workers[list->count++] = *stats;
}

Test(broker_inspect, pools_are_listed_in_the_order_in_which_they_were_added)
{
    struct pool_stats stats;

    cr_assert_eq(broker_get_pool(kit.broker, 0, &stats), OK);
    cr_assert_str_eq(stats.name, "text");
    cr_assert_eq(broker_get_pool(kit.broker, 1, &stats), OK);
    cr_assert_str_eq(stats.name, "numbers");
    cr_assert_eq(broker_get_pool(kit.broker, 2, &stats), ERR_NOT_FOUND);
    cr_assert_eq(broker_find_pool(kit.broker, bytes_of("nothing"), &stats), ERR_NOT_FOUND);
}

Test(broker_inspect, a_pool_shows_its_workers_and_slots)
{
    kit_worker(&kit, 1, "text", 3);
    kit_worker(&kit, 2, "text", 4);
    kit_verb(&kit, SIDE_WORKER, 2, VERB_DRAINING);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_pool(&kit, "text").workers, 2);
    cr_assert_eq(kit_pool(&kit, "text").workers_ready, 1);
    cr_assert_eq(kit_pool(&kit, "text").slots, 7);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued_max, 100000);
}

Test(broker_inspect, tasks_are_listed_running_first_then_in_queue_order_then_delayed)
{
    const uint64_t order[] = {1, 4, 2, 3, 5};
    const char *states[] = {"running", "queued", "queued", "queued", "delayed"};
    struct list list = {.count = 0};

    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 5; id++) {
        struct submit submit = kit_task(id);

        submit.priority = id == 4 ? 9 : 5;
        submit.delay_ms = id == 5 ? 1000 : 0;
        if (id == 3)
            submit.pool = bytes_of("numbers");
        kit_offer(&kit, 1, &submit);
    }
    broker_each_task(kit.broker, NULL, 32, add_task, &list);
    cr_assert_eq(list.count, 5);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(list.tasks[i].task, order[i]);
        cr_assert_str_eq(list.tasks[i].state, states[i]);
    }
    cr_assert(bytes_are(list.tasks[0].function, "count_words"));
    cr_assert_eq(list.tasks[0].attempt, 1);
    cr_assert_neq(list.tasks[0].worker, 0);
    cr_assert_eq(list.tasks[1].worker, 0);
    cr_assert_eq(list.tasks[1].accepted_us, kit.now_us);
}

Test(broker_inspect, tasks_of_one_pool_and_at_most_so_many)
{
    struct list list = {.count = 0};

    kit_worker(&kit, 1, "text", 2);
    for (uint64_t id = 1; id <= 6; id++)
        kit_submit(&kit, 1, id);
    broker_each_task(kit.broker, "text", 3, add_task, &list);
    cr_assert_eq(list.count, 3);
    list.count = 0;
    broker_each_task(kit.broker, "text", 1, add_task, &list);
    cr_assert_eq(list.count, 1);
    list.count = 0;
    broker_each_task(kit.broker, "numbers", 10, add_task, &list);
    broker_each_task(kit.broker, "nothing", 10, add_task, &list);
    cr_assert_eq(list.count, 0);
}

Test(broker_inspect, final_tasks_are_not_listed)
{
    struct list list = {.count = 0};

    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    broker_each_task(kit.broker, NULL, 10, add_task, &list);
    cr_assert_eq(list.count, 0);
}

Test(broker_inspect, workers_are_listed_oldest_first_with_all_that_they_said)
{
    struct message beat = {.verb = VERB_HEARTBEAT,
                           .heartbeat = {.has_facts = true, .rss_bytes = 4096, .cpu_us = 7, .gil_enabled = 0}};
    uint64_t first = kit_worker(&kit, 1, "text", 3), second = kit_worker(&kit, 2, "numbers", 1);
    struct list list = {.count = 0};

    kit_command(&kit, SIDE_WORKER, 1, &beat);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    kit_submit(&kit, 1, 2);
    broker_each_worker(kit.broker, NULL, add_worker, &list);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(list.workers[0].id, first);
    cr_assert_eq(list.workers[1].id, second);
    cr_assert_str_eq(list.workers[0].name, "worker");
    cr_assert_str_eq(list.workers[0].pool, "text");
    cr_assert_str_eq(list.workers[0].host, "here");
    cr_assert_str_eq(list.workers[0].python, "3.11.2");
    cr_assert_str_eq(list.workers[0].state, "ready");
    cr_assert_eq(list.workers[0].pid, 42);
    cr_assert_eq(list.workers[0].slots, 3);
    cr_assert_eq(list.workers[0].busy, 1);
    cr_assert_eq(list.workers[0].rss_bytes, 4096);
    cr_assert_eq(list.workers[0].cpu_us, 7);
    cr_assert_eq(list.workers[0].tasks_done, 1);
    cr_assert_not(list.workers[0].gil_enabled);
    cr_assert_eq(list.workers[0].started_us, kit.now_us);
    list.count = 0;
    broker_each_worker(kit.broker, "numbers", add_worker, &list);
    broker_each_worker(kit.broker, "nothing", add_worker, &list);
    cr_assert_eq(list.count, 1);
}

Test(broker_inspect, the_broker_counts_what_it_holds)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 2, 1);
    cr_assert_eq(kit_stats(&kit).clients, 2);
    cr_assert_eq(kit_stats(&kit).workers, 1);
    cr_assert_eq(kit_stats(&kit).pools, 2);
    cr_assert_eq(kit_stats(&kit).tasks, 2);
    cr_assert_gt(kit_stats(&kit).bytes, 2 * strlen("to be or not to be"));
    cr_assert_not(kit_stats(&kit).is_draining);
}
