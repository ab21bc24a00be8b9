/* test_broker_session.c - tests of agent/broker_session.c, the pure session: the test plays the broker. */
#include "agent/broker_session.h"

#include "wire/wire.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static struct broker_session *session;
static struct wire_buffer from_broker;

static struct bytes
text(const char *string)
{
    return (struct bytes){.data = (const uint8_t *)string, .size = (uint32_t)strlen(string)};
}

static void
begin(void)
{
    session = broker_session_new(77, "host", 5);
    wire_buffer_init(&from_broker, false);
}

static void
end(void)
{
    broker_session_destroy(&session);
    wire_buffer_fini(&from_broker);
}

TestSuite(broker_session, .init = begin, .fini = end);

/* The `at`-th command that waits to be sent. */
static struct message
sent(unsigned at)
{
    struct wire_reader reader;
    struct wire_fault fault;
    struct message message = {0};

    wire_reader_init(&reader, broker_session_outbox(session), SIDE_WORKER, TO_BROKER);
    for (unsigned i = 0; i <= at; i++)
        cr_assert_eq(wire_next(&reader, &message, &fault), WIRE_COMMAND, "command %u: %s", i, fault.text);
    return message;
}

static enum session_order
hear(const struct message *message, int64_t now_us, struct message *ret_message)
{
    from_broker.size = 0;
    cr_assert_eq(wire_encode(&from_broker, SIDE_WORKER, message), OK);
    broker_session_receive(session, (struct bytes){.data = from_broker.data, .size = (uint32_t)from_broker.size});
    return broker_session_next(session, now_us, ret_message);
}

static void
greet(int64_t now_us)
{
    struct agent_pool pools[] = {{.name = text("a"), .wanted = 3}};

    broker_session_greet(session, pools, 1, now_us);
}

static void
welcome(int64_t now_us)
{
    struct message message = {.verb = VERB_WELCOME, .welcome = {.session = 9, .heartbeat_ms = 5000}};

    greet(now_us);
    broker_session_sent(session);
    cr_assert_eq(hear(&message, now_us, &message), ORDER_BEGIN);
}

Test(broker_session, wants_a_connection_first_and_then_says_who_it_is)
{
    cr_assert_eq(broker_session_tick(session, 1), NEED_CONNECTION);
    greet(1);
    struct message hello = sent(0);
    cr_assert_eq(hello.verb, VERB_HELLO);
    cr_expect(hello.hello.is_agent);
    cr_expect_eq(hello.hello.agent, 77);
    cr_expect_eq(hello.hello.pid, 5);
    struct agent_pool pool;
    cr_assert_eq(wire_agent_pools_next(&hello.hello.pools, &pool), OK);
    cr_expect_eq(pool.wanted, 3);
}

Test(broker_session, takes_another_connection_when_nobody_answers)
{
    greet(0);
    cr_expect_eq(broker_session_tick(session, 4 * SECOND), NEED_NOTHING);
    cr_expect_eq(broker_session_tick(session, 5 * SECOND), NEED_CONNECTION);
}

Test(broker_session, beats_at_once_and_then_at_multiples_of_the_interval)
{
    struct process_usage usage[] = {{.pid = 4, .rss_bytes = 5, .cpu_us = 6}};

    welcome(7 * SECOND);
    cr_assert_eq(broker_session_tick(session, 7 * SECOND), NEED_BEAT);
    broker_session_beat(session, usage, 1, 7 * SECOND);
    cr_expect_eq(sent(0).verb, VERB_HEARTBEAT);
    struct message processes = sent(1);
    cr_assert_eq(processes.verb, VERB_PROCESSES);
    struct process_usage got;
    cr_assert_eq(wire_processes_next(&processes.processes, &got), OK);
    cr_expect_eq(got.rss_bytes, 5);
    cr_expect_eq(broker_session_next_due_us(session), 10 * SECOND);
}

