/* test_pool.c - a pool's counters, limits and pace. */
#include "broker/core/pool.h"
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct pool *pool;

static void
set_up(void)
{
    struct pool_settings settings = {.name = "text", .queued_max = 100, .queued_bytes_max = 100000, .max_attempts = 5};

    pool = pool_new(&settings);
}

static void
tear_down(void)
{
    pool_destroy(&pool);
    cr_assert_null(pool);
}

TestSuite(pool, .init = set_up, .fini = tear_down);

static struct task *
make_task(uint64_t number)
{
    static const struct payload nothing;
    struct ref id = ref_number(number);
    struct task_key key = task_key_make(1, &id);
    struct task *task = task_new(NULL, &key, 0, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));

    task->number = number;
    task->pool = pool;
    return task;
}

Test(pool, draining_twice_changes_something_once)
{
    cr_assert(pool_become(pool, POOL_DRAINING));
    cr_assert_not(pool_become(pool, POOL_DRAINING));
    cr_assert(pool_become(pool, POOL_OPEN));
    cr_assert_not(pool_become(pool, POOL_OPEN));
}

Test(pool, delayed_and_queued_tasks_count_as_waiting_with_their_bytes)
{
    struct task *delayed = make_task(1), *queued = make_task(2);

    pool_put(pool, delayed, TASK_DELAYED);
    pool_put(pool, queued, TASK_QUEUED);
    cr_assert_eq(pool_waiting(pool), 2);
    cr_assert_eq(pool->waiting_bytes, body_bytes(delayed->body) + body_bytes(queued->body));
    cr_assert_eq(pool_choose_task(pool), queued);
    pool_withdraw(pool, delayed);
    pool_put(pool, delayed, TASK_QUEUED);
    cr_assert_eq(pool_choose_task(pool), delayed, "it was accepted first");
    pool_check(pool);
    pool_withdraw(pool, delayed);
    pool_withdraw(pool, queued);
    cr_assert_eq(pool->waiting_bytes, 0);
    task_destroy(&delayed);
    task_destroy(&queued);
}

Test(pool, a_full_pool_says_which_limit_it_is)
{
    struct task *task = make_task(1);

    pool->settings.queued_max = 1;
    cr_assert_null(pool_full_limit(pool, 100));
    cr_assert_str_eq(pool_full_limit(pool, 100001), "pool.queued_bytes_max");
    pool_put(pool, task, TASK_QUEUED);
    cr_assert_str_eq(pool_full_limit(pool, 1), "pool.queued_max");
    pool_withdraw(pool, task);
    task_destroy(&task);
}

Test(pool, what_never_finished_anything_says_come_again_in_a_second)
{
    cr_assert_eq(pool_retry_after_ms(pool, 5, 0), 1000);
}

Test(pool, retry_after_follows_the_pace_of_the_last_second)
{
    for (int i = 0; i <= 150; i++) /* one in 10 ms, for one and a half seconds */
        pool_count_final(pool, ERROR_NONE, i * 10 * MS);
    cr_assert_eq(pool_retry_after_ms(pool, 10, 1500 * MS), 100);
    cr_assert_eq(pool_retry_after_ms(pool, 1, 1500 * MS), 10, "not less than 10 ms");
    cr_assert_eq(pool_retry_after_ms(pool, 1000000, 1500 * MS), 5000, "not more than 5 s");
}

Test(pool, a_pool_that_stands_still_says_so)
{
    for (int i = 0; i <= 150; i++)
        pool_count_final(pool, ERROR_NONE, i * 10 * MS);
    cr_assert_gt(pool_retry_after_ms(pool, 10, 60 * SECOND), 4000);
}

Test(pool, errors_of_the_application_count_as_failed)
{
    pool_count_final(pool, ERROR_FAILED, 0);
    pool_count_final(pool, ERROR_NO_SUCH_FUNCTION, 0);
    pool_count_final(pool, ERROR_BAD_PAYLOAD, 0);
    cr_assert_eq(pool->finals[ERROR_FAILED], 3);
}

/* --- flows ------------------------------------------------------------------------------------------------------- */

/* A task of the key starts, and ends at once. */
static void
use_key(uint64_t key, int64_t now_us)
{
    struct flow_key name = flow_key_of_client(key);
    struct flow *flow = pool_join_flow(pool, &name, now_us);

    pool_start_lease(pool, flow, now_us);
    pool_leave_flow(pool, flow, now_us);
    pool_end_lease(pool, flow, now_us);
}

Test(pool, flows_without_tasks_stay_until_their_buckets_are_full)
{
    pool->settings.key_limit.rate = (struct rate){1, 1};
    use_key(1, 0);
    use_key(2, 500000);
    cr_assert_eq(HASH_COUNT(pool->flows), 2);
    pool_check_limits(pool, 500000);
    pool_pass_limits(pool, 999999);
    cr_assert_eq(HASH_COUNT(pool->flows), 2);
    pool_pass_limits(pool, 1000000);
    cr_assert_eq(HASH_COUNT(pool->flows), 1);
    pool_pass_limits(pool, 1500000);
    cr_assert_eq(HASH_COUNT(pool->flows), 0);
    cr_assert_eq(pool_limits_due_us(pool), INT64_MAX);
}

Test(pool, flows_without_a_rate_go_with_their_last_lease)
{
    struct flow_key name = flow_key_of_client(1);
    struct flow *flow = pool_join_flow(pool, &name, 0);

    pool_start_lease(pool, flow, 0);
    pool_leave_flow(pool, flow, 0);
    cr_assert_eq(HASH_COUNT(pool->flows), 1, "its task ended before its worker answered");
    pool_end_lease(pool, flow, 0);
    cr_assert_eq(HASH_COUNT(pool->flows), 0);
}

Test(pool, of_very_many_flows_without_tasks_those_go_that_would_go_first)
{
    enum { KEPT_MAX = 100000, KEYS = KEPT_MAX + 50 };

    pool->settings.key_limit.rate = (struct rate){1, 86400};
    for (uint64_t key = 0; key < KEYS; key++)
        use_key(key, (int64_t)key);
    cr_assert_eq(HASH_COUNT(pool->flows), KEPT_MAX);
    cr_assert_eq(heap_first_key(&pool->idle), 50 + INT64_C(86400000000));
    pool_check_limits(pool, KEYS);
}
