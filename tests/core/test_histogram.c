/* test_histogram.c - durations by ranges, against the exact answer. */
#include "broker/core/hash.h"
#include "broker/core/histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 20000 };

static struct histogram histogram;
static uint64_t values[VALUES_MAX];
static size_t count;

static void
set_up(void)
{
    memset(&histogram, 0, sizeof histogram);
    count = 0;
}

TestSuite(histogram, .init = set_up);

static void
record(uint64_t value)
{
    histogram_record(&histogram, (int64_t)value);
    values[count++] = value;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The oracle: all values, sorted. */
static uint64_t
exact_quantile(uint32_t per_million)
{
    uint64_t rank = (count * per_million + 999999) / 1000000;

    qsort(values, count, sizeof *values, compare);
    return values[rank > 0 ? rank - 1 : 0];
}

static void
assert_close(uint32_t per_million)
{
    double exact = (double)exact_quantile(per_million);
    double told = (double)histogram_quantile(&histogram, per_million);

    cr_assert(told >= exact * (1 - 0.06) && told <= exact * (1 + 0.06), "quantile %u is %.0f, and %.0f was told",
              per_million, exact, told);
}

static void
assert_all_close(void)
{
    static const uint32_t shares[] = {0, 1, 10000, 250000, 500000, 900000, 990000, 999000, 1000000};

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        assert_close(shares[i]);
}

Test(histogram, it_takes_two_kibibytes_at_most)
{
    cr_assert_leq(sizeof histogram, 2048);
}

Test(histogram, an_empty_one_answers_zero)
{
    cr_assert_eq(histogram_quantile(&histogram, 500000), 0);
    cr_assert_eq(histogram_mean(&histogram), 0);
}

Test(histogram, one_value_is_every_quantile)
{
    record(123456);
    assert_all_close();
    cr_assert_eq(histogram_mean(&histogram), 123456);
    cr_assert_eq(histogram.max, 123456);
}

Test(histogram, ranges_follow_each_other_without_a_gap)
{
    unsigned last = 0;

    for (uint64_t value = 0; value < 1u << 20; value++) {
        unsigned range = histogram_range(value);

        cr_assert(range == last || range == last + 1, "%u follows %u at %u", range, last, (unsigned)value);
        last = range;
    }
    cr_assert_eq(histogram_range((UINT64_C(1) << 33) - 1), HISTOGRAM_RANGES - 2);
    cr_assert_eq(histogram_range(UINT64_C(1) << 33), HISTOGRAM_RANGES - 1);
    cr_assert_eq(histogram_range(UINT64_MAX), HISTOGRAM_RANGES - 1);
}

Test(histogram, each_single_value_is_known_within_six_percent)
{
    for (uint64_t value = 0; value < UINT64_C(1) << 33; value += 1 + value / 100) {
        set_up();
        record(value);
        histogram_record(&histogram, INT64_C(1) << 33); /* so that max does not correct it */
        assert_close(500000);
        count = 0;
    }
}

Test(histogram, quantiles_of_many_distributions_are_close_to_the_truth)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        set_up();
        for (size_t i = 0; i < 1 + seed * seed * 20; i++) {
            uint64_t random = hash_mix(seed << 32 | i);

            record(random >> (31 + (hash_mix(random) % (seed % 24 + 1)))); /* up to 2^33, wider with the seed */
        }
        assert_all_close();
    }
}

Test(histogram, what_is_longer_than_the_last_range_is_told_by_the_maximum)
{
    record(5);
    record(UINT64_C(1) << 40);
    cr_assert_eq(histogram_quantile(&histogram, 500000), 5);
    cr_assert_eq(histogram_quantile(&histogram, 990000), UINT64_C(1) << 40);
}

Test(histogram, negative_durations_count_as_zero)
{
    histogram_record(&histogram, -7);
    cr_assert_eq(histogram.count, 1);
    cr_assert_eq(histogram_quantile(&histogram, 1000000), 0);
}

Test(histogram, adding_another_is_like_recording_its_values)
{
    struct histogram other = {0}, both = {0};

    for (uint64_t i = 1; i < 1000; i++) {
        record(i * 7);
        histogram_record(&other, (int64_t)(i * 300));
        histogram_record(&both, (int64_t)(i * 7));
        histogram_record(&both, (int64_t)(i * 300));
    }
    histogram_add(&histogram, &other);
    cr_assert_eq(memcmp(&histogram, &both, sizeof both), 0);
}

Test(histogram, ranks_hold_for_counts_that_do_not_fit_a_product)
{
    histogram.counts[1] = UINT64_C(1) << 50;
    histogram.counts[2] = UINT64_C(1) << 50;
    histogram.count = UINT64_C(1) << 51;
    histogram.max = 2;
    cr_assert_eq(histogram_quantile(&histogram, 500000), 1);
    cr_assert_eq(histogram_quantile(&histogram, 500001), 2);
}
