/* fake_broker.h - for tests: the broker's side of an agent's session, by hand. */
#ifndef SNAKEPIT_TESTS_AGENT_FAKE_BROKER_H
#define SNAKEPIT_TESTS_AGENT_FAKE_BROKER_H

#include "wire/wire.h"

struct fake_broker {
    void *context;
    void *router;
    char path[144]; /* of its socket */
    uint8_t peer[256];
    size_t peer_bytes; /* 0: nobody has spoken yet */
    uint8_t frame[64 * 1024];
    struct wire_reader reader;
    struct wire_buffer buffer;
};

/* Listen at ipc://DIRECTORY/workers. */
void
fake_broker_open(struct fake_broker *broker, const char *directory);

void
fake_broker_close(struct fake_broker *broker);

/* Send one command to the peer that spoke last. */
void
fake_broker_send(struct fake_broker *broker, const struct message *message);

/* The next command of this verb; others are dropped, HEARTBEAT is answered. Fails the test when none comes. Views are valid
 * until the next call. */
struct message
fake_broker_wait(struct fake_broker *broker, enum verb verb);

/* Wait for HELLO, answer WELCOME with this interval; returns the HELLO. */
struct message
fake_broker_welcome(struct fake_broker *broker, unsigned heartbeat_ms);

#endif
