/* test_worker.c - a worker whose functions do what the tests of the command line need to see. Not a test itself.
 *
 *     test_worker ENDPOINT POOL SLOTS
 *
 * Ends with its parent. Its functions: echo(x) gives x, all(...) the arguments, fail(), stream(n), sleep(ms) (it cannot
 * be cancelled), hold() (until it is cancelled), encoded(bytes) the bytes as its result, typed(name) a result of that content type, big(n), die(). */
#include "wire/reader.h"
#include "wire/wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { HELD_MAX = 4096, HEARTBEAT_MS = 1000 };

struct held {
    uint64_t fence;
    int64_t due_ms; /* INT64_MAX: until it is cancelled */
    uint64_t sent, count, allowed; /* of a stream that waits for credit: chunks */
};

struct worker {
    void *socket;
    const char *pool;
    uint32_t slots;
    struct held held[HELD_MAX];
    size_t held_count;
    uint64_t tasks_done;
    int64_t heartbeat_due_ms;
};

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct bytes
view(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* Send one command, and one attachment frame if `frame` has bytes. */
static void
send_message(struct worker *worker, const struct message *message, struct bytes frame)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    if (wire_encode(&buffer, SIDE_WORKER, message) != OK)
        abort();
    zmq_send(worker->socket, buffer.data, buffer.size, frame.size > 0 ? ZMQ_SNDMORE : 0);
    if (frame.size > 0)
        zmq_send(worker->socket, frame.data, frame.size, 0);
    wire_buffer_fini(&buffer);
}

static void
send_result(struct worker *worker, uint64_t fence, struct bytes value, const char *content_type, uint64_t chunks)
{
    struct message message = {.verb = VERB_RESULT};
    bool is_large = value.size > 8192;

    message.result.ref = ref_number(fence);
    message.result.info.content_type = view(content_type);
    message.result.info.chunks = chunks;
    if (is_large)
        message.result.payload.frames = 1;
    else
        message.result.payload.data = value;
    worker->tasks_done++;
    send_message(worker, &message, is_large ? value : (struct bytes){0});
}

static void
send_error(struct worker *worker, uint64_t fence, enum error_code code, const char *type, const char *text,
           const char *traceback)
{
    struct message message = {.verb = VERB_ERROR};

    message.error.ref = ref_number(fence);
    message.error.code = code;
    message.error.type = view(type);
    message.error.text = view(text);
    message.error.traceback = view(traceback);
    worker->tasks_done++;
    send_message(worker, &message, (struct bytes){0});
}

static void
send_hello(struct worker *worker)
{
    struct message message = {.verb = VERB_HELLO};

    message.hello.is_worker = true;
    message.hello.protocol = view(PROTOCOL_NAME);
    message.hello.pool = view(worker->pool);
    message.hello.slots = worker->slots;
    message.hello.name = view("test-\033[31mworker");
    message.hello.host = view("testhost");
    message.hello.python = view("3.11.2");
    message.hello.pid = (uint64_t)getpid();
    message.hello.gil_enabled = true;
    send_message(worker, &message, (struct bytes){0});
}

static void
send_heartbeat(struct worker *worker)
{
    struct message message = {.verb = VERB_HEARTBEAT};

    message.heartbeat.has_facts = true;
    message.heartbeat.rss_bytes = 12 * 1024 * 1024;
    message.heartbeat.tasks_done = worker->tasks_done;
    message.heartbeat.gil_enabled = 1;
    send_message(worker, &message, (struct bytes){0});
    worker->heartbeat_due_ms = now_ms() + HEARTBEAT_MS;
}

/* --- functions ------------------------------------------------------------------------------------------------ */

/* The first positional argument, still encoded; empty when there is none. It is all that stands between the head of the
 * array and the map of named arguments, since tests give one argument where they want one. */
static struct bytes
first_argument(struct bytes arguments)
{
    struct reader reader;
    uint32_t count;

    reader_init(&reader, arguments);
    if (reader_array(&reader, &count) != OK || count != 2 || reader_array(&reader, &count) != OK || count == 0)
        return (struct bytes){0};
    return (struct bytes){arguments.data + reader.at, arguments.size - reader.at - 1};
}

static uint64_t
first_number(struct bytes arguments)
{
    struct reader reader;
    uint64_t number = 0;

    reader_init(&reader, first_argument(arguments));
    reader_uint(&reader, &number);
    return number;
}

