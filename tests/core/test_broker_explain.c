/* test_broker_explain.c - why tasks wait: every answer there is. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct kit kit;
static struct explanation why;

static void
set_up(void)
{
    kit_init(&kit);
    kit_client(&kit, 1, 1);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_explain, .init = set_up, .fini = tear_down);

static enum wait_cause
explain_task(uint64_t number)
{
    cr_assert_eq(broker_explain_task(kit.broker, number, &why), OK);
    return why.cause;
}

static enum wait_cause
explain_pool(void)
{
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), &why), OK);
    cr_assert_str_eq(why.pool.name, "text");
    return why.cause;
}

static void
offer(uint64_t id, uint8_t priority, uint64_t delay_ms)
{
    struct submit submit = kit_task(id);

    submit.priority = priority;
    submit.delay_ms = delay_ms;
    kit_offer(&kit, 1, &submit);
}

Test(broker_explain, what_is_not_known_is_not_found)
{
    cr_assert_eq(broker_explain_task(kit.broker, 77, &why), ERR_NOT_FOUND);
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("nothing"), &why), ERR_NOT_FOUND);
}

Test(broker_explain, a_pool_in_which_nothing_waits_says_so)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(explain_pool(), CAUSE_NONE);
    cr_assert_eq(why.task.task, 0);
    cr_assert_eq(why.ready, 1);
}

Test(broker_explain, a_pool_without_workers)
{
    offer(1, 5, 0);
    offer(2, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_NO_WORKER);
    cr_assert_eq(why.task.task, 1);
    cr_assert_eq(explain_task(2), CAUSE_NO_WORKER);
    cr_assert_eq(why.ahead, 1);
}

/* The limits of `text` are these, as after a reload. */
static void
limit(struct limit_settings pool, struct limit_settings key)
{
    struct pool_settings settings;
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    pool_settings_init(&settings, "text");
    settings.limit = pool;
    settings.key_limit = key;
    kit_event(&kit, &event);
}

static void
offer_of_key(uint64_t id, const char *key)
{
    struct submit submit = kit_task(id);

    submit.fair_key = bytes_of(key);
    kit_offer(&kit, 1, &submit);
}

Test(broker_explain, a_pool_at_its_running_max_says_so)
{
    limit((struct limit_settings){.running_max = 1}, (struct limit_settings){0});
    kit_worker(&kit, 1, "text", 8);
    offer(1, 5, 0);
    offer(2, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_RUNNING_MAX);
    cr_assert_eq(why.task.task, 2);
    cr_assert_eq(explain_task(2), CAUSE_RUNNING_MAX);
    cr_assert_eq(why.pool.limit.running_max, 1);
}

Test(broker_explain, a_pool_at_its_rate_says_when_the_next_task_may_start)
{
    limit((struct limit_settings){.rate = {1, 1}}, (struct limit_settings){0});
    kit_worker(&kit, 1, "text", 8);
    offer(1, 5, 0);
    offer(2, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_RATE_LIMITED);
    cr_assert_eq(why.due_us, kit.now_us + SECOND);
}

Test(broker_explain, a_task_of_a_limited_key_says_so_while_others_wait_for_slots)
{
    limit((struct limit_settings){0}, (struct limit_settings){.running_max = 1, .rate = {1, 60}});
    kit_worker(&kit, 1, "text", 1);
    offer_of_key(1, "a");
    offer_of_key(2, "a");
    cr_assert_eq(explain_pool(), CAUSE_KEY_LIMITED, "nothing else waits");
    offer(3, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_ALL_BUSY);
    cr_assert_eq(why.task.task, 3);
    cr_assert_eq(explain_task(2), CAUSE_KEY_LIMITED);
    cr_assert_str_eq(why.limit, "key_running_max");
    cr_assert_eq(why.key_running, 1);
    cr_assert_eq(why.due_us, 0);
}

