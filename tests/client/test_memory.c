/* test_memory.c - every allocation of the library fails once, and all that follow do: the caller gets an error, nothing
 * is lost, and the same call works later. The linker puts the functions below between the library and the allocators. */
#include "tests/client/fake_broker.h"
#include "tests/client/outcome.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the failing allocators ----------------------------------------------------------------------------------- */

static bool is_armed;       /* inside a call of the library */
static bool is_lasting;     /* all allocations of that call fail from fail_at on */
static unsigned fail_at;    /* the first one that fails */
static unsigned allocations; /* so far in this run */
static unsigned failures;
static int in_use;          /* blocks that were allocated and not freed; also changed by the I/O thread */

static void *
counted(void *block)
{
    if (block)
        __atomic_fetch_add(&in_use, 1, __ATOMIC_SEQ_CST);
    return block;
}

static bool
must_fail(void)
{
    if (!is_armed)
        return false;
    allocations++;
    if (allocations != fail_at && !(is_lasting && failures > 0))
        return false;
    failures++;
    errno = ENOMEM;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
char *__real_strdup(const char *text);
int __real_zmq_msg_init_size(zmq_msg_t *message, size_t size);
int __real_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release, void *hint);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
int __wrap_zmq_msg_init_size(zmq_msg_t *message, size_t size);
int __wrap_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release, void *hint);

