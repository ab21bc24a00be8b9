/* loop.h - the broker's one thread: waits, reads the clock, lets the core decide, sends. Makes none of its parts. */
#ifndef SNAKEPIT_IO_LOOP_H
#define SNAKEPIT_IO_LOOP_H

#include "broker/core/broker.h"
#include "broker/io/admin.h"
#include "broker/io/events.h"
#include "broker/io/reload.h"
#include "broker/io/router.h"

struct loop_parts {
    const struct config *config;
    struct broker *broker;
    struct agent_process *agent; /* NULL: none */
    struct reload *reload;
    struct log *log;
    struct router *clients;
    struct router *workers;
    struct admin *admin;
    struct events *events;
    int signal_fd; /* a signalfd with SIGTERM, SIGINT and SIGHUP */
};

/* Serve until the core says that a shutdown is complete, or a second signal cuts it short.
 * The program's exit status: 0 after a shutdown in good order, 1 otherwise. */
int
loop_run(const struct loop_parts *parts);

#endif
