/* context.h - what everything in the agent shares. A plain record, made once by watch.c, which renews the durations when
 * the configuration is read again. */
#ifndef SNAKEPIT_AGENT_CONTEXT_H
#define SNAKEPIT_AGENT_CONTEXT_H

#include "broker/io/log.h"

#include <sys/resource.h>

struct broker_session;
struct guard;
struct memory;

struct agent_context {
    struct log *log;
    struct guard *guard;
    struct memory *memory;
    struct broker_session *session;
    const char *address; /* that workers connect to */
    uint64_t id;         /* of this agent, for its workers and the broker */
    int lifeline_fd;     /* read end that workers inherit */
    int ready_fd;        /* write end that workers inherit, and tell their pid to when they are set up */
    unsigned cpus;
    struct rlimit descriptors; /* that workers get */
    int64_t stop_timeout_us;
    int64_t restart_delay_us;
    int64_t restart_delay_max_us;
};

#endif
