/* test_submit.c - what a client sends for its tasks, and what it tells their owner. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"
#include "wire/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_broker *broker;
static struct snakepit_client *client;
static struct outcome outcome;

static void
set_up(void)
{
    broker = fake_broker_new(NULL);
    client = connected_client(broker, NULL);
}

static void
tear_down(void)
{
    snakepit_client_destroy(&client);
    fake_broker_destroy(&broker);
    snakepit_result_destroy(&outcome.result);
}

TestSuite(submit, .init = set_up, .fini = tear_down, .timeout = 30);

static bool
bytes_are(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

Test(submit, a_task_arrives_with_its_pool_function_and_payload)
{
    struct snakepit_task task = plain_task(&outcome);
    const struct submit *submit;
    uint64_t id;

    cr_assert_eq(snakepit_submit(client, &task, &id), SNAKEPIT_OK);
    cr_assert_eq(snakepit_pending(client), 1);
    submit = &fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;
    cr_assert_eq(submit->id.number, id);
    cr_assert(bytes_are(submit->pool, "text"));
    cr_assert(bytes_are(submit->function, "count"));
    cr_assert(bytes_are(submit->payload.data, "\x91\x91\x01"));
    cr_assert_eq(submit->priority, PRIORITY_DEFAULT);
    cr_assert(!submit->ack && !submit->stream && !submit->info && !submit->has_deadline);
}

Test(submit, every_option_reaches_the_broker)
{
    const struct snakepit_header headers[] = {{"traceparent", "00-1"}, {"tenant", "blue"}};
    struct snakepit_task task = plain_task(&outcome);
    const struct submit *submit;

    task.priority = SNAKEPIT_PRIORITY(9);
    task.delay_ms = 10;
    task.deadline_ms = 2000;
    task.max_attempts = 3;
    task.at_most_once = true;
    task.want_info = true;
    task.content_type = "json";
    task.headers = headers;
    task.header_count = 2;
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    submit = &fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;
    cr_assert_eq(submit->priority, 9);
    cr_assert_eq(submit->delay_ms, 10);
    cr_assert(submit->has_deadline);
    cr_assert_eq(submit->deadline_ms, 2000);
    cr_assert_eq(submit->max_attempts, 3);
    cr_assert_eq(submit->on_loss, LOSS_FINAL);
    cr_assert(submit->info);
    cr_assert(bytes_are(submit->content_type, "json"));
    cr_assert(bytes_are(submit->headers, "\x82\xab"
                                         "traceparent\xa4"
                                         "00-1\xa6"
                                         "tenant\xa4"
                                         "blue"));
}

Test(submit, no_arguments_are_an_empty_array_in_msgpack_and_nothing_in_other_types)
{
    struct snakepit_task task = plain_task(&outcome);

    task.args = NULL;
    task.args_bytes = 0;
    snakepit_submit(client, &task, NULL);
    cr_assert(bytes_are(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.data, "\x90"));
    task.content_type = "raw";
    snakepit_submit(client, &task, NULL);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.data.size, 0);
}

Test(submit, the_lowest_priority_is_not_the_default)
{
    struct snakepit_task task = plain_task(&outcome);

    task.priority = SNAKEPIT_PRIORITY(0);
    snakepit_submit(client, &task, NULL);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.priority, 0);
}

Test(submit, tasks_that_are_submitted_together_travel_in_one_message_in_order)
{
    struct snakepit_task tasks[50];
    uint64_t first_id;
    unsigned message_number = 0;

    for (int i = 0; i < 50; i++)
        tasks[i] = plain_task(&outcome);
    cr_assert_eq(snakepit_submit_many(client, tasks, 50, &first_id), SNAKEPIT_OK);
    for (unsigned i = 0; i < 50; i++) {
        const struct seen_command *seen = fake_broker_expect(broker, client, VERB_SUBMIT);

        cr_assert_eq(seen->message.submit.id.number, first_id + i);
        if (i == 0)
            message_number = seen->message_number;
        cr_assert_eq(seen->message_number, message_number);
    }
}

Test(submit, a_full_batch_goes_out_without_a_flush)
{
    struct snakepit_task task = plain_task(&outcome);
    char args[4096] = {0};

    task.args = args;
    task.args_bytes = sizeof args;
    for (int i = 0; i < 40; i++)
        cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    /* The client is not processed here: NULL. */
    fake_broker_expect(broker, NULL, VERB_SUBMIT);
}

