/* reload.h - the configuration is read again while the broker runs: all of it comes into force, or nothing. */
#ifndef SNAKEPIT_IO_RELOAD_H
#define SNAKEPIT_IO_RELOAD_H

#include "broker/core/broker.h"
#include "broker/io/agent_process.h"
#include "broker/io/config.h"
#include "broker/io/log.h"

struct reload;

/* `config` is what is in force; its contents are exchanged. `agent` NULL: local workers are none of ours. All stay the
 * caller's. */
struct reload *
reload_new(struct config *config, struct broker *broker, struct agent_process *agent, struct log *log);

/* *reload_p becomes NULL; NULL is allowed. */
void
reload_destroy(struct reload **reload_p);

/* Read the file again. What the core does and what is to be told is appended to the outbox: config.reloaded with the
 * changes, or config.rejected with every reason. OK, or ERR_INVALID: everything is as it was. */
int
reload_run(struct reload *reload, int64_t now_us, struct outbox *outbox);

/* Take from the agent the removed pools whose last task has ended, and end it when none is left. To be called when something
 * happened. */
void
reload_review(struct reload *reload, int64_t now_us);

/* Give the broker the schedules of `new` that `old` (NULL: nothing) had not, or had otherwise, and take those away that it
 * has no more. */
void
reload_schedules(const struct config *old, const struct config *new, struct broker *broker, int64_t now_us,
                 struct outbox *outbox);

#endif
