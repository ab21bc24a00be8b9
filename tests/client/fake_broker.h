/* fake_broker.h - a ROUTER that a test plays broker with, command by command, in the client's own thread. */
#ifndef SNAKEPIT_TESTS_CLIENT_FAKE_BROKER_H
#define SNAKEPIT_TESTS_CLIENT_FAKE_BROKER_H

#include "client/include/snakepit.h"
#include "wire/wire.h"

#include <zmq.h>

/* A command that the client sent. Views stay valid until the fake broker ends. */
struct seen_command {
    struct message message;
    zmq_msg_t frames[TASK_FRAMES_MAX]; /* a SUBMIT's attachments */
    unsigned message_number;           /* commands of one message have the same */
};

struct fake_broker;

/* Bind to `endpoint`, or with NULL to a free tcp port. Aborts the test when it cannot. */
struct fake_broker *
fake_broker_new(const char *endpoint);

void
fake_broker_destroy(struct fake_broker **broker_p);

const char *
fake_broker_endpoint(const struct fake_broker *broker);

/* false: HELLO is not answered by itself. */
void
fake_broker_set_polite(struct fake_broker *broker, bool is_polite);

/* The next command that is no HEARTBEAT and no SEEN, waiting at most 5 s, while the client is processed. Fails the test
 * when nothing comes or its verb is another. `client` may be NULL. */
const struct seen_command *
fake_broker_expect(struct fake_broker *broker, struct snakepit_client *client, enum verb verb);

/* Process both until nothing moves for a moment; true when a command of that verb is among what came (and stays). */
bool
fake_broker_has(struct fake_broker *broker, struct snakepit_client *client, enum verb verb);

/* The last HEARTBEAT or SEEN of the client, waiting for one more, at most 5 s. */
const struct seen_command *
fake_broker_expect_quiet(struct fake_broker *broker, struct snakepit_client *client, enum verb verb);

/* Take what has arrived, without waiting, and forget all commands that came so far. */
void
fake_broker_pump(struct fake_broker *broker);

/* Send commands to the peer that was heard last: one message from _begin to _end. */
void
fake_broker_begin(struct fake_broker *broker);

void
fake_broker_add(struct fake_broker *broker, const struct message *message);

void
fake_broker_attach(struct fake_broker *broker, const void *data, size_t size);

void
fake_broker_end(struct fake_broker *broker);

void
fake_broker_send(struct fake_broker *broker, const struct message *message);

/* A control frame of any bytes. */
void
fake_broker_send_raw(struct fake_broker *broker, const void *data, size_t size);

/* The bytes of the message that was begun. They may be changed until its end. */
struct wire_buffer *
fake_broker_bytes(struct fake_broker *broker);

/* RESULT with one str as msgpack value; ERROR with a code. */
void
fake_broker_answer(struct fake_broker *broker, uint64_t id, const char *text);

void
fake_broker_refuse(struct fake_broker *broker, uint64_t id, enum error_code code);

/* Process the client until snakepit_process has called `callbacks` callbacks, at most 5 s; else fail the test. */
void
process_callbacks(struct snakepit_client *client, int callbacks);

/* A client of this fake broker with its WELCOME. `options` may be NULL. */
struct snakepit_client *
connected_client(struct fake_broker *broker, const struct snakepit_client_options *options);

#endif
