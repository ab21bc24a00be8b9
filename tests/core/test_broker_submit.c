/* test_broker_submit.c - which tasks are taken, which are refused and how, and offering again. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <string.h>

KIT_SUITE(broker_submit, 1);

static const struct error *
client_error(const struct kit *from)
{
    const struct message *message = kit_sent(from, SIDE_CLIENT, 1, VERB_ERROR);

    return message ? &message->error : NULL;
}

Test(broker_submit, an_acknowledged_task_gets_a_number_of_its_own)
{
    struct submit submit = kit_task(7);
    const struct message *accepted;
    uint64_t number;

    submit.ack = true;
    kit_offer(&kit, 1, &submit);
    accepted = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED);
    cr_assert_eq(accepted->accepted.id.number, 7);
    number = accepted->accepted.task;
    submit.id = ref_number(8);
    kit_offer(&kit, 1, &submit);
    cr_assert_gt(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task, number);
    kit_submit(&kit, 1, 9);
    cr_assert_eq(kit.outbox.count, 0, "nothing is said when nothing was asked");
}

Test(broker_submit, offering_a_waiting_task_again_changes_nothing)
{
    struct submit submit = kit_task(7);
    uint64_t number;

    submit.ack = true;
    kit_offer(&kit, 1, &submit);
    number = kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task;
    submit.payload.data = bytes_of("something else");
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ACCEPTED)->accepted.task, number);
    submit.ack = false;
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(kit.outbox.count, 0);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_worker(&kit, 1, "text", 4);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_TASK), 1);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.payload.data, "to be or not to be"));
}

Test(broker_submit, offering_a_final_task_again_sends_its_final_message_again)
{
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    kit_submit(&kit, 1, 7);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.payload.data, "6"));
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
}

Test(broker_submit, text_ids_and_numbers_are_both_ids)
{
    struct submit submit = kit_task(0);

    memset(&submit.id, 0, sizeof submit.id);
    submit.id.kind = REF_BYTES;
    submit.id.size = 5;
    memcpy(submit.id.bytes, "job-1", 5);
    kit_worker(&kit, 1, "text", 1);
    kit_offer(&kit, 1, &submit);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert(ref_equal(&kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.ref, &submit.id));
}

Test(broker_submit, everything_that_the_worker_needs_arrives_unchanged)
{
    struct submit submit = kit_task(7);
    const struct message *task;

    submit.content_type = bytes_of("json");
    submit.headers = bytes_of("\x81\xa1k\xa1v");
    submit.stream = true;
    kit_offer(&kit, 1, &submit);
    kit_worker(&kit, 1, "text", 1);
    task = kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK);
    cr_assert(bytes_are(task->task.content_type, "json"));
    cr_assert(bytes_are(task->task.headers, "\x81\xa1k\xa1v"));
    cr_assert(task->task.stream);
    cr_assert_not(task->task.has_deadline);
}

static unsigned released;

static void
release(struct attachments *attachments)
{
    (void)attachments;
    released++;
}

Test(broker_submit, attachments_are_referenced_and_let_go_when_the_task_has_ended)
{
    struct attachments frames = {.refs = 1, .frames = 2, .total_bytes = 1000, .release = release};
    struct submit submit = kit_task(7);
    const struct message *task;

    released = 0;
    submit.payload = (struct payload){.frames = 2, .attachments = &frames};
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(frames.refs, 2);
    cr_assert_geq(kit_pool(&kit, "text").queued_bytes, 1000);
    attachments_unref(&frames);
    kit_worker(&kit, 1, "text", 1);
    task = kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK);
    cr_assert_eq(task->task.payload.attachments, &frames);
    cr_assert_eq(task->task.payload.frames, 2);
    kit_result(&kit, 1, task->task.fence, "6");
    cr_assert_eq(released, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 1);
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

Test(broker_submit, an_unknown_pool_is_refused_with_near_names)
{
    struct submit submit = kit_task(7);

    submit.pool = bytes_of("nunbers");
    kit_offer(&kit, 1, &submit);
    cr_assert_eq(client_error(&kit)->code, ERROR_NO_SUCH_POOL);
    cr_assert_eq(client_error(&kit)->ref.number, 7);
    cr_assert(bytes_are(client_error(&kit)->text, "no pool is named \"nunbers\"; did you mean \"numbers\"? "
                                                  "The pools are \"text\", \"numbers\""));
    submit.pool = bytes_of("pictures");
    kit_offer(&kit, 1, &submit);
    cr_assert(bytes_are(client_error(&kit)->text, "no pool is named \"pictures\"; the pools are \"text\", \"numbers\""));
}

Test(broker_submit, a_draining_pool_refuses_and_others_do_not)
{
    struct event drain = {.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")};
    struct submit other = kit_task(9);

    kit_submit(&kit, 1, 7);
    kit_event(&kit, &drain);
    kit_submit(&kit, 1, 8);
    cr_assert_eq(client_error(&kit)->code, ERROR_DRAINING);
    cr_assert_eq(kit_pool(&kit, "text").refused, 1);
    cr_assert_eq(kit_pool(&kit, "text").refused_busy, 0, "no limit is reached");
    kit_submit(&kit, 1, 7);
    cr_assert_null(client_error(&kit), "one that is known is still known");
    other.pool = bytes_of("numbers");
    kit_offer(&kit, 1, &other);
    cr_assert_null(client_error(&kit));
}

Test(broker_submit, fields_out_of_range_are_named)
{
    struct submit submit;
    const char *fields[] = {"id", "function", "priority", "max_attempts", "delay_ms", "deadline_ms"};

    for (int i = 0; i < 6; i++) {
        submit = kit_task(7);
        if (i == 0)
            submit.id.kind = REF_NONE;
        else if (i == 1)
            submit.function.size = 0;
        else if (i == 2)
            submit.priority = PRIORITIES;
        else if (i == 3)
            submit.max_attempts = ATTEMPTS_MAX + 1;
        else if (i == 4)
            submit.delay_ms = DURATION_MS_MAX + 1;
        else
            submit.deadline_ms = DURATION_MS_MAX + 1;
        submit.has_deadline = i == 5;
        kit_offer(&kit, 1, &submit);
        cr_assert_eq(client_error(&kit)->code, ERROR_BAD_FIELD);
        cr_assert(bytes_are(client_error(&kit)->field, fields[i]), "%s", fields[i]);
    }
    cr_assert_eq(kit_stats(&kit).tasks, 0);
}

/* Make `small` a broker with one client, one pool limit and the settings given. */
static void
init_small(struct kit *small, const struct broker_settings *settings, uint64_t queued_max, uint64_t queued_bytes_max)
{
    struct pool_settings pool;

    pool_settings_init(&pool, "");
    pool.queued_max = queued_max;
    pool.queued_bytes_max = queued_bytes_max;
    kit_init_with(small, settings, &pool);
    kit_client(small, 1, 1);
}

