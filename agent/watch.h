/* watch.h - keeps all local workers of a configuration alive until told to stop. One loop, no fixed tick. */
#ifndef SNAKEPIT_AGENT_WATCH_H
#define SNAKEPIT_AGENT_WATCH_H

#include "agent/overrides.h"
#include "broker/io/config.h"
#include "broker/io/log.h"

struct watch;

/* Prepare all workers of *config_p, which it takes (NULL then); none is started yet. `address`: where the broker is, for
 * workers and for itself. `lifeline_fd` ends with the process that wants this one (-1: there is none). Address,
 * overrides and log must outlive it; the descriptor stays the caller's. Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD. NULL
 * and a logged reason when the system refuses. */
struct watch *
watch_new(struct config **config_p, const struct overrides *overrides, const char *address, int lifeline_fd,
          struct log *log);

/* Start the workers and keep them alive; returns when a signal or the lifeline said so and all have ended. */
void
watch_run(struct watch *watch);

void
watch_destroy(struct watch **watch_p);

#endif