Test(broker_session, gives_a_silent_broker_up_after_three_heartbeats)
{
    int64_t now_us = 0;

    welcome(now_us);
    for (int i = 0; i < 3; i++, now_us += 5 * SECOND) {
        cr_assert_eq(broker_session_tick(session, now_us), NEED_BEAT);
        broker_session_beat(session, NULL, 0, now_us);
    }
    cr_expect_eq(broker_session_tick(session, now_us), NEED_CONNECTION);
}

Test(broker_session, greets_again_when_the_broker_does_not_know_it)
{
    struct message rehello = {.verb = VERB_REHELLO};

    welcome(0);
    cr_expect_eq(hear(&rehello, SECOND, &rehello), ORDER_GREET);
    greet(SECOND);
    rehello = (struct message){.verb = VERB_REHELLO};
    cr_expect_eq(hear(&rehello, SECOND, &rehello), ORDER_NONE, "that answers what was sent before the HELLO");
}

Test(broker_session, asks_a_broker_that_refuses_it_again_after_half_a_minute)
{
    struct message refuse = {.verb = VERB_REFUSE, .error = {.code = ERROR_UNAVAILABLE, .text = text("full")}};

    greet(0);
    cr_expect_eq(hear(&refuse, 0, &refuse), ORDER_REFUSED);
    cr_expect_eq(broker_session_tick(session, 29 * SECOND), NEED_NOTHING);
    cr_expect_eq(broker_session_tick(session, 30 * SECOND), NEED_CONNECTION);
}

Test(broker_session, hands_on_orders_only_within_a_session)
{
    struct message replace = {.verb = VERB_REPLACE, .replace = {.session = 3, .pid = 4, .pool = text("a")}};
    struct message got;

    greet(0);
    cr_expect_eq(hear(&replace, 0, &got), ORDER_NONE);
    welcome(0);
    cr_assert_eq(hear(&replace, 0, &got), ORDER_REPLACE);
    cr_expect_eq(got.replace.session, 3);
    cr_expect_eq(got.replace.pid, 4);
}

Test(broker_session, tells_of_ends_with_text_that_is_utf8)
{
    const char *tail = "caf\xc3\xa9 \xff\n";
    struct worker_end ended = {.pid = 8, .cause = EXIT_SIGNAL, .status = 11, .replaces = 3, .text = tail,
                               .text_bytes = strlen(tail)};

    broker_session_exited(session, "a", &ended);
    cr_expect_eq(broker_session_outbox(session).size, 0, "there is no session");
    welcome(0);
    broker_session_exited(session, "a", &ended);
    struct message exited = sent(0);
    cr_assert_eq(exited.verb, VERB_EXITED);
    cr_expect_eq(exited.exited.cause, EXIT_SIGNAL);
    cr_expect_eq(exited.exited.status, 11);
    cr_expect_eq(exited.exited.replaces, 3);
    cr_expect_eq(memcmp(exited.exited.text.data, "caf\xc3\xa9 ?\n", exited.exited.text.size), 0);
}

Test(broker_session, says_whether_the_state_of_a_pool_was_told)
{
    cr_expect_not(broker_session_pool(session, "a", true, 3, true, "why"));
    welcome(0);
    cr_expect(broker_session_pool(session, "a", true, 3, true, "why"));
    struct message pool = sent(0);
    cr_assert_eq(pool.verb, VERB_POOL);
    cr_expect_eq(pool.pool.state, AGENT_POOL_FAILED);
    cr_expect(pool.pool.changed);
    cr_expect_eq(pool.pool.wanted, 3);
}

Test(broker_session, is_over_after_its_bye)
{
    welcome(0);
    broker_session_bye(session, "done");
    cr_expect_eq(sent(0).verb, VERB_BYE);
    cr_expect_eq(broker_session_next_due_us(session), INT64_MAX);
    broker_session_sent(session);
    greet(1);
    cr_expect_eq(broker_session_outbox(session).size, 0);
}
