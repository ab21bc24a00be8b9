/* test_advice.c - each rule speaks when it should, with its numbers, and a healthy pool hears nothing. */
#include "broker/io/advice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct advice_facts pool;
static struct advice list[32];
static size_t count;

/* Four workers that are busy half of the time. */
static void
set_up(void)
{
    pool = (struct advice_facts){
        .pool = "p",
        .workers = 4,
        .ready = 4,
        .workers_wanted = 4,
        .slots = 4,
        .queued_max = 1000,
        .succeeded = 1000,
        .recent_seconds = 45,
        .utilisation = 0.5,
        .accepted_per_second = 20,
        .run_mean_seconds = 0.1,
        .run_p99_seconds = 0.2,
        .total_seconds = 3600,
        .total_utilisation = 0.5,
        .rss_min_bytes = 50 << 20,
        .rss_max_bytes = 60 << 20,
        .start_timeout_seconds = 60,
    };
}

TestSuite(advice, .init = set_up);

static const struct advice *
find(const char *code)
{
    count = advice_give(&pool, list, sizeof list / sizeof *list);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].code, code) == 0)
            return &list[i];
    return NULL;
}

/* It says so, for this reason and with this action, and nothing else is said. */
static void
assert_only(const char *code, const char *action, const char *reason)
{
    const struct advice *advice = find(code);

    cr_assert_not_null(advice, "%s is not said", code);
    cr_assert_eq(count, 1, "%s and %s", list[0].code, list[1].code);
    cr_assert(strstr(advice->action, action), "%s", advice->action);
    cr_assert(strstr(advice->reason, reason), "%s", advice->reason);
}

static void
assert_silence(void)
{
    find("");
    cr_assert_eq(count, 0, "%s: %s", list[0].code, list[0].reason);
}

Test(advice, a_healthy_pool_hears_nothing)
{
    assert_silence();
}

Test(advice, an_unused_pool_without_workers_hears_nothing)
{
    pool = (struct advice_facts){.pool = "p", .queued_max = 10, .utilisation = -1, .total_utilisation = -1};
    assert_silence();
}

Test(advice, a_growing_queue_asks_for_the_number_of_workers_that_would_keep_up)
{
    pool.utilisation = 0.99;
    pool.queued = 500;
    pool.queued_growth = 10;
    pool.accepted_per_second = 60; /* 60/s that run for 0.1 s: six slots, seven and a half with reserve */
    assert_only("more_workers", "add 4 workers to pool p: set workers = 8", "need 8 slots, and there are 4");
}

Test(advice, workers_with_several_slots_are_counted_by_what_they_bring)
{
    pool.workers = pool.ready = pool.workers_wanted = 2;
    pool.slots = 8;
    pool.utilisation = 0.95;
    pool.queued = 100;
    pool.queued_growth = 1;
    pool.accepted_per_second = 100;
    assert_only("more_workers", "add 2 workers to pool p: set workers = 4", "need 13 slots, and there are 8");
}

Test(advice, a_queue_that_does_not_grow_needs_no_workers)
{
    pool.utilisation = 0.99;
    pool.queued = 500;
    assert_silence();
    pool.queued_growth = 10;
    pool.recent_seconds = 3; /* too short to tell */
    assert_silence();
}

Test(advice, tasks_that_mostly_wait_are_mentioned)
{
    pool.full_share = 0.7;
    pool.wait_p99_seconds = 2.5;
    assert_only("waiting_tasks", "add workers", "70 % of the time; one in a hundred waited for 2.5 s");
}

Test(advice, a_pool_without_workers)
{
    pool.workers = pool.ready = pool.slots = 0;
    pool.queued = 3;
    assert_only("no_workers", "worker.start_failed", "configured: 4; tasks that wait: 3");
    pool.workers_wanted = 0;
    assert_only("no_workers", "snakepit-worker", "configured: 0");
    pool.queued = 0;
    assert_silence();
}

Test(advice, a_failed_pool)
{
    pool.is_failed = true;
    pool.workers = pool.ready = pool.slots = 0;
    assert_only("pool_failed", "worker.start_failed", "too many starts failed");
}

Test(advice, workers_none_of_which_is_usable)
{
    pool.ready = 0;
    pool.stalled = 1;
    pool.draining = 2;
    pool.detached = 1;
    assert_only("no_usable_workers", "snakepit workers p", "1 are stalled, 2 are draining and 1 have lost");
}

Test(advice, a_circuit_that_is_not_closed)
{
    pool.is_circuit_open = true;
    assert_only("circuit_open", "snakepit resume p", "too many tasks failed");
}

