/* test_broker_adopt.c - a broker that was killed and started again: what workers hold of the earlier one's tasks. */
#include "tests/core/kit.h"

#include "broker/core/orphan.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CLIENT = 1, OTHER_CLIENT = 2, WORKER = 1, OTHER_WORKER = 2 };

#define OLD UINT64_C(100)         /* a fence and a session of the earlier broker */
#define WINDOW (2 * SECOND)

static struct kit kit;
static uint8_t origins[64][ORIGIN_BYTES_MAX];

static void
make_settings(struct broker_settings *settings)
{
    kit_settings(settings);
    settings->adopt_window_us = WINDOW;
}

static void
set_up(void)
{
    struct broker_settings settings;

    make_settings(&settings);
    kit_init_with(&kit, &settings, NULL);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_adopt, .init = set_up, .fini = tear_down);

/* What a worker holds of task `id` of the client that is instance 1. */
static struct hold
hold(uint64_t fence, uint64_t id)
{
    struct hello client = kit_client_hello(1);
    struct ref ref = ref_number(id);
    uint32_t size = origin_write(client.instance.data, &ref, origins[id % 64]);

    return (struct hold){.fence = fence, .attempt = 1, .origin = {origins[id % 64], size}};
}

/* A worker says HELLO to a broker that does not know it. Returns how many fences were taken. */
static uint32_t
holder(uint32_t peer, uint32_t slots, uint32_t count, const struct hold *list)
{
    struct hello hello = kit_worker_hello("text", slots);
    struct message message = {.verb = VERB_HELLO};
    const struct message *welcome;

    hello.session = 7;
    hello.pid = peer;
    hello.holds = (struct holds){.count = count, .list = list};
    message.hello = hello;
    kit_command(&kit, SIDE_WORKER, peer, &message);
    welcome = kit_sent(&kit, SIDE_WORKER, peer, VERB_WELCOME);
    cr_assert_not_null(welcome);
    return welcome->welcome.leases.count;
}

static uint32_t
holder_of_one(uint32_t peer, uint64_t fence, uint64_t id)
{
    struct hold one = hold(fence, id);

    return holder(peer, 1, 1, &one);
}

static void
offer_again(uint64_t id)
{
    struct submit submit = kit_task(id);

    submit.again = true;
    kit_offer(&kit, CLIENT, &submit);
}

static bool
is_result(const char *value)
{
    const struct message *message = kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT);

    return message && bytes_are(message->result.payload.data, value);
}

/* --- in either order ------------------------------------------------------------------------------------------------ */

Test(broker_adopt, a_task_that_its_worker_still_runs_is_adopted_and_not_dispatched)
{
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1, "its slot is taken");
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_ADOPTED));
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert(is_result("4"));
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
    cr_assert_eq(kit_stats(&kit).stale, 0);
}

Test(broker_adopt, a_task_that_is_offered_before_its_worker_comes_waits_for_it)
{
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK), "although this one is free");
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert(is_result("4"));
}

Test(broker_adopt, a_task_for_which_no_worker_comes_is_dispatched_when_the_window_ends)
{
    kit_worker(&kit, WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_pass(&kit, WINDOW - 1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
    kit_pass(&kit, 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, new_tasks_do_not_wait)
{
    kit_worker(&kit, WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    kit_submit(&kit, CLIENT, 5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, after_the_window_an_old_task_does_not_wait_either)
{
    kit_worker(&kit, WORKER, "text", 1);
    kit_pass(&kit, WINDOW);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, a_client_that_comes_late_still_finds_what_runs)
{
    holder_of_one(WORKER, OLD, 5);
    kit_pass(&kit, 100 * SECOND); /* longer than anything is kept */
    kit_verb(&kit, SIDE_WORKER, WORKER, VERB_HEARTBEAT);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_ADOPTED));
}

Test(broker_adopt, a_worker_that_comes_late_gives_up_what_was_dispatched_again)
{
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_pass(&kit, WINDOW);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 0);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_worker_error(&kit, WORKER), ERROR_STALE);
}

Test(broker_adopt, a_worker_that_comes_late_finds_a_task_that_still_waits)
{
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_pass(&kit, WINDOW);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}

Test(broker_adopt, the_attempt_goes_on_counting)
{
    struct hold third = hold(OLD, 5);

    third.attempt = 3;
    holder(WORKER, 1, 1, &third);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT)->result.info.attempt, 3);
}

/* --- answers that nobody awaits yet ----------------------------------------------------------------------------------- */

