/* test_broker_operator.c - drain, resume, shutdown. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_operator, 1);

static int
pool_event(enum event_kind kind, const char *pool)
{
    struct event event = {.kind = kind, .pool = bytes_of(pool)};

    kit_event(&kit, &event);
    return kit.status;
}

static void
shut_down(int64_t shutdown_us)
{
    struct event event = {.kind = EVENT_SHUTDOWN, .shutdown_us = shutdown_us};

    kit_event(&kit, &event);
}

Test(broker_operator, a_draining_pool_goes_on_with_what_it_took)
{
    kit_submit(&kit, 1, 1);
    cr_assert_eq(pool_event(EVENT_POOL_DRAIN, "text"), OK);
    cr_assert_str_eq(kit_note(&kit, NOTE_POOL_DRAINING)->pool, "text");
    cr_assert(kit_pool(&kit, "text").is_draining);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_eq(pool_event(EVENT_POOL_DRAIN, "text"), OK);
    cr_assert_eq(kit.outbox.count, 0, "said once");
    cr_assert_eq(pool_event(EVENT_POOL_RESUME, "text"), OK);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_OPEN));
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
}

Test(broker_operator, an_empty_name_means_all_pools)
{
    cr_assert_eq(pool_event(EVENT_POOL_DRAIN, ""), OK);
    cr_assert_eq(kit_count_notes(&kit, NOTE_POOL_DRAINING), 2);
    cr_assert_eq(pool_event(EVENT_POOL_RESUME, ""), OK);
    cr_assert_eq(kit_count_notes(&kit, NOTE_POOL_OPEN), 2);
}

Test(broker_operator, a_pool_that_is_not_there_is_not_found)
{
    cr_assert_eq(pool_event(EVENT_POOL_DRAIN, "txt"), ERR_NOT_FOUND);
    cr_assert_eq(pool_event(EVENT_POOL_RESUME, "txt"), ERR_NOT_FOUND);
}

Test(broker_operator, an_event_that_is_none_is_invalid)
{
    cr_assert_eq(pool_event((enum event_kind)99, ""), ERR_INVALID);
}

Test(broker_operator, shutdown_without_running_tasks_is_complete_at_once)
{
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    shut_down(30 * SECOND);
    cr_assert_not_null(kit_note(&kit, NOTE_SHUTDOWN_BEGUN));
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SHUTDOWN);
    cr_assert(kit_is_shut(&kit));
}

Test(broker_operator, shutdown_lets_running_tasks_end_and_starts_no_other)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    shut_down(30 * SECOND);
    cr_assert_not(kit_is_shut(&kit));
    kit_submit(&kit, 1, 3);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DRAINING);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE, "a known task is still known");
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.ref.number, 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SHUTDOWN);
    cr_assert(kit_is_shut(&kit));
}

Test(broker_operator, shutdown_waits_no_longer_than_it_may)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    shut_down(2 * SECOND);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 2 * SECOND);
    kit_pass(&kit, 2 * SECOND - 1);
    cr_assert_not(kit_is_shut(&kit));
    kit_pass(&kit, 1);
    cr_assert(kit_is_shut(&kit));
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SHUTDOWN);
    cr_assert_eq(broker_next_due_us(kit.broker), INT64_MAX);
}

Test(broker_operator, a_second_shutdown_with_nothing_ends_at_once)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    shut_down(30 * SECOND);
    shut_down(60 * SECOND);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 3 * SECOND, "the silence of the worker comes first");
    cr_assert_null(kit_note(&kit, NOTE_SHUTDOWN_BEGUN));
    shut_down(0);
    cr_assert(kit_is_shut(&kit));
}

Test(broker_operator, a_task_whose_worker_is_lost_in_shutdown_is_told_of_it)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    shut_down(30 * SECOND);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SHUTDOWN);
    cr_assert(kit_is_shut(&kit));
}

Test(broker_operator, after_the_end_nothing_is_heard)
{
    shut_down(0);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit.outbox.count, 0);
    kit_pass(&kit, SECOND);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_operator, owners_that_are_away_are_not_told)
{
    kit_submit(&kit, 1, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    shut_down(0);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 0);
    cr_assert(kit_is_shut(&kit));
}

Test(broker_operator, a_shutdown_that_never_ends_by_itself_does_not_overflow)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    shut_down(INT64_MAX);
    cr_assert_not(kit_is_shut(&kit));
}

Test(broker_operator, a_pool_needs_a_name_of_its_own)
{
    struct pool_settings settings;

    pool_settings_init(&settings, "text");
    cr_assert_eq(broker_add_pool(kit.broker, &settings), ERR_INVALID);
    settings.name = "$snakepit";
    cr_assert_eq(broker_add_pool(kit.broker, &settings), ERR_INVALID);
    settings.name = "";
    cr_assert_eq(broker_add_pool(kit.broker, &settings), ERR_INVALID);
    settings.name = "more";
    cr_assert_eq(broker_add_pool(kit.broker, &settings), OK);
}