Test(submit, a_result_reaches_its_owner_once)
{
    struct snakepit_task task = plain_task(&outcome);
    struct snakepit_value value;
    uint64_t id;

    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "seven");
    fake_broker_answer(broker, id, "eight");
    process_callbacks(client, 1);
    cr_assert(!fake_broker_has(broker, client, VERB_SUBMIT));
    cr_assert_eq(outcome.calls, 1);
    cr_assert_eq(outcome.result->id, id);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
    cr_assert_str_eq(outcome.result->code, "ok");
    cr_assert_str_eq(outcome.result->content_type, "msgpack");
    cr_assert_eq(outcome.result->attempt, 1);
    cr_assert_eq(snakepit_result_value(outcome.result, &value), SNAKEPIT_OK);
    cr_assert(snakepit_value_is_text(&value, "seven"));
    cr_assert_eq(snakepit_pending(client), 0);
}

Test(submit, an_error_is_told_with_all_that_the_broker_said)
{
    struct snakepit_task task = plain_task(&outcome);
    struct message error = {.verb = VERB_ERROR};
    uint64_t id;

    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    error.error.ref = ref_number(id);
    error.error.code = ERROR_FAILED;
    error.error.text = (struct bytes){(const uint8_t *)"no such key", 11};
    error.error.type = (struct bytes){(const uint8_t *)"KeyError", 8};
    error.error.traceback = (struct bytes){(const uint8_t *)"line 7", 6};
    error.error.attempt = 2;
    fake_broker_send(broker, &error);
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_FAILED);
    cr_assert_str_eq(outcome.result->code, "failed");
    cr_assert_str_eq(outcome.result->message, "no such key");
    cr_assert_str_eq(outcome.result->type, "KeyError");
    cr_assert_str_eq(outcome.result->traceback, "line 7");
    cr_assert_eq(outcome.result->attempt, 2);
    cr_assert_eq(outcome.result->part_count, 0);
}

Test(submit, each_error_code_is_the_state_that_the_protocol_names)
{
    static const struct {
        enum error_code code;
        enum snakepit_state state;
    } cases[] = {
        {ERROR_FAILED, SNAKEPIT_STATE_FAILED},       {ERROR_NO_SUCH_FUNCTION, SNAKEPIT_STATE_FAILED},
        {ERROR_BAD_PAYLOAD, SNAKEPIT_STATE_FAILED},  {ERROR_CANCELLED, SNAKEPIT_STATE_CANCELLED},
        {ERROR_EXPIRED, SNAKEPIT_STATE_EXPIRED},     {ERROR_DEAD, SNAKEPIT_STATE_DEAD},
        {ERROR_LOST, SNAKEPIT_STATE_LOST},           {ERROR_BUSY, SNAKEPIT_STATE_REFUSED},
        {ERROR_DRAINING, SNAKEPIT_STATE_REFUSED},    {ERROR_NO_SUCH_POOL, SNAKEPIT_STATE_REFUSED},
        {ERROR_TOO_LARGE, SNAKEPIT_STATE_REFUSED},   {ERROR_BAD_FIELD, SNAKEPIT_STATE_REFUSED},
        {ERROR_UNSUPPORTED, SNAKEPIT_STATE_REFUSED}, {ERROR_INTERNAL, SNAKEPIT_STATE_REFUSED},
        {ERROR_POOL_FAILED, SNAKEPIT_STATE_FAILED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct snakepit_task task = plain_task(&outcome);
        uint64_t id;

        snakepit_submit(client, &task, &id);
        fake_broker_expect(broker, client, VERB_SUBMIT);
        fake_broker_refuse(broker, id, cases[i].code);
        process_callbacks(client, 1);
        cr_assert_eq(outcome.result->state, cases[i].state, "%s", error_code_name(cases[i].code));
        cr_assert_str_eq(outcome.result->code, error_code_name(cases[i].code));
    }
}

Test(submit, a_large_payload_is_an_attachment_and_a_small_one_is_inline)
{
    static char large[8192];
    struct snakepit_task task = plain_task(&outcome);
    const struct seen_command *seen;

    memset(large, 'x', sizeof large);
    task.args = large;
    task.args_bytes = sizeof large;
    snakepit_submit(client, &task, NULL);
    seen = fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_eq(seen->message.submit.payload.frames, 1);
    cr_assert_eq(zmq_msg_size((zmq_msg_t *)&seen->frames[0]), sizeof large);
    cr_assert_arr_eq(zmq_msg_data((zmq_msg_t *)&seen->frames[0]), large, sizeof large);
    task.args_bytes = sizeof large - 1;
    snakepit_submit(client, &task, NULL);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.frames, 0);
}

static void
count_release(void *data, void *hint)
{
    (void)data;
    __atomic_fetch_add((int *)hint, 1, __ATOMIC_SEQ_CST);
}

