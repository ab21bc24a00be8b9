/* test_queue.c - order of the waiting tasks of a pool. */
#include "broker/core/queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct queue queue;
static struct task *tasks[64];
static struct flow *flows[3]; /* a, b, c */

static void
set_up(void)
{
    static const struct payload nothing;

    queue_init(&queue);
    for (int i = 0; i < 3; i++) {
        struct bytes name = {(const uint8_t *)"abc" + i, 1};
        struct flow_key key = flow_key_of_text(name);

        flows[i] = flow_new(&key);
    }
    for (uint64_t i = 0; i < 64; i++) {
        struct ref id = ref_number(i);
        struct task_key key = task_key_make(1, &id);

        tasks[i] = task_new(NULL, &key, 0, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));
        tasks[i]->number = i + 1;
        tasks[i]->priority = PRIORITY_DEFAULT;
        task_become(tasks[i], TASK_QUEUED);
    }
}

static void
tear_down(void)
{
    for (int i = 0; i < 64; i++) {
        if (task_is_linked(tasks[i]))
            queue_remove(&queue, tasks[i]);
        task_destroy(&tasks[i]);
    }
    queue_fini(&queue);
    for (int i = 0; i < 3; i++)
        flow_destroy(&flows[i]);
}

TestSuite(queue, .init = set_up, .fini = tear_down);

static uint64_t
take(void)
{
    struct task *task = queue_first(&queue);

    if (!task)
        return 0;
    queue_take(&queue, task);
    queue_check(&queue);
    return task->number;
}

Test(queue, equal_priorities_leave_in_order_of_acceptance)
{
    for (int i = 0; i < 10; i++)
        queue_add(&queue, tasks[i]);
    for (uint64_t i = 1; i <= 10; i++)
        cr_assert_eq(take(), i);
    cr_assert_eq(take(), 0);
}

Test(queue, a_higher_priority_leaves_first_whenever_it_came)
{
    for (int i = 0; i < 10; i++) {
        tasks[i]->priority = (uint8_t)i;
        queue_add(&queue, tasks[i]);
    }
    for (uint64_t i = 10; i >= 1; i--)
        cr_assert_eq(take(), i);
}

Test(queue, a_returned_task_stands_where_its_number_says)
{
    queue_add(&queue, tasks[1]);
    queue_add(&queue, tasks[3]);
    queue_add(&queue, tasks[5]);
    queue_return(&queue, tasks[4]);
    queue_return(&queue, tasks[0]);
    queue_return(&queue, tasks[2]);
    queue_check(&queue);
    for (uint64_t i = 1; i <= 6; i++)
        cr_assert_eq(take(), i);
}

Test(queue, a_returned_task_stays_within_its_priority)
{
    tasks[0]->priority = 1;
    queue_add(&queue, tasks[1]);
    queue_return(&queue, tasks[0]);
    cr_assert_eq(take(), 2);
    cr_assert_eq(take(), 1);
}

Test(queue, tasks_leave_from_the_middle_of_list_and_heap)
{
    for (int i = 0; i < 20; i += 2)
        queue_add(&queue, tasks[i]);
    for (int i = 1; i < 20; i += 2)
        queue_return(&queue, tasks[i]);
    for (int i = 0; i < 20; i += 5) {
        queue_remove(&queue, tasks[i]);
        queue_check(&queue);
    }
    cr_assert_eq(queue.count, 16);
    cr_assert_eq(take(), 2);
}

static void
collect(void *context, const struct task *task)
{
    uint64_t **at = context;

    *(*at)++ = task->number;
}

Test(queue, walking_shows_the_order_of_dispatch_and_changes_nothing)
{
    uint64_t seen[64], *at = seen;

    for (int i = 0; i < 30; i++) {
        tasks[i]->priority = (uint8_t)(i % 3);
        if (i % 4 == 1)
            queue_return(&queue, tasks[i]);
        else
            queue_add(&queue, tasks[i]);
    }
    cr_assert_eq(queue_each(&queue, 64, collect, &at), 30);
    for (int i = 0; i < 30; i++)
        cr_assert_eq(take(), seen[i]);
}

Test(queue, walking_stops_at_the_limit)
{
    uint64_t seen[64], *at = seen;

    for (int i = 0; i < 10; i++) {
        tasks[i]->priority = (uint8_t)i;
        queue_add(&queue, tasks[i]);
    }
    cr_assert_eq(queue_each(&queue, 4, collect, &at), 4);
    cr_assert_eq(at - seen, 4);
    cr_assert_eq(seen[3], 7);
}