static void
hold(struct worker *worker, uint64_t fence, int64_t due_ms)
{
    if (worker->held_count == HELD_MAX)
        abort();
    worker->held[worker->held_count++] = (struct held){.fence = fence, .due_ms = due_ms};
}

static void
send_chunk(struct worker *worker, uint64_t fence, uint64_t seq)
{
    struct message message = {.verb = VERB_CHUNK};
    struct wire_buffer value;

    wire_buffer_init(&value, false);
    wire_write_uint(&value, seq * 10);
    message.chunk.ref = ref_number(fence);
    message.chunk.seq = seq;
    message.chunk.payload.data = (struct bytes){value.data, (uint32_t)value.size};
    send_message(worker, &message, (struct bytes){0});
    wire_buffer_fini(&value);
}

/* Send what its credit allows; true when that was all of it. */
static bool
advance_stream(struct worker *worker, struct held *stream)
{
    while (stream->sent < stream->count && stream->sent < stream->allowed)
        send_chunk(worker, stream->fence, ++stream->sent);
    if (stream->sent < stream->count)
        return false;
    send_result(worker, stream->fence, view("\xc0"), "", stream->count);
    return true;
}

static void
run_stream(struct worker *worker, const struct task_command *task, uint64_t count)
{
    struct held stream = {
        .fence = task->fence, .due_ms = INT64_MAX, .count = count, .allowed = task->credit ? task->credit : UINT64_MAX};

    if (advance_stream(worker, &stream))
        return;
    hold(worker, task->fence, INT64_MAX);
    worker->held[worker->held_count - 1] = stream;
}

static void
run_big(struct worker *worker, uint64_t fence, uint64_t size)
{
    struct wire_buffer value;
    uint8_t *text = malloc(size);

    if (!text)
        abort();
    memset(text, 'x', size);
    wire_buffer_init(&value, false);
    wire_write_str(&value, (struct bytes){text, (uint32_t)size});
    send_result(worker, fence, (struct bytes){value.data, (uint32_t)value.size}, "", 0);
    wire_buffer_fini(&value);
    free(text);
}

/* A result of the content type that the argument names. */
static void
run_typed(struct worker *worker, uint64_t fence, struct bytes arguments)
{
    struct reader reader;
    struct bytes name = {0};
    char content_type[CONTENT_TYPE_BYTES_MAX + 1];

    reader_init(&reader, first_argument(arguments));
    reader_str(&reader, &name);
    snprintf(content_type, sizeof content_type, "%.*s", (int)name.size, (const char *)name.data);
    send_result(worker, fence, view("{\"a\":[1,18446744073709551615,2.50]}"), content_type, 0);
}

static bool
is_named(struct bytes function, const char *name)
{
    return function.size == strlen(name) && memcmp(function.data, name, function.size) == 0;
}

static void
run_task(struct worker *worker, const struct task_command *task, struct bytes arguments)
{
    struct bytes bytes = {0};
    struct reader reader;

    reader_init(&reader, first_argument(arguments));
    if (is_named(task->function, "echo"))
        send_result(worker, task->fence, first_argument(arguments), "", 0);
    else if (is_named(task->function, "all"))
        send_result(worker, task->fence, arguments, "", 0);
    else if (is_named(task->function, "fail"))
        send_error(worker, task->fence, ERROR_FAILED, "ValueError", "no such \033[2Jluck",
                   "Traceback (most recent call last):\n  File \"app.py\", line 7, in fail\n"
                   "ValueError: no such \033[2Jluck\n");
    else if (is_named(task->function, "stream"))
        run_stream(worker, task, first_number(arguments));
    else if (is_named(task->function, "sleep"))
        hold(worker, task->fence, now_ms() + (int64_t)first_number(arguments));
    else if (is_named(task->function, "hold"))
        hold(worker, task->fence, INT64_MAX);
    else if (is_named(task->function, "encoded") && reader_bin(&reader, &bytes) == OK)
        send_result(worker, task->fence, bytes, "", 0);
    else if (is_named(task->function, "typed"))
        run_typed(worker, task->fence, arguments);
    else if (is_named(task->function, "big"))
        run_big(worker, task->fence, first_number(arguments));
    else if (is_named(task->function, "die"))
        _exit(1);
    else
        send_error(worker, task->fence, ERROR_NO_SUCH_FUNCTION, "", "the app has no such task", "");
}

