/* test_session.c - HELLO, heartbeats, SEEN, and what happens to unfinished tasks when connections end. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct fake_broker *broker;
static struct snakepit_client *client;
static struct outcome outcome;

static void
tear_down(void)
{
    snakepit_client_destroy(&client);
    if (broker)
        fake_broker_destroy(&broker);
    snakepit_result_destroy(&outcome.result);
}

TestSuite(session, .fini = tear_down, .timeout = 30);

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

    cr_assert_eq(snakepit_submit(client, &task, &id), SNAKEPIT_OK);
    return id;
}

/* End the broker and begin another one at the same address. */
static void
restart_broker(void)
{
    char endpoint[128];

    strcpy(endpoint, fake_broker_endpoint(broker));
    fake_broker_destroy(&broker);
    broker = fake_broker_new(endpoint);
}

static void
send_welcome(uint64_t heartbeat_ms)
{
    struct message welcome = {.verb = VERB_WELCOME};

    welcome.welcome.session = 2;
    welcome.welcome.heartbeat_ms = heartbeat_ms;
    fake_broker_send(broker, &welcome);
}

Test(session, a_wrong_endpoint_is_told_at_once)
{
    const struct snakepit_client_options wrong = {.endpoint = "carrier-pigeon://x"};

    cr_assert_null(snakepit_client_new(&wrong));
    cr_assert(errno == EINVAL || errno == EPROTONOSUPPORT);
}

Test(session, a_name_that_is_too_long_is_refused)
{
    char name[66];
    const struct snakepit_client_options wrong = {.name = name};

    memset(name, 'n', 65);
    name[65] = '\0';
    cr_assert_null(snakepit_client_new(&wrong));
    cr_assert_eq(errno, EINVAL);
}

Test(session, hello_says_who_we_are_before_anything_else)
{
    struct snakepit_client_options options = {.name = "tester", .cancel_on_disconnect = true};
    const struct hello *hello;

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    client = snakepit_client_new(&options);
    submit();
    fake_broker_set_polite(broker, false);
    hello = &fake_broker_expect(broker, client, VERB_HELLO)->message.hello;
    cr_assert_eq(hello->instance.size, INSTANCE_BYTES);
    cr_assert_eq(hello->name.size, 6);
    cr_assert_eq(hello->on_disconnect, DISCONNECT_CANCEL);
    cr_assert(!fake_broker_has(broker, client, VERB_SUBMIT), "a task went out before the WELCOME");
    cr_assert(!snakepit_is_connected(client));
    send_welcome(5000);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert(snakepit_is_connected(client));
}

Test(session, two_clients_have_different_instances)
{
    struct snakepit_client_options options = {0};
    struct snakepit_client *other;
    uint8_t instance[INSTANCE_BYTES];

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    client = snakepit_client_new(&options);
    memcpy(instance, fake_broker_expect(broker, client, VERB_HELLO)->message.hello.instance.data, INSTANCE_BYTES);
    other = snakepit_client_new(&options);
    cr_assert_arr_neq(fake_broker_expect(broker, other, VERB_HELLO)->message.hello.instance.data, instance,
                      INSTANCE_BYTES);
    snakepit_client_destroy(&other);
}

static void *
see_hello(void *nothing)
{
    fake_broker_expect(broker, NULL, VERB_HELLO);
    return nothing;
}

