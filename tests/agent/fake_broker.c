/* fake_broker.c - a ROUTER that speaks the agents' verbs; see fake_broker.h. */
#include "tests/agent/fake_broker.h"

#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

void
fake_broker_open(struct fake_broker *broker, const char *directory)
{
    char endpoint[SCENE_PATH_BYTES + 32];
    int linger_ms = 0, timeout_ms = SCENE_WAIT_MS;

    memset(broker, 0, sizeof(*broker));
    wire_buffer_init(&broker->buffer, false);
    broker->context = zmq_ctx_new();
    broker->router = zmq_socket(broker->context, ZMQ_ROUTER);
    zmq_setsockopt(broker->router, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    zmq_setsockopt(broker->router, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    snprintf(broker->path, sizeof(broker->path), "%s/workers", directory);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s", broker->path);
    cr_assert_eq(zmq_bind(broker->router, endpoint), 0, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
}

void
fake_broker_close(struct fake_broker *broker)
{
    if (broker->router == NULL)
        return;
    zmq_close(broker->router);
    zmq_ctx_term(broker->context);
    unlink(broker->path);
    wire_buffer_fini(&broker->buffer);
    memset(broker, 0, sizeof(*broker));
}

void
fake_broker_send(struct fake_broker *broker, const struct message *message)
{
    broker->buffer.size = 0;
    cr_assert_eq(wire_encode(&broker->buffer, SIDE_WORKER, message), OK);
    zmq_send(broker->router, broker->peer, broker->peer_bytes, ZMQ_SNDMORE);
    zmq_send(broker->router, broker->buffer.data, broker->buffer.size, 0);
}

static void
receive(struct fake_broker *broker, enum verb verb)
{
    int peer_bytes = zmq_recv(broker->router, broker->peer, sizeof(broker->peer), 0);
    int size = peer_bytes < 0 ? -1 : zmq_recv(broker->router, broker->frame, sizeof(broker->frame), 0);

    cr_assert_gt(size, 0, "no %s came", verb_name(verb));
    broker->peer_bytes = (size_t)peer_bytes;
    wire_reader_init(&broker->reader, (struct bytes){.data = broker->frame, .size = (uint32_t)size}, SIDE_WORKER,
                     TO_BROKER);
}

struct message
fake_broker_wait(struct fake_broker *broker, enum verb verb)
{
    struct message heartbeat = {.verb = VERB_HEARTBEAT, .heartbeat = {.gil_enabled = -1}};
    struct message message;
    struct wire_fault fault;

    for (;;) {
        enum wire_next next = broker->reader.size == 0 ? WIRE_END : wire_next(&broker->reader, &message, &fault);
        if (next == WIRE_END)
            receive(broker, verb);
        else
            cr_assert_eq(next, WIRE_COMMAND, "%s", fault.text);
        if (next == WIRE_COMMAND && message.verb == VERB_HEARTBEAT)
            fake_broker_send(broker, &heartbeat);
        if (next == WIRE_COMMAND && message.verb == verb)
            return message;
    }
}

struct message
fake_broker_welcome(struct fake_broker *broker, unsigned heartbeat_ms)
{
    struct message welcome = {.verb = VERB_WELCOME, .welcome = {.session = 1, .heartbeat_ms = heartbeat_ms}};
    struct message hello = fake_broker_wait(broker, VERB_HELLO);

    fake_broker_send(broker, &welcome);
    return hello;
}