Test(broker_explain, a_key_at_its_rate_says_when_its_next_task_may_start)
{
    uint64_t fence;

    limit((struct limit_settings){0}, (struct limit_settings){.rate = {1, 60}});
    kit_worker(&kit, 1, "text", 1);
    offer_of_key(1, "a");
    fence = kit_fence(&kit, 1);
    offer_of_key(2, "a");
    kit_result(&kit, 1, fence, "done");
    cr_assert_eq(explain_task(2), CAUSE_KEY_LIMITED);
    cr_assert_str_eq(why.limit, "key_rate");
    cr_assert_eq(why.due_us, kit.now_us + 60 * SECOND);
}

Test(broker_explain, workers_that_cannot_be_used_are_counted_by_state)
{
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    kit_worker(&kit, 3, "text", 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    kit_gone(&kit, SIDE_WORKER, 2);
    offer(1, 5, 0);
    cr_assert_neq(kit_fence(&kit, 3), 0);
    offer(2, 5, 0);
    cr_assert_eq(explain_task(2), CAUSE_ALL_BUSY);
    kit_live_through(&kit, 3 * SECOND);
    cr_assert_eq(explain_task(2), CAUSE_NONE_USABLE);
    cr_assert_eq(why.draining, 1);
    cr_assert_eq(why.stalled, 1);
    cr_assert_eq(why.detached, 0, "its grace is over, so it is gone");
    kit_gone(&kit, SIDE_WORKER, 3);
    cr_assert_eq(explain_task(2), CAUSE_NONE_USABLE);
    cr_assert_eq(why.detached, 1);
}

Test(broker_explain, busy_slots_tell_what_has_run_for_longest)
{
    uint64_t first = kit_worker(&kit, 1, "text", 2);

    offer(1, 5, 0);
    kit_pass(&kit, 100 * MS);
    kit_worker(&kit, 2, "text", 1);
    offer(2, 5, 0);
    offer(3, 5, 0);
    kit_pass(&kit, 100 * MS);
    offer(4, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_ALL_BUSY);
    cr_assert_eq(why.task.task, 4);
    cr_assert_eq(why.pool.slots_busy, 3);
    cr_assert_eq(why.oldest.task, 1);
    cr_assert_eq(why.oldest.worker, first);
    cr_assert_eq(kit.now_us - why.oldest_leased_us, 200 * MS);
    cr_assert(bytes_are(why.oldest.function, "count_words"));
}

Test(broker_explain, a_slot_whose_task_has_ended_is_still_taken)
{
    struct submit submit = kit_task(1);

    kit_worker(&kit, 1, "text", 1);
    submit.deadline_ms = 100;
    submit.has_deadline = true;
    kit_offer(&kit, 1, &submit);
    offer(2, 5, 0);
    kit_pass(&kit, 200 * MS);
    cr_assert_eq(explain_task(2), CAUSE_ALL_BUSY);
    cr_assert_eq(why.oldest.task, 0);
    cr_assert_neq(why.oldest.worker, 0);
}

Test(broker_explain, tasks_that_go_before_are_those_of_higher_or_equal_priority)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 5, 0);
    offer(2, 5, 0);
    offer(3, 5, 0);
    offer(4, 9, 0);
    offer(5, 0, 0);
    offer(6, 5, 0);
    explain_task(6);
    cr_assert_eq(why.ahead, 3);
    explain_task(4);
    cr_assert_eq(why.ahead, 0);
    explain_task(5);
    cr_assert_eq(why.ahead, 4);
}

Test(broker_explain, a_delayed_task_says_until_when)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 5, 5000);
    offer(2, 5, 700);
    cr_assert_eq(explain_task(1), CAUSE_DELAYED);
    cr_assert_eq(why.due_us, kit.now_us + 5 * SECOND);
    cr_assert_eq(explain_pool(), CAUSE_DELAYED);
    cr_assert_eq(why.task.task, 2);
    cr_assert_eq(why.due_us, kit.now_us + 700 * MS);
}

