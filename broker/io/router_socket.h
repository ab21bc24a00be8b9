/* router_socket.h - makes the broker's ROUTER sockets with all their options. Binds nothing. */
#ifndef SNAKEPIT_IO_ROUTER_SOCKET_H
#define SNAKEPIT_IO_ROUTER_SOCKET_H

#include "broker/io/config.h"

/* A socket that is to be bound to `address`, and the descriptor to wait on. The caller closes it. NULL: zmq_errno. */
void *
router_socket_new(void *context, const struct config *config, const char *address, int *ret_fd);

#endif
