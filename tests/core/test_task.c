/* test_task.c - life and key of a task. */
#include "broker/core/task_table.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct task *
make_task(void)
{
    static const struct payload nothing;
    struct ref id = ref_number(1);
    struct task_key key = task_key_make(1, &id);

    return task_new(NULL, &key, 0, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));
}

Test(task, a_final_task_never_becomes_anything_else, .signal = SIGABRT)
{
    struct task *task = make_task();

    task_become(task, TASK_QUEUED);
    task_become(task, TASK_FINAL);
    task_become(task, TASK_QUEUED);
}

Test(task, a_delayed_task_cannot_be_leased_at_once, .signal = SIGABRT)
{
    struct task *task = make_task();

    task_become(task, TASK_DELAYED);
    task_become(task, TASK_LEASED);
}

Test(task, a_task_without_a_lease_cannot_be_leased, .signal = SIGABRT)
{
    struct task *task = make_task();

    task_become(task, TASK_QUEUED);
    task_become(task, TASK_LEASED);
}

Test(task, its_timer_rings_for_the_delay_and_then_for_the_deadline)
{
    struct task *task = make_task();

    task->live.not_before_us = 10;
    task->live.deadline_us = 20;
    task_become(task, TASK_DELAYED);
    cr_assert_eq(task_next_due_us(task), 10);
    task_become(task, TASK_QUEUED);
    cr_assert_eq(task_next_due_us(task), 20);
    task_destroy(&task);
    cr_assert_null(task);
}

Test(task, a_deadline_before_the_end_of_the_delay_rings_first)
{
    struct task *task = make_task();

    task->live.not_before_us = 30;
    task->live.deadline_us = 20;
    task_become(task, TASK_DELAYED);
    cr_assert_eq(task_next_due_us(task), 20);
    task_destroy(&task);
}

Test(task, keys_of_equal_ids_are_equal_bytes_whatever_the_padding_was)
{
    struct ref a, b;
    struct task_key one, other;

    memset(&a, 0xff, sizeof a);
    memset(&b, 0x11, sizeof b);
    a.kind = b.kind = REF_BYTES;
    a.size = b.size = 3;
    memcpy(a.bytes, "abc", 3);
    memcpy(b.bytes, "abc", 3);
    one = task_key_make(5, &a);
    other = task_key_make(5, &b);
    cr_assert_eq(memcmp(&one, &other, sizeof one), 0);
    cr_assert_eq(task_key_hash(&one, 9), task_key_hash(&other, 9));
}

Test(task, a_number_and_the_same_bytes_are_two_ids)
{
    struct ref number = ref_number(0x616263), bytes = {.kind = REF_BYTES, .size = 3};
    struct task_key one, other;

    memcpy(bytes.bytes, "cba", 3);
    one = task_key_make(5, &number);
    other = task_key_make(5, &bytes);
    cr_assert_neq(memcmp(&one, &other, sizeof one), 0);
}

Test(task, the_seed_changes_the_hash)
{
    struct ref id = ref_number(77);
    struct task_key key = task_key_make(5, &id);

    cr_assert_neq(task_key_hash(&key, 1), task_key_hash(&key, 2));
}

Test(task, consecutive_ids_spread_over_the_low_bits)
{
    bool used[1024] = {false};
    unsigned taken = 0;

    for (uint64_t i = 0; i < 1024; i++) {
        struct ref id = ref_number(i);
        struct task_key key = task_key_make(5, &id);
        unsigned bucket = task_key_hash(&key, 0) % 1024;

        taken += !used[bucket];
        used[bucket] = true;
    }
    cr_assert_gt(taken, 600, "%u of 1024 buckets; random ones would take 647", taken);
}

Test(task, each_verdict_has_the_name_of_its_final_state)
{
    cr_assert_str_eq(task_final_name(ERROR_NONE), "ok");
    cr_assert_str_eq(task_final_name(ERROR_FAILED), "failed");
    cr_assert_str_eq(task_final_name(ERROR_NO_SUCH_FUNCTION), "failed");
    cr_assert_str_eq(task_final_name(ERROR_BAD_PAYLOAD), "failed");
    cr_assert_str_eq(task_final_name(ERROR_CANCELLED), "cancelled");
    cr_assert_str_eq(task_final_name(ERROR_EXPIRED), "expired");
    cr_assert_str_eq(task_final_name(ERROR_DEAD), "dead");
    cr_assert_str_eq(task_final_name(ERROR_LOST), "lost");
}

Test(task, a_small_queued_task_takes_less_than_500_bytes)
{
    uint8_t argument[64] = {0};
    struct payload payload = {.data = {argument, sizeof argument}};
    struct bytes function = {(const uint8_t *)"count_words", 11};
    struct body *body = body_new(NULL, function, (struct bytes){0}, (struct bytes){0}, &payload);
    size_t malloc_heads = 2 * 16, table_slots = 3 * sizeof(struct task_slot);
    size_t timer_and_return = 2 * sizeof(struct heap_entry);

    cr_assert_lt(sizeof(struct task) + body_bytes(body) + malloc_heads + table_slots + timer_and_return, 500,
                 "a task takes %zu and its body %zu", sizeof(struct task), body_bytes(body));
    body_unref(body);
}
