/* listener.h - one bound address of a socket, and the files that an ipc address needs. Sends and receives nothing. */
#ifndef SNAKEPIT_IO_LISTENER_H
#define SNAKEPIT_IO_LISTENER_H

#include "broker/io/log.h"

struct listener;

/* Bind `socket` to `address`. For ipc a lock file beside the path keeps a second broker away, since ZeroMQ would
 * quietly take the path from the first. NULL and a logged reason that names the address when it cannot be bound. */
struct listener *
listener_bind(void *socket, const char *address, struct log *log);

/* The address as bound: a wildcard port is replaced by the real one. */
const char *
listener_address(const struct listener *listener);

/* Close the socket before. Removes the files of an ipc address. *listener_p becomes NULL; NULL is allowed. */
void
listener_destroy(struct listener **listener_p);

#endif
