/* test_lifecycle.c - when a worker is due to be replaced. */
#include "broker/core/lifecycle.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define MEBIBYTE (UINT64_C(1) << 20)

static struct pool_settings
limits(uint32_t jitter_percent)
{
    return (struct pool_settings){
        .worker_ttl_us = 100 * SECOND,
        .worker_max_tasks = 1000,
        .worker_memory_max = 1000 * MEBIBYTE,
        .recycle_jitter_percent = jitter_percent,
    };
}

Test(lifecycle, without_limits_a_worker_is_never_due)
{
    struct pool_settings settings = {.recycle_jitter_percent = 50};
    struct lifespan lifespan = lifespan_make(&settings, 7, 0, 5 * SECOND);

    cr_expect_eq(lifespan_judge(&lifespan, INT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1), RECYCLE_NONE);
}

Test(lifecycle, each_limit_makes_a_worker_due_and_memory_is_named_first)
{
    struct pool_settings settings = limits(0);
    struct lifespan lifespan = lifespan_make(&settings, 7, 0, 5 * SECOND);

    cr_expect_eq(lifespan_judge(&lifespan, 105 * SECOND - 1, 999, 1000 * MEBIBYTE - 1), RECYCLE_NONE);
    cr_expect_eq(lifespan_judge(&lifespan, 105 * SECOND, 999, 0), RECYCLE_TTL);
    cr_expect_eq(lifespan_judge(&lifespan, 6 * SECOND, 1000, 0), RECYCLE_MAX_TASKS);
    cr_expect_eq(lifespan_judge(&lifespan, 6 * SECOND, 0, 1000 * MEBIBYTE), RECYCLE_MEMORY);
    cr_expect_eq(lifespan_judge(&lifespan, 105 * SECOND, 1000, 1000 * MEBIBYTE), RECYCLE_MEMORY);
}

Test(lifecycle, jitter_shortens_every_limit_by_the_same_share_and_never_by_more_than_it_says)
{
    struct pool_settings settings = limits(20);

    for (uint64_t session = 1; session < 2000; session++) {
        struct lifespan lifespan = lifespan_make(&settings, session, 42, 0);
        double left = (double)lifespan.ends_us / (100 * SECOND);

        cr_assert(left >= 0.8 && left <= 1, "session %llu: %g", (unsigned long long)session, left);
        cr_assert_float_eq((double)lifespan.tasks_max / 1000, left, 0.002);
        cr_assert_float_eq((double)lifespan.rss_max / (1000 * MEBIBYTE), left, 0.001);
    }
}

Test(lifecycle, workers_that_started_together_are_due_spread_over_the_jitter)
{
    struct pool_settings settings = limits(50);
    unsigned tenths[10] = {0};

    for (uint64_t session = 1000; session < 2000; session++) {
        struct lifespan lifespan = lifespan_make(&settings, session, 7, 0);

        tenths[(lifespan.ends_us - 50 * SECOND) * 10 / (50 * SECOND + 1)]++;
    }
    for (int i = 0; i < 10; i++)
        cr_expect(tenths[i] > 60 && tenths[i] < 140, "%u of 1000 in tenth %d", tenths[i], i);
}

Test(lifecycle, the_spread_is_the_same_again_for_the_same_seed_and_another_for_another)
{
    struct pool_settings settings = limits(10);
    struct lifespan first = lifespan_make(&settings, 7, 1, 0);
    struct lifespan again = lifespan_make(&settings, 7, 1, 0);
    struct lifespan other = lifespan_make(&settings, 7, 2, 0);

    cr_expect_eq(first.ends_us, again.ends_us);
    cr_expect_neq(first.ends_us, other.ends_us);
}

Test(lifecycle, a_limit_of_one_task_stays_one_and_the_largest_do_not_overflow)
{
    struct pool_settings settings = {.worker_max_tasks = 1, .worker_memory_max = UINT64_MAX, .worker_ttl_us = INT64_MAX / 2,
                                     .recycle_jitter_percent = 50};

    for (uint64_t session = 1; session < 100; session++) {
        struct lifespan lifespan = lifespan_make(&settings, session, 0, SECOND);

        cr_assert_eq(lifespan.tasks_max, 1);
        cr_assert_geq(lifespan.rss_max, UINT64_MAX / 2 - 1000000);
        cr_assert_geq(lifespan.ends_us, INT64_MAX / 4 - 1000000);
    }
}

Test(lifecycle, every_reason_has_its_own_name)
{
    cr_expect_null(recycle_reason_name(RECYCLE_NONE));
    cr_expect_str_eq(recycle_reason_name(RECYCLE_MAX_TASKS), "max_tasks");
    for (int a = RECYCLE_NONE + 1; a < RECYCLE_REASONS; a++)
        for (int b = a + 1; b < RECYCLE_REASONS; b++)
            cr_expect_str_neq(recycle_reason_name((enum recycle_reason)a), recycle_reason_name((enum recycle_reason)b));
}

Test(lifecycle, failed_replacements_are_tried_again_after_30_seconds_and_then_ever_later_up_to_ten_minutes)
{
    cr_expect_eq(recycle_backoff_us(1), 30 * SECOND);
    cr_expect_eq(recycle_backoff_us(2), 60 * SECOND);
    cr_expect_eq(recycle_backoff_us(5), 480 * SECOND);
    cr_expect_eq(recycle_backoff_us(6), 600 * SECOND);
    cr_expect_eq(recycle_backoff_us(UINT32_MAX), 600 * SECOND);
}
