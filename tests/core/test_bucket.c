/* test_bucket.c - token buckets: how many tokens in which time. */
#include "broker/core/bucket.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)
#define DAY_S 86400

static struct limit_settings
make_rate(uint32_t count, uint32_t period_s, uint32_t burst)
{
    return (struct limit_settings){.rate = {count, period_s}, .rate_burst = burst};
}

/* Take whatever is there at this moment. */
static uint64_t
take_all(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us)
{
    uint64_t taken = 0;

    while (bucket_due_us(bucket, settings, now_us) <= now_us) {
        bucket_take(bucket, settings, now_us);
        taken++;
    }
    return taken;
}

Test(bucket, a_new_bucket_holds_a_burst)
{
    struct limit_settings settings = make_rate(3, 1, 7);
    struct bucket bucket;

    bucket_init(&bucket);
    cr_assert_eq(take_all(&bucket, &settings, 5 * SECOND), 7);
    cr_assert_eq(take_all(&bucket, &settings, 5 * SECOND), 0);
}

Test(bucket, without_a_burst_it_holds_a_tenth_of_a_second_and_at_least_one)
{
    struct limit_settings slow = make_rate(5, 60, 0), fast = make_rate(6000, 60, 0);
    struct bucket bucket;

    bucket_init(&bucket);
    cr_assert_eq(take_all(&bucket, &slow, 0), 1);
    bucket_init(&bucket);
    cr_assert_eq(take_all(&bucket, &fast, 0), 10);
}

Test(bucket, a_rate_that_does_not_divide_a_second_does_not_drift)
{
    struct limit_settings settings = make_rate(7, 1, 1);
    struct bucket bucket;
    int64_t now_us = 123;
    uint64_t taken;

    bucket_init(&bucket);
    taken = take_all(&bucket, &settings, now_us);
    for (int i = 0; i < 70000; i++) {
        now_us = bucket_due_us(&bucket, &settings, now_us);
        cr_assert_eq(take_all(&bucket, &settings, now_us - 1), 0, "a microsecond earlier there is none");
        taken += take_all(&bucket, &settings, now_us);
    }
    cr_assert_eq(taken, 70001);
    cr_assert_eq(now_us, 123 + 10000 * SECOND);
}

Test(bucket, what_comes_while_it_is_full_is_lost)
{
    struct limit_settings settings = make_rate(10, 1, 4);
    struct bucket bucket;

    bucket_init(&bucket);
    take_all(&bucket, &settings, 0);
    cr_assert_eq(bucket_full_us(&bucket, &settings, 0), 4 * SECOND / 10);
    cr_assert_eq(take_all(&bucket, &settings, 3600 * SECOND), 4);
}

Test(bucket, the_largest_rates_and_the_longest_times_do_not_overflow)
{
    struct limit_settings settings = make_rate(RATE_COUNT_MAX, DAY_S, RATE_BURST_MAX);
    struct bucket bucket;

    bucket_init(&bucket);
    for (int i = 0; i < RATE_BURST_MAX; i++)
        bucket_take(&bucket, &settings, 1);
    cr_assert_eq(bucket_due_us(&bucket, &settings, 1), 1 + 86400);
    cr_assert_eq(bucket_full_us(&bucket, &settings, 1), 1 + DAY_S * SECOND);
    cr_assert_eq(bucket_due_us(&bucket, &settings, INT64_MAX / 2), INT64_MAX / 2);
    cr_assert_eq(bucket_full_us(&bucket, &settings, INT64_MAX / 2), INT64_MAX / 2);
}

Test(bucket, a_token_that_was_not_there_is_owed)
{
    struct limit_settings settings = make_rate(1, 1, 1);
    struct bucket bucket;

    bucket_init(&bucket);
    bucket_take(&bucket, &settings, 0);
    bucket_take(&bucket, &settings, 0);
    cr_assert_eq(bucket_due_us(&bucket, &settings, 0), 2 * SECOND);
}

Test(bucket, other_settings_leave_whole_tokens_and_no_more_than_fit)
{
    struct limit_settings old = make_rate(10, 1, 8), slower = make_rate(1, 1, 8), smaller = make_rate(10, 1, 2);
    struct bucket bucket, other;

    bucket_init(&bucket);
    for (int i = 0; i < 5; i++)
        bucket_take(&bucket, &old, 0);
    other = bucket;
    bucket_change(&bucket, &old, &slower, 50000); /* three tokens and a half */
    cr_assert_eq(take_all(&bucket, &slower, 50000), 3);
    cr_assert_eq(bucket_due_us(&bucket, &slower, 50000), 50000 + SECOND);
    bucket_change(&other, &old, &smaller, 0);
    cr_assert_eq(take_all(&other, &smaller, 0), 2);
}

Test(bucket, the_same_settings_change_nothing)
{
    struct limit_settings settings = make_rate(10, 1, 1);
    struct bucket bucket;

    bucket_init(&bucket);
    bucket_take(&bucket, &settings, 0);
    bucket_change(&bucket, &settings, &settings, 50000);
    cr_assert_eq(bucket_due_us(&bucket, &settings, 50000), 100000, "half a token is not lost");
}

Test(bucket, a_full_bucket_stays_full_and_a_new_rate_begins_with_one)
{
    struct limit_settings none = make_rate(0, 0, 0), old = make_rate(10, 1, 2), larger = make_rate(10, 1, 20);
    struct bucket bucket;

    bucket_init(&bucket);
    bucket_change(&bucket, &old, &larger, SECOND);
    cr_assert_eq(take_all(&bucket, &larger, SECOND), 20);
    bucket_change(&bucket, &larger, &none, SECOND);
    bucket_change(&bucket, &none, &old, SECOND);
    cr_assert_eq(take_all(&bucket, &old, SECOND), 2);
}
