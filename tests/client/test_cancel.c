/* test_cancel.c - cancelling tasks, and the limits of how many there may be. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_broker *broker;
static struct snakepit_client *client;
static struct outcome outcome;

static void
tear_down(void)
{
    snakepit_client_destroy(&client);
    fake_broker_destroy(&broker);
    snakepit_result_destroy(&outcome.result);
}

TestSuite(cancel, .fini = tear_down, .timeout = 30);
TestSuite(bounds, .fini = tear_down, .timeout = 30);

static void
set_up(const struct snakepit_client_options *options)
{
    broker = fake_broker_new(NULL);
    client = connected_client(broker, options);
}

static uint64_t
submit(void)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    cr_assert_eq(snakepit_submit(client, &task, &id), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    return id;
}

static void
restart_broker(void)
{
    char endpoint[128];

    strcpy(endpoint, fake_broker_endpoint(broker));
    fake_broker_destroy(&broker);
    broker = fake_broker_new(endpoint);
}

Test(cancel, the_broker_is_asked_and_its_answer_ends_the_task)
{
    uint64_t id;

    set_up(NULL);
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_eq(snakepit_cancel(client, id), SNAKEPIT_OK);
    cr_assert_eq(snakepit_cancel(client, id), SNAKEPIT_OK);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CANCEL)->message.cancel.ref.number, id);
    cr_assert(!fake_broker_has(broker, client, VERB_CANCEL), "asked twice");
    cr_assert_eq(outcome.calls, 0);
    fake_broker_refuse(broker, id, ERROR_CANCELLED);
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_CANCELLED);
    cr_assert_eq(snakepit_cancel(client, id), SNAKEPIT_NOT_FOUND);
}

Test(cancel, a_result_that_was_faster_wins)
{
    uint64_t id;

    set_up(NULL);
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    snakepit_cancel(client, id);
    fake_broker_expect(broker, client, VERB_CANCEL);
    fake_broker_refuse(broker, id, ERROR_TOO_LATE);
    fake_broker_answer(broker, id, "won");
    process_callbacks(client, 1);
    cr_assert_eq(outcome.calls, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
}

Test(cancel, a_task_that_never_went_out_ends_without_the_broker)
{
    uint64_t id;

    set_up(NULL);
    id = submit();
    cr_assert_eq(snakepit_cancel(client, id), SNAKEPIT_OK);
    cr_assert_eq(outcome.calls, 0, "told from inside snakepit_cancel");
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_CANCELLED);
    cr_assert(!fake_broker_has(broker, client, VERB_SUBMIT));
}

Test(cancel, a_task_that_some_broker_may_have_is_offered_and_cancelled_at_the_next)
{
    uint64_t ids[2];

    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    ids[0] = submit();
    ids[1] = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    restart_broker();
    while (snakepit_is_connected(client))
        snakepit_process(client, 10);
    cr_assert_eq(snakepit_cancel(client, ids[0]), SNAKEPIT_OK);
    cr_assert_eq(outcome.calls, 0);
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number, ids[0]);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CANCEL)->message.cancel.ref.number, ids[0]);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number, ids[1]);
}

Test(bounds, more_tasks_than_allowed_are_refused_and_room_comes_back)
{
    struct snakepit_task task = plain_task(&outcome);
    struct snakepit_task three[3] = {task, task, task};
    uint64_t id;

    set_up(&(struct snakepit_client_options){.tasks_max = 2});
    cr_assert_eq(snakepit_submit_many(client, three, 3, NULL), SNAKEPIT_FULL);
    cr_assert_eq(snakepit_pending(client), 0);
    id = submit();
    submit();
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_FULL);
    cr_assert_not_null(strstr(snakepit_last_error(client), "2"));
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    submit();
}

Test(bounds, more_bytes_than_allowed_are_refused_as_a_whole)
{
    static char args[4000];
    struct snakepit_task task = plain_task(&outcome);
    struct snakepit_task three[3];

    set_up(&(struct snakepit_client_options){.bytes_max = 10000});
    task.args = args;
    task.args_bytes = sizeof args;
    three[0] = three[1] = three[2] = task;
    cr_assert_eq(snakepit_submit_many(client, three, 3, NULL), SNAKEPIT_FULL);
    cr_assert_eq(snakepit_pending(client), 0);
    cr_assert_eq(snakepit_submit_many(client, three, 2, NULL), SNAKEPIT_OK);
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_FULL);
}

Test(bounds, ids_go_on_after_a_refusal_without_a_gap)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t first;

    set_up(&(struct snakepit_client_options){.tasks_max = 2});
    first = submit();
    cr_assert_eq(submit(), first + 1);
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_FULL);
    snakepit_cancel(client, first);
    process_callbacks(client, 1);
    cr_assert_eq(submit(), first + 2);
}
