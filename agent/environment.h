/* environment.h - the environment variables that a pool's workers get. Changes nothing in this process. */
#ifndef SNAKEPIT_AGENT_ENVIRONMENT_H
#define SNAKEPIT_AGENT_ENVIRONMENT_H

#include "broker/io/config.h"

/* `inherited` (this process's), with the thread limits of numeric libraries for the pool's profile, and over both the
 * pool's own. `cpus` is how many this process may use. Ends in NULL; the caller frees it with environment_destroy. */
char **
environment_new(const struct pool_config *pool, char *const *inherited, unsigned cpus);

/* *environment_p becomes NULL. */
void
environment_destroy(char ***environment_p);

#endif