Test(advice, a_worker_that_is_missing_or_stalled)
{
    pool.workers = pool.ready = 3;
    assert_only("missing_workers", "worker.died", "only 3 of 4");
    pool.workers = 4;
    pool.stalled = 1;
    assert_only("stalled_workers", "stalled_timeout", "1 workers");
}

Test(advice, a_memory_limit_near_what_an_idle_worker_uses)
{
    pool.memory_limit_bytes = 200 << 20;
    assert_silence();
    pool.memory_limit_bytes = 60 << 20;
    assert_only("memory_limit_low", "at least 100 MiB", "uses 50 MiB or more, and the limit is 60 MiB");
    pool.memory_limit_bytes = 200 << 20;
    pool.is_memory_limit_off = true; /* the core saw a worker above it; another one is below */
    assert_only("memory_limit_low", "at least 100 MiB", "it is not used");
    pool.rss_min_bytes = 0; /* nobody has said it */
    assert_silence();
}

Test(advice, threads_that_share_a_gil)
{
    pool.thread_workers_with_gil = 2;
    assert_only("threads_with_gil", "python3.14t", "in 2 workers");
}

Test(advice, refused_tasks_and_a_queue_that_is_nearly_full)
{
    pool.refused = 7;
    assert_only("refused_tasks", "queued_max of pool p (1000)", "7 tasks");
    pool.refused = 0;
    pool.queued = 800;
    assert_only("queue_nearly_full", "add workers", "800 of at most 1000");
    pool.queued = 799;
    assert_silence();
}

Test(advice, attempts_that_are_lost_often)
{
    pool.requeued = 9;
    assert_silence();
    pool.requeued = 10;
    assert_only("lost_attempts", "worker.lost", "10 attempts");
    pool.requeued = 0;
    pool.dead = 1;
    assert_only("lost_attempts", "task.dead", "1 tasks are dead");
}

Test(advice, tasks_that_fail_often)
{
    pool.failed = 100;
    assert_silence();
    pool.failed = 200;
    assert_only("failing_tasks", "request.executed", "17 % of 1200");
}

Test(advice, a_time_to_live_that_is_shorter_than_a_start_or_a_task)
{
    pool.ttl_seconds = 30;
    assert_only("ttl_short", "worker_ttl of pool p", "worker_ttl is 30 s");
    pool.ttl_seconds = 100;
    assert_silence();
    pool.run_p99_seconds = 200;
    assert_only("ttl_short", "worker_ttl of pool p", "200 s at p99");
}

Test(advice, everything_in_one_process)
{
    pool.workers = pool.ready = pool.workers_wanted = 1;
    assert_only("one_process", "two workers", "all 4 slots");
    pool.slots = 2;
    assert_silence();
}

Test(advice, workers_that_have_nothing_to_do)
{
    pool.workers = pool.ready = pool.workers_wanted = pool.slots = 20;
    pool.total_utilisation = 0.05;
    assert_only("idle_workers", "3 workers would do", "5.0 % of the time");
    pool.total_queued_max = 21; /* there was a rush, and they were needed */
    assert_silence();
}

Test(advice, a_pool_that_is_drained)
{
    pool.is_draining = true;
    assert_only("draining", "snakepit resume p", "new tasks are refused");
}

Test(advice, the_most_severe_comes_first_and_the_list_has_an_end)
{
    pool.is_draining = true;
    pool.ready = 0;
    pool.refused = 1;
    cr_assert_eq(advice_give(&pool, list, 32), 3);
    cr_assert_eq(list[0].severity, SEVERITY_CRITICAL);
    cr_assert_eq(list[1].severity, SEVERITY_WARNING);
    cr_assert_eq(list[2].severity, SEVERITY_INFO);
    cr_assert_eq(advice_give(&pool, list, 2), 2);
}

Test(advice, every_rule_is_documented_in_its_order)
{
    static char document[200000];
    char path[4096], row[128];
    const char *at = document;
    FILE *file;

    snprintf(path, sizeof path, "%s/docs/operations.md", getenv("SOURCE_ROOT") ? getenv("SOURCE_ROOT") : ".");
    file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_gt(fread(document, 1, sizeof document - 1, file), 0);
    fclose(file);
    for (size_t i = 0; advice_code(i); i++) {
        snprintf(row, sizeof row, "\n| `%s` | ", advice_code(i));
        at = strstr(at, row);
        cr_assert_not_null(at, "%s", advice_code(i));
    }
}
