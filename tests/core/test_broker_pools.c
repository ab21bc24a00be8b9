/* test_broker_pools.c - pools and settings that come, change and go while the broker runs. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

KIT_SUITE(broker_pools, 1);

static int
set_pool(const char *name, uint64_t queued_max)
{
    struct pool_settings settings;
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    pool_settings_init(&settings, name);
    settings.queued_max = queued_max;
    kit_event(&kit, &event);
    return kit.status;
}

static int
remove_pool(const char *name)
{
    struct event event = {.kind = EVENT_POOL_REMOVE, .pool = bytes_of(name)};

    kit_event(&kit, &event);
    return kit.status;
}

static void
submit_to(const char *pool, uint64_t id)
{
    struct submit submit = kit_task(id);

    submit.pool = bytes_of(pool);
    kit_offer(&kit, 1, &submit);
}

static bool
has_pool(const char *name)
{
    struct pool_stats stats;

    return broker_find_pool(kit.broker, bytes_of(name), &stats) == OK;
}

static void
change(void (*edit)(struct broker_settings *settings))
{
    struct broker_settings settings;
    struct event event = {.kind = EVENT_SETTINGS, .settings = &settings};

    kit_settings(&settings);
    edit(&settings);
    kit_event(&kit, &event);
}

/* --- adding and changing ------------------------------------------------------------------------------------------ */

Test(broker_pools, a_pool_added_while_running_takes_tasks_and_workers)
{
    cr_assert_eq(set_pool("new", 10), OK);
    cr_assert_str_eq(kit_note(&kit, NOTE_POOL_ADDED)->pool, "new");
    submit_to("new", 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    kit_worker(&kit, 1, "new", 1);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_pools, a_name_that_is_none_is_refused)
{
    cr_assert_eq(set_pool("no name", 10), ERR_INVALID);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_pools, a_lower_limit_holds_for_the_next_task_and_takes_nothing_away)
{
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(set_pool("text", 1), OK);
    cr_assert_str_eq(kit_note(&kit, NOTE_POOL_CHANGED)->pool, "text");
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
    cr_assert_eq(kit_pool(&kit, "text").queued_max, 1);
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY);
    set_pool("text", 3);
    kit_submit(&kit, 1, 4);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
}

Test(broker_pools, a_pool_that_an_operator_drains_stays_so_when_it_is_changed)
{
    struct event drain = {.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")};

    kit_event(&kit, &drain);
    set_pool("text", 5);
    cr_assert(kit_pool(&kit, "text").is_draining);
    cr_assert_not(kit_pool(&kit, "text").is_removed);
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

Test(broker_pools, a_pool_that_is_removed_ends_all_that_it_took_and_then_it_is_gone)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(remove_pool("text"), OK);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_REMOVING)->queued, 1);
    cr_assert_eq(kit_note(&kit, NOTE_POOL_REMOVING)->count, 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 0, "it is still needed");
    cr_assert(kit_pool(&kit, "text").is_removed);
    kit_result(&kit, 1, fence, "a");
    fence = kit_fence(&kit, 1);
    cr_assert_neq(fence, 0, "the queued one goes on");
    kit_result(&kit, 1, fence, "b");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_RESULT), 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 1);
    cr_assert(has_pool("text"));
    kit_pass(&kit, SECOND / 10);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 0, "asked once");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_str_eq(kit_note(&kit, NOTE_POOL_REMOVED)->pool, "text");
    cr_assert_not(has_pool("text"));
    cr_assert_eq(remove_pool("text"), ERR_NOT_FOUND);
}

Test(broker_pools, a_removed_pool_refuses_new_tasks_and_says_why)
{
    kit_submit(&kit, 1, 1);
    remove_pool("text");
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DRAINING);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the pool \"text\" was removed from the configuration; the tasks that it has end, new ones are "
                        "not taken"));
}

Test(broker_pools, an_empty_pool_without_workers_is_gone_at_once)
{
    cr_assert_eq(remove_pool("text"), OK);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_REMOVED));
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "no pool is named \"text\"; the pools are \"numbers\""));
}

