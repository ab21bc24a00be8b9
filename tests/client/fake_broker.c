/* fake_broker.c - see fake_broker.h. */
#include "tests/client/fake_broker.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 5000
#define COMMANDS_MAX 65536
#define FRAMES_MAX 8192

struct fake_broker {
    void *context;
    void *router;
    char endpoint[128];
    bool is_polite;
    uint8_t peer[64];
    size_t peer_bytes;
    struct wire_buffer output;
    zmq_msg_t attachments[TASK_FRAMES_MAX];
    size_t attachment_count;
    struct seen_command *seen[COMMANDS_MAX];
    size_t seen_count;
    size_t expected_count; /* of `seen`, handed out */
    struct seen_command *quiet[2]; /* the last HEARTBEAT, the last SEEN */
    uint8_t *controls[FRAMES_MAX]; /* control frames, kept for the views */
    size_t control_count;
};

struct fake_broker *
fake_broker_new(const char *endpoint)
{
    struct fake_broker *broker = calloc(1, sizeof *broker);
    size_t size = sizeof broker->endpoint;
    int linger = 0;

    cr_assert_not_null(broker);
    broker->is_polite = true;
    wire_buffer_init(&broker->output, false);
    broker->context = zmq_ctx_new();
    broker->router = zmq_socket(broker->context, ZMQ_ROUTER);
    zmq_setsockopt(broker->router, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq(zmq_bind(broker->router, endpoint ? endpoint : "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(broker->router, ZMQ_LAST_ENDPOINT, broker->endpoint, &size);
    return broker;
}

static void
free_seen(struct seen_command *seen)
{
    struct payload *payload = seen ? message_payload(&seen->message) : NULL;

    for (int i = 0; payload && i < payload->frames; i++)
        zmq_msg_close(&seen->frames[i]);
    free(seen);
}

void
fake_broker_destroy(struct fake_broker **broker_p)
{
    struct fake_broker *broker = *broker_p;

    *broker_p = NULL;
    zmq_close(broker->router);
    zmq_ctx_term(broker->context);
    for (size_t i = 0; i < broker->seen_count; i++)
        free_seen(broker->seen[i]);
    for (size_t i = 0; i < broker->control_count; i++)
        free(broker->controls[i]);
    free(broker->quiet[0]);
    free(broker->quiet[1]);
    wire_buffer_fini(&broker->output);
    free(broker);
}

const char *
fake_broker_endpoint(const struct fake_broker *broker)
{
    return broker->endpoint;
}

void
fake_broker_set_polite(struct fake_broker *broker, bool is_polite)
{
    broker->is_polite = is_polite;
}

static void
greet(struct fake_broker *broker)
{
    struct message welcome = {.verb = VERB_WELCOME};

    welcome.welcome = (struct welcome){
        .session = 1,
        .broker = {(const uint8_t *)"fake", 4},
        .epoch = 1,
        .heartbeat_ms = 5000,
        .inline_max_bytes = INLINE_BYTES_MAX,
        .control_max_bytes = CONTROL_BYTES_MAX,
        .frame_max_bytes = FRAME_BYTES_MAX,
        .attachments_max = TASK_FRAMES_MAX,
    };
    fake_broker_send(broker, &welcome);
}

/* Keep a command, and receive the attachments that belong to it. */
static void
keep(struct fake_broker *broker, const struct message *message)
{
    struct seen_command *seen = calloc(1, sizeof *seen);
    struct payload *payload;

    seen->message = *message;
    seen->message_number = (unsigned)broker->control_count;
    payload = message_payload(&seen->message);
    for (int i = 0; payload && i < payload->frames; i++) {
        zmq_msg_init(&seen->frames[i]);
        cr_assert(zmq_msg_recv(&seen->frames[i], broker->router, 0) >= 0);
    }
    if (message->verb == VERB_HEARTBEAT || message->verb == VERB_SEEN) {
        struct seen_command **slot = &broker->quiet[message->verb == VERB_SEEN];
        free(*slot);
        *slot = seen;
        return;
    }
    if (message->verb == VERB_HELLO && broker->is_polite)
        greet(broker);
    cr_assert_lt(broker->seen_count, (size_t)COMMANDS_MAX);
    broker->seen[broker->seen_count++] = seen;
}

/* Receive one message, if there is one. */
static bool
receive(struct fake_broker *broker)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    enum wire_next next;
    zmq_msg_t frame;
    size_t size;
    uint8_t *control;
    int peer_bytes = zmq_recv(broker->router, broker->peer, sizeof broker->peer, ZMQ_DONTWAIT);

    if (peer_bytes < 0)
        return false;
    broker->peer_bytes = (size_t)peer_bytes;
    zmq_msg_init(&frame);
    cr_assert(zmq_msg_recv(&frame, broker->router, 0) >= 0);
    size = zmq_msg_size(&frame);
    control = malloc(size + 1);
    memcpy(control, zmq_msg_data(&frame), size);
    zmq_msg_close(&frame);
    cr_assert_lt(broker->control_count, (size_t)FRAMES_MAX);
    broker->controls[broker->control_count++] = control;
    wire_reader_init(&reader, (struct bytes){control, (uint32_t)size}, SIDE_CLIENT, TO_BROKER);
    while ((next = wire_next(&reader, &message, &fault)) != WIRE_END) {
        cr_assert_eq(next, WIRE_COMMAND, "the client sent a wrong command: %s %s", fault.field ? fault.field : "",
                     fault.text);
        keep(broker, &message);
    }
    return true;
}

static int64_t
clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Let both sides work once, sleeping for at most `wait_ms`. */
static void
step(struct fake_broker *broker, struct snakepit_client *client, int wait_ms)
{
    zmq_pollitem_t items[2] = {{.socket = broker->router, .events = ZMQ_POLLIN}};
    bool moved = false;

    if (client) {
        moved = snakepit_process(client, 0) > 0;
        items[1] = (zmq_pollitem_t){.fd = snakepit_fd(client), .events = ZMQ_POLLIN};
    }
    while (receive(broker))
        moved = true;
    if (client)
        moved = snakepit_process(client, 0) > 0 || moved;
    if (!moved)
        zmq_poll(items, client ? 2 : 1, wait_ms);
}

const struct seen_command *
fake_broker_expect(struct fake_broker *broker, struct snakepit_client *client, enum verb verb)
{
    int64_t end_ms = clock_ms() + PATIENCE_MS;
    const struct seen_command *seen;

    while (broker->expected_count == broker->seen_count && clock_ms() < end_ms)
        step(broker, client, 100);
    cr_assert_lt(broker->expected_count, broker->seen_count, "the client did not send a %s", verb_name(verb));
    seen = broker->seen[broker->expected_count++];
    cr_assert_eq(seen->message.verb, verb, "the client sent a %s instead of a %s", verb_name(seen->message.verb),
                 verb_name(verb));
    return seen;
}

bool
fake_broker_has(struct fake_broker *broker, struct snakepit_client *client, enum verb verb)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        size_t count = broker->seen_count;
        step(broker, client, 20);
        if (broker->seen_count != count)
            quiet = 0;
    }
    for (size_t i = broker->expected_count; i < broker->seen_count; i++)
        if (broker->seen[i]->message.verb == verb)
            return true;
    return false;
}