Test(broker_adopt, a_result_that_comes_before_its_client_is_kept_for_it)
{
    holder_of_one(WORKER, OLD, 5);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_stats(&kit).stale, 0);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0, "the slot is free");
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert(is_result("4"));
    cr_assert_eq(kit_stats(&kit).bytes, kit_stats(&kit).tasks > 0 ? kit_stats(&kit).bytes : 0);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, so_is_an_error)
{
    const struct message *error;

    holder_of_one(WORKER, OLD, 5);
    kit_error(&kit, WORKER, OLD, ERROR_FAILED);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    error = kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_ERROR);
    cr_assert_not_null(error);
    cr_assert_eq(error->error.code, ERROR_FAILED);
    cr_assert(bytes_are(error->error.type, "ValueError"));
    cr_assert(bytes_are(error->error.traceback, "line 1"));
}

Test(broker_adopt, a_kept_result_has_the_content_type_of_the_arguments)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_result(&kit, WORKER, OLD, "4");
    kit_client(&kit, CLIENT, 1);
    submit.again = true;
    submit.content_type = bytes_of("json");
    kit_offer(&kit, CLIENT, &submit);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT)->result.info.content_type, "json"));
}

Test(broker_adopt, a_kept_result_of_a_stream_tells_that_parts_are_missing)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_chunk(&kit, WORKER, OLD, 3);
    kit_result(&kit, WORKER, OLD, "4");
    kit_client(&kit, CLIENT, 1);
    submit.again = submit.stream = true;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT)->result.info.chunks, 3);
}

Test(broker_adopt, an_answer_that_nobody_wants_is_dropped_after_a_while_and_counted)
{
    holder_of_one(WORKER, OLD, 5);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_gt(kit_stats(&kit).bytes, 0);
    kit_live_through(&kit, 60 * SECOND);
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
    cr_assert_eq(kit_stats(&kit).bytes, 0);
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK), "then it runs again");
}

Test(broker_adopt, an_answer_for_which_there_is_no_room_is_dropped)
{
    struct broker_settings settings;

    kit_fini(&kit);
    make_settings(&settings);
    settings.bytes_max = 50;
    kit_init_with(&kit, &settings, NULL);
    holder_of_one(WORKER, OLD, 5);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_stats(&kit).bytes, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
}

Test(broker_adopt, what_is_held_is_bounded)
{
    struct broker_settings settings;
    struct hold list[8];

    kit_fini(&kit);
    make_settings(&settings);
    settings.tasks_max = 6;
    kit_init_with(&kit, &settings, NULL);
    for (uint64_t i = 0; i < 8; i++)
        list[i] = hold(OLD + i, i);
    cr_assert_eq(holder(WORKER, 8, 8, list), 3);
}

/* --- more than slots -------------------------------------------------------------------------------------------------- */

Test(broker_adopt, answers_that_are_given_once_more_take_no_slots)
{
    struct hold list[4];

    for (uint64_t i = 0; i < 4; i++)
        list[i] = hold(OLD + i, i);
    kit_client(&kit, CLIENT, 1);
    for (uint64_t i = 0; i < 3; i++)
        offer_again(i);
    cr_assert_eq(holder(WORKER, 1, 4, list), 4);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
    kit_result(&kit, WORKER, OLD + 2, "2");
    cr_assert(is_result("2"));
    kit_error(&kit, WORKER, OLD + 1, ERROR_FAILED);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_FAILED);
    kit_result(&kit, WORKER, OLD + 3, "3");
    offer_again(3);
    cr_assert(is_result("3"), "its client came later");
    cr_assert_eq(kit_stats(&kit).stale, 0);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}

Test(broker_adopt, an_answer_that_is_not_given_after_all_holds_nothing_up)
{
    struct hold list[2] = {hold(OLD, 0), hold(OLD + 1, 1)};

    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    holder(WORKER, 1, 2, list);
    offer_again(1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    kit_pass(&kit, WINDOW);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    kit_result(&kit, WORKER, OLD + 1, "late");
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT), "the attempt that runs counts");
    kit_live_through(&kit, 60 * SECOND);
    cr_assert_eq(kit_stats(&kit).undeliverable, 0);
}

/* --- ends ------------------------------------------------------------------------------------------------------------- */

Test(broker_adopt, when_the_worker_is_lost_its_task_is_dispatched_elsewhere)
{
    holder_of_one(WORKER, OLD, 5);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_gone(&kit, SIDE_WORKER, WORKER);
    kit_pass(&kit, SECOND);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK)->task.attempt, 2);
}

Test(broker_adopt, when_the_worker_is_lost_before_the_client_comes_nothing_is_left)
{
    holder_of_one(WORKER, OLD, 5);
    kit_gone(&kit, SIDE_WORKER, WORKER);
    kit_pass(&kit, SECOND);
    kit_pass(&kit, WINDOW);
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
}

