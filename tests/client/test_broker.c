/* test_broker.c - the client with a real broker and real workers, and what it keeps when they are killed. */
#include "client/include/snakepit.h"
#include "tests/client/outcome.h"
#include "tests/client/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct stage *stage;
static struct snakepit_client *client;
static struct outcome outcome;

static void
begin(enum transport transport)
{
    struct snakepit_client_options options = {.name = "test", .reconnect_ms = 20, .reconnect_max_ms = 100};

    stage = stage_new(transport);
    stage_start_broker(stage);
    options.endpoint = stage_endpoint(stage);
    client = snakepit_client_new(&options);
    cr_assert_not_null(client);
    /* Less than the client waits for an answer to HELLO: it must notice each try that fails. */
    cr_assert_eq(snakepit_connect(client, 4500), SNAKEPIT_OK, "%s", snakepit_last_error(client));
}

static void
tear_down(void)
{
    snakepit_client_destroy(&client);
    snakepit_result_destroy(&outcome.result);
    stage_destroy(&stage);
}

TestSuite(broker, .fini = tear_down, .timeout = 120);

static struct snakepit_task
echo_task(const char *function, const char *text)
{
    return (struct snakepit_task){.pool = "echo", .function = function, .content_type = "raw", .args = text,
                                  .args_bytes = strlen(text), .on_done = keep_outcome, .user = &outcome};
}

/* Submit and wait for the end; the outcome has the result. */
static void
submit_and_wait(const struct snakepit_task *task)
{
    cr_assert_eq(snakepit_submit(client, task, NULL), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_wait(client, 20000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
}

static void
expect_echo(void)
{
    struct snakepit_task task = echo_task("echo", "round trip");

    submit_and_wait(&task);
    cr_assert_str_eq(outcome.result->code, "ok", "%s", outcome.result->message);
    cr_assert_eq(outcome.result->parts[0].size, 10);
    cr_assert_arr_eq(outcome.result->parts[0].data, "round trip", 10);
    cr_assert_str_eq(outcome.result->content_type, "raw");
}

Test(broker, a_task_makes_its_round_trip_over_tcp)
{
    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "4");
    expect_echo();
}

Test(broker, a_task_makes_its_round_trip_over_ipc)
{
    begin(TRANSPORT_IPC);
    stage_start_worker(stage, "4");
    expect_echo();
}

Test(broker, ping_is_answered_by_the_broker_itself)
{
    struct snakepit_result *result;
    struct snakepit_value value, version;

    begin(TRANSPORT_TCP);
    cr_assert_eq(snakepit_admin(client, "ping", NULL, 0, 20000, &result), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_result_value(result, &value), SNAKEPIT_OK);
    cr_assert_eq(snakepit_value_get(&value, "protocol", &version), SNAKEPIT_OK);
    cr_assert(snakepit_value_is_text(&version, "SPIT/1"));
    snakepit_result_destroy(&result);
}

Test(broker, ten_thousand_tasks_come_back_each_once)
{
    static struct snakepit_task tasks[10000];

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "64");
    stage_start_worker(stage, "64");
    for (int i = 0; i < 10000; i++)
        tasks[i] = echo_task("echo", "x");
    cr_assert_eq(snakepit_submit_many(client, tasks, 10000, NULL), SNAKEPIT_OK);
    cr_assert_eq(snakepit_wait(client, 60000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(outcome.calls, 10000);
}

Test(broker, large_parts_come_back_unchanged)
{
    static char large[3 * 1024 * 1024];
    struct snakepit_part parts[3] = {{.data = large, .size = sizeof large},
                                     {.data = large, .size = 5},
                                     {.data = large + 7, .size = 100000}};
    struct snakepit_task task = echo_task("echo", "");

    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 31 + i / 251);
    task.parts = parts;
    task.part_count = 3;
    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "4");
    submit_and_wait(&task);
    cr_assert_eq(outcome.result->part_count, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(outcome.result->parts[i].size, parts[i].size);
        cr_assert_arr_eq(outcome.result->parts[i].data, parts[i].data, parts[i].size);
    }
}

static int chunks;

static void
count_chunk(struct snakepit_client *c, const struct snakepit_chunk *chunk, void *user)
{
    (void)c;
    (void)user;
    cr_assert_eq(chunk->seq, (uint64_t)++chunks);
}

Test(broker, a_stream_comes_in_its_chunks)
{
    struct snakepit_task task = echo_task("stream", "drop");

    task.on_chunk = count_chunk;
    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "1");
    submit_and_wait(&task);
    cr_assert_eq(chunks, 3);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
}

Test(broker, a_failure_arrives_with_type_message_and_traceback)
{
    struct snakepit_task task = echo_task("fail", "");

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "1");
    submit_and_wait(&task);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_FAILED);
    cr_assert_str_eq(outcome.result->type, "EchoError");
    cr_assert_str_eq(outcome.result->message, "asked to fail");
    cr_assert_str_eq(outcome.result->traceback, "echo_worker.c");
}