Test(session, a_client_may_be_there_before_its_broker)
{
    struct snakepit_client_options options = {.reconnect_ms = 20};
    pthread_t thread;
    char endpoint[128];

    broker = fake_broker_new(NULL);
    strcpy(endpoint, fake_broker_endpoint(broker));
    fake_broker_destroy(&broker);
    options.endpoint = endpoint;
    client = snakepit_client_new(&options);
    submit();
    /* Several tries, none of which may wait for an answer that cannot come. */
    cr_assert_eq(snakepit_connect(client, 300), SNAKEPIT_TIMEOUT);
    cr_assert_not_null(strstr(snakepit_last_error(client), "no connection"), "%s", snakepit_last_error(client));
    broker = fake_broker_new(endpoint);
    pthread_create(&thread, NULL, see_hello, NULL);
    cr_assert_eq(snakepit_connect(client, 3000), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    pthread_join(thread, NULL);
    fake_broker_expect(broker, client, VERB_SUBMIT);
}

Test(session, after_a_broker_restart_unfinished_tasks_are_offered_again_in_order_under_the_same_instance_and_ids)
{
    const struct snakepit_client_options options = {.reconnect_ms = 20};
    const struct seen_command *seen;
    uint8_t instance[INSTANCE_BYTES];
    uint64_t ids[5];
    char endpoint[128];

    broker = fake_broker_new(NULL);
    strcpy(endpoint, fake_broker_endpoint(broker));
    {
        struct snakepit_client_options own = options;
        own.endpoint = endpoint;
        client = snakepit_client_new(&own);
    }
    memcpy(instance, fake_broker_expect(broker, client, VERB_HELLO)->message.hello.instance.data, INSTANCE_BYTES);
    for (int i = 0; i < 4; i++)
        ids[i] = submit();
    for (int i = 0; i < 4; i++)
        fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, ids[1], "done");
    process_callbacks(client, 1);
    restart_broker();
    ids[4] = submit();
    seen = fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_arr_eq(seen->message.hello.instance.data, instance, INSTANCE_BYTES);
    for (int i = 0; i < 5; i++) {
        const struct submit *submit;

        if (i == 1)
            continue;
        submit = &fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;
        cr_assert_eq(submit->id.number, ids[i]);
        cr_assert(submit->again || i == 4, "all but the last one were certainly offered before");
    }
    for (int i = 0; i < 5; i++)
        fake_broker_answer(broker, ids[i], "done");
    process_callbacks(client, 4);
    cr_assert_eq(outcome.calls, 5);
    cr_assert_eq(snakepit_pending(client), 0);
}

Test(session, results_that_came_before_the_connection_ended_are_taken)
{
    uint64_t id;

    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "last words");
    /* A second one makes sure that the first is on its way before the socket closes. */
    fake_broker_answer(broker, 999, "");
    process_callbacks(client, 1);
    restart_broker();
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert(!fake_broker_has(broker, client, VERB_SUBMIT));
}

Test(session, attachments_are_offered_again_whole)
{
    static char large[20000];
    struct snakepit_task task = plain_task(&outcome);
    const struct seen_command *seen;

    memset(large, 'y', sizeof large);
    task.args = large;
    task.args_bytes = sizeof large;
    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    snakepit_submit(client, &task, NULL);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    restart_broker();
    fake_broker_expect(broker, client, VERB_HELLO);
    seen = fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_arr_eq(zmq_msg_data((zmq_msg_t *)&seen->frames[0]), large, sizeof large);
    cr_assert(seen->message.submit.again);
}

Test(session, a_task_that_is_offered_again_keeps_its_options)
{
    struct snakepit_task task = plain_task(&outcome);
    const struct submit *submit;

    task.priority = SNAKEPIT_PRIORITY(9);
    task.max_attempts = 3;
    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    snakepit_submit(client, &task, NULL);
    for (int i = 0; i < 3; i++) {
        submit = &fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;
        cr_assert_eq(submit->priority, 9);
        cr_assert_eq(submit->max_attempts, 3);
        cr_assert_eq(submit->again, i > 0);
        restart_broker();
        fake_broker_expect(broker, client, VERB_HELLO);
    }
}

Test(session, a_task_that_is_offered_again_says_what_is_left_of_its_time)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t left_ms = 100000;

    task.deadline_ms = left_ms;
    task.delay_ms = 50000;
    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    snakepit_submit(client, &task, NULL);
    for (int i = 0; i < 3; i++) {
        const struct submit *submit = &fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit;

        cr_assert(i == 0 ? submit->deadline_ms == left_ms : submit->deadline_ms < left_ms, "%d: %llu of %llu", i,
                  (unsigned long long)submit->deadline_ms, (unsigned long long)left_ms);
        cr_assert_eq(submit->deadline_ms - submit->delay_ms, 50000);
        left_ms = submit->deadline_ms;
        restart_broker();
        fake_broker_expect(broker, client, VERB_HELLO);
    }
}

