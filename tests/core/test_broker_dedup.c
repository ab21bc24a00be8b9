/* test_broker_dedup.c - tasks with the same dedup key are one run, and its result is remembered for a while. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_dedup, 3);

static struct submit
shared(uint64_t id, const char *key)
{
    struct submit submit = kit_task(id);

    submit.dedup_key = bytes_of(key);
    return submit;
}

static void
offer(uint32_t client, uint64_t id, const char *key)
{
    struct submit submit = shared(id, key);

    kit_offer(&kit, client, &submit);
}

static void
change_pool(struct pool_settings *pool)
{
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = pool};

    kit_event(&kit, &event);
}

Test(broker_dedup, two_clients_with_one_key_share_one_run_and_its_result)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 2);
    offer(1, 7, "k");
    fence = kit_fence(&kit, 1);
    cr_assert_neq(fence, 0);
    offer(2, 8, "k");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 0, "the second slot stays free");
    kit_result(&kit, 1, fence, "42");
    for (uint32_t client = 1; client <= 2; client++) {
        const struct message *result = kit_sent(&kit, SIDE_CLIENT, client, VERB_RESULT);

        cr_assert_not_null(result);
        cr_assert_eq(result->result.ref.number, 6 + client);
        cr_assert(bytes_are(result->result.payload.data, "42"));
    }
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
    cr_assert_eq(kit_pool(&kit, "text").deduplicated, 1);
}

Test(broker_dedup, a_later_task_gets_the_result_that_is_remembered)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "k");
    kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    kit_pass(&kit, 200 * MS);
    offer(2, 1, "k");
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT)->result.payload.data, "42"));
    cr_assert_eq(kit_fence(&kit, 1), 0);
    offer(2, 1, "k");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT), "offered again, it is answered again");
    offer(2, 2, "other");
    cr_assert_neq(kit_fence(&kit, 1), 0, "another key is another task");
}

Test(broker_dedup, a_key_belongs_to_its_pool)
{
    struct submit submit = shared(1, "k");

    kit_worker(&kit, 1, "text", 1);
    kit_worker(&kit, 2, "numbers", 1);
    kit_offer(&kit, 1, &submit);
    submit.pool = bytes_of("numbers");
    submit.id = ref_number(2);
    kit_offer(&kit, 1, &submit);
    cr_assert_neq(kit_fence(&kit, 2), 0);
}

Test(broker_dedup, a_result_is_forgotten_when_its_window_is_over)
{
    struct submit submit = shared(1, "k");
    uint64_t fence;

    submit.has_dedup_ms = true;
    submit.dedup_ms = 1000;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_pass(&kit, 2 * SECOND);
    kit_result(&kit, 1, fence, "42");
    offer(2, 1, "k");
    cr_assert_eq(kit_fence(&kit, 1), 0, "the window begins at the end of the run");
    kit_pass(&kit, 1 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").dedup_kept, 0);
    offer(3, 1, "k");
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_dedup, without_a_window_only_what_runs_is_shared)
{
    struct submit submit = shared(1, "k");

    submit.has_dedup_ms = true;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    offer(2, 1, "k");
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_dedup, all_are_told_of_a_failure_and_the_next_one_runs_again)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "k");
    fence = kit_fence(&kit, 1);
    offer(2, 1, "k");
    kit_error(&kit, 1, fence, ERROR_FAILED);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
    cr_assert_eq(kit_client_error(&kit, 2), ERROR_FAILED);
    cr_assert_eq(kit_pool(&kit, "text").failed, 1);
    offer(3, 1, "k");
    cr_assert_neq(kit_fence(&kit, 1), 0);
}

Test(broker_dedup, the_cancel_of_one_ends_that_one_only)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "k");
    fence = kit_fence(&kit, 1);
    offer(2, 1, "k");
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
    kit_result(&kit, 1, fence, "42");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_dedup, the_last_one_that_is_cancelled_ends_the_run_and_frees_the_key)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 2);
    offer(1, 1, "k");
    fence = kit_fence(&kit, 1);
    offer(2, 1, "k");
    kit_cancel(&kit, 1, 1);
    kit_cancel(&kit, 2, 1);
    cr_assert_eq(kit_client_error(&kit, 2), ERROR_CANCELLED);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
    offer(3, 1, "k");
    cr_assert_neq(kit_fence(&kit, 1), 0, "a new run, not the end that others wished for");
    kit_result(&kit, 1, fence, "42");
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_dedup, a_run_that_waits_is_not_begun_when_nobody_wants_it_any_more)
{
    offer(1, 1, "k");
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
}

Test(broker_dedup, a_client_that_vanishes_takes_only_its_own_task_with_it)
{
    struct hello hello = kit_client_hello(9);
    uint64_t fence;

    hello.on_disconnect = DISCONNECT_CANCEL;
    kit_hello(&kit, SIDE_CLIENT, 9, &hello);
    kit_worker(&kit, 1, "text", 1);
    offer(9, 1, "k");
    fence = kit_fence(&kit, 1);
    offer(2, 1, "k");
    kit_verb(&kit, SIDE_CLIENT, 9, VERB_BYE);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
    kit_verb(&kit, SIDE_CLIENT, 2, VERB_BYE);
    kit_result(&kit, 1, fence, "42");
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1, "client 2 lets its tasks go on");
}

Test(broker_dedup, each_has_its_own_deadline)
{
    struct submit hurried = shared(1, "k");

    hurried.has_deadline = true;
    hurried.deadline_ms = 1000;
    kit_offer(&kit, 1, &hurried);
    offer(2, 1, "k");
    kit_pass(&kit, 1 * SECOND);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1, "the other one waits on");
    cr_assert_eq(kit_pool(&kit, "text").expired, 0);
    kit_cancel(&kit, 2, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
    hurried.deadline_ms = 0;
    hurried.id = ref_number(2);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &hurried);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
    cr_assert_eq(kit_fence(&kit, 1), 0);
}

Test(broker_dedup, offered_again_it_is_the_same_task)
{
    struct submit submit = shared(1, "k");
    uint64_t number;

    submit.ack = true;
    kit_offer(&kit, 1, &submit);
    number = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task, number);
    cr_assert_eq(kit_pool(&kit, "text").deduplicated, 0);
    cr_assert_eq(kit_stats(&kit).tasks, 2, "the run and the one that waits for it");
}

Test(broker_dedup, a_run_that_moves_to_another_worker_says_which_attempt_it_was)
{
    struct submit submit = shared(1, "k");
    const struct info *info;

    submit.info = true;
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    kit_worker(&kit, 2, "text", 1);
    kit_result(&kit, 2, kit_fence(&kit, 2), "42");
    info = &kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.info;
    cr_assert_eq(info->attempt, 2);
    cr_assert(info->timed);
    cr_assert_neq(info->worker, 0);
}

Test(broker_dedup, its_chunks_could_not_be_shared_so_it_has_none)
{
    struct submit submit = shared(1, "k");

    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_UNSUPPORTED);
    submit.stream = false;
    submit.progress = true;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_UNSUPPORTED);
}

Test(broker_dedup, a_window_without_a_key_is_a_mistake)
{
    struct submit submit = kit_task(1);

    submit.has_dedup_ms = true;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BAD_FIELD);
}

Test(broker_dedup, the_oldest_results_make_room)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "text");
    pool.dedup_max = 2;
    change_pool(&pool);
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 3; id++) {
        char key[2] = {(char)('0' + id), 0};

        offer(1, id, key);
        kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    }
    cr_assert_eq(kit_pool(&kit, "text").dedup_kept, 2);
    offer(2, 1, "2");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
    offer(2, 2, "1");
    cr_assert_neq(kit_fence(&kit, 1), 0, "forgotten");
    pool.dedup_bytes_max = 0;
    change_pool(&pool);
    cr_assert_eq(kit_pool(&kit, "text").dedup_kept, 0);
}

Test(broker_dedup, who_joins_needs_no_place_in_the_queue_but_counts_for_its_client)
{
    struct pool_settings pool;
    struct broker_settings settings;
    struct event event = {.kind = EVENT_SETTINGS, .settings = &settings};

    pool_settings_init(&pool, "text");
    pool.queued_max = 1;
    change_pool(&pool);
    kit_settings(&settings);
    settings.client_tasks_max = 2;
    kit_event(&kit, &event);
    offer(1, 1, "k");
    offer(1, 2, "other");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY);
    offer(1, 3, "k");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_NONE);
    offer(1, 4, "k");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BUSY);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.limit, "client_tasks_max"));
}

Test(broker_dedup, an_open_circuit_refuses_only_what_would_have_to_run)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "text");
    pool.circuit_failures = 1;
    pool.when_open = WHEN_OPEN_REFUSE;
    change_pool(&pool);
    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "k");
    kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    kit_submit(&kit, 1, 2);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    kit_submit(&kit, 1, 3);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    cr_assert_eq(kit_pool(&kit, "text").circuit, CIRCUIT_OPEN);
    offer(2, 1, "new");
    cr_assert_eq(kit_client_error(&kit, 2), ERROR_CIRCUIT_OPEN);
    offer(2, 2, "k");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_dedup, explain_and_cancel_by_number_mean_the_run)
{
    struct submit submit = shared(1, "k");
    struct explanation explanation;
    uint64_t number;

    submit.ack = true;
    kit_offer(&kit, 1, &submit);
    number = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task;
    offer(2, 1, "k");
    cr_assert_eq(broker_explain_task(kit.broker, number, &explanation), OK);
    cr_assert_eq(explanation.cause, CAUSE_NO_WORKER);
    cr_assert_neq(explanation.task.task, number);
    kit_event(&kit, &(struct event){.kind = EVENT_TASK_CANCEL, .task = explanation.task.task});
    cr_assert_eq(kit.status, OK);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
    cr_assert_eq(kit_client_error(&kit, 2), ERROR_CANCELLED);
}

Test(broker_dedup, a_copy_from_before_hello_joins_what_the_session_has)
{
    struct hello hello = kit_client_hello(1);

    kit_worker(&kit, 1, "text", 2);
    offer(1, 1, "k");
    kit_gone(&kit, SIDE_CLIENT, 1);
    offer(5, 1, "k");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 0);
    kit_hello(&kit, SIDE_CLIENT, 5, &hello);
    cr_assert_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL));
}

Test(broker_dedup, a_removed_pool_forgets_its_results)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "k");
    kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    kit_event(&kit, &(struct event){.kind = EVENT_POOL_REMOVE, .pool = bytes_of("text")});
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    cr_assert_not_null(kit_note(&kit, NOTE_POOL_REMOVED));
    kit_seen(&kit, 1, 1);
    cr_assert_eq(kit_stats(&kit).bytes, 0);
}

Test(broker_dedup, at_the_end_of_the_broker_all_is_freed)
{
    kit_worker(&kit, 1, "text", 1);
    offer(1, 1, "a");
    kit_result(&kit, 1, kit_fence(&kit, 1), "42");
    offer(1, 2, "b");
    offer(2, 2, "b");
    offer(2, 3, "c");
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}
