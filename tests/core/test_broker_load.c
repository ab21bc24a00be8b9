/* test_broker_load.c - how busy pools are, when they are full, and who is told of executed requests. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct kit kit;
static struct load_stats all, recent;

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

TestSuite(broker_load, .init = set_up, .fini = tear_down);

static void
look(void)
{
    cr_assert_eq(broker_get_load(kit.broker, bytes_of("text"), kit.now_us, &all, &recent), OK);
}

/* Keep workers alive and time passing. */
static void
live(int64_t us)
{
    for (int64_t step = 0; step < us; step += SECOND / 2) {
        kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
        kit_pass(&kit, SECOND / 2);
    }
}

/* The same, until this note comes; how long that took, or -1. */
static int64_t
wait_for_note(enum note_kind kind, int64_t us)
{
    int64_t start_us = kit.now_us;

    while (kit.now_us < start_us + us) {
        kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
        kit_pass(&kit, SECOND / 10);
        if (kit_note(&kit, kind))
            return kit.now_us - start_us;
    }
    return -1;
}

Test(broker_load, an_unknown_pool_has_no_load)
{
    cr_assert_eq(broker_get_load(kit.broker, bytes_of("nothing"), kit.now_us, &all, &recent), ERR_NOT_FOUND);
}

Test(broker_load, wait_and_run_times_are_counted)
{
    uint64_t fence;

    kit_submit(&kit, 1, 1);
    kit_pass(&kit, 300 * MS);
    kit_worker(&kit, 1, "text", 1);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 50 * MS);
    kit_result(&kit, 1, fence, "x");
    look();
    cr_assert_eq(all.accepted, 1);
    cr_assert_eq(all.dispatched, 1);
    cr_assert_eq(all.answered, 1);
    cr_assert_eq(all.wait.max_us, 300 * MS);
    cr_assert_eq(all.run.max_us, 50 * MS);
    cr_assert_eq(recent.run.p50_us, 50 * MS);
    cr_assert_eq(all.queued_max, 1);
}

Test(broker_load, a_delay_is_not_a_wait)
{
    struct submit submit = kit_task(1);

    kit_worker(&kit, 1, "text", 1);
    submit.delay_ms = 700;
    kit_offer(&kit, 1, &submit);
    kit_pass(&kit, 700 * MS);
    look();
    cr_assert_eq(all.wait.count, 1);
    cr_assert_eq(all.wait.max_us, 0);
}

Test(broker_load, a_second_attempt_does_not_count_as_waiting)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_nack(&kit, 1, kit_fence(&kit, 1));
    look();
    cr_assert_eq(all.dispatched, 2);
    cr_assert_eq(all.wait.count, 1);
    cr_assert_eq(all.answered, 0);
}

Test(broker_load, utilisation_is_the_share_of_slots_that_were_busy)
{
    look();
    cr_assert_eq(all.capacity_us, 0);
    kit_worker(&kit, 1, "text", 4);
    kit_submit(&kit, 1, 1);
    live(10 * SECOND);
    look();
    cr_assert_eq(recent.busy_us, 10 * SECOND);
    cr_assert_eq(recent.capacity_us, 40 * SECOND);
    cr_assert_eq(recent.full_us, 0);
}

Test(broker_load, a_draining_workers_free_slots_are_no_capacity)
{
    kit_worker(&kit, 1, "text", 4);
    kit_submit(&kit, 1, 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    look();
    live(10 * SECOND);
    look();
    cr_assert_eq(recent.capacity_us, recent.busy_us);
}

Test(broker_load, the_time_since_the_last_event_counts_without_a_tick)
{
    kit_worker(&kit, 1, "text", 2);
    kit_submit(&kit, 1, 1);
    broker_get_load(kit.broker, bytes_of("text"), kit.now_us + SECOND, &all, &recent);
    cr_assert_eq(all.busy_us, SECOND);
    cr_assert_eq(all.capacity_us, 2 * SECOND);
}

/* --- capacity reached ------------------------------------------------------------------------------------------- */

Test(broker_load, a_pool_that_is_full_for_a_second_says_so_once)
{
    const struct note *note;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 5 * SECOND), -1, "nothing waits yet");
    kit_submit(&kit, 1, 2);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 5 * SECOND), SECOND);
    note = kit_note(&kit, NOTE_POOL_CAPACITY_REACHED);
    cr_assert_str_eq(note->pool, "text");
    cr_assert_eq(note->slots, 1);
    cr_assert_eq(note->queued, 1);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 30 * SECOND), -1, "it stays full and was told");
}

