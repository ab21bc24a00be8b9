/* environment.h - the environment variables that a pool's workers get. Changes nothing in this process. */
#ifndef SNAKEPIT_AGENT_ENVIRONMENT_H
#define SNAKEPIT_AGENT_ENVIRONMENT_H

#include "agent/context.h"
#include "broker/io/config.h"

/* `inherited` (this process's), with the thread limits of numeric libraries for the pool's profile, over both the pool's
 * own, and SNAKEPIT_AGENT; with SNAKEPIT_REPLACES when the worker replaces the one of that session (0: none). Ends in
 * NULL; the caller frees it with environment_destroy. */
char **
environment_new(const struct pool_config *pool, char *const *inherited, const struct agent_context *context,
                uint64_t replaces);

enum { ENVIRONMENT_REPLACES_BYTES = 48 };

/* The one variable that differs between workers of a pool. */
void
environment_print_replaces(uint64_t replaces, char text[ENVIRONMENT_REPLACES_BYTES]);

/* *environment_p becomes NULL. */
void
environment_destroy(char ***environment_p);

#endif
