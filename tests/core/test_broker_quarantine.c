/* test_broker_quarantine.c - tasks with which workers were lost: how many they may cost, and that they run alone. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

enum { AGENT = 1000, AGENT_PEER = 60 };

KIT_SUITE(broker_quarantine, 1);

static void
lose(uint32_t peer)
{
    kit_gone(&kit, SIDE_WORKER, peer);
    kit_live_through(&kit, 500 * MS);
}

/* Tasks that this worker got in the last step. */
static size_t
count_tasks(uint32_t peer)
{
    return kit_count(&kit, SIDE_WORKER, peer, VERB_TASK);
}

static void
submit_many(uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++)
        kit_submit(&kit, 1, id);
}

/* --- the budget ----------------------------------------------------------------------------------------------------- */

Test(broker_quarantine, the_second_lost_worker_is_the_last)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    lose(1);
    kit_worker(&kit, 2, "text", 1);
    cr_assert_eq(count_tasks(2), 1);
    lose(2);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.attempt, 2);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the task's worker was lost 2 times, and no other is risked; the last cause: worker lost"));
    cr_assert_eq(kit_note(&kit, NOTE_TASK_DEAD)->count, 2);
    cr_assert_eq(kit_pool(&kit, "text").dead, 1);
}

Test(broker_quarantine, the_task_may_say_how_many)
{
    struct submit submit = kit_task(1);

    submit.kills_max = 1;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    lose(1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
    submit = kit_task(2);
    submit.kills_max = KILLS_MAX + 1;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BAD_FIELD);
}

Test(broker_quarantine, the_text_says_how_the_process_ended)
{
    struct exited exited = {.pool = bytes_of("text"), .pid = 11, .cause = EXIT_SIGNAL, .status = 11};
    struct submit submit = kit_task(1);

    submit.kills_max = 1;
    kit_agent(&kit, AGENT_PEER, AGENT, 1);
    kit_agents_worker(&kit, 1, AGENT, 11, 0);
    kit_offer(&kit, 1, &submit);
    kit_exited(&kit, AGENT_PEER, &exited);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the task's worker was lost 1 time, and no other is risked; the cause: killed by signal 11 (SIGSEGV)"));
}

Test(broker_quarantine, a_goodbye_costs_nothing)
{
    for (uint32_t i = 1; i <= 4; i++) {
        kit_worker(&kit, i, "text", 1);
        if (i == 1)
            kit_submit(&kit, 1, 1);
        cr_assert_eq(count_tasks(i), 1);
        kit_verb(&kit, SIDE_WORKER, i, VERB_BYE);
        cr_assert_eq(kit_pool(&kit, "text").quarantined, 0);
    }
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
}

Test(broker_quarantine, neither_does_a_worker_that_was_leaving)
{
    for (uint32_t i = 1; i <= 4; i++) {
        kit_worker(&kit, i, "text", 1);
        if (i == 1)
            kit_submit(&kit, 1, 1);
        cr_assert_eq(count_tasks(i), 1);
        kit_verb(&kit, SIDE_WORKER, i, VERB_DRAINING);
        lose(i);
        cr_assert_eq(kit_pool(&kit, "text").quarantined, 0);
    }
}

Test(broker_quarantine, nor_a_lease_that_a_resumed_worker_does_not_hold)
{
    struct hello hello = kit_worker_hello("text", 1);

    hello.session = kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    for (int i = 0; i < 4; i++) {
        kit_gone(&kit, SIDE_WORKER, 1);
        kit_hello(&kit, SIDE_WORKER, 1, &hello);
        cr_assert_eq(kit_pool(&kit, "text").requeued, i + 1);
        cr_assert_eq(count_tasks(1), 1);
    }
}

Test(broker_quarantine, a_worker_that_hung_until_it_was_killed_counts)
{
    struct pool_settings settings;

    pool_settings_init(&settings, "");
    settings.stalled_timeout_us = SECOND;
    settings.kills_max = 1;
    kit_fini(&kit);
    kit_init_with(&kit, NULL, &settings);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_live_through(&kit, 4 * SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_DEAD);
}

Test(broker_quarantine, attempts_are_bounded_besides)
{
    struct submit submit = kit_task(1);

    submit.max_attempts = 1;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    lose(1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.text,
                        "the worker was lost in every allowed attempt; the last one: worker lost"));
}

/* --- alone ---------------------------------------------------------------------------------------------------------- */

Test(broker_quarantine, suspects_run_one_after_the_other_in_a_worker_with_many_slots)
{
    kit_worker(&kit, 1, "text", 3);
    submit_many(1, 3);
    lose(1);
    cr_assert_eq(kit_pool(&kit, "text").quarantined, 3);
    kit_worker(&kit, 2, "text", 3);
    cr_assert_eq(count_tasks(2), 1);
    submit_many(4, 5);
    cr_assert_eq(count_tasks(2), 0, "nothing runs beside it");
    kit_result(&kit, 2, (UINT64_C(1) << 32) + 3, "6");
    cr_assert_eq(count_tasks(2), 1);
    kit_result(&kit, 2, kit_fence(&kit, 2), "6");
    cr_assert_eq(count_tasks(2), 1);
    kit_result(&kit, 2, kit_fence(&kit, 2), "6");
    cr_assert_eq(count_tasks(2), 2, "the ordinary ones run together");
    cr_assert_eq(kit_pool(&kit, "text").quarantined, 0);
}