Test(session, rehello_is_answered_with_hello_and_the_tasks_again)
{
    const struct message rehello = {.verb = VERB_REHELLO};
    uint64_t id;

    set_up(NULL);
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_send(broker, &rehello);
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number, id);
}

Test(session, shutdown_is_not_an_end_and_the_next_broker_gets_the_task)
{
    uint64_t id;

    set_up(&(struct snakepit_client_options){.reconnect_ms = 20});
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_refuse(broker, id, ERROR_SHUTDOWN);
    cr_assert(!fake_broker_has(broker, client, VERB_SUBMIT));
    cr_assert_eq(outcome.calls, 0);
    restart_broker();
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number, id);
}

Test(session, busy_ends_the_task_and_says_when_to_try_again)
{
    struct message busy = {.verb = VERB_ERROR};

    set_up(NULL);
    busy.error.ref = ref_number(submit());
    busy.error.code = ERROR_BUSY;
    busy.error.retry_after_ms = 250;
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_send(broker, &busy);
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_REFUSED);
    cr_assert_str_eq(outcome.result->code, "busy");
    cr_assert_eq(outcome.result->retry_after_ms, 250);
}

Test(session, busy_is_retried_when_that_is_asked_for)
{
    struct message busy = {.verb = VERB_ERROR};
    uint64_t id;

    set_up(&(struct snakepit_client_options){.retry_busy = true});
    id = submit();
    busy.error.ref = ref_number(id);
    busy.error.code = ERROR_BUSY;
    busy.error.retry_after_ms = 20;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.id.number, id);
        fake_broker_send(broker, &busy);
    }
    fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert_eq(outcome.calls, 0);
    fake_broker_answer(broker, id, "");
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
}

static int links[4];
static void
count_link(struct snakepit_client *c, enum snakepit_link link, const char *text, void *user)
{
    (void)c;
    cr_assert_not_null(text);
    cr_assert_str_eq(user, "mine");
    links[link]++;
}

Test(session, the_link_is_told_up_down_and_up_again)
{
    set_up(&(struct snakepit_client_options){.reconnect_ms = 20, .on_link = count_link, .user = "mine"});
    cr_assert_eq(links[SNAKEPIT_LINK_UP], 1);
    restart_broker();
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_eq(snakepit_connect(client, 5000), SNAKEPIT_OK);
    cr_assert_eq(links[SNAKEPIT_LINK_DOWN], 1);
    cr_assert_eq(links[SNAKEPIT_LINK_UP], 2);
}

Test(session, a_refusal_for_good_ends_all_tasks_and_all_later_submits)
{
    struct snakepit_client_options options = {.on_link = count_link, .user = "mine"};
    struct snakepit_task task = plain_task(&outcome);
    struct message refuse = {.verb = VERB_REFUSE};

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    fake_broker_set_polite(broker, false);
    client = snakepit_client_new(&options);
    submit();
    fake_broker_expect(broker, client, VERB_HELLO);
    refuse.error.code = ERROR_UNSUPPORTED;
    refuse.error.text = (struct bytes){(const uint8_t *)"SPIT/2 only", 11};
    fake_broker_send(broker, &refuse);
    process_callbacks(client, 2);
    cr_assert_eq(links[SNAKEPIT_LINK_REFUSED], 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_REFUSED);
    cr_assert_str_eq(outcome.result->code, "unsupported");
    cr_assert_not_null(strstr(outcome.result->message, "SPIT/2 only"), "%s", outcome.result->message);
    cr_assert_eq(snakepit_submit(client, &task, NULL), SNAKEPIT_REFUSED);
    cr_assert_eq(snakepit_process(client, 1000), SNAKEPIT_REFUSED);
    cr_assert_eq(snakepit_connect(client, 1000), SNAKEPIT_REFUSED);
    cr_assert_str_eq(snakepit_last_error(client), "the broker refuses this client: unsupported: SPIT/2 only");
}