void *
__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : counted(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : counted(__real_calloc(count, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    return old ? __real_realloc(old, size) : counted(__real_realloc(old, size));
}

void
__wrap_free(void *block)
{
    if (block)
        __atomic_fetch_sub(&in_use, 1, __ATOMIC_SEQ_CST);
    __real_free(block);
}

char *
__wrap_strdup(const char *text)
{
    return must_fail() ? NULL : counted(__real_strdup(text));
}

int
__wrap_zmq_msg_init_size(zmq_msg_t *message, size_t size)
{
    return must_fail() ? -1 : __real_zmq_msg_init_size(message, size);
}

int
__wrap_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release, void *hint)
{
    return must_fail() ? -1 : __real_zmq_msg_init_data(message, data, size, release, hint);
}

/* --- one life of a client ------------------------------------------------------------------------------------- */

/* The value of the call, made with the failing allocators. A lasting shortage ends with the call. */
#define SHORT(call) (is_armed = true, result_of = (call), is_armed = false, relieve(), result_of)
static int result_of;

static void
relieve(void)
{
    if (failures > 0)
        is_lasting = false;
}

static struct fake_broker *broker;
static struct snakepit_client *client;
static int ends;

static void
count_end(struct snakepit_client *c, const struct snakepit_result *result, void *user)
{
    struct snakepit_result *copy = snakepit_result_copy(result);

    (void)c;
    ++*(int *)user;
    ends++;
    snakepit_result_destroy(&copy);
}

static void
ignore_chunk(struct snakepit_client *c, const struct snakepit_chunk *chunk, void *user)
{
    (void)c;
    (void)chunk;
    (void)user;
}

/* Make the call again for as long as it says that there is no memory; one shortage is all that there is. */
static void
submit(const struct snakepit_task *tasks, size_t count, uint64_t *ret_id)
{
    size_t pending = snakepit_pending(client);
    int status = SHORT(snakepit_submit_many(client, tasks, count, ret_id));

    if (status == SNAKEPIT_MEMORY) {
        cr_assert_eq(snakepit_pending(client), pending, "a part of a refused submit was taken");
        status = SHORT(snakepit_submit_many(client, tasks, count, ret_id));
    }
    cr_assert_eq(status, SNAKEPIT_OK, "%s", snakepit_last_error(client));
}

static void
process(void)
{
    int status = SHORT(snakepit_process(client, 1));

    cr_assert(status >= 0 || status == SNAKEPIT_MEMORY, "%d: %s", status, snakepit_last_error(client));
    fake_broker_pump(broker);
}

static void
make_client(void)
{
    const struct snakepit_client_options options = {
        .endpoint = fake_broker_endpoint(broker), .name = "short", .reconnect_ms = 1};

    for (int i = 0; i < 2 && !client; i++) {
        is_armed = true;
        client = snakepit_client_new(&options);
        is_armed = false;
        cr_assert(client || errno == ENOMEM);
        relieve();
    }
    cr_assert_not_null(client);
    for (int i = 0; i < 2000 && !snakepit_is_connected(client); i++)
        process();
    cr_assert(snakepit_is_connected(client), "%s", snakepit_last_error(client));
}

static void
count_release(void *data, void *hint)
{
    (void)data;
    __atomic_fetch_add((int *)hint, 1, __ATOMIC_SEQ_CST);
}

/* Submit tasks of every kind; their ids begin at 1. */
static void
submit_all_kinds(int *task_ends, int *releases)
{
    static char large[10000];
    const struct snakepit_header header = {"traceparent", "00-1"};
    struct snakepit_part parts[2] = {{.data = large, .size = sizeof large, .release = count_release},
                                     {.data = large, .size = 100}};
    struct snakepit_task tasks[6];

    parts[0].hint = releases;
    for (int i = 0; i < 6; i++)
        tasks[i] = (struct snakepit_task){.pool = "text", .function = "count", .args = "\x90", .args_bytes = 1,
                                          .on_done = count_end, .on_chunk = ignore_chunk, .user = &task_ends[i]};
    tasks[1].headers = &header;
    tasks[1].header_count = 1;
    tasks[2].args = large;
    tasks[2].args_bytes = sizeof large;
    tasks[3].args = NULL;
    tasks[3].args_bytes = 0;
    tasks[3].parts = parts;
    tasks[3].part_count = 2;
    tasks[4].args = large;
    tasks[4].args_bytes = 5000; /* inline, so that the encoder's buffer grows */
    submit(&tasks[0], 1, NULL);
    submit(&tasks[1], 3, NULL);
    submit(&tasks[4], 2, NULL);
}

/* End tasks 1 to 6 in different ways. */
static void
answer_all(void)
{
    struct message error = {.verb = VERB_ERROR}, chunk = {.verb = VERB_CHUNK}, result = {.verb = VERB_RESULT};

    fake_broker_begin(broker);
    chunk.chunk = (struct chunk){.ref = ref_number(1), .seq = 1, .info.content_type = {(const uint8_t *)"json", 4}};
    fake_broker_add(broker, &chunk);
    error.error = (struct error){.ref = ref_number(1), .code = ERROR_FAILED, .text = {(const uint8_t *)"why", 3},
                                 .traceback = {(const uint8_t *)"where", 5}};
    fake_broker_add(broker, &error);
    for (uint64_t id = 2; id <= 6; id++) {
        result.result = (struct result){.ref = ref_number(id), .info.content_type = {(const uint8_t *)"raw", 3}};
        fake_broker_add(broker, &result);
    }
    fake_broker_end(broker);
}

static void
build_arguments(void)
{
    struct snakepit_args *args = NULL;
    struct snakepit_bytes bytes;

    for (int i = 0; i < 2 && !args; i++) {
        is_armed = true;
        args = snakepit_args_new();
        is_armed = false;
        relieve();
    }
    cr_assert_not_null(args);
    for (int i = 0; i < 2; i++) {
        int status;

        snakepit_args_reset(args);
        is_armed = true;
        snakepit_args_name(args, "name");
        snakepit_args_begin_array(args);
        for (int n = 0; n < 500; n++)
            snakepit_args_int(args, n);
        snakepit_args_end(args);
        snakepit_args_str(args, "text");
        status = snakepit_args_finish(args, &bytes);
        is_armed = false;
        relieve();
        if (status == SNAKEPIT_OK)
            break;
        cr_assert_eq(status, SNAKEPIT_MEMORY);
        cr_assert_eq(i, 0);
    }
    cr_assert_gt(bytes.size, 500);
    snakepit_args_destroy(&args);
}

static void
live_once(void)
{
    int task_ends[6] = {0}, releases = 0, status;

    ends = 0;
    broker = fake_broker_new(NULL);
    make_client();
    submit_all_kinds(task_ends, &releases);
    for (int i = 0; i < 5; i++)
        process();
    status = SHORT(snakepit_cancel(client, 5));
    if (status == SNAKEPIT_MEMORY)
        status = SHORT(snakepit_cancel(client, 5));
    cr_assert_eq(status, SNAKEPIT_OK);
    for (int i = 0; i < 2000 && ends < 6; i++) {
        process();
        answer_all();
    }
    for (int i = 0; i < 6; i++)
        cr_assert_eq(task_ends[i], 1, "task %d ended %d times", i + 1, task_ends[i]);
    build_arguments();
    is_armed = true;
    snakepit_client_destroy(&client);
    is_armed = false;
    cr_assert_eq(__atomic_load_n(&releases, __ATOMIC_SEQ_CST), 1);
    fake_broker_destroy(&broker);
    cr_assert_eq(__atomic_load_n(&in_use, __ATOMIC_SEQ_CST), 0, "allocation %u: %d blocks are left", fail_at, in_use);
}

static void
fail_each_allocation(bool lasting)
{
    for (fail_at = 1; fail_at < 1000; fail_at++) {
        allocations = failures = 0;
        is_lasting = lasting;
        live_once();
        if (failures == 0)
            break;
    }
    cr_assert_lt(fail_at, 1000u);
    cr_assert_gt(fail_at, 30u, "only %u allocations were seen: is the library linked with the failing ones?", fail_at);
}

Test(memory, each_allocation_may_fail_once, .timeout = 120)
{
    fail_each_allocation(false);
}

Test(memory, all_allocations_of_a_call_may_fail, .timeout = 120)
{
    fail_each_allocation(true);
}