const struct seen_command *
fake_broker_expect_quiet(struct fake_broker *broker, struct snakepit_client *client, enum verb verb)
{
    struct seen_command **slot = &broker->quiet[verb == VERB_SEEN];
    int64_t end_ms = clock_ms() + PATIENCE_MS;

    free(*slot);
    *slot = NULL;
    while (!*slot && clock_ms() < end_ms)
        step(broker, client, 100);
    cr_assert_not_null(*slot, "the client did not send a %s", verb_name(verb));
    return *slot;
}

void
fake_broker_pump(struct fake_broker *broker)
{
    while (receive(broker))
        ;
    while (broker->seen_count > 0)
        free_seen(broker->seen[--broker->seen_count]);
    while (broker->control_count > 0)
        free(broker->controls[--broker->control_count]);
    broker->expected_count = 0;
}

struct wire_buffer *
fake_broker_bytes(struct fake_broker *broker)
{
    return &broker->output;
}

void
fake_broker_begin(struct fake_broker *broker)
{
    broker->output.size = 0;
    broker->attachment_count = 0;
}

void
fake_broker_add(struct fake_broker *broker, const struct message *message)
{
    cr_assert_eq(wire_encode(&broker->output, SIDE_CLIENT, message), OK);
}

void
fake_broker_attach(struct fake_broker *broker, const void *data, size_t size)
{
    zmq_msg_t *frame = &broker->attachments[broker->attachment_count++];

    zmq_msg_init_size(frame, size);
    memcpy(zmq_msg_data(frame), data, size);
}