Test(broker_pools, tasks_without_a_worker_wait_in_a_removed_pool_until_one_comes)
{
    kit_submit(&kit, 1, 1);
    remove_pool("text");
    cr_assert(has_pool("text"));
    cr_assert_neq(kit_worker(&kit, 1, "text", 1), 0, "it is needed");
    kit_result(&kit, 1, kit_fence(&kit, 1), "a");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_RESULT), 1);
    cr_assert_eq(kit_worker(&kit, 2, "text", 1), 0, "the next one is not");
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_not(has_pool("text"));
}

Test(broker_pools, a_worker_lost_in_a_removed_pool_loses_no_task)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    remove_pool("text");
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_worker(&kit, 2, "text", 1);
    kit_result(&kit, 2, kit_fence(&kit, 2), "a");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_RESULT), 1);
}

Test(broker_pools, a_worker_that_comes_back_to_a_removed_pool_is_asked_to_stop_again)
{
    struct hello hello = kit_worker_hello("text", 1);

    hello.session = kit_worker(&kit, 1, "text", 1);
    remove_pool("text");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_neq(kit_hello(&kit, SIDE_WORKER, 2, &hello), 0);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_STOP), 1);
}

Test(broker_pools, a_pool_added_again_while_it_drains_goes_on)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    remove_pool("text");
    cr_assert_eq(set_pool("text", 7), OK);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_ADDED));
    cr_assert_not(kit_pool(&kit, "text").is_draining);
    cr_assert_eq(kit_pool(&kit, "text").queued_max, 7);
    kit_result(&kit, 1, kit_pool(&kit, "text").running ? 1 : 0, "");
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 0);
}

Test(broker_pools, the_counters_of_a_pool_go_on_when_it_is_added_again)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "a");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    remove_pool("text");
    cr_assert_not(has_pool("text"));
    cr_assert_eq(set_pool("text", 7), OK);
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued_max, 7);
    kit_submit(&kit, 1, 2);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_neq(kit_fence(&kit, 2), 0);
}

Test(broker_pools, a_pool_that_is_added_again_measures_its_memory_limit_anew)
{
    struct pool_settings settings;
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    pool_settings_init(&settings, "text");
    settings.worker_memory_max = 1;
    kit_event(&kit, &event);
    kit_agent(&kit, 100, 1000, 1);
    kit_agents_worker(&kit, 1, 1000, 11, 0);
    kit_uses(&kit, 100, 11, 2);
    cr_assert(kit_pool(&kit, "text").is_memory_limit_off);
    remove_pool("text");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_not(has_pool("text"));
    kit_event(&kit, &event);
    cr_assert_not(kit_pool(&kit, "text").is_memory_limit_off);
}

Test(broker_pools, an_operator_cannot_open_a_removed_pool)
{
    struct event resume = {.kind = EVENT_POOL_RESUME, .pool = bytes_of("text")};

    kit_submit(&kit, 1, 1);
    remove_pool("text");
    kit_event(&kit, &resume);
    cr_assert_eq(kit.status, ERR_INVALID);
    resume.pool = bytes_of("");
    kit_event(&kit, &resume);
    cr_assert(kit_pool(&kit, "text").is_removed);
}

Test(broker_pools, results_of_a_pool_that_is_gone_are_still_delivered)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "a");
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    remove_pool("text");
    kit_client(&kit, 2, 1);
    kit_submit(&kit, 2, 1);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 2, VERB_RESULT), 1);
}

Test(broker_pools, cancelling_the_last_task_of_a_removed_pool_ends_it)
{
    kit_submit(&kit, 1, 1);
    remove_pool("text");
    kit_cancel(&kit, 1, 1);
    cr_assert_not(has_pool("text"));
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
}

Test(broker_pools, tasks_that_name_pools_in_turn_go_each_to_its_own)
{
    static const char *const names[] = {"text", "numbers", "numbers", "text", "text"};

    for (uint64_t i = 0; i < 5; i++)
        submit_to(names[i], i + 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 3);
    cr_assert_eq(kit_pool(&kit, "numbers").queued, 2);
    submit_to("next", 6);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
    submit_to("text", 7);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    submit_to("tex", 8);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
    submit_to("texts", 9);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
}

/* --- the default pool ----------------------------------------------------------------------------------------------- */

