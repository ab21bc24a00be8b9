/* test_task_table.c - tasks by their key. */
#include "broker/core/task_table.h"

#include <criterion/criterion.h>

enum { TASKS = 40000 };

static struct task_table table;
static struct task *tasks[TASKS];

/* Few different hashes, so that searches pass many others; the low bits wrap around the end of the table. */
static uint32_t
poor_hash(uint64_t i)
{
    return (uint32_t)(i % 7) - 3;
}

static struct task *
make_task(uint64_t i, uint32_t hash)
{
    static const struct payload nothing;
    struct ref id = ref_number(i);
    struct task_key key = task_key_make(1, &id);

    return task_new(NULL, &key, hash, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));
}

static struct task *
find(uint64_t i, uint32_t hash)
{
    struct ref id = ref_number(i);
    struct task_key key = task_key_make(1, &id);

    return task_table_find(&table, &key, hash);
}

static void
set_up(void)
{
    task_table_init(&table);
}

static void
tear_down(void)
{
    task_table_fini(&table);
    for (int i = 0; i < TASKS; i++)
        if (tasks[i])
            task_destroy(&tasks[i]);
}

TestSuite(task_table, .init = set_up, .fini = tear_down);

Test(task_table, an_empty_table_finds_nothing)
{
    cr_assert_null(find(1, 1));
    task_table_check(&table);
}

Test(task_table, what_was_added_is_found_and_nothing_else)
{
    for (uint64_t i = 0; i < TASKS; i++) {
        tasks[i] = make_task(i, (uint32_t)hash_mix(i));
        task_table_add(&table, tasks[i]);
    }
    task_table_check(&table);
    cr_assert_eq(table.count, TASKS);
    for (uint64_t i = 0; i < TASKS; i++)
        cr_assert_eq(find(i, (uint32_t)hash_mix(i)), tasks[i]);
    for (uint64_t i = TASKS; i < 2 * TASKS; i++)
        cr_assert_null(find(i, (uint32_t)hash_mix(i)));
}

Test(task_table, others_with_the_same_hash_are_told_apart_and_survive_a_removal)
{
    for (uint64_t i = 0; i < 200; i++) {
        tasks[i] = make_task(i, poor_hash(i));
        task_table_add(&table, tasks[i]);
        task_table_check(&table);
    }
    for (uint64_t i = 0; i < 200; i += 3) {
        task_table_remove(&table, tasks[i]);
        task_table_check(&table);
        cr_assert_null(find(i, poor_hash(i)));
    }
    for (uint64_t i = 0; i < 200; i++)
        cr_assert_eq(find(i, poor_hash(i)), i % 3 == 0 ? NULL : tasks[i]);
}

Test(task_table, memory_of_a_burst_is_given_back)
{
    for (uint64_t i = 0; i < TASKS; i++) {
        tasks[i] = make_task(i, (uint32_t)hash_mix(i));
        task_table_add(&table, tasks[i]);
    }
    cr_assert_geq(table.capacity, TASKS);
    for (uint64_t i = 0; i < TASKS - 10; i++)
        task_table_remove(&table, tasks[i]);
    task_table_check(&table);
    cr_assert_leq(table.capacity, 8192, "128 KiB are not worth giving back");
    for (uint64_t i = TASKS - 10; i < TASKS; i++)
        cr_assert_eq(find(i, (uint32_t)hash_mix(i)), tasks[i]);
}
