/* test_broker_dead.c - dead tasks are listed, looked at, run again and forgotten. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_dead, 1);

static struct dead_outcome outcome;

static void
lose(uint32_t peer)
{
    kit_gone(&kit, SIDE_WORKER, peer);
    kit_live_through(&kit, 500 * MS);
}

/* A task ends as dead; returns the broker's number of it. */
static uint64_t
kill_one(uint64_t id)
{
    struct submit submit = kit_task(id);
    uint64_t number;

    submit.kills_max = 1;
    submit.ack = true;
    submit.priority = 7;
    kit_offer(&kit, 1, &submit);
    number = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task;
    kit_worker(&kit, 50, "text", 1);
    lose(50);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
    return number;
}

static int
change(enum event_kind kind, const char *pool, uint64_t task)
{
    struct event event = {.kind = kind, .pool = bytes_of(pool), .task = task, .ret_dead = &outcome};

    kit_event(&kit, &event);
    return kit.status;
}

static void
count_dead(void *context, const struct dead_stats *stats)
{
    uint64_t *numbers = context;

    numbers[++numbers[0]] = stats->task;
}

static void
count_attempts(void *context, const struct dead_attempt *attempt)
{
    uint32_t *count = context;

    cr_assert_str_eq(attempt->cause, "worker lost");
    cr_assert_str_eq(attempt->worker_name, "worker");
    cr_assert(attempt->is_kill);
    ++*count;
}

Test(broker_dead, a_dead_task_is_listed_with_all_that_is_known_of_it)
{
    uint64_t number = kill_one(1);
    struct dead_stats dead;
    uint32_t attempts = 0;

    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 1);
    cr_assert_eq(broker_find_dead(kit.broker, number, &dead), OK);
    cr_assert_str_eq(dead.pool, "text");
    cr_assert(bytes_are(dead.function, "count_words"));
    cr_assert(bytes_are(dead.payload->data, "to be or not to be"));
    cr_assert_eq(dead.priority, 7);
    cr_assert_eq(dead.kills, 1);
    cr_assert_eq(dead.attempt, 1);
    broker_each_dead_attempt(kit.broker, number, count_attempts, &attempts);
    cr_assert_eq(attempts, 1);
    cr_assert_eq(broker_find_dead(kit.broker, number + 1, &dead), ERR_NOT_FOUND);
}

Test(broker_dead, a_failed_task_is_not)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 0);
}

Test(broker_dead, the_latest_comes_first_and_a_limit_holds)
{
    uint64_t numbers[8] = {0}, first = kill_one(1), second = kill_one(2), third = kill_one(3);

    broker_each_dead(kit.broker, "text", 2, count_dead, numbers);
    cr_assert_eq(numbers[0], 2);
    cr_assert_eq(numbers[1], third);
    cr_assert_eq(numbers[2], second);
    numbers[0] = 0;
    broker_each_dead(kit.broker, NULL, 100, count_dead, numbers);
    cr_assert_eq(numbers[0], 3);
    cr_assert_eq(numbers[3], first);
    numbers[0] = 0;
    broker_each_dead(kit.broker, "numbers", 100, count_dead, numbers);
    cr_assert_eq(numbers[0], 0);
}

Test(broker_dead, run_again_it_is_a_new_task_that_belongs_to_nobody)
{
    uint64_t number = kill_one(1);

    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "", number), OK);
    cr_assert_eq(outcome.done, 1);
    cr_assert_gt(outcome.task, number);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 0);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.payload.data, "to be or not to be"));
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_RESULT), 0);
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
}

Test(broker_dead, run_again_it_runs_alone_and_may_die_again)
{
    uint64_t number = kill_one(1);
    struct dead_stats dead;

    kit_worker(&kit, 1, "text", 4);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "", number), OK);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 0, "another task runs there");
    kit_result(&kit, 1, (UINT64_C(1) << 32) + 1, "6");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
    lose(1);
    cr_assert_eq(broker_find_dead(kit.broker, outcome.task, &dead), OK, "its kills_max went with it");
    cr_assert_eq(dead.priority, 7);
}

Test(broker_dead, a_whole_pool_may_be_run_again)
{
    for (uint64_t id = 1; id <= 3; id++)
        kill_one(id);
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "text", 0), OK);
    cr_assert_eq(outcome.done, 3);
    cr_assert_eq(outcome.left, 0);
    cr_assert_eq(kit_pool(&kit, "text").queued, 3);
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "text", 0), OK);
    cr_assert_eq(outcome.done, 0);
}

Test(broker_dead, what_the_pool_refuses_stays_listed)
{
    for (uint64_t id = 1; id <= 3; id++)
        kill_one(id);
    kit_event(&kit, &(struct event){.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")});
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "text", 0), OK);
    cr_assert_eq(outcome.done, 0);
    cr_assert_eq(outcome.left, 3);
    cr_assert_eq(outcome.code, ERROR_DRAINING);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 3);
}

Test(broker_dead, they_may_be_forgotten)
{
    uint64_t first = kill_one(1);

    kill_one(2);
    kill_one(3);
    cr_assert_eq(change(EVENT_DEAD_REMOVE, "", first), OK);
    cr_assert_eq(outcome.done, 1);
    cr_assert_eq(change(EVENT_DEAD_REMOVE, "", first), ERR_NOT_FOUND);
    cr_assert_eq(change(EVENT_DEAD_REMOVE, "text", 0), OK);
    cr_assert_eq(outcome.done, 2);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 0);
    cr_assert_eq(kit_pool(&kit, "text").dead, 3, "they died nevertheless");
    cr_assert_eq(change(EVENT_DEAD_REMOVE, "nowhere", 0), ERR_NOT_FOUND);
}

Test(broker_dead, a_reload_keeps_them_and_trims_them)
{
    struct pool_settings settings;
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    for (uint64_t id = 1; id <= 3; id++)
        kill_one(id);
    pool_settings_init(&settings, "text");
    kit_event(&kit, &event);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 3);
    settings.dead_max = 1;
    kit_event(&kit, &event);
    cr_assert_eq(kit_pool(&kit, "text").dead_listed, 1);
    cr_assert_eq(kit_pool(&kit, "text").dead_dropped, 2);
}

Test(broker_dead, those_of_a_removed_pool_can_be_seen_and_not_run)
{
    uint64_t number = kill_one(1);
    struct dead_stats dead;

    kit_event(&kit, &(struct event){.kind = EVENT_POOL_REMOVE, .pool = bytes_of("text")});
    cr_assert_eq(broker_find_dead(kit.broker, number, &dead), OK);
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "", number), OK);
    cr_assert_eq(outcome.code, ERROR_NO_SUCH_POOL);
    cr_assert_eq(change(EVENT_DEAD_REMOVE, "text", 0), OK);
    cr_assert_eq(outcome.done, 1);
}

Test(broker_dead, all_that_the_task_wanted_of_retries_goes_with_it)
{
    const struct bytes names[] = {bytes_of("ValueError"), bytes_of("OSError")};
    struct submit submit = kit_task(1);

    submit.retries = 3;
    submit.has_retries = true;
    submit.has_backoff = true;
    submit.retry_on = (struct texts){.count = 2, .list = names};
    submit.kills_max = 1;
    kit_offer(&kit, 1, &submit);
    kit_worker(&kit, 50, "text", 1);
    lose(50);
    cr_assert_eq(change(EVENT_DEAD_REQUEUE, "text", 0), OK);
    kit_worker(&kit, 1, "text", 1);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_RETRIED));
    kit_pass(&kit, 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
}
