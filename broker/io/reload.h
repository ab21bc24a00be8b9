/* reload.h - the configuration is read again while the broker runs: all of it comes into force, or nothing. */
#ifndef SNAKEPIT_IO_RELOAD_H
#define SNAKEPIT_IO_RELOAD_H

#include "broker/core/broker.h"
#include "broker/io/agent_process.h"
#include "broker/io/config.h"
#include "broker/io/log.h"

struct reload_parts {
    struct config *config; /* in force; its contents are exchanged */
    struct broker *broker;
    struct agent_process *agent; /* NULL: local workers are none of ours */
    struct log *log;
};

/* Read the file again. What the core does and what is to be told is appended to the outbox: config.reloaded with the
 * changes, or config.rejected with every reason. OK, or ERR_INVALID: everything is as it was. */
int
reload_run(const struct reload_parts *parts, int64_t now_us, struct outbox *outbox);

/* End the agent when no pool needs it any more. To be called when something happened. */
void
reload_release_agent(const struct reload_parts *parts, int64_t now_us);

#endif
