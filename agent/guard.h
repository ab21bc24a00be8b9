/* guard.h - a small process that outlives this one by a moment, to kill what kill -9 of this one leaves behind.
 *
 * The kernel kills the workers when the agent ends in any way, but not what the workers started. The guard knows the
 * workers' process groups, sees the agent's end as the end of a pipe, kills the groups and ends. */
#ifndef SNAKEPIT_AGENT_GUARD_H
#define SNAKEPIT_AGENT_GUARD_H

#include <sys/types.h>

struct guard;

/* Start the guard. NULL and errno when it cannot be started. */
struct guard *
guard_new(void);

/* Let the guard end and reap it. *guard_p becomes NULL; NULL is allowed. */
void
guard_destroy(struct guard **guard_p);

pid_t
guard_pid(const struct guard *guard);

/* Where orders are written, to be passed to a process that will add itself. */
int
guard_fd(const struct guard *guard);

/* Watch over this process group from now on. A forked child may call it, too. */
void
guard_add(struct guard *guard, pid_t group);

/* Forget it. To be called while the number still belongs to it. */
void
guard_remove(struct guard *guard, pid_t group);

#endif
