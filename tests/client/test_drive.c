/* test_drive.c - the functions that drive a client: calls, waits, the descriptor, and what callbacks may do. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

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

TestSuite(drive, .init = set_up, .fini = tear_down, .timeout = 30);

static uint64_t
submit(void)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    cr_assert_eq(snakepit_submit(client, &task, &id), SNAKEPIT_OK);
    return id;
}

/* Answer one task from a thread of its own, while the test's thread waits in a call. */
static void *
answer_one(void *code_v)
{
    enum error_code code = *(enum error_code *)code_v;
    uint64_t id = fake_broker_expect(broker, NULL, VERB_SUBMIT)->message.submit.id.number;

    if (code == ERROR_NONE)
        fake_broker_answer(broker, id, "answer");
    else
        fake_broker_refuse(broker, id, code);
    return NULL;
}

static int
call_answered(enum error_code code, struct snakepit_result **ret_result)
{
    pthread_t thread;
    int status;

    pthread_create(&thread, NULL, answer_one, &code);
    status = snakepit_call(client, "text", "count", "\x90", 1, 5000, ret_result);
    pthread_join(thread, NULL);
    return status;
}

Test(drive, a_call_gives_the_result_that_the_caller_frees)
{
    struct snakepit_result *result = NULL;
    struct snakepit_value value;

    cr_assert_eq(call_answered(ERROR_NONE, &result), SNAKEPIT_OK);
    cr_assert_eq(result->state, SNAKEPIT_STATE_OK);
    cr_assert_eq(snakepit_result_value(result, &value), SNAKEPIT_OK);
    cr_assert(snakepit_value_is_text(&value, "answer"));
    snakepit_result_destroy(&result);
    cr_assert_null(result);
}

Test(drive, a_call_of_a_task_that_fails_says_so_and_gives_the_result)
{
    struct snakepit_result *result = NULL;

    cr_assert_eq(call_answered(ERROR_FAILED, &result), SNAKEPIT_FAILED);
    cr_assert_eq(result->state, SNAKEPIT_STATE_FAILED);
    cr_assert_str_eq(result->message, "because");
    cr_assert_not_null(strstr(snakepit_last_error(client), "because"));
    snakepit_result_destroy(&result);
}

Test(drive, a_call_that_times_out_cancels_its_task)
{
    struct snakepit_result *result = (struct snakepit_result *)&outcome;
    uint64_t id;

    cr_assert_eq(snakepit_call(client, "text", "count", "\x90", 1, 30, &result), SNAKEPIT_TIMEOUT);
    cr_assert_null(result);
    id = fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number;
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CANCEL)->message.cancel.ref.number, id);
    /* Its late end finds nobody, and harms nobody. */
    fake_broker_answer(broker, id, "late");
    cr_assert_eq(snakepit_wait(client, 1000), SNAKEPIT_OK);
}

static void *
see_hello(void *nothing)
{
    fake_broker_expect(broker, NULL, VERB_HELLO);
    return nothing;
}

Test(drive, connect_returns_with_the_welcome_and_waits_for_nothing_else)
{
    const struct snakepit_client_options options = {.endpoint = fake_broker_endpoint(broker)};
    struct snakepit_client *other = snakepit_client_new(&options);
    pthread_t thread;

    pthread_create(&thread, NULL, see_hello, NULL);
    cr_assert_eq(snakepit_connect(other, 1000), SNAKEPIT_OK);
    pthread_join(thread, NULL);
    snakepit_client_destroy(&other);
}

Test(drive, admin_calls_go_to_the_brokers_own_pool)
{
    struct snakepit_result *result;

    cr_assert_eq(snakepit_admin(client, "ping", NULL, 0, 30, &result), SNAKEPIT_TIMEOUT);
    cr_assert_arr_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.pool.data, "$snakepit", 9);
}

Test(drive, wait_returns_when_nothing_is_unfinished)
{
    uint64_t id = submit();

    cr_assert_eq(snakepit_wait(client, 30), SNAKEPIT_TIMEOUT);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    cr_assert_eq(snakepit_wait(client, 5000), SNAKEPIT_OK);
    cr_assert_eq(outcome.calls, 1);
    cr_assert_eq(snakepit_wait(client, 0), SNAKEPIT_OK);
}

static bool
is_readable(int fd, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, timeout_ms) == 1;
}

/* Process until the descriptor is quiet. */
static void
settle(int fd)
{
    for (int i = 0; i < 1000 && is_readable(fd, 0); i++)
        cr_assert_geq(snakepit_process(client, 0), 0);
    cr_assert(!is_readable(fd, 0), "the descriptor stays readable");
}

Test(drive, the_descriptor_is_quiet_when_there_is_nothing_to_do)
{
    int fd = snakepit_fd(client);

    settle(fd);
    cr_assert(!is_readable(fd, 50));
    cr_assert_gt(snakepit_next_due_ms(client), 0);
}

Test(drive, the_descriptor_is_quiet_for_a_loop_that_asks_for_it_each_time)
{
    settle(snakepit_fd(client));
    cr_assert(!is_readable(snakepit_fd(client), 50));
}

Test(drive, the_descriptor_shows_that_something_is_to_be_sent)
{
    int fd = snakepit_fd(client);

    settle(fd);
    submit();
    cr_assert(is_readable(fd, 0));
    cr_assert_eq(snakepit_next_due_ms(client), 0);
    cr_assert_eq(snakepit_process(client, 0), 0);
    fake_broker_expect(broker, NULL, VERB_SUBMIT);
}

