/* test_broker_results.c - final messages: what is in them, how long they are kept, SEEN. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <string.h>

static struct kit kit;

static void
set_up(void)
{
    kit_init(&kit);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_results, .init = set_up, .fini = tear_down);

/* Run one task to its result. */
static void
run(uint64_t id)
{
    kit_submit(&kit, 1, id);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
}

static const struct info *
result_info(void)
{
    const struct message *message = kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT);

    cr_assert_not_null(message);
    return &message->result.info;
}

Test(broker_results, a_plain_result_says_nothing_more)
{
    run(1);
    cr_assert_eq(result_info()->attempt, 0);
    cr_assert_eq(result_info()->chunks, 0);
    cr_assert_not(result_info()->timed);
    cr_assert_eq(result_info()->content_type.size, 0);
}

Test(broker_results, info_tells_worker_and_times)
{
    struct submit submit = kit_task(1);
    uint64_t session = kit_worker(&kit, 2, "numbers", 1);

    submit.info = true;
    submit.pool = bytes_of("numbers");
    submit.delay_ms = 20;
    kit_offer(&kit, 1, &submit);
    kit_pass(&kit, 20 * MS);
    kit.now_us += 30 * MS;
    kit_result(&kit, 2, kit_fence(&kit, 2), "6");
    cr_assert(result_info()->timed);
    cr_assert_eq(result_info()->attempt, 1);
    cr_assert_eq(result_info()->worker, session);
    cr_assert_eq(result_info()->queue_us, 20 * MS);
    cr_assert_eq(result_info()->run_us, 30 * MS);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(result_info()->run_us, 30 * MS, "and it is the same when it is sent again");
}

Test(broker_results, a_failure_brings_type_text_and_traceback)
{
    const struct error *error;

    kit_submit(&kit, 1, 1);
    kit_error(&kit, 1, kit_fence(&kit, 1), ERROR_FAILED);
    for (int i = 0; i < 2; i++) {
        error = &kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error;
        cr_assert_eq(error->code, ERROR_FAILED);
        cr_assert(bytes_are(error->text, "went wrong"));
        cr_assert(bytes_are(error->type, "ValueError"));
        cr_assert(bytes_are(error->traceback, "line 1"));
        cr_assert_eq(error->attempt, 0);
        kit_submit(&kit, 1, 1);
    }
    cr_assert_eq(kit_pool(&kit, "text").failed, 1);
}

Test(broker_results, codes_of_the_worker_reach_the_client_as_they_are)
{
    const enum error_code codes[] = {ERROR_FAILED, ERROR_NO_SUCH_FUNCTION, ERROR_BAD_PAYLOAD, ERROR_CANCELLED};

    for (uint64_t i = 0; i < 4; i++) {
        kit_submit(&kit, 1, i);
        kit_error(&kit, 1, kit_fence(&kit, 1), codes[i]);
        cr_assert_eq(kit_client_error(&kit, 1), codes[i]);
    }
    cr_assert_eq(kit_pool(&kit, "text").failed, 3);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
}

Test(broker_results, long_error_texts_are_cut)
{
    static char text[TRACEBACK_BYTES_MAX + 100];
    struct bytes all = {(const uint8_t *)text, sizeof text};
    struct message message = {.verb = VERB_ERROR,
                              .error = {.code = ERROR_FAILED, .text = all, .type = all, .traceback = all}};
    const struct error *error;

    memset(text, 'x', sizeof text);
    kit_submit(&kit, 1, 1);
    message.error.ref = ref_number(kit_fence(&kit, 1));
    kit_command(&kit, SIDE_WORKER, 1, &message);
    error = &kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error;
    cr_assert_eq(error->text.size, ERROR_TEXT_BYTES_MAX);
    cr_assert_eq(error->type.size, ERROR_TYPE_BYTES_MAX);
    cr_assert_eq(error->traceback.size, TRACEBACK_BYTES_MAX);
}

