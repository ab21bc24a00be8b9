/* echo_worker.c - a worker in C that gives back what it is given: raw libzmq and wire/, many slots, answers in batches.
 *
 * Functions: "echo" answers with its payload, "identity" with its first argument (MessagePack). "hold" never answers, and "hold_first" only from the second attempt on, so
 * that a test can take the worker away. "fail" raises. "stream" sends its payload as three chunks first. With -v it prints
 * a line for each task that it gets, with the monotonic clock: "task FUNCTION ATTEMPT MICROSECONDS". */
#include "wire/reader.h"
#include "wire/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define HEARTBEAT_DEFAULT_MS 5000

struct worker {
    const char *endpoint;
    const char *pool;
    uint32_t slots;
    bool is_verbose;
    void *context;
    void *socket;
    void *monitor; /* tells of each new connection: a restarted broker knows nobody */
    struct wire_buffer output;
    zmq_msg_t frames[MESSAGE_FRAMES_MAX + 1]; /* of the message that is read; 0 is the control frame */
    size_t frame_count;
    size_t frames_used;
    zmq_msg_t answer_frames[MESSAGE_FRAMES_MAX];
    size_t answer_frame_count;
    uint64_t session;
    uint64_t tasks_done;
    int64_t heartbeat_us;
    int64_t heartbeat_at_us;
    bool is_stopped;
};

static volatile sig_atomic_t is_signalled;

static void
on_signal(int number)
{
    is_signalled = number;
}

static int64_t
clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
die(const char *what)
{
    fprintf(stderr, "echo_worker: %s: %s\n", what, zmq_strerror(errno));
    exit(1);
}

static struct bytes
text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static bool
text_is(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* Send what has collected, as one message. */
static void
flush_output(struct worker *worker)
{
    size_t left = worker->answer_frame_count;
    zmq_msg_t control;

    if (worker->output.size == 0)
        return;
    zmq_msg_init_size(&control, worker->output.size);
    memcpy(zmq_msg_data(&control), worker->output.data, worker->output.size);
    if (zmq_msg_send(&control, worker->socket, left ? ZMQ_SNDMORE : 0) < 0)
        die("send");
    for (size_t i = 0; i < worker->answer_frame_count; i++)
        if (zmq_msg_send(&worker->answer_frames[i], worker->socket, --left ? ZMQ_SNDMORE : 0) < 0)
            die("send");
    worker->output.size = 0;
    worker->answer_frame_count = 0;
}

static void
add(struct worker *worker, const struct message *message)
{
    if (wire_encode(&worker->output, SIDE_WORKER, message))
        die("encode");
}

static void
say_hello(struct worker *worker)
{
    struct message hello = {.verb = VERB_HELLO};

    hello.hello = (struct hello){
        .is_worker = true,
        .protocol = text_bytes(PROTOCOL_NAME),
        .pool = text_bytes(worker->pool),
        .slots = worker->slots,
        .profile = PROFILE_THREAD,
        .name = text_bytes("echo_worker"),
        .pid = (uint64_t)getpid(),
        .gil_enabled = false,
        .session = worker->session,
    };
    add(worker, &hello);
    flush_output(worker);
}

/* Give the task's payload back; its attachments move from the message that came to the one that goes. */
static void
add_payload(struct worker *worker, struct message *answer)
{
    uint16_t frames = message_payload(answer)->frames;

    if (worker->answer_frame_count + frames > MESSAGE_FRAMES_MAX)
        flush_output(worker);
    add(worker, answer);
    for (uint16_t i = 0; i < frames; i++) {
        zmq_msg_t *to = &worker->answer_frames[worker->answer_frame_count++];

        zmq_msg_init(to);
        zmq_msg_move(to, &worker->frames[worker->frames_used++]);
    }
}

static void
stream_chunks(struct worker *worker, const struct task_command *task)
{
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct message chunk = {.verb = VERB_CHUNK};

        chunk.chunk = (struct chunk){.ref = ref_number(task->fence), .seq = seq, .payload.data = task->payload.data};
        add(worker, &chunk);
    }
}

