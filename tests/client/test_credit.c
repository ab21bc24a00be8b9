/* test_credit.c - streams with credit: what the library lets its broker know of what was read. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

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

TestSuite(credit, .init = set_up, .fini = tear_down, .timeout = 30);

static void
read_chunk(struct snakepit_client *c, const struct snakepit_chunk *chunk, void *user)
{
    (void)c;
    (void)chunk;
    (void)user;
}

static void
send_chunk(uint64_t id, uint64_t seq, uint32_t attempt, const char *content_type)
{
    struct message message = {.verb = VERB_CHUNK};

    message.chunk = (struct chunk){
        .ref = ref_number(id), .seq = seq, .payload.data = {(const uint8_t *)"\xc0", 1}, .info.attempt = attempt,
        .info.content_type = {(const uint8_t *)content_type, (uint32_t)strlen(content_type)},
    };
    fake_broker_send(broker, &message);
}

static uint64_t
submit_stream(uint32_t credit)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    task.on_chunk = read_chunk;
    task.credit = credit;
    cr_assert_eq(snakepit_submit(client, &task, &id), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.credit, credit);
    return id;
}

Test(credit, more_is_allowed_when_half_of_it_was_read)
{
    uint64_t id = submit_stream(4);
    const struct credit *credit;

    send_chunk(id, 1, 0, "");
    cr_assert_not(fake_broker_has(broker, client, VERB_CREDIT));
    send_chunk(id, 2, 0, "");
    credit = &fake_broker_expect(broker, client, VERB_CREDIT)->message.credit;
    cr_assert_eq(credit->ref.number, id);
    cr_assert_eq(credit->count, 6);
    cr_assert_eq(credit->attempt, 1);
}

Test(credit, each_attempt_is_counted_anew)
{
    uint64_t id = submit_stream(2);

    send_chunk(id, 9, 0, "");
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CREDIT)->message.credit.count, 11);
    send_chunk(id, 1, 2, "");
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CREDIT)->message.credit.attempt, 2);
}

Test(credit, progress_is_read_at_once)
{
    uint64_t id = submit_stream(1);

    send_chunk(id, 1, 0, "progress");
    cr_assert_eq(fake_broker_expect(broker, client, VERB_CREDIT)->message.credit.count, 2);
}

Test(credit, a_stream_without_it_says_nothing)
{
    uint64_t id = submit_stream(0);

    send_chunk(id, 1, 0, "");
    send_chunk(id, 2, 0, "");
    cr_assert_not(fake_broker_has(broker, client, VERB_CREDIT));
}