Test(submit, parts_that_are_handed_over_are_released_once_and_only_when_they_were_taken)
{
    static char one[100], two[200];
    static int releases;
    const struct snakepit_part parts[] = {
        {.data = one, .size = sizeof one, .release = count_release, .hint = &releases},
        {.data = two, .size = sizeof two, .release = count_release, .hint = &releases},
    };
    struct snakepit_task tasks[2] = {plain_task(&outcome), plain_task(&outcome)};
    const struct seen_command *seen;
    uint64_t id;

    tasks[0].args = NULL;
    tasks[0].args_bytes = 0;
    tasks[0].parts = parts;
    tasks[0].part_count = 2;
    tasks[1].function = "";
    cr_assert_eq(snakepit_submit_many(client, tasks, 2, NULL), SNAKEPIT_INVALID);
    cr_assert_eq(__atomic_load_n(&releases, __ATOMIC_SEQ_CST), 0);
    cr_assert_eq(snakepit_pending(client), 0);
    cr_assert_eq(snakepit_submit(client, &tasks[0], &id), SNAKEPIT_OK);
    seen = fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_eq(seen->message.submit.payload.frames, 2);
    cr_assert_eq(zmq_msg_size((zmq_msg_t *)&seen->frames[1]), 200);
    cr_assert_eq(__atomic_load_n(&releases, __ATOMIC_SEQ_CST), 0, "released before the task was final");
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    snakepit_client_destroy(&client); /* ends the I/O thread */
    cr_assert_eq(__atomic_load_n(&releases, __ATOMIC_SEQ_CST), 2);
}

Test(submit, a_result_of_several_frames_arrives_as_its_parts)
{
    struct snakepit_task task = plain_task(&outcome);
    struct message result = {.verb = VERB_RESULT};
    uint64_t id;

    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    result.result.ref = ref_number(id);
    result.result.payload.frames = 2;
    result.result.info = (struct info){.content_type = {(const uint8_t *)"raw", 3}, .attempt = 3, .timed = true,
                                       .worker = 9, .queue_us = 10, .run_us = 11};
    fake_broker_begin(broker);
    fake_broker_add(broker, &result);
    fake_broker_attach(broker, "body", 4);
    fake_broker_attach(broker, "buffer", 6);
    fake_broker_end(broker);
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->part_count, 2);
    cr_assert_eq(outcome.result->parts[0].size, 4);
    cr_assert_arr_eq(outcome.result->parts[1].data, "buffer", 6);
    cr_assert_str_eq(outcome.result->content_type, "raw");
    cr_assert_eq(outcome.result->attempt, 3);
    cr_assert(outcome.result->is_timed);
    cr_assert_eq(outcome.result->worker, 9);
    cr_assert_eq(outcome.result->queue_us, 10);
    cr_assert_eq(outcome.result->run_us, 11);
}

static uint64_t chunk_sum;

static void
add_chunk(struct snakepit_client *c, const struct snakepit_chunk *chunk, void *user)
{
    (void)c;
    (void)user;
    chunk_sum = chunk_sum * 10 + chunk->seq;
    cr_assert_eq(chunk->part_count, 1);
}

Test(submit, chunks_come_in_order_and_before_the_end)
{
    struct snakepit_task task = plain_task(&outcome);
    struct message chunk = {.verb = VERB_CHUNK};
    uint64_t id;

    task.on_chunk = add_chunk;
    snakepit_submit(client, &task, &id);
    cr_assert(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.stream);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        chunk.chunk.ref = ref_number(id);
        chunk.chunk.seq = seq;
        chunk.chunk.payload.data = (struct bytes){(const uint8_t *)"\x01", 1};
        fake_broker_send(broker, &chunk);
    }
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 4);
    cr_assert_eq(chunk_sum, 123);
    cr_assert_eq(outcome.calls, 1);
}

static uint64_t accepted_number;
static int accepted_calls;

static void
keep_number(struct snakepit_client *c, uint64_t id, uint64_t number, void *user)
{
    (void)c;
    (void)id;
    (void)user;
    accepted_number = number;
    accepted_calls++;
}

Test(submit, an_acknowledgement_is_told_once)
{
    struct snakepit_task task = plain_task(&outcome);
    struct message accepted = {.verb = VERB_ACCEPTED};
    uint64_t id;

    task.on_accepted = keep_number;
    snakepit_submit(client, &task, &id);
    cr_assert(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.ack);
    accepted.accepted = (struct accepted){.id = ref_number(id), .task = 77};
    fake_broker_send(broker, &accepted);
    fake_broker_send(broker, &accepted);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 2);
    cr_assert_eq(accepted_number, 77);
    cr_assert_eq(accepted_calls, 1);
}