static void
fail_task(struct worker *worker, const struct task_command *task)
{
    struct message error = {.verb = VERB_ERROR};

    error.error = (struct error){
        .ref = ref_number(task->fence),
        .code = ERROR_FAILED,
        .text = text_bytes("asked to fail"),
        .type = text_bytes("EchoError"),
        .traceback = text_bytes("echo_worker.c"),
    };
    add(worker, &error);
}

/* The first positional argument, as it is encoded; nil when there is none. */
static struct bytes
first_argument(struct bytes payload)
{
    static const uint8_t nil = 0xc0;
    struct bytes first = {&nil, 1};
    struct reader reader;
    uint32_t lists, count;

    reader_init(&reader, payload);
    if (reader_array(&reader, &lists) == OK && lists > 0 && reader_array(&reader, &count) == OK && count > 0)
        reader_skip(&reader, NESTING_MAX, &first);
    return first;
}

static void
run_task(struct worker *worker, const struct task_command *task)
{
    struct message result;

    if (worker->is_verbose) {
        printf("task %.*s %" PRIu32 " %" PRId64 "\n", (int)task->function.size, (const char *)task->function.data,
               task->attempt, clock_us());
        fflush(stdout);
    }
    if (text_is(task->function, "hold") || (text_is(task->function, "hold_first") && task->attempt == 1)) {
        worker->frames_used += task->payload.frames;
        return;
    }
    if (text_is(task->function, "fail")) {
        worker->frames_used += task->payload.frames;
        fail_task(worker, task);
        return;
    }
    if (text_is(task->function, "stream"))
        stream_chunks(worker, task);
    result.verb = VERB_RESULT;
    result.result = (struct result){.ref = ref_number(task->fence), .payload = task->payload};
    result.result.info.content_type = task->content_type;
    if (text_is(task->function, "identity"))
        result.result.payload.data = first_argument(task->payload.data);
    add_payload(worker, &result);
    worker->tasks_done++;
}

/* A held task that is cancelled ends so. */
static void
cancel_task(struct worker *worker, const struct ref *fence)
{
    struct message error = {.verb = VERB_ERROR};

    error.error = (struct error){.ref = *fence, .code = ERROR_CANCELLED, .text = text_bytes("cancelled while held")};
    add(worker, &error);
}

static void
handle(struct worker *worker, const struct message *message)
{
    switch (message->verb) {
    case VERB_TASK:
        run_task(worker, &message->task);
        break;
    case VERB_CANCEL:
        cancel_task(worker, &message->cancel.ref);
        break;
    case VERB_WELCOME:
        worker->session = message->welcome.session;
        worker->heartbeat_us = (int64_t)message->welcome.heartbeat_ms * 1000;
        worker->heartbeat_at_us = clock_us() + worker->heartbeat_us;
        if (worker->is_verbose) {
            printf("ready\n");
            fflush(stdout);
        }
        break;
    case VERB_REFUSE:
        fprintf(stderr, "echo_worker: refused: %.*s\n", (int)message->error.text.size,
                (const char *)message->error.text.data);
        exit(1);
    case VERB_REHELLO:
        say_hello(worker);
        break;
    case VERB_STOP:
        worker->is_stopped = true;
        break;
    default:
        break;
    }
}

/* Read one message, if there is one. */
static bool
receive(struct worker *worker)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    enum wire_next next;

    if (zmq_msg_recv(&worker->frames[0], worker->socket, ZMQ_DONTWAIT) < 0)
        return false;
    worker->frame_count = worker->frames_used = 1;
    while (zmq_msg_more(&worker->frames[worker->frame_count - 1])) {
        if (worker->frame_count > MESSAGE_FRAMES_MAX)
            die("too many frames");
        zmq_msg_init(&worker->frames[worker->frame_count]);
        if (zmq_msg_recv(&worker->frames[worker->frame_count++], worker->socket, 0) < 0)
            die("receive");
    }
    wire_reader_init(&reader, (struct bytes){zmq_msg_data(&worker->frames[0]), (uint32_t)zmq_msg_size(&worker->frames[0])},
                     SIDE_WORKER, FROM_BROKER);
    while ((next = wire_next(&reader, &message, &fault)) != WIRE_END) {
        if (next == WIRE_COMMAND)
            handle(worker, &message);
        else
            fprintf(stderr, "echo_worker: %s: %s\n", fault.field ? fault.field : "?", fault.text);
        if (next == WIRE_BROKEN)
            break;
    }
    for (size_t i = 1; i < worker->frame_count; i++)
        zmq_msg_close(&worker->frames[i]);
    return true;
}