static void
expect_refusal(const struct kit *from, enum error_code code, const char *limit)
{
    const struct error *error = client_error(from);

    cr_assert_not_null(error);
    cr_assert_eq(error->code, code, "%s", error_code_name(error->code));
    cr_assert(bytes_are(error->limit, limit), "%.*s", (int)error->limit.size, error->limit.data);
    if (code == ERROR_BUSY)
        cr_assert(error->retry_after_ms >= 10 && error->retry_after_ms <= 5000);
    else
        cr_assert_gt(error->limit_bytes, 0);
}

Test(broker_submit, an_inline_payload_over_the_limit_is_too_large)
{
    static uint8_t data[INLINE_BYTES_MAX + 1];
    struct submit submit = kit_task(7);

    submit.payload.data = (struct bytes){data, sizeof data};
    kit_offer(&kit, 1, &submit);
    expect_refusal(&kit, ERROR_TOO_LARGE, "inline_max");
    cr_assert_eq(client_error(&kit)->limit_bytes, INLINE_BYTES_MAX);
    submit.payload.data.size--;
    kit_offer(&kit, 1, &submit);
    cr_assert_null(client_error(&kit));
}

Test(broker_submit, a_task_that_can_never_fit_is_too_large_and_not_busy)
{
    struct attachments frames = {.refs = 1, .frames = 1, .total_bytes = 20000, .release = release};
    struct submit submit = kit_task(7);
    struct broker_settings settings;
    struct kit small;

    submit.payload = (struct payload){.frames = 1, .attachments = &frames};
    init_small(&small, NULL, 10, 10000);
    kit_offer(&small, 1, &submit);
    expect_refusal(&small, ERROR_TOO_LARGE, "pool.queued_bytes_max");
    kit_fini(&small);
    kit_settings(&settings);
    settings.client_bytes_max = 10000;
    init_small(&small, &settings, 10, 100000);
    kit_offer(&small, 1, &submit);
    expect_refusal(&small, ERROR_TOO_LARGE, "client_bytes_max");
    kit_fini(&small);
    settings.client_bytes_max = 100000;
    settings.bytes_max = 10000;
    init_small(&small, &settings, 10, 100000);
    kit_offer(&small, 1, &submit);
    expect_refusal(&small, ERROR_TOO_LARGE, "bytes_max");
    kit_fini(&small);
    cr_assert_eq(frames.refs, 1, "nothing was taken");
}

