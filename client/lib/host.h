/* host.h - can the host of an endpoint be found at all? Asks the system's resolver; connects to nothing. */
#ifndef SNAKEPIT_CLIENT_HOST_H
#define SNAKEPIT_CLIENT_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the endpoint is `tcp://NAME:PORT` and the name cannot be resolved; then `text` says so and why. Blocks as long as the
 * resolver takes; numbers and ipc paths are not looked up. */
bool
host_is_unknown(const char *endpoint, char *text, size_t size);

#endif
