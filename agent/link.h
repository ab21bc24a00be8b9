/* link.h - the agent's connection to the broker: the one module that touches ZeroMQ. Knows frames, no commands.
 *
 * ZeroMQ runs threads of its own in this process; only the main thread forks. */
#ifndef SNAKEPIT_AGENT_LINK_H
#define SNAKEPIT_AGENT_LINK_H

#include "wire/body.h"

#include <stdbool.h>

struct link;

/* No connection yet. `endpoint` must outlive it. NULL and errno when the system refuses. */
struct link *
link_new(const char *endpoint);

/* Sends what was handed over, for a moment, and ends. *link_p becomes NULL; NULL is allowed. */
void
link_destroy(struct link **link_p);

/* Drop the connection and all that it had not sent, and make another. ERR_SYSTEM and errno when that cannot be. */
int
link_connect(struct link *link);

/* To be polled for reading: says that something may have happened, once. After every wait, and before the next, call
 * link_receive until it gives nothing. -1: no connection. */
int
link_fd(const struct link *link);

/* The next message's first frame, valid until the next call; false: none now. Never waits. */
bool
link_receive(struct link *link, struct bytes *ret_control);

/* Send one frame. False: not now; the connection takes no more. */
bool
link_send(struct link *link, struct bytes control);

#endif