Test(broker_submit, a_full_queue_is_busy_and_what_runs_does_not_count)
{
    struct kit small;

    init_small(&small, NULL, 2, 1000000);
    kit_worker(&small, 1, "text", 1);
    for (uint64_t id = 1; id <= 3; id++) {
        kit_submit(&small, 1, id);
        cr_assert_null(client_error(&small));
    }
    kit_submit(&small, 1, 4);
    expect_refusal(&small, ERROR_BUSY, "pool.queued_max");
    cr_assert_eq(kit_pool(&small, "text").refused, 1);
    cr_assert_eq(kit_pool(&small, "text").refused_busy, 1);
    kit_submit(&small, 1, 3);
    cr_assert_null(client_error(&small), "a task that is known is not refused");
    kit_fini(&small);
}

Test(broker_submit, retry_after_is_the_time_in_which_a_tenth_of_the_queue_is_done)
{
    struct kit small;

    init_small(&small, NULL, 100, 1000000);
    kit_worker(&small, 1, "text", 1);
    for (uint64_t id = 0; id < 150; id++) {
        kit_submit(&small, 1, id);
        small.now_us += 10 * MS;
        kit_result(&small, 1, kit_fence(&small, 1), "6");
    }
    for (uint64_t id = 200; id < 301; id++)
        kit_submit(&small, 1, id);
    kit_submit(&small, 1, 400);
    expect_refusal(&small, ERROR_BUSY, "pool.queued_max");
    cr_assert_eq(client_error(&small)->retry_after_ms, 11 * 10);
    kit_fini(&small);
}

Test(broker_submit, delayed_tasks_count_as_queued)
{
    struct submit submit = kit_task(1);
    struct kit small;

    init_small(&small, NULL, 1, 1000000);
    submit.delay_ms = 1000;
    kit_offer(&small, 1, &submit);
    kit_submit(&small, 1, 2);
    expect_refusal(&small, ERROR_BUSY, "pool.queued_max");
    kit_fini(&small);
}