Test(drive, the_descriptor_shows_results_also_when_a_flush_came_between)
{
    int fd = snakepit_fd(client);
    uint64_t id = submit();

    fake_broker_expect(broker, client, VERB_SUBMIT);
    settle(fd);
    fake_broker_answer(broker, id, "");
    cr_assert(is_readable(fd, 5000));
    submit();
    cr_assert_eq(snakepit_flush(client), SNAKEPIT_OK);
    cr_assert(is_readable(fd, 0), "sending swallowed the sign of the result");
    process_callbacks(client, 1);
}

Test(drive, the_descriptor_shows_timers)
{
    const struct message welcome = {.verb = VERB_WELCOME, .welcome = {.session = 3, .heartbeat_ms = 50}};
    const struct message rehello = {.verb = VERB_REHELLO};
    int fd = snakepit_fd(client);

    fake_broker_set_polite(broker, false);
    fake_broker_send(broker, &rehello);
    fake_broker_expect(broker, client, VERB_HELLO);
    fake_broker_send(broker, &welcome);
    while (!snakepit_is_connected(client))
        snakepit_process(client, 10);
    settle(fd);
    cr_assert(is_readable(fd, 1000), "no heartbeat was due");
}

Test(drive, the_descriptor_shows_the_end_of_the_connection)
{
    int fd = snakepit_fd(client);

    settle(fd);
    fake_broker_destroy(&broker);
    cr_assert(is_readable(fd, 5000));
    settle(fd);
    cr_assert(!snakepit_is_connected(client));
    broker = fake_broker_new(NULL); /* for tear_down */
}

/* What the callback below works with. */
struct arrival {
    int fd;
    uint64_t id;
};

/* Let a result arrive after the turn has read its input, and submit a task that this turn still sends: libzmq sees the
 * result while it sends, and does not show it again. */
static void
submit_beside_an_arrival(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    const struct arrival *arrival = user;
    struct snakepit_task task = plain_task(&outcome);
    struct epoll_event ready[4];
    int ready_count = 0;

    (void)result;
    fake_broker_answer(broker, arrival->id, "answer");
    /* The timer is one that is ready, since a cancel asks for a turn; the socket is the other. */
    for (int i = 0; i < 5000 && ready_count < 2; i++) {
        usleep(1000);
        ready_count = epoll_wait(arrival->fd, ready, 4, 0);
    }
    cr_assert_eq(ready_count, 2);
    cr_assert_eq(snakepit_submit(c, &task, NULL), SNAKEPIT_OK);
}

Test(drive, the_descriptor_shows_a_result_that_came_while_the_turn_was_sending)
{
    struct arrival arrival = {.fd = snakepit_fd(client), .id = submit()};
    struct snakepit_task doomed = plain_task(&outcome);
    uint64_t id;

    fake_broker_expect(broker, client, VERB_SUBMIT);
    settle(arrival.fd);
    doomed.on_done = submit_beside_an_arrival;
    doomed.user = &arrival;
    snakepit_submit(client, &doomed, &id);
    snakepit_cancel(client, id);
    cr_assert_eq(snakepit_process(client, 0), 1);
    cr_assert(is_readable(arrival.fd, 1000), "the result waits unseen");
    process_callbacks(client, 1);
    cr_assert_str_eq(outcome.result->code, "ok");
}

/* --- what callbacks may do -------------------------------------------------------------------------------------- */

static void
submit_another(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    (void)result;
    cr_assert_eq(snakepit_submit(c, &task, &id), SNAKEPIT_OK);
    *(uint64_t *)user = id;
}

Test(drive, a_callback_may_submit_and_it_goes_out_in_the_same_turn)
{
    uint64_t next_id = 0;
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    task.on_done = submit_another;
    task.user = &next_id;
    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    cr_assert_eq(fake_broker_expect(broker, NULL, VERB_SUBMIT)->message.submit.id.number, next_id);
}

static void
cancel_other(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    (void)result;
    cr_assert_eq(snakepit_cancel(c, *(uint64_t *)user), SNAKEPIT_OK);
}

Test(drive, a_callback_may_cancel)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id, other = submit();

    task.on_done = cancel_other;
    task.user = &other;
    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    cr_assert_eq(fake_broker_expect(broker, NULL, VERB_CANCEL)->message.cancel.ref.number, other);
}

static void
misbehave(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    struct snakepit_result *called = NULL;
    struct snakepit_client *own = c;

    (void)result;
    cr_assert_eq(snakepit_process(c, 0), SNAKEPIT_INVALID);
    cr_assert_eq(snakepit_wait(c, 0), SNAKEPIT_INVALID);
    cr_assert_eq(snakepit_connect(c, 0), SNAKEPIT_INVALID);
    cr_assert_eq(snakepit_call(c, "text", "count", NULL, 0, 0, &called), SNAKEPIT_INVALID);
    cr_assert_null(called);
    snakepit_client_destroy(&own);
    cr_assert_not_null(own);
    ++*(int *)user;
}

Test(drive, a_callback_may_neither_process_nor_wait_nor_destroy)
{
    struct snakepit_task task = plain_task(&outcome);
    int calls = 0;
    uint64_t id;

    task.on_done = misbehave;
    task.user = &calls;
    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    cr_assert_eq(calls, 1);
    cr_assert_eq(snakepit_pending(client), 0);
}

static void
submit_in_vain(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    struct snakepit_task task = plain_task(&outcome);

    ++*(int *)user;
    cr_assert_eq(result->state, SNAKEPIT_STATE_ABANDONED);
    cr_assert_eq(snakepit_submit(c, &task, NULL), SNAKEPIT_INVALID);
}

Test(drive, a_callback_of_destroy_cannot_submit)
{
    struct snakepit_task task = plain_task(&outcome);
    int calls = 0;

    task.on_done = submit_in_vain;
    task.user = &calls;
    snakepit_submit(client, &task, NULL);
    snakepit_client_destroy(&client);
    cr_assert_eq(calls, 1);
}
