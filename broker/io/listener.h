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

/* Readable when listener_mend should be called; -1 for an address that is no file. */
int
listener_fd(const struct listener *listener);

/* Somebody touched the file of an ipc address. If it is gone, bind it once more, beside what is bound: the connections that
 * stand do not notice. If another socket is in its place, only say so. Of the thread that uses `socket`. */
void
listener_mend(struct listener *listener, void *socket, struct log *log);

/* Close the socket before. Removes the files of an ipc address. *listener_p becomes NULL; NULL is allowed. */
void
listener_destroy(struct listener **listener_p);

#endif
