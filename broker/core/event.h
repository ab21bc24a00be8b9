/* event.h - what can happen to the core: a plain record. */
#ifndef SNAKEPIT_CORE_EVENT_H
#define SNAKEPIT_CORE_EVENT_H

#include "wire/message.h"

struct broker_settings;
struct pool_settings;
struct schedule_settings;

enum event_kind {
    EVENT_COMMAND,     /* `message` came from `peer` */
    EVENT_PEER_GONE,   /* the connection of `peer` ended, or its output queue overflowed; the number may be reused */
    EVENT_POOL_DRAIN,  /* operator: refuse new tasks of `pool`; empty name: of all pools */
    EVENT_POOL_RESUME, /* operator: take tasks again */
    EVENT_TASK_CANCEL, /* operator: cancel the task with the broker's number `task` */
    EVENT_POOL_SET,    /* configuration: add the pool of `pool_settings`, or give it these settings */
    EVENT_POOL_REMOVE, /* configuration: refuse new tasks of `pool`, let all others end, then let its workers and itself go */
    EVENT_SETTINGS,    /* configuration: go on with `settings`; what they say of epoch, version and hash stays as it was */
    EVENT_SCHEDULE_SET,    /* operator, configuration: run the task of `schedule_settings` from time to time */
    EVENT_SCHEDULE_REMOVE, /* and no longer that of this name: `schedule` */
    EVENT_RECYCLE,     /* operator: replace the worker with session `worker`, or (0) all of `pool` */
    EVENT_DEAD_REQUEUE, /* operator: run the dead task with the number `task`, or (0) all of `pool`, again as new tasks */
    EVENT_DEAD_REMOVE, /* operator: forget it, or them */
    EVENT_SHUTDOWN,    /* refuse new tasks, dispatch nothing more, let leases end until `shutdown_us` from now */
};

/* What became of dead tasks. */
struct dead_outcome {
    uint64_t done; /* so many were requeued or removed, */
    uint64_t left; /* so many were not: */
    enum error_code code; /* REQUEUE: why the first of them was refused */
    uint64_t task; /* REQUEUE: the new number of the last one */
};

struct event {
    enum event_kind kind;
    enum side side; /* COMMAND, PEER_GONE */
    uint32_t peer;  /* COMMAND, PEER_GONE: the shell's number of a connection; small, dense, > 0, reused after PEER_GONE.
                     * Clients and workers are numbered apart. */
    const struct message *message; /* COMMAND; attachments are referenced by the core when it keeps them */
    struct bytes pool;             /* POOL_*, RECYCLE */
    uint64_t worker;               /* RECYCLE */
    uint64_t *ret_workers;         /* RECYCLE: set to how many will be replaced; may be NULL */
    uint64_t task;                 /* TASK_CANCEL, DEAD_* */
    struct dead_outcome *ret_dead; /* DEAD_*: what was done */
    const struct pool_settings *pool_settings; /* POOL_SET */
    const struct broker_settings *settings;    /* SETTINGS */
    const struct schedule_settings *schedule_settings; /* SCHEDULE_SET */
    struct bytes schedule;         /* SCHEDULE_REMOVE */
    int64_t shutdown_us;           /* SHUTDOWN: how long leases may go on */
};

#endif
