/* test_broker_retry.c - failed attempts that are tried again: how often, after which failures, and when. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

static struct kit kit;

#define DELAY (100 * MS)

/* Delays without jitter: one, two, four, and then five times as long. */
static struct pool_settings
exact_settings(void)
{
    struct pool_settings settings;

    pool_settings_init(&settings, "");
    settings.retry_delay_us = DELAY;
    settings.retry_delay_max_us = 5 * DELAY;
    settings.retry_jitter_percent = 0;
    return settings;
}

static void
begin_with(const struct pool_settings *settings)
{
    kit_fini(&kit);
    kit_init_with(&kit, NULL, settings);
    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
}

static void
set_up(void)
{
    struct pool_settings settings = exact_settings();

    kit_init(&kit);
    begin_with(&settings);
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_retry, .init = set_up, .fini = tear_down);

static struct submit
retried_task(uint64_t id, uint32_t retries)
{
    struct submit submit = kit_task(id);

    submit.retries = retries;
    submit.has_retries = true;
    return submit;
}

/* The attempt that runs on worker 1 raises an exception of this type. */
static void
fail_with(uint64_t fence, enum error_code code, const char *type)
{
    struct message message = {.verb = VERB_ERROR,
                              .error = {.ref = ref_number(fence), .code = code, .text = bytes_of("went wrong"),
                                        .type = bytes_of(type)}};

    kit_command(&kit, SIDE_WORKER, 1, &message);
}

static void
fail(void)
{
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "ValueError");
}

static void
offer(const struct submit *submit)
{
    kit_offer(&kit, 1, submit);
}

static bool
is_retried(void)
{
    return kit_note(&kit, NOTE_TASK_RETRIED) != NULL && kit_client_error(&kit, 1) == ERROR_NONE;
}

Test(broker_retry, a_failure_ends_a_task_that_says_nothing)
{
    kit_submit(&kit, 1, 1);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, a_failed_attempt_is_tried_again_after_the_delay_and_not_before)
{
    struct submit submit = retried_task(1, 1);

    offer(&submit);
    fail();
    cr_assert(is_retried());
    cr_assert_eq(kit_note(&kit, NOTE_TASK_RETRIED)->retry_us, DELAY);
    cr_assert_str_eq(kit_note(&kit, NOTE_TASK_RETRIED)->reason, "ValueError");
    cr_assert_eq(kit_pool(&kit, "text").delayed, 1);
    cr_assert_eq(kit_pool(&kit, "text").retried, 1);
    kit_live_through(&kit, DELAY - 1);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    kit_live_through(&kit, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.info.attempt, 2);
    cr_assert_eq(kit_pool(&kit, "text").failed, 0);
}

Test(broker_retry, after_the_last_retry_the_last_failure_is_the_end)
{
    struct submit submit = retried_task(1, 2);

    offer(&submit);
    fail();
    kit_live_through(&kit, DELAY);
    fail();
    kit_live_through(&kit, 2 * DELAY);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "KeyError");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.attempt, 3);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR)->error.type, "KeyError"));
    cr_assert_eq(kit_pool(&kit, "text").failed, 1);
    cr_assert_eq(kit_pool(&kit, "text").retried, 2);
}

Test(broker_retry, the_delay_doubles_up_to_the_longest)
{
    const int64_t delays[] = {DELAY, 2 * DELAY, 4 * DELAY, 5 * DELAY};
    struct submit submit = retried_task(1, 10);

    submit.max_attempts = 10;
    offer(&submit);
    for (int i = 0; i < 4; i++) {
        fail();
        cr_assert_eq(kit_note(&kit, NOTE_TASK_RETRIED)->retry_us, delays[i]);
        kit_live_through(&kit, delays[i]);
        cr_assert_neq(kit_fence(&kit, 1), 0);
    }
}