static void
heartbeat(struct worker *worker)
{
    struct message message = {.verb = VERB_HEARTBEAT};
    int64_t now_us = clock_us();

    if (now_us < worker->heartbeat_at_us)
        return;
    worker->heartbeat_at_us = now_us + worker->heartbeat_us;
    message.heartbeat = (struct heartbeat){.has_facts = true, .tasks_done = worker->tasks_done, .gil_enabled = -1};
    add(worker, &message);
}

/* Say HELLO on each new connection. Every event that the monitor was asked for is one. */
static void
greet_new_connection(struct worker *worker)
{
    bool is_new = false;
    zmq_msg_t frame;

    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, worker->monitor, ZMQ_DONTWAIT) >= 0)
        is_new = true;
    zmq_msg_close(&frame);
    if (is_new)
        say_hello(worker);
}

static void
run(struct worker *worker)
{
    while (!worker->is_stopped && !is_signalled) {
        zmq_pollitem_t items[2] = {{.socket = worker->socket, .events = ZMQ_POLLIN},
                                   {.socket = worker->monitor, .events = ZMQ_POLLIN}};
        bool is_busy = receive(worker);

        /* Each message is answered with one message: the broker's batch is a good size for ours, and waiting for more
         * would let the others stand idle. */
        heartbeat(worker);
        flush_output(worker);
        if (is_busy)
            continue;
        greet_new_connection(worker);
        zmq_poll(items, 2, (long)((worker->heartbeat_at_us - clock_us()) / 1000 + 1));
    }
    add(worker, &(struct message){.verb = VERB_BYE});
    flush_output(worker);
}

static void
take_arguments(struct worker *worker, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "e:p:s:v")) != -1) {
        if (option == 'e')
            worker->endpoint = optarg;
        else if (option == 'p')
            worker->pool = optarg;
        else if (option == 's')
            worker->slots = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 'v')
            worker->is_verbose = true;
        else {
            fprintf(stderr, "usage: echo_worker [-v] [-e ENDPOINT] [-p POOL] [-s SLOTS]\n");
            exit(2);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct worker worker = {.endpoint = "tcp://127.0.0.1:5571", .pool = "echo", .slots = SLOTS_MAX};
    struct sigaction action = {.sa_handler = on_signal};
    int linger_ms = 500;

    take_arguments(&worker, argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    wire_buffer_init(&worker.output, false);
    zmq_msg_init(&worker.frames[0]);
    worker.heartbeat_us = HEARTBEAT_DEFAULT_MS * 1000;
    worker.heartbeat_at_us = clock_us() + worker.heartbeat_us;
    worker.context = zmq_ctx_new();
    worker.socket = zmq_socket(worker.context, ZMQ_DEALER);
    zmq_setsockopt(worker.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    worker.monitor = zmq_socket(worker.context, ZMQ_PAIR);
    if (zmq_socket_monitor(worker.socket, "inproc://monitor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED) ||
        zmq_connect(worker.monitor, "inproc://monitor") || zmq_connect(worker.socket, worker.endpoint))
        die(worker.endpoint);
    run(&worker);
    zmq_msg_close(&worker.frames[0]);
    zmq_socket_monitor(worker.socket, NULL, 0);
    zmq_close(worker.monitor);
    zmq_close(worker.socket);
    zmq_ctx_term(worker.context);
    wire_buffer_fini(&worker.output);
    return 0;
}