Test(session, a_refusal_for_now_is_tried_again)
{
    struct snakepit_client_options options = {.reconnect_ms = 20};
    struct message refuse = {.verb = VERB_REFUSE};

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    fake_broker_set_polite(broker, false);
    client = snakepit_client_new(&options);
    submit();
    fake_broker_expect(broker, client, VERB_HELLO);
    refuse.error.code = ERROR_UNAVAILABLE;
    fake_broker_send(broker, &refuse);
    fake_broker_expect(broker, client, VERB_HELLO);
    send_welcome(5000);
    fake_broker_expect(broker, client, VERB_SUBMIT);
}

Test(session, heartbeats_go_out_at_the_welcomes_interval)
{
    struct snakepit_client_options options = {0};

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    fake_broker_set_polite(broker, false);
    client = snakepit_client_new(&options);
    fake_broker_expect(broker, client, VERB_HELLO);
    send_welcome(50);
    cr_assert(!fake_broker_expect_quiet(broker, client, VERB_HEARTBEAT)->message.heartbeat.has_facts);
    fake_broker_expect_quiet(broker, client, VERB_HEARTBEAT);
}

Test(session, a_broker_that_answers_no_heartbeat_is_left_and_tried_anew)
{
    struct snakepit_client_options options = {.reconnect_ms = 20};

    broker = fake_broker_new(NULL);
    options.endpoint = fake_broker_endpoint(broker);
    fake_broker_set_polite(broker, false);
    client = snakepit_client_new(&options);
    fake_broker_expect(broker, client, VERB_HELLO);
    send_welcome(50);
    fake_broker_expect(broker, client, VERB_HELLO);
    cr_assert_not_null(strstr(snakepit_last_error(client), "silent"), "%s", snakepit_last_error(client));
}

Test(session, seen_counts_the_final_messages_of_this_connection)
{
    uint64_t ids[3];

    set_up(NULL);
    for (int i = 0; i < 3; i++)
        ids[i] = submit();
    for (int i = 0; i < 3; i++)
        fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, ids[0], "");
    fake_broker_answer(broker, ids[0], ""); /* repeated: counts */
    fake_broker_refuse(broker, ids[1], ERROR_FAILED);
    fake_broker_refuse(broker, ids[2], ERROR_BUSY); /* not final */
    cr_assert_eq(fake_broker_expect_quiet(broker, client, VERB_SEEN)->message.seen_count, 3);
}

Test(session, answers_to_admin_calls_are_not_counted)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    set_up(NULL);
    task.pool = "$snakepit";
    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "pong");
    process_callbacks(client, 1);
    id = submit();
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_answer(broker, id, "");
    cr_assert_eq(fake_broker_expect_quiet(broker, client, VERB_SEEN)->message.seen_count, 1);
}

Test(session, an_admin_call_may_end_with_not_found)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    set_up(NULL);
    task.pool = "$snakepit";
    snakepit_submit(client, &task, &id);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    fake_broker_refuse(broker, id, ERROR_NOT_FOUND);
    process_callbacks(client, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_REFUSED);
    cr_assert_str_eq(outcome.result->code, "not_found");
}

Test(session, destroy_says_bye_and_tells_every_owner)
{
    set_up(NULL);
    submit();
    snakepit_client_destroy(&client);
    cr_assert_null(client);
    cr_assert_eq(outcome.calls, 1);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_ABANDONED);
    /* What was submitted goes out all the same. */
    fake_broker_expect(broker, NULL, VERB_SUBMIT);
    fake_broker_expect(broker, NULL, VERB_BYE);
}

Test(session, a_host_that_nobody_knows_is_named_when_the_wait_is_over)
{
    struct snakepit_client_options options = {.endpoint = "tcp://no-such-host.invalid:5570"};
    struct snakepit_client *stranger = snakepit_client_new(&options);

    cr_assert_not_null(stranger);
    cr_assert_eq(snakepit_connect(stranger, 100), SNAKEPIT_TIMEOUT);
    cr_assert_not_null(strstr(snakepit_last_error(stranger), "\"no-such-host.invalid\" cannot be found"), "%s",
                       snakepit_last_error(stranger));
    snakepit_client_destroy(&stranger);
}
