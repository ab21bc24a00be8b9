/* test_group.c - tasks that run one at a time. */
#include "broker/core/group.h"
#include "broker/core/lease.h"
#include "broker/core/task_extra.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { TASKS = 6 };

static struct group *groups;
static struct task tasks[TASKS];
static struct task_extra extras[TASKS];
static struct lease lease;

static void
set_up(void)
{
    for (uint64_t i = 0; i < TASKS; i++) {
        tasks[i].number = i + 1;
        tasks[i].extra = &extras[i];
        tasks[i].state = TASK_QUEUED;
    }
}

static void
tear_down(void)
{
    if (lease.group)
        group_let_go(&groups, &lease);
    for (int i = 0; i < TASKS; i++)
        if (extras[i].group)
            group_leave(&groups, &tasks[i]);
    cr_assert_null(groups, "an empty group is freed");
}

TestSuite(group, .init = set_up, .fini = tear_down);

static void
join(int i, const char *name)
{
    group_join(&groups, &tasks[i], (struct bytes){(const uint8_t *)name, (uint32_t)strlen(name)}, 7);
    group_check_all(groups);
}

static bool
has_turn(int i)
{
    return group_is_turn_of(extras[i].group, &tasks[i]);
}

Test(group, the_oldest_has_the_turn)
{
    join(0, "a");
    join(1, "b");
    join(2, "a");
    cr_assert(has_turn(0));
    cr_assert(has_turn(1));
    cr_assert_not(has_turn(2));
}

Test(group, the_turn_goes_on_to_the_next_oldest)
{
    for (int i = 0; i < 4; i++)
        join(i, "a");
    cr_assert_null(group_leave(&groups, &tasks[1]), "it had no turn to give on");
    cr_assert_eq(group_leave(&groups, &tasks[0]), &tasks[2]);
    cr_assert_eq(group_leave(&groups, &tasks[2]), &tasks[3]);
    cr_assert_null(group_leave(&groups, &tasks[3]));
}

Test(group, nobody_has_the_turn_while_a_lease_holds_the_group_whose_task_has_ended)
{
    join(0, "a");
    join(1, "a");
    group_hold(extras[0].group, &lease);
    cr_assert_null(group_leave(&groups, &tasks[0]));
    cr_assert_not(has_turn(1));
    cr_assert_eq(group_let_go(&groups, &lease), &tasks[1]);
    cr_assert(has_turn(1));
}

Test(group, a_task_that_lost_its_lease_keeps_the_turn)
{
    join(0, "a");
    join(1, "a");
    group_hold(extras[0].group, &lease);
    cr_assert_eq(group_let_go(&groups, &lease), &tasks[0]);
    cr_assert(has_turn(0));
}

Test(group, a_group_that_is_held_stays_though_it_is_empty)
{
    join(0, "a");
    group_hold(extras[0].group, &lease);
    cr_assert_null(group_leave(&groups, &tasks[0]));
    join(1, "a");
    cr_assert_not(has_turn(1));
    cr_assert_eq(lease.group, extras[1].group);
}

Test(group, many_groups_are_told_apart)
{
    static struct task many[1000];
    static struct task_extra of[1000];
    char name[16];

    for (uint64_t i = 0; i < 1000; i++) {
        many[i] = (struct task){.number = i + 1, .extra = &of[i], .state = TASK_QUEUED};
        snprintf(name, sizeof name, "%u", (unsigned)i);
        group_join(&groups, &many[i], (struct bytes){(const uint8_t *)name, (uint32_t)strlen(name)}, 7);
        cr_assert(group_is_turn_of(of[i].group, &many[i]));
    }
    group_check_all(groups);
    cr_assert_eq(HASH_COUNT(groups), 1000);
    for (int i = 0; i < 1000; i++)
        group_leave(&groups, &many[i]);
}
