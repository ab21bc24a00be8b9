/* test_limits.c - what the client does with the limits that a WELCOME names. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>

static struct fake_broker *broker;
static struct snakepit_client *client;
static struct outcome outcome;

/* The test says WELCOME itself. */
static void
set_up(void)
{
    struct snakepit_client_options options = {0};

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    fake_broker_set_polite(broker, false);
    client = snakepit_client_new(&options);
}

static void
tear_down(void)
{
    snakepit_client_destroy(&client);
    fake_broker_destroy(&broker);
    snakepit_result_destroy(&outcome.result);
}

TestSuite(limits, .init = set_up, .fini = tear_down, .timeout = 30);

Test(limits, a_frame_that_the_broker_would_not_take_ends_its_task_alone)
{
    static char large[9000];
    struct message welcome = {.verb = VERB_WELCOME};
    struct snakepit_task task = plain_task(&outcome);

    task.args = large;
    task.args_bytes = sizeof large;
    snakepit_submit(client, &task, NULL);
    task = plain_task(&outcome);
    snakepit_submit(client, &task, NULL);
    fake_broker_expect(broker, client, VERB_HELLO);
    welcome.welcome.session = 1;
    welcome.welcome.heartbeat_ms = 5000;
    welcome.welcome.frame_max_bytes = 8500;
    fake_broker_send(broker, &welcome);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.frames, 0);
    cr_assert_eq(outcome.calls, 1);
    cr_assert_str_eq(outcome.result->code, "too_large");
}

static struct message
modest_welcome(void)
{
    struct message welcome = {.verb = VERB_WELCOME};

    welcome.welcome.session = 1;
    welcome.welcome.heartbeat_ms = 5000;
    welcome.welcome.inline_max_bytes = 1024;
    welcome.welcome.control_max_bytes = 2000;
    return welcome;
}

Test(limits, a_broker_that_takes_less_is_given_less)
{
    static char args[1025];
    struct message welcome = modest_welcome();
    struct snakepit_task task = plain_task(&outcome);
    unsigned first_message;

    fake_broker_expect(broker, client, VERB_HELLO);
    fake_broker_send(broker, &welcome);
    cr_assert_eq(snakepit_connect(client, 5000), SNAKEPIT_OK);
    task.args = args;
    task.args_bytes = 1024;
    snakepit_submit(client, &task, NULL);
    task.args_bytes = 1025;
    snakepit_submit(client, &task, NULL);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.frames, 0);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.payload.frames, 1);
    task.args_bytes = 600;
    for (int i = 0; i < 2; i++)
        snakepit_submit(client, &task, NULL);
    first_message = fake_broker_expect(broker, client, VERB_SUBMIT)->message_number;
    cr_assert_neq(fake_broker_expect(broker, client, VERB_SUBMIT)->message_number, first_message);
}