Test(broker_retry, the_task_may_say_its_own_first_delay)
{
    struct submit submit = retried_task(1, 2);

    submit.backoff_ms = 30;
    submit.has_backoff = true;
    offer(&submit);
    fail();
    cr_assert_eq(kit_note(&kit, NOTE_TASK_RETRIED)->retry_us, 30 * MS);
    kit_live_through(&kit, 30 * MS);
    fail();
    cr_assert_eq(kit_note(&kit, NOTE_TASK_RETRIED)->retry_us, 60 * MS);
}

Test(broker_retry, a_delay_of_nothing_is_tried_again_at_once)
{
    struct submit submit = retried_task(1, 3);

    submit.has_backoff = true;
    offer(&submit);
    fail();
    cr_assert(is_retried());
    kit_pass(&kit, 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
}

Test(broker_retry, jitter_shortens_the_delay_by_its_share_at_most_and_differs)
{
    struct pool_settings settings = exact_settings();
    int64_t first_us = 0, delay_us;
    bool has_differed = false;

    settings.retry_jitter_percent = 20;
    begin_with(&settings);
    for (uint64_t id = 1; id <= 20; id++) {
        struct submit submit = retried_task(id, 1);

        offer(&submit);
        fail();
        delay_us = kit_note(&kit, NOTE_TASK_RETRIED)->retry_us;
        cr_assert(delay_us <= DELAY && delay_us >= DELAY * 8 / 10);
        has_differed |= first_us > 0 && delay_us != first_us;
        first_us = delay_us;
    }
    cr_assert(has_differed);
}

Test(broker_retry, the_pool_says_how_often_when_the_task_does_not)
{
    struct pool_settings settings = exact_settings();
    struct submit submit = retried_task(2, 0);

    settings.retries = 1;
    begin_with(&settings);
    kit_submit(&kit, 1, 1);
    fail();
    cr_assert(is_retried());
    kit_live_through(&kit, DELAY);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
    offer(&submit);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED, "a task may want none");
}

Test(broker_retry, only_failures_of_the_named_types_are_tried_again)
{
    const struct bytes names[] = {bytes_of("Timeout"), bytes_of("builtins.OSError")};
    struct submit submit = retried_task(1, 10);

    submit.max_attempts = 10;
    submit.has_backoff = true;
    submit.retry_on = (struct texts){.count = 2, .list = names};
    offer(&submit);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "requests.exceptions.Timeout");
    cr_assert(is_retried(), "the part behind the last dot");
    kit_pass(&kit, 0);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "builtins.OSError");
    cr_assert(is_retried(), "the whole name");
    kit_pass(&kit, 0);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "Timeout");
    cr_assert(is_retried(), "a name without a module");
    kit_pass(&kit, 0);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "ReadTimeout");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED, "not the end of a longer name");
}

Test(broker_retry, a_part_of_the_path_is_no_name)
{
    const struct bytes names[] = {bytes_of("exceptions.Timeout")};
    struct submit submit = retried_task(1, 10);

    submit.retry_on = (struct texts){.count = 1, .list = names};
    offer(&submit);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "requests.exceptions.Timeout");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, the_pool_names_types_when_the_task_does_not)
{
    struct pool_settings settings = exact_settings();
    char timeout[] = "Timeout", *names[] = {timeout, NULL};
    struct submit submit = retried_task(1, 5);

    settings.retry_on = names;
    begin_with(&settings);
    names[0] = NULL; /* it keeps its own copy */
    submit.has_backoff = true;
    offer(&submit);
    fail_with(kit_fence(&kit, 1), ERROR_FAILED, "Timeout");
    cr_assert(is_retried());
    kit_pass(&kit, 0);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, other_ends_are_never_tried_again)
{
    const enum error_code codes[] = {ERROR_NO_SUCH_FUNCTION, ERROR_BAD_PAYLOAD, ERROR_CANCELLED};

    for (uint64_t i = 0; i < 3; i++) {
        struct submit submit = retried_task(i, 5);

        offer(&submit);
        fail_with(kit_fence(&kit, 1), codes[i], "ValueError");
        cr_assert_eq(kit_client_error(&kit, 1), codes[i]);
    }
}