Test(broker_adopt, what_comes_back_unstarted_is_dispatched)
{
    holder_of_one(WORKER, OLD, 5);
    kit_nack(&kit, WORKER, OLD);
    kit_pass(&kit, WINDOW);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, a_task_that_waits_for_its_worker_can_be_cancelled)
{
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_cancel(&kit, CLIENT, 5);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_CANCELLED);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 0, "and its worker gives it up");
}

Test(broker_adopt, an_adopted_task_can_be_cancelled)
{
    holder_of_one(WORKER, OLD, 5);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_cancel(&kit, CLIENT, 5);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, WORKER, VERB_CANCEL), 1);
    kit_error(&kit, WORKER, OLD, ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_CANCELLED);
}

Test(broker_adopt, a_task_that_waits_for_its_worker_expires)
{
    struct submit submit = kit_task(5);

    kit_client(&kit, CLIENT, 1);
    submit.again = submit.has_deadline = true;
    submit.deadline_ms = 500;
    kit_offer(&kit, CLIENT, &submit);
    kit_pass(&kit, SECOND / 2);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_EXPIRED);
}

Test(broker_adopt, an_adopted_task_expires)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_client(&kit, CLIENT, 1);
    submit.again = submit.has_deadline = true;
    submit.deadline_ms = 5000;
    kit_offer(&kit, CLIENT, &submit);
    kit_pass(&kit, 5 * SECOND);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_EXPIRED);
}

/* --- at most once ------------------------------------------------------------------------------------------------------ */

static void
offer_once_again(uint64_t id)
{
    struct submit submit = kit_task(id);

    submit.again = true;
    submit.on_loss = LOSS_FINAL;
    kit_offer(&kit, CLIENT, &submit);
}

Test(broker_adopt, a_task_that_may_run_at_most_once_is_adopted)
{
    kit_client(&kit, CLIENT, 1);
    offer_once_again(5);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert(is_result("4"));
}

Test(broker_adopt, a_task_that_may_run_at_most_once_is_lost_when_no_worker_has_it)
{
    kit_worker(&kit, WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_once_again(5);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_NONE);
    kit_pass(&kit, WINDOW);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_LOST);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
    offer_once_again(6);
    cr_assert_eq(kit_client_error(&kit, CLIENT), ERROR_LOST, "after the window at once");
}

/* --- one run for several --------------------------------------------------------------------------------------------- */

static void
offer_shared(uint64_t id, bool again)
{
    struct submit submit = kit_task(id);

    submit.dedup_key = bytes_of("key");
    submit.again = again;
    kit_offer(&kit, CLIENT, &submit);
}

Test(broker_adopt, a_run_that_several_share_is_adopted_for_the_one_that_began_it)
{
    kit_client(&kit, CLIENT, 1);
    offer_shared(6, true); /* which had followed */
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
    offer_shared(5, true);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_ADOPTED));
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT), 2);
}

Test(broker_adopt, a_run_that_several_share_is_adopted_when_its_worker_comes_last)
{
    kit_client(&kit, CLIENT, 1);
    offer_shared(5, true);
    offer_shared(6, true);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT), 2);
}

Test(broker_adopt, a_run_that_several_share_says_who_began_it)
{
    struct hold expected = hold(0, 5);
    struct bytes origin;

    kit_worker(&kit, WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_shared(5, false);
    origin = kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK)->task.origin;
    cr_assert_eq(origin.size, expected.origin.size);
    cr_assert_eq(memcmp(origin.data, expected.origin.data, origin.size), 0);
}

/* --- groups ------------------------------------------------------------------------------------------------------------ */

static void
offer_in_group(uint64_t id, bool again)
{
    struct submit submit = kit_task(id);

    submit.group = bytes_of("group");
    submit.again = again;
    kit_offer(&kit, CLIENT, &submit);
}

Test(broker_adopt, a_new_task_of_a_group_waits_too_since_an_old_one_may_run)
{
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_in_group(6, false);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    kit_pass(&kit, WINDOW);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
}

Test(broker_adopt, the_next_of_a_group_waits_for_the_adopted_one)
{
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_in_group(5, true);
    offer_in_group(6, true);
    holder_of_one(WORKER, OLD, 5);
    kit_pass(&kit, WINDOW);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK) + kit_count(&kit, SIDE_WORKER, WORKER, VERB_TASK), 1);
}

Test(broker_adopt, the_answer_of_a_task_that_has_not_its_turn_ends_it)
{
    kit_client(&kit, CLIENT, 1);
    offer_in_group(6, true);
    offer_in_group(5, true);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert(is_result("4"));
}

