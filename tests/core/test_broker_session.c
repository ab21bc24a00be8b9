/* test_broker_session.c - tasks of a session and the worker that keeps its state. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

KIT_SUITE(broker_session, 1);

static void
offer(uint64_t id, const char *session, enum session_mode mode)
{
    struct submit submit = kit_task(id);

    submit.session = bytes_of(session);
    submit.session_mode = mode;
    kit_offer(&kit, 1, &submit);
}

static void
begin_again(const struct pool_settings *pool)
{
    kit_fini(&kit);
    kit_init_with(&kit, NULL, pool);
    kit_client(&kit, 1, 1);
}

/* With sessions that end with their worker. */
static void
begin_failing(void)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "text");
    pool.session_on_loss = SESSION_LOSS_FAIL;
    begin_again(&pool);
}

static struct session_stats
session(const char *name)
{
    struct session_stats stats = {0};

    cr_assert_eq(broker_find_session(kit.broker, bytes_of("text"), bytes_of(name), &stats), OK, "no session %s", name);
    return stats;
}

static bool
is_known(const char *name)
{
    struct session_stats stats;

    return broker_find_session(kit.broker, bytes_of("text"), bytes_of(name), &stats) == OK;
}

static enum wait_cause
cause(uint64_t number)
{
    struct explanation why;

    cr_assert_eq(broker_explain_task(kit.broker, number, &why), OK);
    return why.cause;
}

/* --- hints ------------------------------------------------------------------------------------------------------ */

Test(broker_session, a_hint_goes_to_the_worker_that_ran_the_session_last)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 2);
    offer(1, "s", SESSION_HINT);
    fence = kit_fence(&kit, 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.session, "s"));
    kit_worker(&kit, 2, "text", 2);
    kit_result(&kit, 1, fence, "1");
    kit_submit(&kit, 1, 9);
    cr_assert_neq(kit_fence(&kit, 2), 0, "the longest idle takes what has no session");
    kit_result(&kit, 2, kit_fence(&kit, 2), "9");
    offer(2, "s", SESSION_HINT);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_session, a_hint_moves_the_session_when_its_worker_is_busy)
{
    uint64_t second;

    kit_worker(&kit, 1, "text", 1);
    second = kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_HINT);
    offer(2, "s", SESSION_HINT);
    cr_assert_neq(kit_fence(&kit, 2), 0);
    cr_assert_eq(session("s").worker, second);
}

Test(broker_session, a_hint_does_not_move_a_session_with_strict_tasks)
{
    uint64_t first = kit_worker(&kit, 1, "text", 1);

    offer(1, "s", SESSION_STRICT_QUEUE);
    kit_worker(&kit, 2, "text", 1);
    offer(2, "s", SESSION_HINT);
    cr_assert_neq(kit_fence(&kit, 2), 0);
    cr_assert_eq(session("s").worker, first);
}

/* --- strict ----------------------------------------------------------------------------------------------------- */

Test(broker_session, a_strict_task_waits_for_its_worker_while_others_are_free)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    kit_worker(&kit, 2, "text", 1);
    offer(2, "s", SESSION_STRICT_QUEUE);
    cr_assert_eq(kit_fence(&kit, 2), 0);
    cr_assert_eq(cause(2), CAUSE_SESSION_WAITS);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_result(&kit, 1, fence, "1");
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_eq(cause(2), CAUSE_RUNNING);
}

Test(broker_session, an_unbound_session_waits_like_all_and_is_bound_at_its_first_dispatch)
{
    uint64_t worker;

    offer(1, "s", SESSION_STRICT_FAIL_FAST);
    offer(2, "s", SESSION_STRICT_QUEUE);
    cr_assert_eq(cause(2), CAUSE_NO_WORKER);
    worker = kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(session("s").worker, worker);
    cr_assert_eq(cause(1), CAUSE_RUNNING);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_fence(&kit, 2), 0);
    cr_assert_eq(cause(2), CAUSE_SESSION_WAITS);
}

