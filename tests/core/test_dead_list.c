/* test_dead_list.c - a bounded list of dead tasks. */
#include "broker/core/dead_list.h"
#include "tests/core/kit.h"

#include <criterion/criterion.h>

#define NO_LIMIT UINT64_C(1000000000)

static struct dead_list list;

static void
set_up(void)
{
    list = (struct dead_list){0};
}

static void
tear_down(void)
{
    dead_list_fini(&list);
}

TestSuite(dead_list, .init = set_up, .fini = tear_down);

/* One with this number dies at that time. */
static void
bury(uint64_t number, uint64_t tasks_max, uint64_t bytes_max)
{
    const struct payload payload = {.data = bytes_of("to be")};
    struct ref id = ref_number(number);
    struct task_key key = task_key_make(1, &id);
    struct task *task = task_new(NULL, &key, 0, body_new(NULL, bytes_of("f"), (struct bytes){0}, (struct bytes){0}, &payload));
    struct attempt attempt = {.number = 1, .worker_name = "w", .cause = "killed"};

    task->number = number;
    attempts_add(&task_get_extra(task)->attempts, &attempt);
    dead_list_add(&list, task, bytes_of("it died"), (int64_t)number, tasks_max, bytes_max);
    cr_assert_eq(task->extra->attempts.count, 0, "the record took them over");
    task_destroy(&task);
    dead_list_check(&list);
}

Test(dead_list, a_dead_task_keeps_its_arguments_and_attempts)
{
    struct dead_task *dead;

    bury(7, NO_LIMIT, NO_LIMIT);
    dead = dead_list_find(&list, 7);
    cr_assert_not_null(dead);
    cr_assert(bytes_are(dead->body->payload.data, "to be"));
    cr_assert_str_eq(dead->text, "it died");
    cr_assert_str_eq(dead->attempts.list->cause, "killed");
    cr_assert_null(dead_list_find(&list, 8));
    cr_assert_gt(list.bytes, sizeof(struct dead_task));
}

Test(dead_list, the_oldest_makes_room_and_is_counted)
{
    for (uint64_t number = 1; number <= 5; number++)
        bury(number, 3, NO_LIMIT);
    cr_assert_eq(list.count, 3);
    cr_assert_eq(list.dropped, 2);
    cr_assert_null(dead_list_find(&list, 2));
    cr_assert_eq(list.tasks->number, 3);
}

Test(dead_list, bytes_are_bounded_too)
{
    bury(1, NO_LIMIT, NO_LIMIT);
    bury(2, NO_LIMIT, list.bytes * 3 / 2);
    cr_assert_eq(list.count, 1);
    cr_assert_not_null(dead_list_find(&list, 2));
}

Test(dead_list, where_nothing_is_allowed_nothing_stays)
{
    bury(1, 0, NO_LIMIT);
    bury(2, NO_LIMIT, 10);
    cr_assert_eq(list.count, 0);
    cr_assert_eq(list.bytes, 0);
    cr_assert_eq(list.dropped, 2);
}

Test(dead_list, one_may_be_taken_out)
{
    for (uint64_t number = 1; number <= 3; number++)
        bury(number, NO_LIMIT, NO_LIMIT);
    dead_list_remove(&list, dead_list_find(&list, 2));
    dead_list_check(&list);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(list.dropped, 0);
}

Test(dead_list, lower_limits_trim_what_is_there)
{
    for (uint64_t number = 1; number <= 5; number++)
        bury(number, NO_LIMIT, NO_LIMIT);
    dead_list_trim(&list, 2, NO_LIMIT);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(list.dropped, 3);
    dead_list_check(&list);
}