/* --- whose it is ------------------------------------------------------------------------------------------------------- */

Test(broker_adopt, another_client_does_not_get_it)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_result(&kit, WORKER, OLD, "secret");
    kit_client(&kit, OTHER_CLIENT, 2);
    submit.again = true;
    kit_offer(&kit, OTHER_CLIENT, &submit);
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, OTHER_CLIENT, VERB_RESULT));
}

Test(broker_adopt, a_client_without_an_instance_does_not_get_it)
{
    holder_of_one(WORKER, OLD, 5);
    kit_pass(&kit, WINDOW);
    offer_again(5);
    cr_assert_null(kit_note(&kit, NOTE_TASK_ADOPTED));
}

Test(broker_adopt, a_task_of_another_pool_does_not_take_it)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_client(&kit, CLIENT, 1);
    submit.pool = bytes_of("numbers");
    submit.again = true;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_null(kit_note(&kit, NOTE_TASK_ADOPTED));
}

Test(broker_adopt, of_two_workers_that_hold_one_task_the_later_attempt_counts)
{
    holder_of_one(WORKER, OLD, 5);
    cr_assert_eq(holder_of_one(OTHER_WORKER, OLD + 1, 5), 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, WORKER, VERB_CANCEL), 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_result(&kit, WORKER, OLD, "earlier");
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, CLIENT, VERB_RESULT));
    kit_result(&kit, OTHER_WORKER, OLD + 1, "later");
    cr_assert(is_result("later"));
}

Test(broker_adopt, of_two_workers_that_hold_one_task_the_earlier_attempt_is_given_up)
{
    holder_of_one(OTHER_WORKER, OLD + 1, 5);
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 0);
}

Test(broker_adopt, holds_without_sense_are_not_taken)
{
    struct hold list[] = {hold(OLD, 1), hold(OLD, 2), hold(0, 3), hold(OLD + 3, 4), hold(OLD + 4, 5)};

    list[3].attempt = 0;
    list[4].origin = bytes_of("nobody");
    cr_assert_eq(holder(WORKER, 8, 5, list), 1);
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 1);
}

/* --- this broker's own -------------------------------------------------------------------------------------------------- */

Test(broker_adopt, a_worker_that_this_broker_has_given_up_does_not_get_its_leases_back)
{
    uint64_t session = kit_worker(&kit, WORKER, "text", 1);
    struct hello hello = kit_worker_hello("text", 1);
    struct hold held;
    uint64_t fence;

    kit_client(&kit, CLIENT, 1);
    kit_submit(&kit, CLIENT, 5);
    fence = kit_fence(&kit, WORKER);
    kit_gone(&kit, SIDE_WORKER, WORKER);
    kit_pass(&kit, SECOND);
    held = hold(fence, 5);
    hello.session = session;
    hello.holds = (struct holds){.count = 1, .list = &held};
    kit_hello(&kit, SIDE_WORKER, OTHER_WORKER, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_WELCOME)->welcome.leases.count, 0);
    kit_result(&kit, OTHER_WORKER, fence, "late");
    cr_assert_eq(kit_worker_error(&kit, OTHER_WORKER), ERROR_STALE);
}

Test(broker_adopt, a_worker_whose_welcome_was_lost_resumes_the_session_that_it_does_not_know)
{
    struct hold held = hold(OLD, 5);

    holder_of_one(WORKER, OLD, 5);
    kit_gone(&kit, SIDE_WORKER, WORKER);
    {
        struct hello hello = kit_worker_hello("text", 1);
        struct message message = {.verb = VERB_HELLO};
        uint8_t fences[1 + 9] = {0xcf};

        for (int i = 0; i < 8; i++)
            fences[1 + i] = (uint8_t)(OLD >> (56 - 8 * i));
        hello.session = 7;
        hello.pid = WORKER;
        hello.holds = (struct holds){.count = 1, .list = &held};
        hello.leases = (struct fences){.count = 1, .encoded = {fences, 9}};
        message.hello = hello;
        kit_command(&kit, SIDE_WORKER, OTHER_WORKER, &message);
    }
    cr_assert(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_WELCOME)->welcome.resumed);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_result(&kit, OTHER_WORKER, OLD, "4");
    cr_assert(is_result("4"));
}

Test(broker_adopt, a_held_fence_just_above_ours_is_never_given_out_again)
{
    struct submit submit = kit_task(6);
    uint64_t near = (UINT64_C(1) << 32) + 1;

    cr_assert_eq(holder_of_one(WORKER, near, 5), 1);
    kit_worker(&kit, OTHER_WORKER, "text", 2);
    kit_client(&kit, CLIENT, 1);
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_gt(kit_fence(&kit, OTHER_WORKER), near);
}

