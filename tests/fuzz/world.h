/* world.h - the real core between misbehaving peers: frames go in, and what it sends is looked at. For tests only. */
#ifndef SNAKEPIT_TESTS_FUZZ_WORLD_H
#define SNAKEPIT_TESTS_FUZZ_WORLD_H

#include "broker/core/broker.h"
#include "tests/fuzz/memory.h"
#include "wire/wire.h"

struct world {
    struct broker *broker;
    struct outbox outbox;
    int64_t now_us;
    bool is_shut;
    bool is_up[2][PEERS_MAX]; /* connections, by side and number */
    struct memory memory;
    struct wire_buffer sent; /* scratch */
};

void
world_init(struct world *world, const struct broker_settings *settings);

/* All that the core holds is freed; a leak would be found. */
void
world_fini(struct world *world);

/* A control frame comes from a peer, whose connection comes with it when there is none. */
void
world_receive(struct world *world, enum side side, uint32_t peer, struct bytes frame);

/* The connection of a peer ends. Nothing when it has none. */
void
world_cut(struct world *world, enum side side, uint32_t peer);

/* An event of another kind. */
void
world_handle(struct world *world, const struct event *event);

/* Time goes on, and what is due is done. */
void
world_pass(struct world *world, int64_t us);

#endif