/* The content type that the client sees when arguments had one and the worker said the other. */
static struct bytes
content_type(uint64_t id, const char *of_arguments, const char *said)
{
    struct submit submit = kit_task(id);
    struct message message = {.verb = VERB_RESULT};

    submit.content_type = bytes_of(of_arguments);
    kit_offer(&kit, 1, &submit);
    message.result.ref = ref_number(kit_fence(&kit, 1));
    message.result.info.content_type = bytes_of(said);
    kit_command(&kit, SIDE_WORKER, 1, &message);
    return result_info()->content_type;
}

Test(broker_results, a_result_has_the_content_type_of_the_arguments_unless_it_says_otherwise)
{
    cr_assert(bytes_are(content_type(1, "", ""), ""));
    cr_assert(bytes_are(content_type(2, "", "raw"), "raw"));
    cr_assert(bytes_are(content_type(3, "json", ""), "json"));
    cr_assert(bytes_are(content_type(4, "json", "raw"), "raw"));
    cr_assert(bytes_are(content_type(5, "json", "msgpack"), ""));
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

Test(broker_results, chunks_of_a_stream_are_sent_on_and_counted)
{
    struct submit submit = kit_task(1);
    const struct message *chunk;
    uint64_t fence;

    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        kit_chunk(&kit, 1, fence, seq);
        chunk = kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK);
        cr_assert_eq(chunk->chunk.ref.number, 1);
        cr_assert_eq(chunk->chunk.seq, seq);
        cr_assert(bytes_are(chunk->chunk.payload.data, "part"));
        cr_assert_eq(chunk->chunk.info.attempt, 0);
    }
    kit_result(&kit, 1, fence, "end");
    cr_assert_eq(result_info()->chunks, 3);
}

Test(broker_results, progress_is_asked_of_the_worker_and_sent_on)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    submit.progress = true;
    kit_offer(&kit, 1, &submit);
    cr_assert(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.progress);
    cr_assert_not(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.stream);
    fence = kit_fence(&kit, 1);
    kit_chunk(&kit, 1, fence, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK)->chunk.seq, 1);
    kit_result(&kit, 1, fence, "end");
    cr_assert_eq(result_info()->chunks, 1);
}

Test(broker_results, a_chunk_that_does_not_count_upwards_is_refused)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_chunk(&kit, 1, fence, 2);
    kit_chunk(&kit, 1, fence, 2);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_BAD_FIELD);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_ERROR)->error.field, "seq"));
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK));
    kit_chunk(&kit, 1, fence, 0);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_BAD_FIELD);
}

Test(broker_results, chunks_that_nobody_asked_for_are_dropped)
{
    kit_submit(&kit, 1, 1);
    kit_chunk(&kit, 1, kit_fence(&kit, 1), 1);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_results, a_second_attempt_streams_from_the_start_and_says_so)
{
    struct submit submit = kit_task(1);

    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    kit_chunk(&kit, 1, kit_fence(&kit, 1), 5);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_BYE);
    kit_worker(&kit, 1, "text", 1);
    kit_chunk(&kit, 1, kit_fence(&kit, 1), 1);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK)->chunk.info.attempt, 2);
}

Test(broker_results, chunks_for_a_client_that_is_away_are_dropped)
{
    struct submit submit = kit_task(1);
    uint64_t fence;

    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_chunk(&kit, 1, fence, 1);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_results, started_is_heard_and_changes_nothing)
{
    struct message started = {.verb = VERB_STARTED};

    kit_submit(&kit, 1, 1);
    started.fence = kit_fence(&kit, 1);
    kit_command(&kit, SIDE_WORKER, 1, &started);
    cr_assert_eq(kit.outbox.count, 0);
    started.fence = 5;
    kit_command(&kit, SIDE_WORKER, 1, &started);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE);
}

/* --- keeping ---------------------------------------------------------------------------------------------------- */

Test(broker_results, seen_drops_what_it_covers)
{
    run(1);
    run(2);
    run(3);
    cr_assert_eq(kit_stats(&kit).tasks, 3);
    kit_seen(&kit, 1, 2);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
    kit_submit(&kit, 1, 3);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT), "the third is still there");
    kit_seen(&kit, 1, 4);
    cr_assert_eq(kit_stats(&kit).tasks, 0, "sent twice, it counts twice");
    cr_assert_eq(kit_stats(&kit).bytes, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 0);
}