Test(broker_adopt, a_task_says_where_it_is_from_when_its_client_can_offer_it_again)
{
    struct hold expected = hold(0, 5);
    struct bytes origin;

    kit_worker(&kit, WORKER, "text", 2);
    kit_client(&kit, CLIENT, 1);
    kit_submit(&kit, CLIENT, 5);
    origin = kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK)->task.origin;
    cr_assert_eq(origin.size, expected.origin.size);
    cr_assert_eq(memcmp(origin.data, expected.origin.data, origin.size), 0);
    kit_submit(&kit, OTHER_CLIENT, 5);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK)->task.origin.size, 0, "it has said no HELLO");
}

/* --- streams whose reader does not come ------------------------------------------------------------------------------ */

static const struct credit *
credit_sent(uint32_t peer)
{
    const struct message *message = kit_sent(&kit, SIDE_WORKER, peer, VERB_CREDIT);

    return message ? &message->credit : NULL;
}

Test(broker_adopt, no_worker_waits_for_a_reader_that_never_comes)
{
    holder_of_one(WORKER, OLD, 5);
    kit_live_through(&kit, 60 * SECOND - 1);
    cr_assert_null(credit_sent(WORKER));
    kit_live_through(&kit, 1);
    cr_assert_eq(credit_sent(WORKER)->ref.number, OLD);
    cr_assert_eq(credit_sent(WORKER)->count, UINT64_MAX);
    kit_live_through(&kit, 600 * SECOND);
    cr_assert_null(credit_sent(WORKER), "once is enough");
    kit_result(&kit, WORKER, OLD, "4");
    cr_assert_eq(kit_pool(&kit, "text").slots_busy, 0);
}

Test(broker_adopt, a_reader_that_comes_in_time_lets_its_worker_run_on_at_once)
{
    struct submit submit = kit_task(5);

    holder_of_one(WORKER, OLD, 5);
    kit_client(&kit, CLIENT, 1);
    submit.again = submit.stream = true;
    submit.credit = 2;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_eq(credit_sent(WORKER)->count, UINT64_MAX, "how far it is, nobody knows");
    kit_live_through(&kit, 600 * SECOND);
    cr_assert_null(credit_sent(WORKER));
}

Test(broker_adopt, a_worker_that_is_away_when_its_reader_is_given_up_is_told_when_it_is_back)
{
    struct broker_settings settings;
    struct hello hello = kit_worker_hello("text", 1);
    struct hold held = hold(OLD, 5);
    uint64_t fence = OLD;

    kit_fini(&kit);
    make_settings(&settings);
    settings.worker_grace_us = 100 * SECOND;
    kit_init_with(&kit, &settings, NULL);
    holder(WORKER, 1, 1, &held);
    kit_gone(&kit, SIDE_WORKER, WORKER);
    kit_live_through(&kit, 60 * SECOND);
    hello.session = 7;
    hello.pid = WORKER;
    hello.holds = (struct holds){.count = 1, .list = &held};
    hello.leases = (struct fences){.count = 1, .list = &fence};
    kit_hello(&kit, SIDE_WORKER, OTHER_WORKER, &hello);
    cr_assert_eq(credit_sent(OTHER_WORKER)->count, UINT64_MAX);
}

/* --- time -------------------------------------------------------------------------------------------------------------- */

Test(broker_adopt, a_pause_of_the_broker_does_not_end_the_window)
{
    kit_worker(&kit, OTHER_WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    kit_pass(&kit, 30 * SECOND); /* it stood still; the HELLO is still unread */
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, OTHER_WORKER, VERB_TASK));
    cr_assert_eq(holder_of_one(WORKER, OLD, 5), 1);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}

Test(broker_adopt, without_a_window_nothing_waits)
{
    struct broker_settings settings;

    kit_fini(&kit);
    make_settings(&settings);
    settings.adopt_window_us = 0;
    kit_init_with(&kit, &settings, NULL);
    kit_worker(&kit, WORKER, "text", 1);
    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK));
}

Test(broker_adopt, explain_says_for_what_it_waits)
{
    struct explanation explanation;

    kit_client(&kit, CLIENT, 1);
    offer_again(5);
    cr_assert_eq(broker_explain_task(kit.broker, 1, &explanation), OK);
    cr_assert_eq(explanation.cause, CAUSE_ADOPTING);
    cr_assert_eq(explanation.due_us, kit.now_us + WINDOW);
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), &explanation), OK);
    cr_assert_eq(explanation.cause, CAUSE_ADOPTING);
}