/* --- the loop ------------------------------------------------------------------------------------------------- */

static void
end_held(struct worker *worker, size_t index, bool is_cancelled)
{
    uint64_t fence = worker->held[index].fence;

    worker->held[index] = worker->held[--worker->held_count];
    if (is_cancelled)
        send_error(worker, fence, ERROR_CANCELLED, "", "cancelled", "");
    else
        send_result(worker, fence, view("\xa4" "done"), "", 0);
}

static void
cancel_held(struct worker *worker, uint64_t fence)
{
    for (size_t i = 0; i < worker->held_count; i++)
        if (worker->held[i].fence == fence && worker->held[i].due_ms == INT64_MAX) {
            end_held(worker, i, true);
            return;
        }
}

static void
take_credit(struct worker *worker, const struct credit *credit)
{
    for (size_t i = 0; i < worker->held_count; i++) {
        struct held *stream = &worker->held[i];

        if (stream->fence != credit->ref.number || stream->count == 0)
            continue;
        stream->allowed = credit->count;
        if (advance_stream(worker, stream))
            *stream = worker->held[--worker->held_count];
        return;
    }
}

/* Take one message: its control frame and all attachments. */
static void
receive(struct worker *worker)
{
    zmq_msg_t frames[128];
    size_t count = 0, used = 1;
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    enum wire_next next;

    do {
        zmq_msg_init(&frames[count]);
        if (zmq_msg_recv(&frames[count], worker->socket, 0) < 0)
            abort();
        count++;
    } while (zmq_msg_more(&frames[count - 1]) && count < sizeof frames / sizeof *frames);
    wire_reader_init(&reader, (struct bytes){zmq_msg_data(&frames[0]), (uint32_t)zmq_msg_size(&frames[0])}, SIDE_WORKER,
                     FROM_BROKER);
    while ((next = wire_next(&reader, &message, &fault)) == WIRE_COMMAND) {
        if (message.verb == VERB_REHELLO) {
            send_hello(worker);
        } else if (message.verb == VERB_CANCEL) {
            cancel_held(worker, message.cancel.ref.number);
        } else if (message.verb == VERB_CREDIT) {
            take_credit(worker, &message.credit);
        } else if (message.verb == VERB_STOP) {
            exit(0);
        } else if (message.verb == VERB_TASK) {
            struct bytes arguments = message.task.payload.data;

            if (message.task.payload.frames > 0)
                arguments = (struct bytes){zmq_msg_data(&frames[used]), (uint32_t)zmq_msg_size(&frames[used])};
            used += message.task.payload.frames;
            run_task(worker, &message.task, arguments);
        }
    }
    if (next != WIRE_END)
        abort();
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
}

/* Answer what is due; milliseconds until more is. */
static long
handle_timers(struct worker *worker)
{
    int64_t due_ms;

    if (now_ms() >= worker->heartbeat_due_ms)
        send_heartbeat(worker);
    for (size_t i = worker->held_count; i-- > 0;)
        if (worker->held[i].due_ms <= now_ms())
            end_held(worker, i, false);
    due_ms = worker->heartbeat_due_ms;
    for (size_t i = 0; i < worker->held_count; i++)
        if (worker->held[i].due_ms < due_ms)
            due_ms = worker->held[i].due_ms;
    return due_ms > now_ms() ? (long)(due_ms - now_ms()) : 0;
}

int
main(int argc, char **argv)
{
    static struct worker worker;
    void *context = zmq_ctx_new();

    if (argc != 4)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    worker.socket = zmq_socket(context, ZMQ_DEALER);
    worker.pool = argv[2];
    worker.slots = (uint32_t)strtoul(argv[3], NULL, 10);
    zmq_setsockopt(worker.socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(worker.socket, ZMQ_SNDHWM, &(int){0}, sizeof(int));
    if (zmq_connect(worker.socket, argv[1]) != 0)
        return 1;
    send_hello(&worker);
    worker.heartbeat_due_ms = now_ms() + HEARTBEAT_MS;
    for (;;) {
        zmq_pollitem_t item = {.socket = worker.socket, .events = ZMQ_POLLIN};

        if (zmq_poll(&item, 1, handle_timers(&worker)) > 0)
            receive(&worker);
    }
}