Test(broker_retry, a_task_that_is_to_end_is_not_tried_again)
{
    struct submit submit = retried_task(1, 5);
    uint64_t fence;

    offer(&submit);
    fence = kit_fence(&kit, 1);
    kit_cancel(&kit, 1, 1);
    fail_with(fence, ERROR_FAILED, "ValueError");
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, dispatches_are_bounded_all_the_same)
{
    struct submit submit = retried_task(1, 1000);

    submit.has_backoff = true;
    submit.max_attempts = 2;
    offer(&submit);
    fail();
    kit_pass(&kit, 0);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED, "as failed, not as dead: it is known why");
}

Test(broker_retry, a_retry_behind_the_deadline_is_not_waited_for)
{
    struct submit submit = retried_task(1, 5);

    submit.has_deadline = true;
    submit.deadline_ms = 100;
    offer(&submit);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, the_deadline_holds_while_a_retry_is_waited_for)
{
    struct submit submit = retried_task(1, 5);

    submit.has_deadline = true;
    submit.deadline_ms = 150;
    offer(&submit);
    fail();
    cr_assert(is_retried());
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 150 * MS);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_EXPIRED);
}

Test(broker_retry, one_that_waits_for_a_retry_may_be_cancelled)
{
    struct submit submit = retried_task(1, 5);

    offer(&submit);
    fail();
    kit_cancel(&kit, 1, 1);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_CANCELLED);
}

Test(broker_retry, it_comes_back_to_its_place)
{
    struct submit submit = retried_task(1, 5);

    offer(&submit);
    fail();
    for (uint64_t id = 2; id <= 4; id++)
        kit_submit(&kit, 1, id);
    kit_live_through(&kit, DELAY);
    cr_assert_eq(kit_fence(&kit, 1), 0, "the second runs");
    kit_result(&kit, 1, (UINT64_C(1) << 32) + 1, "6");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
}

Test(broker_retry, what_may_run_once_is_tried_again_only_when_it_says_so_itself)
{
    struct pool_settings settings = exact_settings();
    struct submit submit = kit_task(1);

    settings.retries = 5;
    begin_with(&settings);
    submit.on_loss = LOSS_FINAL;
    offer(&submit);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
    submit = retried_task(2, 1);
    submit.on_loss = LOSS_FINAL;
    offer(&submit);
    fail();
    cr_assert(is_retried());
}

Test(broker_retry, losses_and_failures_share_the_attempts_but_not_the_retries)
{
    struct submit submit = retried_task(1, 1);

    submit.has_backoff = true;
    offer(&submit);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_live_through(&kit, 500 * MS);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 2);
    fail();
    cr_assert(is_retried());
    kit_pass(&kit, 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK)->task.attempt, 3);
    fail();
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_FAILED);
}

Test(broker_retry, parts_of_the_next_attempt_begin_anew)
{
    struct submit submit = retried_task(1, 1);
    uint64_t fence;

    submit.stream = true;
    submit.has_backoff = true;
    offer(&submit);
    fence = kit_fence(&kit, 1);
    kit_chunk(&kit, 1, fence, 1);
    kit_chunk(&kit, 1, fence, 2);
    fail_with(fence, ERROR_FAILED, "ValueError");
    kit_pass(&kit, 0);
    fence = kit_fence(&kit, 1);
    kit_chunk(&kit, 1, fence, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_CHUNK)->chunk.info.attempt, 2);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT)->result.info.chunks, 1);
}

Test(broker_retry, more_than_the_protocol_allows_is_refused)
{
    struct submit submit = retried_task(1, RETRIES_MAX + 1);

    offer(&submit);
    cr_assert_eq(kit_client_error(&kit, 1), ERROR_BAD_FIELD);
}
