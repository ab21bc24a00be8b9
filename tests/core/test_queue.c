/* test_queue.c - order of the waiting tasks of a pool. */
#include "broker/core/queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct queue queue;
static struct task *tasks[64];

static void
set_up(void)
{
    static const struct payload nothing;

    queue_init(&queue);
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
}

TestSuite(queue, .init = set_up, .fini = tear_down);

static uint64_t
take(void)
{
    struct task *task = queue_first(&queue);

    if (!task)
        return 0;
    queue_remove(&queue, task);
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
