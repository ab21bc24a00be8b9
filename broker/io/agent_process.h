/* agent_process.h - the one snakepit-agent that the broker starts for its local workers. Starts, watches, ends it;
 * knows nothing of workers. */
#ifndef SNAKEPIT_IO_AGENT_PROCESS_H
#define SNAKEPIT_IO_AGENT_PROCESS_H

#include "broker/io/config.h"
#include "broker/io/log.h"

struct agent_process;

/* Ready to start the agent with this configuration, which it reads from memory: what it gets is what is in force, whatever
 * stands in the file when it is started again. The agent ends, with all its workers, when this process ends in
 * any way (lifeline pipe). */
struct agent_process *
agent_process_new(const struct config *config, struct log *log);

/* Give it another configuration; one that runs takes it with agent_process_reload. */
void
agent_process_configure(struct agent_process *agent, const struct config *config);

/* From now on it runs. OK, or ERR_SYSTEM and a logged reason: it cannot be started, and is as it was. */
int
agent_process_start(struct agent_process *agent, int64_t now_us);

/* From now on it does not: it is asked to end its workers and itself. Does not wait. */
void
agent_process_stop(struct agent_process *agent, int64_t now_us);

bool
agent_process_is_wanted(const struct agent_process *agent);

/* Readable when the agent ended (a pidfd), or -1 while it does not run. May change after each call. */
int
agent_process_fd(const struct agent_process *agent);

/* When agent_process_tick must be called next, or INT64_MAX. */
int64_t
agent_process_next_due_us(const struct agent_process *agent);

/* Reap it if it ended, restart it with back-off when it is time, be rougher with one that does not end. */
void
agent_process_tick(struct agent_process *agent, int64_t now_us);

/* Tell it to read its configuration file again. One that is being restarted reads it anyway. */
void
agent_process_reload(struct agent_process *agent);

/* Ask it to end (closes the lifeline), after timeout_us to end at once, and after as much again kill its process group;
 * reap it. *agent_p becomes NULL. */
void
agent_process_destroy(struct agent_process **agent_p, int64_t timeout_us);

#endif