Test(broker_quarantine, single_slots_run_suspects_as_they_run_all)
{
    for (uint32_t peer = 1; peer <= 3; peer++)
        kit_worker(&kit, peer, "text", 1);
    submit_many(1, 3);
    for (uint32_t peer = 1; peer <= 3; peer++)
        kit_gone(&kit, SIDE_WORKER, peer);
    kit_live_through(&kit, 500 * MS);
    submit_many(4, 4);
    for (uint32_t peer = 4; peer <= 7; peer++) {
        kit_worker(&kit, peer, "text", 1);
        cr_assert_eq(count_tasks(peer), 1);
    }
}

Test(broker_quarantine, a_busy_worker_is_kept_free_for_the_suspect_and_the_others_go_on)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 2, "text", 4);
    kit_worker(&kit, 3, "text", 4);
    submit_many(2, 4); /* two for one of them, one for the other */
    lose(1);
    cr_assert_eq(kit_pool(&kit, "text").quarantined, 1);
    submit_many(5, 20);
    cr_assert_eq(kit_pool(&kit, "text").running, 5, "only one worker goes on taking tasks");
    fence = (UINT64_C(1) << 32) + 2; /* the one task of worker 3 */
    kit_result(&kit, 3, fence, "6");
    cr_assert_eq(count_tasks(3), 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 3, VERB_TASK)->task.attempt, 2);
    kit_result(&kit, 3, kit_fence(&kit, 3), "6");
    cr_assert_eq(count_tasks(3), 4, "and then it takes part again");
}

Test(broker_quarantine, a_suspect_that_goes_away_gives_its_worker_back)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 2, "text", 4);
    submit_many(2, 2);
    lose(1);
    submit_many(3, 4);
    cr_assert_eq(kit_pool(&kit, "text").queued, 3);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(count_tasks(2), 2);
}

Test(broker_quarantine, higher_priorities_go_first)
{
    struct submit urgent = kit_task(9);

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 2, "text", 4);
    submit_many(2, 2);
    lose(1);
    urgent.priority = 9;
    kit_offer(&kit, 1, &urgent);
    cr_assert_eq(count_tasks(2), 1);
    submit_many(3, 3);
    cr_assert_eq(count_tasks(2), 0, "then the worker is kept free again");
}

Test(broker_quarantine, half_of_the_workers_stay_with_the_others)
{
    for (uint32_t peer = 1; peer <= 4; peer++)
        kit_worker(&kit, peer, "text", 2);
    kit_worker(&kit, 5, "text", 8);
    submit_many(1, 16);
    for (uint64_t i = 0; i < 8; i++) /* the four have ended theirs; the fifth has eight */
        for (uint32_t peer = 1; peer <= 4; peer++)
            kit_result(&kit, peer, (UINT64_C(1) << 32) + i * 2 + 1, "6");
    kit_gone(&kit, SIDE_WORKER, 5);
    kit_live_through(&kit, 500 * MS);
    submit_many(20, 40);
    cr_assert_leq(kit_pool(&kit, "text").quarantined, 8);
    cr_assert_geq(kit_pool(&kit, "text").running, 4);
}

Test(broker_quarantine, the_slot_of_a_suspect_that_ended_early_stays_alone)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    submit.has_deadline = true;
    submit.deadline_ms = 1000;
    kit_worker(&kit, 1, "text", 4);
    kit_offer(&kit, 1, &submit);
    lose(1);
    kit_worker(&kit, 2, "text", 4);
    fence = kit_fence(&kit, 2);
    cr_assert_neq(fence, 0);
    kit_live_through(&kit, 500 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    submit_many(2, 3);
    cr_assert_eq(count_tasks(2), 0, "it still runs there");
    kit_error(&kit, 2, fence, ERROR_CANCELLED);
    cr_assert_eq(count_tasks(2), 2);
}

Test(broker_quarantine, a_kept_worker_that_leaves_is_replaced_by_another)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 2, "text", 4);
    kit_worker(&kit, 3, "text", 4);
    submit_many(2, 4);
    lose(1);
    kit_verb(&kit, SIDE_WORKER, 3, VERB_DRAINING);
    submit_many(5, 6);
    cr_assert_eq(count_tasks(2), 0);
    kit_result(&kit, 2, (UINT64_C(1) << 32) + 1, "6");
    kit_result(&kit, 2, (UINT64_C(1) << 32) + 3, "6");
    cr_assert_eq(count_tasks(2), 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
}

Test(broker_quarantine, one_that_was_given_back_is_a_suspect_still)
{
    kit_worker(&kit, 1, "text", 2);
    submit_many(1, 2);
    lose(1);
    kit_worker(&kit, 2, "text", 2);
    kit_nack(&kit, 2, kit_fence(&kit, 2));
    cr_assert_eq(count_tasks(2), 1);
    cr_assert_eq(kit_pool(&kit, "text").quarantined, 1);
}

Test(broker_quarantine, explain_says_so)
{
    struct explanation why;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 2, "text", 4);
    submit_many(2, 2);
    lose(1);
    cr_assert_eq(broker_explain_task(kit.broker, 1, &why), OK);
    cr_assert_eq(why.cause, CAUSE_QUARANTINED);
    cr_assert_str_eq(why.task.state, "quarantined");
    cr_assert_eq(broker_explain_pool(kit.broker, bytes_of("text"), &why), OK);
    cr_assert_eq(why.cause, CAUSE_QUARANTINED);
    cr_assert_eq(why.task.task, 1);
}

Test(broker_quarantine, the_broker_may_end_while_suspects_wait_and_run)
{
    kit_worker(&kit, 1, "text", 4);
    submit_many(1, 4);
    kit_worker(&kit, 2, "text", 4);
    lose(1);
    kit_worker(&kit, 3, "text", 4);
    cr_assert_gt(kit_pool(&kit, "text").quarantined, 0);
}