Test(broker_explain, a_running_task_says_where_and_since_when)
{
    uint64_t session = kit_worker(&kit, 1, "text", 1);

    offer(1, 5, 0);
    kit_pass(&kit, 40 * MS);
    cr_assert_eq(explain_task(1), CAUSE_RUNNING);
    cr_assert_eq(why.task.worker, session);
    cr_assert_eq(kit.now_us - why.leased_us, 40 * MS);
    cr_assert_not(why.is_cancel_asked);
    kit_cancel(&kit, 1, 1);
    explain_task(1);
    cr_assert(why.is_cancel_asked);
}

Test(broker_explain, a_final_task_says_how_it_ended_while_it_is_kept)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 5, 0);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_eq(explain_task(1), CAUSE_FINAL);
    cr_assert_str_eq(why.final_state, "failed");
    kit_seen(&kit, 1, 1);
    cr_assert_eq(broker_explain_task(kit.broker, 1, &why), ERR_NOT_FOUND);
}

Test(broker_explain, a_broker_that_ends_dispatches_nothing)
{
    struct event event = {.kind = EVENT_SHUTDOWN, .shutdown_us = 10 * SECOND};

    kit_worker(&kit, 1, "text", 1);
    offer(1, 5, 0);
    offer(2, 5, 0);
    kit_event(&kit, &event);
    cr_assert_eq(explain_task(2), CAUSE_SHUTDOWN);
}

Test(broker_explain, a_pool_that_drains_still_runs_what_it_has)
{
    struct event event = {.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")};

    kit_worker(&kit, 1, "text", 1);
    offer(1, 5, 0);
    offer(2, 5, 0);
    kit_event(&kit, &event);
    cr_assert_eq(explain_task(2), CAUSE_ALL_BUSY);
    cr_assert(why.pool.is_draining);
}

/* --- one worker ------------------------------------------------------------------------------------------------- */

static struct lease_stats leases[4];
static size_t lease_count;

static void
add_lease(void *context, const struct lease_stats *stats)
{
    (void)context;
    leases[lease_count++] = *stats;
}

Test(broker_explain, a_worker_shows_what_it_holds)
{
    uint64_t session = kit_worker(&kit, 1, "text", 2);
    struct worker_stats worker;

    offer(1, 5, 0);
    kit_pass(&kit, 10 * MS);
    offer(2, 5, 0);
    cr_assert_eq(broker_find_worker(kit.broker, session, &worker), OK);
    cr_assert_eq(worker.busy, 2);
    lease_count = 0;
    broker_each_lease(kit.broker, session, add_lease, NULL);
    cr_assert_eq(lease_count, 2);
    cr_assert_eq(leases[0].task.task, 1);
    cr_assert_eq(leases[1].task.task, 2);
    cr_assert_eq(leases[1].leased_us - leases[0].leased_us, 10 * MS);
    cr_assert_eq(broker_find_worker(kit.broker, session + 1, &worker), ERR_NOT_FOUND);
}

Test(broker_explain, a_pool_whose_workers_cannot_be_started)
{
    struct pool_report report = {.pool = bytes_of("text"), .state = AGENT_POOL_FAILED};

    kit_agent(&kit, 9, 1000, 1);
    kit_pool_says(&kit, 9, &report);
    offer(1, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_POOL_FAILED);
    cr_assert_eq(explain_task(1), CAUSE_POOL_FAILED);
}

Test(broker_explain, of_two_busy_workers_the_one_that_has_run_for_longest_is_told)
{
    uint64_t first = kit_worker(&kit, 1, "text", 1);

    offer(1, 5, 0);
    kit_pass(&kit, SECOND);
    kit_worker(&kit, 2, "text", 1);
    offer(2, 5, 0);
    offer(3, 5, 0);
    cr_assert_eq(explain_pool(), CAUSE_ALL_BUSY);
    cr_assert_eq(why.oldest.worker, first);
    cr_assert_eq(why.oldest_leased_us, kit.now_us - SECOND);
}
