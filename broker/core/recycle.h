/* recycle.h - one worker being replaced, from the wish to the new worker: a plain record in its pool's list.
 *
 * It outlives the old worker when that ends first, so that the place it leaves counts as taken until it is filled: no
 * other worker of the pool is asked to end meanwhile. */
#ifndef SNAKEPIT_CORE_RECYCLE_H
#define SNAKEPIT_CORE_RECYCLE_H

#include "broker/core/heap.h"
#include "broker/core/lifecycle.h"

struct pool;
struct worker;

enum recycle_state {
    RECYCLE_STARTING, /* the agent was asked for a replacement; the old worker goes on. `timer`: start_timeout */
    RECYCLE_STOPPING, /* the old worker was asked to end. `timer`: is it still alive? */
    RECYCLE_FILLING,  /* the old worker is gone, its replacement is not here yet. `timer`: start_timeout, once */
};

struct recycle {
    struct recycle *prev, *next; /* pool.recycling.flights, oldest first */
    struct pool *pool;
    struct worker *worker;       /* the old one; NULL: gone */
    uint64_t old;                /* its session, */
    uint64_t pid;                /* its process, */
    uint64_t agent;              /* and its agent's number; 0: none */
    uint64_t replacement;        /* session of the new one; 0: not here yet */
    struct heap_node timer;
    uint8_t state;               /* enum recycle_state */
    uint8_t reason;              /* enum recycle_reason */
    bool is_first;               /* the old one ends before the new one starts */
};

/* The recycling of one pool. */
struct recycling {
    struct recycle *flights;
    uint32_t in_flight;
    struct worker *due; /* wait for their turn; those that are due for memory stand in front */
    uint32_t due_count;
    bool is_memory_off; /* the limit is below what an idle worker takes */
    uint64_t counts[RECYCLE_REASONS];
};

#endif