void
fake_broker_end(struct fake_broker *broker)
{
    size_t left = broker->attachment_count;

    zmq_send(broker->router, broker->peer, broker->peer_bytes, ZMQ_SNDMORE);
    zmq_send(broker->router, broker->output.data, broker->output.size, left ? ZMQ_SNDMORE : 0);
    for (size_t i = 0; i < broker->attachment_count; i++)
        zmq_msg_send(&broker->attachments[i], broker->router, --left ? ZMQ_SNDMORE : 0);
}

void
fake_broker_send(struct fake_broker *broker, const struct message *message)
{
    fake_broker_begin(broker);
    fake_broker_add(broker, message);
    fake_broker_end(broker);
}

void
fake_broker_send_raw(struct fake_broker *broker, const void *data, size_t size)
{
    fake_broker_begin(broker);
    wire_write_raw(&broker->output, (struct bytes){data, (uint32_t)size});
    fake_broker_end(broker);
}

void
fake_broker_answer(struct fake_broker *broker, uint64_t id, const char *text)
{
    struct wire_buffer value;
    struct message result = {.verb = VERB_RESULT};

    wire_buffer_init(&value, false);
    wire_write_text(&value, text);
    result.result.ref = ref_number(id);
    result.result.payload.data = (struct bytes){value.data, (uint32_t)value.size};
    fake_broker_send(broker, &result);
    wire_buffer_fini(&value);
}

void
fake_broker_refuse(struct fake_broker *broker, uint64_t id, enum error_code code)
{
    struct message error = {.verb = VERB_ERROR};

    error.error.ref = ref_number(id);
    error.error.code = code;
    error.error.text = (struct bytes){(const uint8_t *)"because", 7};
    fake_broker_send(broker, &error);
}

void
process_callbacks(struct snakepit_client *client, int callbacks)
{
    int64_t end_ms = clock_ms() + PATIENCE_MS;

    while (callbacks > 0) {
        int called = snakepit_process(client, 100);

        cr_assert_geq(called, 0, "%s", snakepit_last_error(client));
        cr_assert_lt(clock_ms(), end_ms, "%d callbacks did not come", callbacks);
        callbacks -= called;
    }
    cr_assert_eq(callbacks, 0, "%d callbacks too many", -callbacks);
}

struct snakepit_client *
connected_client(struct fake_broker *broker, const struct snakepit_client_options *options)
{
    struct snakepit_client_options own = options ? *options : (struct snakepit_client_options){0};
    struct snakepit_client *client;

    own.endpoint = broker->endpoint;
    client = snakepit_client_new(&own);
    cr_assert_not_null(client);
    fake_broker_expect(broker, client, VERB_HELLO);
    for (int i = 0; i < 100 && !snakepit_is_connected(client); i++)
        step(broker, client, 50);
    cr_assert(snakepit_is_connected(client), "%s", snakepit_last_error(client));
    return client;
}