Test(broker, times_and_worker_are_told_when_asked_for)
{
    struct snakepit_task task = echo_task("echo", "");

    task.want_info = true;
    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "1");
    submit_and_wait(&task);
    cr_assert(outcome.result->is_timed);
    cr_assert_gt(outcome.result->worker, 0);
}

Test(broker, an_unknown_pool_is_refused)
{
    struct snakepit_task task = echo_task("echo", "");

    task.pool = "ecko";
    begin(TRANSPORT_TCP);
    submit_and_wait(&task);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_REFUSED);
    cr_assert_str_eq(outcome.result->code, "no_such_pool");
}

Test(broker, a_full_pool_is_busy)
{
    struct snakepit_task task = echo_task("echo", "");

    task.pool = "small";
    begin(TRANSPORT_TCP);
    for (int i = 0; i < 11; i++)
        cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    cr_assert_gt(snakepit_process(client, 20000), 0);
    cr_assert_str_eq(outcome.result->code, "busy");
    cr_assert_eq(snakepit_pending(client), 10);
}

Test(broker, a_deadline_ends_a_task_that_nobody_takes)
{
    struct snakepit_task task = echo_task("echo", "");

    task.deadline_ms = 50;
    begin(TRANSPORT_TCP);
    submit_and_wait(&task);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_EXPIRED);
}

Test(broker, queued_and_running_tasks_can_be_cancelled)
{
    struct snakepit_task task = echo_task("hold", "");
    uint64_t running, queued;

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "1");
    snakepit_submit(client, &task, &running);
    snakepit_submit(client, &task, &queued);
    cr_assert_eq(snakepit_process(client, 300), 0);
    snakepit_cancel(client, queued);
    snakepit_cancel(client, running);
    cr_assert_eq(snakepit_wait(client, 20000), SNAKEPIT_OK);
    cr_assert_eq(outcome.calls, 2);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_CANCELLED);
}

Test(broker, a_killed_workers_task_runs_on_another)
{
    struct snakepit_task task = echo_task("hold_first", "again");
    pid_t holder;

    begin(TRANSPORT_TCP);
    holder = stage_start_worker(stage, "1");
    snakepit_submit(client, &task, NULL);
    while (snakepit_process(client, 100) == 0) {
        struct snakepit_result *result;
        struct snakepit_value pools, pool, running;

        cr_assert_eq(snakepit_admin(client, "pools", NULL, 0, 20000, &result), SNAKEPIT_OK);
        snakepit_result_value(result, &pools);
        snakepit_value_at(&pools, 0, &pool);
        cr_assert_eq(snakepit_value_get(&pool, "running", &running), SNAKEPIT_OK);
        if (running.uint == 1 && holder) {
            stage_end_worker(stage, holder, SIGKILL);
            holder = 0;
            stage_start_worker(stage, "1");
        }
        snakepit_result_destroy(&result);
        if (outcome.calls)
            break;
    }
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK, "%s", outcome.result->code);
    cr_assert_eq(outcome.result->attempt, 2);
}

Test(broker, queued_tasks_survive_the_kill_of_the_broker)
{
    static struct snakepit_task tasks[1000];

    begin(TRANSPORT_TCP);
    for (int i = 0; i < 1000; i++)
        tasks[i] = echo_task("echo", "kept");
    cr_assert_eq(snakepit_submit_many(client, tasks, 1000, NULL), SNAKEPIT_OK);
    cr_assert_eq(snakepit_process(client, 200), 0);
    stage_end_broker(stage, SIGKILL);
    cr_assert_eq(snakepit_process(client, 200), 0);
    cr_assert(!snakepit_is_connected(client));
    stage_start_broker(stage);
    stage_start_worker(stage, "16");
    cr_assert_eq(snakepit_wait(client, 60000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(outcome.calls, 1000);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
}

static int wanted;

/* Keep a window full, as a busy program does. */
static void
submit_again(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    struct snakepit_task task = echo_task("echo", "busy");

    (void)user;
    cr_assert_eq(result->state, SNAKEPIT_STATE_OK, "%s: %s", result->code, result->message);
    outcome.calls++;
    task.on_done = submit_again;
    if (--wanted >= 0)
        cr_assert_eq(snakepit_submit(c, &task, NULL), SNAKEPIT_OK);
}

Test(broker, a_busy_client_loses_nothing_when_the_broker_is_killed_again_and_again)
{
    struct snakepit_task task = echo_task("echo", "busy");
    int kills = 0;

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "64");
    stage_start_worker(stage, "64");
    task.on_done = submit_again;
    wanted = 20000 - 200;
    for (int i = 0; i < 200; i++)
        cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_OK);
    while (snakepit_pending(client) > 0) {
        cr_assert_geq(snakepit_process(client, 20000), 0, "%s", snakepit_last_error(client));
        if (kills < 3 && outcome.calls > (kills + 1) * 4000) {
            stage_end_broker(stage, SIGKILL);
            stage_start_broker(stage);
            kills++;
        }
    }
    cr_assert_eq(kills, 3);
    cr_assert_eq(outcome.calls, 20000);
}