/* --- flows ------------------------------------------------------------------------------------------------------ */

/* The task of this number belongs to flow a, b, c, or ('-') to none. */
static struct task *
give(uint64_t number, char flow)
{
    struct task *task = tasks[number - 1];

    if (flow != '-')
        task_get_extra(task)->flow = flows[flow - 'a'];
    return task;
}

/* Tasks 1, 2, 3... of the flows that the letters name. */
static void
add_all(const char *letters)
{
    for (uint64_t i = 0; letters[i]; i++)
        queue_add(&queue, give(i + 1, letters[i]));
}

#define ASSERT_TAKES(...)                                                                                              \
    do {                                                                                                               \
        static const uint64_t order[] = {__VA_ARGS__};                                                                 \
        for (size_t i = 0; i < sizeof order / sizeof *order; i++)                                                      \
            cr_assert_eq(take(), order[i]);                                                                            \
    } while (0)

Test(queue, lanes_take_turns_of_one_task)
{
    add_all("aaaabb-");
    ASSERT_TAKES(1, 5, 7, 2, 6, 3, 4, 0);
}

Test(queue, a_single_task_waits_for_one_round_at_most)
{
    add_all("aaaaaaaaaaaabbbbbbbbbbbb-----------");
    ASSERT_TAKES(1, 13);
    queue_add(&queue, give(40, 'c'));
    ASSERT_TAKES(25, 2, 14, 40);
}

Test(queue, a_lane_that_was_empty_comes_back_behind_the_others)
{
    add_all("aabb");
    ASSERT_TAKES(1, 3, 2);
    queue_add(&queue, give(5, 'a'));
    ASSERT_TAKES(4, 5);
}

Test(queue, a_task_that_ends_without_its_turn_takes_no_turn)
{
    add_all("aabb");
    queue_remove(&queue, tasks[0]);
    queue_check(&queue);
    ASSERT_TAKES(2, 3, 4);
}

Test(queue, turns_are_taken_within_a_priority)
{
    give(1, 'a')->priority = 9;
    give(2, 'a')->priority = 9;
    give(3, 'b')->priority = 1;
    for (uint64_t i = 0; i < 3; i++)
        queue_add(&queue, tasks[i]);
    queue_add(&queue, give(4, 'b'));
    ASSERT_TAKES(1, 2, 4, 3);
}

Test(queue, a_returned_task_stands_before_the_younger_ones_of_its_lane_only)
{
    add_all("-bbaa");
    queue_remove(&queue, tasks[3]);
    queue_check(&queue);
    ASSERT_TAKES(1);
    queue_return(&queue, tasks[3]);
    ASSERT_TAKES(2, 4, 3, 5);
}

Test(queue, what_is_held_does_not_go_and_comes_back_behind_the_others)
{
    give(5, 'a')->priority = 9;
    add_all("aabba");
    queue_hold(&queue, flows[0]);
    queue_check(&queue);
    ASSERT_TAKES(3);
    queue_add(&queue, give(6, 'a'));
    queue_check(&queue);
    cr_assert_eq(queue_first(&queue), tasks[3]);
    cr_assert_eq(queue_any(&queue), tasks[4]);
    queue_release(&queue, flows[0]);
    queue_check(&queue);
    ASSERT_TAKES(5, 4, 1, 2, 6);
}

Test(queue, a_task_may_leave_while_its_flow_is_held)
{
    add_all("ab");
    queue_hold(&queue, flows[0]);
    queue_remove(&queue, tasks[0]);
    queue_check(&queue);
    queue_release(&queue, flows[0]);
    ASSERT_TAKES(2, 0);
}

Test(queue, walking_takes_turns_and_shows_what_is_held_last)
{
    static const uint64_t order[] = {1, 4, 5, 2, 6, 3, 7, 8};
    uint64_t seen[64], *at = seen;

    add_all("aaa-bbcc");
    queue_remove(&queue, tasks[1]);
    queue_return(&queue, tasks[1]);
    queue_hold(&queue, flows[2]);
    cr_assert_eq(queue_each(&queue, 64, collect, &at), 8);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(seen[i], order[i]);
    queue_check(&queue);
    at = seen;
    cr_assert_eq(queue_each(&queue, 2, collect, &at), 2);
    cr_assert_eq(seen[1], 4);
}