Test(broker_session, a_free_slot_is_for_the_best_task_that_waits_for_it)
{
    struct submit urgent = kit_task(4);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    offer(2, "s", SESSION_STRICT_QUEUE);
    offer(3, "", SESSION_HINT);
    urgent.session = bytes_of("s");
    urgent.session_mode = SESSION_STRICT_QUEUE;
    urgent.priority = 9;
    kit_offer(&kit, 1, &urgent);
    kit_result(&kit, 1, fence, "1");
    cr_assert_eq(cause(4), CAUSE_RUNNING);
    kit_result(&kit, 1, kit_fence(&kit, 1), "4");
    cr_assert_eq(cause(2), CAUSE_RUNNING, "it is older than the plain one");
    kit_result(&kit, 1, kit_fence(&kit, 1), "2");
    cr_assert_eq(cause(3), CAUSE_RUNNING);
}

Test(broker_session, a_task_that_lost_the_slot_for_which_it_was_called_waits_on)
{
    struct submit plain = kit_task(3);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    offer(2, "s", SESSION_STRICT_QUEUE);
    plain.priority = 9;
    kit_offer(&kit, 1, &plain);
    kit_result(&kit, 1, fence, "1");
    cr_assert_eq(cause(3), CAUSE_RUNNING);
    fence = kit_fence(&kit, 1);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(kit_fence(&kit, 2), 0);
    cr_assert_eq(cause(2), CAUSE_SESSION_WAITS);
    kit_result(&kit, 1, fence, "3");
    cr_assert_eq(cause(2), CAUSE_RUNNING);
}

Test(broker_session, fail_fast_is_refused_when_its_worker_is_busy_and_taken_when_it_is_free)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_FAIL_FAST);
    fence = kit_fence(&kit, 1);
    offer(2, "s", SESSION_STRICT_FAIL_FAST);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SESSION_BUSY);
    cr_assert_gt(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.retry_after_ms, 0);
    cr_assert_eq(kit_pool(&kit, "text").refused, 1);
    kit_result(&kit, 1, fence, "1");
    offer(2, "s", SESSION_STRICT_FAIL_FAST);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_session, fail_fast_is_refused_while_its_worker_is_away)
{
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_FAIL_FAST);
    kit_result(&kit, 1, kit_fence(&kit, 1), "1");
    kit_gone(&kit, SIDE_WORKER, 1);
    offer(2, "s", SESSION_STRICT_FAIL_FAST);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SESSION_BUSY);
    kit_live_through(&kit, 500 * MS);
    offer(2, "s", SESSION_STRICT_FAIL_FAST);
    cr_assert_neq(kit_fence(&kit, 2), 0, "its worker is lost, so it is bound anew");
}

Test(broker_session, cancelling_a_task_that_was_called_calls_the_next)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    submit = kit_task(2);
    submit.session = bytes_of("s");
    submit.session_mode = SESSION_STRICT_QUEUE;
    submit.has_deadline = true;
    submit.deadline_ms = 100;
    kit_offer(&kit, 1, &submit);
    offer(3, "s", SESSION_STRICT_QUEUE);
    kit_pass(&kit, 100 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    kit_cancel(&kit, 1, 3);
    offer(4, "s", SESSION_STRICT_QUEUE);
    kit_result(&kit, 1, fence, "1");
    cr_assert_eq(cause(4), CAUSE_RUNNING);
}

