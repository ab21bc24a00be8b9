/* socket_owner.h - which process listens on an address of this machine? Reads /proc, sends nothing. */
#ifndef SNAKEPIT_CLI_SOCKET_OWNER_H
#define SNAKEPIT_CLI_SOCKET_OWNER_H

#include <sys/types.h>

struct socket_owner {
    pid_t pid;
    char name[32]; /* the program's, as ps shows it */
};

/* Who listens on this port of any interface. OK; ERR_NOT_FOUND: nobody, or a process that this user may not see. */
int
socket_owner_of_port(unsigned port, struct socket_owner *ret_owner);

/* The same for the path of a Unix socket. */
int
socket_owner_of_path(const char *path, struct socket_owner *ret_owner);

#endif
