/* agent.h - one session of an agent: the record, and what it says of its pools. Sends nothing. */
#ifndef SNAKEPIT_CORE_AGENT_H
#define SNAKEPIT_CORE_AGENT_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "wire/message.h"

/* A pool that the agent serves. By name: the broker may learn of the pool later, or forget it. */
struct duty {
    char name[NAME_BYTES_MAX + 1];
    uint32_t wanted;
    bool is_failed; /* it cannot start workers */
};

struct agent {
    uint64_t number;   /* its own, made once per process */
    UT_hash_handle hh; /* in broker.agents, by `number` */
    uint64_t session;
    uint32_t peer;     /* 0: its connection ended, and it has a moment to come back */
    uint64_t pid;
    int64_t started_us;
    int64_t heard_us;
    struct heap_node timer; /* connected: is it silent? else: the grace */
    struct duty *duties;
    uint32_t duties_count;
    char name[LABEL_BYTES_MAX + 1];
    char host[LABEL_BYTES_MAX + 1];
};

struct agent *
agent_new(uint64_t session, const struct hello *hello, int64_t now_us);

/* Frees an agent that is in no hash and has no timer. */
void
agent_destroy(struct agent **agent_p);

/* Take labels and pools from its HELLO, instead of those that it had. */
void
agent_take_hello(struct agent *agent, const struct hello *hello);

/* The duty for a pool, made (0 wanted) when there is none yet. NULL: it has AGENT_POOLS_MAX of them. */
struct duty *
agent_duty(struct agent *agent, struct bytes pool);

#endif