Test(broker_submit, every_limit_of_tasks_and_bytes_has_its_name)
{
    struct broker_settings settings;
    struct kit small;

    init_small(&small, NULL, 100, 300);
    kit_submit(&small, 1, 1);
    kit_submit(&small, 1, 2);
    kit_submit(&small, 1, 3);
    expect_refusal(&small, ERROR_BUSY, "pool.queued_bytes_max");
    kit_fini(&small);

    kit_settings(&settings);
    settings.client_tasks_max = 1;
    init_small(&small, &settings, 100, 100000);
    kit_submit(&small, 1, 1);
    kit_submit(&small, 1, 2);
    expect_refusal(&small, ERROR_BUSY, "client_tasks_max");
    kit_submit(&small, 2, 1);
    cr_assert_eq(kit_client_error(&small, 2), ERROR_NONE, "another client has its own limit");
    kit_fini(&small);

    kit_settings(&settings);
    settings.client_bytes_max = 150;
    init_small(&small, &settings, 100, 100000);
    kit_submit(&small, 1, 1);
    kit_submit(&small, 1, 2);
    expect_refusal(&small, ERROR_BUSY, "client_bytes_max");
    kit_fini(&small);

    kit_settings(&settings);
    settings.tasks_max = 1;
    init_small(&small, &settings, 100, 100000);
    kit_submit(&small, 1, 1);
    kit_submit(&small, 1, 2);
    expect_refusal(&small, ERROR_BUSY, "tasks_max");
    kit_fini(&small);

    kit_settings(&settings);
    settings.bytes_max = 150;
    init_small(&small, &settings, 100, 100000);
    kit_submit(&small, 1, 1);
    kit_submit(&small, 1, 2);
    expect_refusal(&small, ERROR_BUSY, "bytes_max");
    kit_fini(&small);
}

Test(broker_submit, room_that_became_free_is_given_to_the_next)
{
    struct broker_settings settings;
    struct kit small;

    kit_settings(&settings);
    settings.client_tasks_max = 1;
    init_small(&small, &settings, 1, 100000);
    for (uint64_t id = 0; id < 100; id++) {
        kit_submit(&small, 1, id);
        cr_assert_null(client_error(&small));
        kit_cancel(&small, 1, id);
    }
    cr_assert_eq(kit_pool(&small, "text").queued_bytes, 0);
    kit_fini(&small);
}

Test(broker_submit, saturation_is_noted_once_until_the_queue_has_fallen)
{
    struct kit small;

    init_small(&small, NULL, 20, 1000000);
    for (uint64_t id = 0; id < 20; id++)
        kit_submit(&small, 1, id);
    kit_submit(&small, 1, 100);
    cr_assert_str_eq(kit_note(&small, NOTE_POOL_SATURATED)->pool, "text");
    cr_assert_str_eq(kit_note(&small, NOTE_POOL_SATURATED)->reason, "pool.queued_max");
    kit_submit(&small, 1, 101);
    cr_assert_null(kit_note(&small, NOTE_POOL_SATURATED));
    kit_cancel(&small, 1, 0);
    kit_submit(&small, 1, 102);
    kit_submit(&small, 1, 103);
    cr_assert_null(kit_note(&small, NOTE_POOL_SATURATED), "one place more or less is the same saturation");
    for (uint64_t id = 1; id < 5; id++)
        kit_cancel(&small, 1, id);
    for (uint64_t id = 200; id < 204; id++)
        kit_submit(&small, 1, id);
    cr_assert_null(kit_note(&small, NOTE_POOL_SATURATED));
    kit_submit(&small, 1, 204);
    cr_assert_not_null(kit_note(&small, NOTE_POOL_SATURATED));
    kit_fini(&small);
}

Test(broker_submit, offered_is_accepted_plus_refused)
{
    uint64_t accepted = 0, refused = 0;
    struct kit small;

    init_small(&small, NULL, 30, 1000000);
    kit_worker(&small, 1, "text", 3);
    for (uint64_t id = 0; id < 100; id++) {
        struct submit submit = kit_task(id);

        submit.ack = true;
        kit_offer(&small, 1, &submit);
        accepted += kit_count(&small, SIDE_CLIENT, 1, VERB_ACCEPTED);
        refused += kit_count(&small, SIDE_CLIENT, 1, VERB_ERROR);
    }
    cr_assert_eq(accepted, 33);
    cr_assert_eq(accepted + refused, 100);
    cr_assert_eq(kit_pool(&small, "text").refused, refused);
    cr_assert_eq(kit_pool(&small, "text").queued + kit_pool(&small, "text").running, accepted);
    kit_fini(&small);
}