Test(broker, a_broker_that_is_told_to_end_hands_its_tasks_to_the_next_one)
{
    struct snakepit_task task = echo_task("echo", "handed on");

    begin(TRANSPORT_TCP);
    for (int i = 0; i < 10; i++)
        snakepit_submit(client, &task, NULL);
    cr_assert_eq(snakepit_process(client, 200), 0);
    stage_end_broker(stage, SIGTERM);
    stage_start_broker(stage);
    stage_start_worker(stage, "4");
    cr_assert_eq(snakepit_wait(client, 60000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(outcome.calls, 10);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK, "%s", outcome.result->code);
}

/* --- its pools and workers -------------------------------------------------------------------------------------- */

Test(broker, readiness_is_waited_for)
{
    begin(TRANSPORT_TCP);
    cr_assert_eq(snakepit_await_ready(client, "echo", 2, 50), SNAKEPIT_TIMEOUT);
    cr_assert_not_null(strstr(snakepit_last_error(client), "pool echo"), "%s", snakepit_last_error(client));
    stage_start_worker(stage, "4");
    stage_start_worker(stage, "4");
    cr_assert_eq(snakepit_await_ready(client, "echo", 2, 20000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_await_ready(client, "echo", 2, -1), SNAKEPIT_OK, "%s", snakepit_last_error(client));
}

Test(broker, an_unknown_pool_is_refused_and_the_pools_are_listed)
{
    struct snakepit_pool_stats stats;
    struct snakepit_workers *workers;

    begin(TRANSPORT_TCP);
    cr_assert_eq(snakepit_await_ready(client, "nowhere", 1, 1000), SNAKEPIT_FAILED);
    cr_assert_not_null(strstr(snakepit_last_error(client), "no_such_pool"), "%s", snakepit_last_error(client));
    cr_assert_not_null(strstr(snakepit_last_error(client), "echo"), "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_list_workers(client, "nowhere", 5000, &workers), SNAKEPIT_FAILED);
    cr_assert_null(workers);
    cr_assert_eq(snakepit_get_stats(client, "nowhere", 5000, &stats), SNAKEPIT_FAILED);
    cr_assert_eq(snakepit_get_stats(client, NULL, 5000, &stats), SNAKEPIT_INVALID);
}

Test(broker, its_workers_are_listed)
{
    struct snakepit_workers *workers;
    pid_t worker;

    begin(TRANSPORT_TCP);
    cr_assert_eq(snakepit_list_workers(client, NULL, 5000, &workers), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(workers->count, 0);
    snakepit_workers_destroy(&workers);
    worker = stage_start_worker(stage, "4");
    stage_start_worker(stage, "4");
    cr_assert_eq(snakepit_await_ready(client, "echo", 2, 20000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_list_workers(client, "echo", 5000, &workers), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(workers->count, 2);
    for (size_t i = 0; i < workers->count; i++) {
        cr_assert_str_eq(workers->list[i].pool, "echo");
        cr_assert_str_eq(workers->list[i].state, "ready");
        cr_assert_eq(workers->list[i].slots, 4);
        cr_assert_neq(workers->list[i].id, 0);
    }
    cr_assert(workers->list[0].pid == (uint64_t)worker || workers->list[1].pid == (uint64_t)worker);
    snakepit_workers_destroy(&workers);
    cr_assert_null(workers);
}

Test(broker, statistics_count_what_was_done)
{
    struct snakepit_pool_stats stats;

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "4");
    expect_echo();
    expect_echo();
    cr_assert_eq(snakepit_get_stats(client, "echo", 5000, &stats), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(stats.succeeded, 2);
    cr_assert_eq(stats.slots, 4);
    cr_assert_eq(stats.total.answered, 2);
    cr_assert_eq(stats.total.run.count, 2);
    cr_assert_gt(stats.total.run.max_seconds, 0);
    cr_assert_lt(stats.total.run.max_seconds, 20);
    cr_assert_geq(stats.total.utilisation, 0);
}

Test(broker, workers_are_recycled_by_pool_and_by_number)
{
    struct snakepit_workers *workers;
    uint64_t count = 0;

    begin(TRANSPORT_TCP);
    stage_start_worker(stage, "4");
    cr_assert_eq(snakepit_await_ready(client, "echo", 1, 20000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_list_workers(client, "echo", 5000, &workers), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(snakepit_recycle(client, NULL, workers->list[0].id + 1000, 5000, &count), SNAKEPIT_FAILED);
    cr_assert_eq(snakepit_recycle(client, "nowhere", 0, 5000, &count), SNAKEPIT_FAILED);
    cr_assert_eq(snakepit_recycle(client, "echo", 0, 5000, &count), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(count, 1);
    snakepit_workers_destroy(&workers);
}
