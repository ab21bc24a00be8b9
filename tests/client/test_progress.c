/* test_progress.c - progress of tasks, and the default pool, as they stand on the wire. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_broker *broker;
static struct snakepit_client *client;
static struct outcome outcome;

struct told {
    int reports, chunks;
    double done, total;
    char note[32];
};

static struct told told;

static void
set_up(void)
{
    memset(&told, 0, sizeof told);
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

TestSuite(progress, .init = set_up, .fini = tear_down, .timeout = 30);

static void
note_progress(struct snakepit_client *c, const struct snakepit_progress *progress, void *user)
{
    (void)c;
    (void)user;
    told.reports++;
    told.done = progress->done;
    told.total = progress->total;
    snprintf(told.note, sizeof told.note, "%s", progress->note);
}

static void
count_chunk(struct snakepit_client *c, const struct snakepit_chunk *chunk, void *user)
{
    (void)c;
    (void)chunk;
    (void)user;
    told.chunks++;
}

static uint64_t
submit(const struct snakepit_task *task)
{
    uint64_t id;

    cr_assert_eq(snakepit_submit(client, task, &id), SNAKEPIT_OK, "%s", snakepit_last_error(client));
    return id;
}

static void
report(uint64_t id, const char *content_type, const void *data, size_t size)
{
    struct message message = {.verb = VERB_CHUNK};

    message.chunk = (struct chunk){
        .ref = ref_number(id), .seq = 1, .payload.data = {data, (uint32_t)size},
        .info.content_type = {(const uint8_t *)content_type, (uint32_t)strlen(content_type)},
    };
    fake_broker_send(broker, &message);
}

static void
end(uint64_t id)
{
    fake_broker_answer(broker, id, "end");
    while (outcome.calls == 0)
        cr_assert_geq(snakepit_process(client, 5000), 0);
}

Test(progress, is_asked_for_and_told_apart_from_chunks)
{
    struct snakepit_task task = plain_task(&outcome);
    const struct seen_command *seen;
    uint64_t id;

    task.on_progress = note_progress;
    task.on_chunk = count_chunk;
    id = submit(&task);
    seen = fake_broker_expect(broker, client, VERB_SUBMIT);
    cr_assert(seen->message.submit.progress && seen->message.submit.stream);
    report(id, "", "\xc0", 1);
    report(id, "progress", "\x93\x02\xcb\x40\x14\0\0\0\0\0\0\xa4half", 16);
    end(id);
    cr_assert_eq(told.reports, 1);
    cr_assert_eq(told.chunks, 1);
    cr_assert_eq(told.done, 2);
    cr_assert_eq(told.total, 5);
    cr_assert_str_eq(told.note, "half");
}

Test(progress, without_a_total_is_below_zero)
{
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    task.on_progress = note_progress;
    id = submit(&task);
    cr_assert_not(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.stream);
    report(id, "progress", "\x93\x07\xc0\xa0", 4);
    end(id);
    cr_assert_eq(told.done, 7);
    cr_assert_lt(told.total, 0);
}

Test(progress, of_another_shape_is_passed_over)
{
    static const struct snakepit_bytes reports[] = {
        {"", 0}, {"\xc0", 1}, {"\x90", 1}, {"\x92\x01\x02", 3}, {"\x93\xa1x\x02\xa0", 5}, {"\x93\x01\xa1x\xa0", 5},
        {"\x93\x01\x02\x03", 4}, {"\x93\x01", 2}, {"\xc1", 1},
    };
    struct snakepit_task task = plain_task(&outcome);
    uint64_t id;

    task.on_progress = note_progress;
    task.on_chunk = count_chunk;
    id = submit(&task);
    fake_broker_expect(broker, client, VERB_SUBMIT);
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
        report(id, "progress", reports[i].data, reports[i].size);
    end(id);
    cr_assert_eq(told.reports, 0);
    cr_assert_eq(told.chunks, 0);
    cr_assert_eq(outcome.result->state, SNAKEPIT_STATE_OK);
}

Test(progress, is_not_asked_for_without_a_callback)
{
    struct snakepit_task task = plain_task(&outcome);

    submit(&task);
    cr_assert_not(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.progress);
}

Test(progress, a_task_without_a_pool_goes_to_the_default_pool)
{
    const char *const nameless[] = {NULL, ""};

    for (int i = 0; i < 2; i++) {
        struct snakepit_task task = plain_task(&outcome);

        task.pool = nameless[i];
        submit(&task);
        cr_assert_eq(fake_broker_expect(broker, client, VERB_SUBMIT)->message.submit.pool.size, 0);
    }
}