Test(broker_session, a_group_with_a_session_waits_for_its_turn_and_then_for_its_worker)
{
    struct submit submit = kit_task(2);
    uint64_t first, other;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    other = kit_fence(&kit, 1);
    kit_worker(&kit, 2, "text", 1);
    submit.group = bytes_of("g");
    kit_offer(&kit, 1, &submit);
    first = kit_fence(&kit, 2);
    submit.id = ref_number(3);
    submit.session = bytes_of("s");
    submit.session_mode = SESSION_STRICT_QUEUE;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(cause(3), CAUSE_GROUP_WAITS);
    kit_result(&kit, 2, first, "2");
    cr_assert_eq(cause(3), CAUSE_SESSION_WAITS);
    kit_result(&kit, 1, other, "1");
    cr_assert_eq(cause(3), CAUSE_RUNNING);
}

/* --- workers that go -------------------------------------------------------------------------------------------- */

Test(broker_session, tasks_of_a_lost_worker_bind_their_session_anew)
{
    uint64_t second;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    offer(2, "s", SESSION_STRICT_QUEUE);
    second = kit_worker(&kit, 2, "text", 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_eq(cause(2), CAUSE_SESSION_WAITS, "it may come back within its grace");
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(session("s").worker, second);
    cr_assert_eq(cause(1), CAUSE_RUNNING);
    cr_assert_eq(cause(2), CAUSE_SESSION_WAITS);
}

Test(broker_session, with_fail_the_tasks_of_a_lost_worker_end_as_session_lost)
{
    begin_failing();
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    offer(2, "s", SESSION_STRICT_QUEUE);
    offer(3, "s", SESSION_HINT);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SESSION_LOST);
    cr_assert_eq(kit_pool(&kit, "text").failed, 2);
    cr_assert_eq(cause(3), CAUSE_RUNNING, "a hint does not mind");
    kit_result(&kit, 2, 0, "");
    offer(4, "s", SESSION_STRICT_QUEUE);
    cr_assert_neq(cause(4), CAUSE_FINAL, "the session begins anew");
}

Test(broker_session, with_fail_delayed_tasks_and_those_of_groups_end_too)
{
    struct submit submit = kit_task(2);

    begin_failing();
    kit_worker(&kit, 1, "text", 1);
    submit.session = bytes_of("s");
    submit.session_mode = SESSION_STRICT_QUEUE;
    submit.group = bytes_of("g");
    kit_offer(&kit, 1, &submit);
    submit.id = ref_number(3);
    kit_offer(&kit, 1, &submit);
    submit.id = ref_number(4);
    submit.group = (struct bytes){0};
    submit.delay_ms = 60000;
    kit_offer(&kit, 1, &submit);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_ERROR), 3);
    cr_assert_eq(kit_pool(&kit, "text").sessions, 0);
}

Test(broker_session, a_draining_worker_loses_its_sessions_and_ends_what_runs)
{
    uint64_t fence, second;

    begin_failing();
    kit_worker(&kit, 1, "text", 1);
    second = kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    offer(2, "s", SESSION_STRICT_QUEUE);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_SESSION_LOST);
    offer(3, "s", SESSION_STRICT_QUEUE);
    cr_assert_eq(session("s").worker, second);
    kit_result(&kit, 1, fence, "1");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_session, a_stop_binds_waiting_tasks_anew_at_once)
{
    struct event event = {.kind = EVENT_RECYCLE, .pool = bytes_of("text")};

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    offer(2, "s", SESSION_STRICT_QUEUE);
    kit_worker(&kit, 2, "text", 1);
    kit_event(&kit, &event);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_STOP), 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 1);
}

Test(broker_session, a_task_given_back_stays_with_its_worker)
{
    uint64_t fence;

    begin_failing();
    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    kit_nack(&kit, 1, fence);
    cr_assert_gt(kit_fence(&kit, 1), fence);
}

Test(broker_session, a_lease_that_a_resumed_worker_does_not_hold_stays_with_it)
{
    struct hello hello = kit_worker_hello("text", 1);
    uint64_t fence;

    begin_failing();
    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "text", 1);
    offer(1, "s", SESSION_STRICT_QUEUE);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_hello(&kit, SIDE_WORKER, 3, &hello);
    cr_assert_gt(kit_fence(&kit, 3), fence, "its TASK was lost with the connection, its state was not");
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