Test(broker_load, a_pool_without_workers_has_no_capacity_to_reach)
{
    kit_submit(&kit, 1, 1);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 5 * SECOND), -1);
}

Test(broker_load, a_pool_that_is_full_again_and_again_for_a_moment_says_nothing)
{
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id < 60; id += 2) {
        kit_submit(&kit, 1, id);
        kit_submit(&kit, 1, id + 1);
        for (uint64_t fence; (fence = kit_fence(&kit, 1)) != 0;) {
            kit_pass(&kit, SECOND / 3);
            cr_assert_null(kit_note(&kit, NOTE_POOL_CAPACITY_REACHED));
            kit_result(&kit, 1, fence, "x");
        }
    }
}

Test(broker_load, capacity_is_told_free_after_ten_seconds_without_a_break)
{
    uint64_t first;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    first = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    cr_assert_gt(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 5 * SECOND), 0);
    kit_result(&kit, 1, first, "x");
    first = kit_fence(&kit, 1);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_FREE, 6 * SECOND), -1);
    kit_submit(&kit, 1, 3); /* full again: the ten seconds begin anew */
    kit_result(&kit, 1, first, "x");
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_FREE, 20 * SECOND), 10 * SECOND);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_FREE, 20 * SECOND), -1);
}

Test(broker_load, a_queue_that_is_cancelled_before_a_second_is_over_was_not_full)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    kit_cancel(&kit, 1, 2);
    cr_assert_eq(wait_for_note(NOTE_POOL_CAPACITY_REACHED, 5 * SECOND), -1);
}

/* --- executed requests ------------------------------------------------------------------------------------------ */

Test(broker_load, executed_requests_are_told_only_while_somebody_listens)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "x");
    cr_assert_null(kit_note(&kit, NOTE_REQUEST_EXECUTED));
    broker_watch_requests(kit.broker, true);
    kit_submit(&kit, 1, 2);
    kit_result(&kit, 1, kit_fence(&kit, 1), "x");
    cr_assert_not_null(kit_note(&kit, NOTE_REQUEST_EXECUTED));
    broker_watch_requests(kit.broker, false);
    kit_submit(&kit, 1, 3);
    kit_result(&kit, 1, kit_fence(&kit, 1), "x");
    cr_assert_null(kit_note(&kit, NOTE_REQUEST_EXECUTED));
}

Test(broker_load, an_executed_request_tells_who_ran_what_and_how_long)
{
    const struct note *note;
    uint64_t session, fence;

    broker_watch_requests(kit.broker, true);
    kit_submit(&kit, 1, 1);
    kit_pass(&kit, 200 * MS);
    session = kit_worker(&kit, 1, "text", 1);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 30 * MS);
    kit_error(&kit, 1, fence, ERROR_FAILED);
    note = kit_note(&kit, NOTE_REQUEST_EXECUTED);
    cr_assert_not_null(note);
    cr_assert_str_eq(note->pool, "text");
    cr_assert_str_eq(note->function, "count_words");
    cr_assert_str_eq(note->state, "failed");
    cr_assert_eq(note->worker, session);
    cr_assert_eq(note->task, 1);
    cr_assert_eq(note->attempt, 1);
    cr_assert_eq(note->wait_us, 200 * MS);
    cr_assert_eq(note->run_us, 30 * MS);
}

Test(broker_load, what_ends_without_an_answer_was_not_executed)
{
    broker_watch_requests(kit.broker, true);
    kit_submit(&kit, 1, 1);
    kit_cancel(&kit, 1, 1);
    cr_assert_null(kit_note(&kit, NOTE_REQUEST_EXECUTED));
}