Test(submit, how_a_task_is_to_be_tried_again_ordered_and_shared_is_said)
{
    static const char *const types[] = {"ValueError", "app.Odd", NULL};
    struct snakepit_task task = {
        .pool = "p", .function = "f", .retries = 3, .retry_on = types, .backoff_ms = 250, .kills_max = 4,
        .dedup_key = "order-17", .dedup_ms = 60000, .group = "g", .fair_key = "tenant", .session = "s",
        .session_mode = SNAKEPIT_SESSION_STRICT_FAIL_FAST, .run_ms = 1500, .credit = 8,
    };
    struct submit said;
    struct bytes type;

    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    cr_assert_eq(snakepit_flush(client), SNAKEPIT_OK);
    said = fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;
    cr_assert(said.has_retries && said.has_backoff && said.has_dedup_ms && said.retries == 3 && said.kills_max == 4);
    cr_assert(said.backoff_ms == 250 && said.dedup_ms == 60000 && said.run_ms == 1500 && said.credit == 8);
    cr_assert(text_is(said.dedup_key, "order-17") && text_is(said.group, "g") && text_is(said.fair_key, "tenant"));
    cr_assert(text_is(said.session, "s") && said.session_mode == SESSION_STRICT_FAIL_FAST);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(wire_texts_next(&said.retry_on, &type), OK);
        cr_assert(text_is(type, types[i]));
    }
    cr_assert_eq(wire_texts_next(&said.retry_on, &type), ERR_NOT_FOUND);
}

Test(submit, what_is_wrong_with_a_task_is_said_in_words)
{
    static const struct snakepit_header too_long[] = {{"a", NULL}};
    static const char *const no_type[] = {"ValueError", "", NULL};
    static const char long_key[] = "12345678901234567890123456789012345678901234567890123456789012345";
    const struct {
        struct snakepit_task task;
        const char *word;
    } cases[] = {
        {{.pool = "p", .function = "f", .retries = 1001}, "retries"},
        {{.pool = "p", .function = "f", .kills_max = 1001}, "kills_max"},
        {{.pool = "p", .function = "f", .retry_on = no_type}, "retry_on"},
        {{.pool = "p", .function = "f", .backoff_ms = UINT64_MAX}, "backoff_ms"},
        {{.pool = "p", .function = "f", .run_ms = UINT64_MAX}, "run_ms"},
        {{.pool = "p", .function = "f", .dedup_key = ""}, "dedup_key"},
        {{.pool = "p", .function = "f", .group = long_key}, "group"},
        {{.pool = "p", .function = "f", .session = "s", .session_mode = (enum snakepit_session_mode)3}, "session_mode"},
        {{.pool = "p", .function = "f", .credit = 1000001}, "credit"},
        {{.pool = "$other", .function = "f"}, "pool"},
        {{.pool = "a b", .function = "f"}, "pool"},
        {{.pool = "p", .function = NULL}, "function"},
        {{.pool = "p", .function = ""}, "function"},
        {{.pool = "p", .function = "f", .args_bytes = 3}, "args"},
        {{.pool = "p", .function = "f", .priority = 11}, "priority"},
        {{.pool = "p", .function = "f", .max_attempts = 1001}, "max_attempts"},
        {{.pool = "p", .function = "f", .delay_ms = UINT64_MAX}, "delay_ms"},
        {{.pool = "p", .function = "f", .part_count = 65}, "parts"},
        {{.pool = "p", .function = "f", .headers = too_long, .header_count = 1}, "headers"},
        {{.pool = "p", .function = "f", .content_type = "123456789012345678901234567890123"}, "content_type"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(snakepit_submit(client, &cases[i].task, NULL), SNAKEPIT_INVALID, "case %zu", i);
        cr_assert_not_null(strstr(snakepit_last_error(client), cases[i].word), "%s", snakepit_last_error(client));
    }
    cr_assert_eq(snakepit_pending(client), 0);
}

Test(submit, a_task_with_64_parts_is_taken_and_arrives_whole)
{
    struct snakepit_part parts[64];
    struct snakepit_task task = plain_task(&outcome);
    const struct seen_command *seen;

    for (int i = 0; i < 64; i++)
        parts[i] = (struct snakepit_part){.data = "abcdefgh", .size = (size_t)(i % 9)};
    task.args = NULL;
    task.args_bytes = 0;
    task.parts = parts;
    task.part_count = 64;
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    seen = fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_eq(seen->message.submit.payload.frames, 64);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(zmq_msg_size((zmq_msg_t *)&seen->frames[i]), (size_t)(i % 9));
}