Test(broker_session, an_unused_session_is_forgotten_after_its_time)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_HINT);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 700 * SECOND);
    cr_assert(is_known("s"), "a task of it runs");
    kit_result(&kit, 1, fence, "1");
    kit_pass(&kit, 600 * SECOND - 1);
    cr_assert(is_known("s"));
    kit_pass(&kit, 1);
    cr_assert_not(is_known("s"));
    cr_assert_eq(kit_pool(&kit, "text").sessions, 0);
}

Test(broker_session, an_unused_session_is_forgotten_with_its_worker)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_HINT);
    kit_result(&kit, 1, kit_fence(&kit, 1), "1");
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert(is_known("s"));
    kit_live_through(&kit, 500 * MS);
    cr_assert_not(is_known("s"));
}

Test(broker_session, at_the_limit_the_longest_unused_makes_room_and_used_ones_do_not)
{
    struct pool_settings pool;
    uint64_t fences[2];

    pool_settings_init(&pool, "text");
    pool.sessions_max = 2;
    begin_again(&pool);
    kit_worker(&kit, 1, "text", 4);
    for (uint64_t id = 1; id <= 2; id++) {
        offer(id, id == 1 ? "a" : "b", SESSION_HINT);
        fences[id - 1] = kit_fence(&kit, 1);
    }
    offer(3, "c", SESSION_HINT);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.limit, "pool.sessions_max"));
    cr_assert_null(kit_note(&kit, NOTE_POOL_SATURATED), "its queue is not full");
    offer(4, "a", SESSION_HINT);
    cr_assert_neq(kit_fence(&kit, 1), 0, "one that is there needs no room");
    kit_result(&kit, 1, fences[1], "");
    offer(5, "c", SESSION_HINT);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert(is_known("a") && is_known("c") && !is_known("b"));
}

Test(broker_session, a_reload_that_shortens_the_time_forgets_at_once)
{
    struct pool_settings pool;
    struct event event = {.kind = EVENT_POOL_SET, .pool = bytes_of("text"), .pool_settings = &pool};

    kit_worker(&kit, 1, "text", 1);
    offer(1, "s", SESSION_HINT);
    kit_result(&kit, 1, kit_fence(&kit, 1), "");
    kit_pass(&kit, 10 * SECOND);
    pool_settings_init(&pool, "text");
    pool.session_ttl_us = 5 * SECOND;
    kit_event(&kit, &event);
    cr_assert_not(is_known("s"));
}

Test(broker_session, thousands_of_sessions_leave_nothing_behind)
{
    char name[16];

    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 3000; id++) {
        snprintf(name, sizeof name, "s%u", (unsigned)id);
        offer(id, name, SESSION_STRICT_QUEUE);
        kit_result(&kit, 1, kit_fence(&kit, 1), "");
        kit_seen(&kit, 1, id);
    }
    cr_assert_eq(kit_pool(&kit, "text").sessions, 3000);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_eq(kit_pool(&kit, "text").sessions, 0);
}

/* --- explain ---------------------------------------------------------------------------------------------------- */

Test(broker_session, explain_names_the_worker_and_how_many_go_before)
{
    uint64_t worker = kit_worker(&kit, 1, "text", 1);
    struct explanation why;

    for (uint64_t id = 1; id <= 3; id++)
        offer(id, "s", SESSION_STRICT_QUEUE);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(broker_explain_task(kit.broker, 3, &why), OK);
    cr_assert_eq(why.cause, CAUSE_SESSION_WAITS);
    cr_assert_eq(why.awaited, worker);
    cr_assert_str_eq(why.awaited_state, "ready");
    cr_assert_eq(why.ahead, 1);
    cr_assert(bytes_are(why.session, "s"));
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), &why), OK);
    cr_assert_eq(why.task.task, 2);
}
