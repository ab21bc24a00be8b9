/* test_pool_load.c - how busy a pool is and was, against sums made second by second. */
#include "broker/core/pool_load.h"
#include "broker/core/hash.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static struct pool_load load;
static struct load_slice all, recent;

static void
set_up(void)
{
    pool_load_init(&load);
    pool_load_touch(&load, 0, (struct load_levels){0});
}

TestSuite(pool_load, .init = set_up);

static void
look(int64_t now_us, struct load_levels levels)
{
    pool_load_touch(&load, now_us, levels);
    pool_load_get_all(&load, &all);
    pool_load_get_recent(&load, &recent);
}

Test(pool_load, integrals_are_levels_over_time)
{
    pool_load_touch(&load, 10 * SECOND, (struct load_levels){.busy = 3, .free = 1});
    look(14 * SECOND, (struct load_levels){.busy = 4, .free = 0, .queued = 5});
    cr_assert_eq(all.span_us, 14 * SECOND);
    cr_assert_eq(all.busy_us, 46 * SECOND);
    cr_assert_eq(all.capacity_us, 56 * SECOND);
    cr_assert_eq(all.queued_us, 20 * SECOND);
    cr_assert_eq(all.full_us, 4 * SECOND);
}

Test(pool_load, time_that_stands_still_or_goes_back_counts_nothing)
{
    look(10 * SECOND, (struct load_levels){.busy = 1});
    look(10 * SECOND, (struct load_levels){.busy = 100});
    look(9 * SECOND, (struct load_levels){.busy = 100});
    cr_assert_eq(all.span_us, 10 * SECOND);
    cr_assert_eq(all.busy_us, 10 * SECOND);
}

Test(pool_load, lately_is_thirty_to_sixty_seconds)
{
    const struct load_levels levels = {.busy = 1, .free = 1};

    for (int64_t now_us = SECOND; now_us <= 300 * SECOND; now_us += SECOND) {
        look(now_us, levels);
        cr_assert_eq(all.span_us, now_us);
        cr_assert_eq(recent.span_us, now_us < 60 * SECOND ? now_us : 30 * SECOND + now_us % (30 * SECOND));
        cr_assert_eq(recent.busy_us, (uint64_t)recent.span_us);
    }
}

Test(pool_load, after_long_idleness_what_was_before_is_in_the_sum_only)
{
    const struct load_levels idle = {.free = 2};

    pool_load_answer(&load, 5000);
    for (int64_t gap_us = 29 * SECOND; gap_us < 4000000 * SECOND; gap_us = gap_us * 3 / 2) {
        set_up();
        pool_load_accept(&load, 1);
        pool_load_answer(&load, 5000);
        look(gap_us, idle);
        cr_assert_eq(all.span_us, gap_us);
        cr_assert_eq(all.capacity_us, 2 * (uint64_t)gap_us);
        cr_assert_eq(all.answered, 1);
        cr_assert_eq(all.run.count, 1);
        cr_assert_eq(recent.answered, gap_us < 60 * SECOND ? 1 : 0, "after %lld s", (long long)(gap_us / SECOND));
        cr_assert_leq(recent.span_us, 60 * SECOND);
        cr_assert_eq(recent.capacity_us, 2 * (uint64_t)recent.span_us);
    }
}

Test(pool_load, the_longest_queue_and_the_queue_at_the_beginning_are_remembered)
{
    pool_load_accept(&load, 7);
    pool_load_accept(&load, 3);
    pool_load_touch(&load, 61 * SECOND, (struct load_levels){.queued = 5});
    pool_load_accept(&load, 6);
    look(62 * SECOND, (struct load_levels){.queued = 6});
    cr_assert_eq(all.queued_max, 7);
    cr_assert_eq(recent.queued_max, 6);
    cr_assert_eq(recent.queued_at_start, 5);
    cr_assert_eq(all.accepted, 3);
    cr_assert_eq(recent.accepted, 1);
}

Test(pool_load, only_first_dispatches_count_as_waiting)
{
    pool_load_dispatch(&load, 100);
    pool_load_dispatch(&load, -1);
    look(SECOND, (struct load_levels){0});
    cr_assert_eq(all.dispatched, 2);
    cr_assert_eq(all.wait.count, 1);
    cr_assert_eq(all.wait.max, 100);
}

/* The oracle: one second at a time for ten minutes, kept in arrays. */
Test(pool_load, any_walk_gives_the_sums_of_its_seconds)
{
    enum { SECONDS = 600 };
    static uint64_t busy[SECONDS], free_slots[SECONDS];

    for (uint64_t seed = 1; seed <= 20; seed++) {
        int64_t touched = 0;

        set_up();
        for (int64_t at = 0; at < SECONDS;) {
            struct load_levels levels = {hash_mix(seed * 1000 + (uint64_t)at) % 9, hash_mix(seed + (uint64_t)at) % 3, 0};
            int64_t until = at + 1 + (int64_t)(hash_mix((uint64_t)at * seed) % 90);
            uint64_t sum = 0;

            for (; at < until && at < SECONDS; at++) {
                busy[at] = levels.busy;
                free_slots[at] = levels.free;
            }
            look(at * SECOND, levels);
            for (int64_t i = at - recent.span_us / SECOND; i < at; i++)
                sum += busy[i];
            cr_assert_eq(recent.busy_us, sum * SECOND);
            for (int64_t i = 0; i < at - recent.span_us / SECOND; i++)
                sum += busy[i];
            cr_assert_eq(all.busy_us, sum * SECOND);
            touched = at;
        }
        cr_assert_eq(all.span_us, touched * SECOND);
        (void)free_slots;
    }
}