static void
with_default(struct broker_settings *settings)
{
    settings->default_pool = "numbers";
}

static void
as_before(struct broker_settings *settings)
{
    (void)settings;
}

Test(broker_pools, a_task_without_a_pool_goes_to_the_default_pool)
{
    submit_to("", 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "no pool was named, and the configuration has no default_pool; the pools are \"text\", "
                        "\"numbers\""));
    change(with_default);
    submit_to("", 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    cr_assert_eq(kit_pool(&kit, "numbers").queued, 1);
    change(as_before);
    submit_to("", 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NO_SUCH_POOL);
}

Test(broker_pools, a_default_pool_is_known_from_the_start)
{
    struct broker_settings settings;
    struct kit other;

    kit_settings(&settings);
    settings.default_pool = "text";
    kit_init_with(&other, &settings, NULL);
    kit_client(&other, 1, 1);
    struct submit submit = kit_task(1);
    submit.pool = bytes_of("");
    kit_offer(&other, 1, &submit);
    cr_assert_eq(kit_pool(&other, "text").queued, 1);
    kit_fini(&other);
}

Test(broker_pools, of_many_pools_only_some_are_listed)
{
    char name[16];

    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "pool%d", i);
        set_pool(name, 1);
    }
    submit_to("elsewhere", 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "no pool is named \"elsewhere\"; the pools are \"text\", \"numbers\", \"pool0\", \"pool1\", "
                        "\"pool2\", \"pool3\", \"pool4\", \"pool5\" and others, see snakepit pools"));
}

/* --- settings ------------------------------------------------------------------------------------------------------- */

static void
with_few_results(struct broker_settings *settings)
{
    settings->client_results_max = 1;
}

Test(broker_pools, a_lower_limit_of_kept_results_drops_the_oldest)
{
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 3; id++) {
        kit_submit(&kit, 1, id);
        kit_result(&kit, 1, kit_fence(&kit, 1), "a");
    }
    change(with_few_results);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
    cr_assert_eq(kit_stats(&kit).undeliverable, 2);
}

static void
with_slow_heartbeat(struct broker_settings *settings)
{
    settings->heartbeat_us = 10 * SECOND;
}

static void
with_quick_heartbeat(struct broker_settings *settings)
{
    settings->heartbeat_us = SECOND / 10;
}

Test(broker_pools, workers_are_told_of_another_heartbeat_and_judged_by_it)
{
    struct hello hello = kit_worker_hello("text", 1);

    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_pass(&kit, 2 * SECOND);
    change(with_slow_heartbeat);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_REHELLO), 1);
    kit_hello(&kit, SIDE_WORKER, 1, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_WELCOME)->welcome.heartbeat_ms, 10000);
    kit_live_through(&kit, 29 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, hello.session), "ready");
    change(with_quick_heartbeat);
    cr_assert_str_eq(kit_worker_state(&kit, hello.session), "ready", "it cannot know better yet");
    kit_live_through(&kit, SECOND / 2);
    cr_assert_str_eq(kit_worker_state(&kit, hello.session), "stalled");
}

Test(broker_pools, the_same_settings_again_disturb_nobody)
{
    kit_worker(&kit, 1, "text", 1);
    change(as_before);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_pools, a_drained_pool_says_how_it_is_opened_again)
{
    struct event drain = {.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")};

    kit_event(&kit, &drain);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DRAINING);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the pool \"text\" is drained and takes no new tasks until: snakepit resume text"));
}

Test(broker_pools, agents_are_told_of_another_heartbeat_and_those_that_are_away_learn_it_later)
{
    struct hello hello = kit_worker_hello("text", 1);

    kit_agent(&kit, 10, 1000, 1);
    kit_agent(&kit, 11, 1001, 1);
    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_gone(&kit, SIDE_WORKER, 11);
    kit_gone(&kit, SIDE_WORKER, 1);
    change(with_slow_heartbeat);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 10, VERB_REHELLO), 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 11, VERB_REHELLO) + kit_count(&kit, SIDE_WORKER, 1, VERB_REHELLO), 0);
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_WELCOME)->welcome.heartbeat_ms, 10000);
}