Test(broker_results, seen_of_more_than_was_sent_covers_only_what_was_sent)
{
    run(1);
    kit_seen(&kit, 1, 1000);
    run(2);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
}

Test(broker_results, seen_without_hello_is_answered_with_rehello)
{
    kit_seen(&kit, 2, 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_REHELLO));
    kit_submit(&kit, 2, 1);
    kit_seen(&kit, 2, 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_REHELLO));
}

Test(broker_results, a_final_message_is_kept_for_the_retention)
{
    run(1);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 3 * SECOND, "that is the worker's silence");
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 60 * SECOND - 1);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
    kit_live_through(&kit, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 0, "it had been sent");
}

Test(broker_results, a_result_for_a_client_that_is_away_is_sent_when_the_task_is_offered_again)
{
    uint64_t fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit.outbox.count, 0);
    kit_client(&kit, 2, 1);
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
    kit_seen(&kit, 2, 5);
    cr_assert_eq(kit_stats(&kit).tasks, 1, "SEEN cannot cover what was not sent");
    kit_submit(&kit, 2, 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT)->result.payload.data, "6"));
    kit_seen(&kit, 2, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 0);
}

Test(broker_results, what_was_sent_on_a_lost_connection_is_not_seen_on_the_next)
{
    run(1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_client(&kit, 2, 1);
    kit_seen(&kit, 2, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
    kit_submit(&kit, 2, 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_results, a_result_that_nobody_fetched_is_counted)
{
    uint64_t fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_result(&kit, 1, fence, "6");
    kit_live_through(&kit, 61 * SECOND);
    cr_assert_eq(kit_stats(&kit).tasks, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
    cr_assert_eq(kit_stats(&kit).clients, 0);
}

Test(broker_results, over_the_limit_of_a_client_its_oldest_are_dropped)
{
    struct broker_settings settings;

    kit_fini(&kit);
    kit_settings(&settings);
    settings.client_results_max = 3;
    kit_init_with(&kit, &settings, NULL);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 5; id++)
        run(id);
    cr_assert_eq(kit_stats(&kit).tasks, 3);
    cr_assert_eq(kit_stats(&kit).undeliverable, 2);
    kit_submit(&kit, 1, 5);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    kit_submit(&kit, 1, 1);
    cr_assert_neq(kit_fence(&kit, 1), 0, "the first is forgotten, so this is a new task");
}

Test(broker_results, kept_messages_take_at_most_half_of_what_the_broker_may_hold)
{
    struct broker_settings settings;

    kit_fini(&kit);
    kit_settings(&settings);
    settings.tasks_max = 10;
    kit_init_with(&kit, &settings, NULL);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 50; id++) {
        run(id);
        cr_assert_leq(kit_stats(&kit).tasks, 5, "a client that never says SEEN does not stop the others");
    }
}

Test(broker_results, kept_bytes_of_one_client_are_limited_too)
{
    struct broker_settings settings;

    kit_fini(&kit);
    kit_settings(&settings);
    settings.client_bytes_max = 500;
    kit_init_with(&kit, &settings, NULL);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    for (uint64_t id = 1; id <= 50; id++) {
        run(id);
        cr_assert_leq(kit_stats(&kit).bytes, 500);
    }
}

Test(broker_results, an_attachment_of_a_result_is_kept_and_then_let_go)
{
    struct attachments frames = {.refs = 1, .frames = 1, .total_bytes = 5000};
    struct message message = {.verb = VERB_RESULT};

    message.result.payload = (struct payload){.frames = 1, .attachments = &frames};
    kit_submit(&kit, 1, 1);
    message.result.ref = ref_number(kit_fence(&kit, 1));
    kit_command(&kit, SIDE_WORKER, 1, &message);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.payload.attachments, &frames);
    cr_assert_eq(frames.refs, 2);
    cr_assert_geq(kit_stats(&kit).bytes, 5000);
    kit_seen(&kit, 1, 1);
    cr_assert_eq(frames.refs, 1);
    cr_assert_eq(kit_stats(&kit).bytes, 0);
}
