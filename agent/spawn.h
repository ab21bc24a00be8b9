/* spawn.h - starts one program as a worker: own process group, bound to this process's life. Watches nothing. */
#ifndef SNAKEPIT_AGENT_SPAWN_H
#define SNAKEPIT_AGENT_SPAWN_H

#include <sys/resource.h>
#include <sys/types.h>

struct guard;

/* The descriptors on which a program finds what it inherits. */
enum { SPAWN_LIFELINE_FD = 3, SPAWN_READY_FD, SPAWN_SOCKET_FD, SPAWN_FDS_END };

struct spawn_plan {
    char *const *argv;     /* argv[0] is looked up in the PATH of `environment` */
    char **environment;
    const char *directory; /* working directory, or NULL */
    int lifeline_fd;       /* read end of a pipe that ends with this process */
    int ready_fd;          /* write end of a pipe for the pids of workers that are set up */
    int socket_fd;         /* a nursery's; -1: none */
    const struct rlimit *descriptors;
    struct guard *guard;   /* is told of the process group before the program runs */
};

/* Start it. OK, its pid, and the non-blocking read end of its stdout and stderr, which the caller owns.
 * ERR_SYSTEM and errno when no process could be made. A program that cannot be run is a process that prints why and
 * ends with status 127. To be called in the main thread: the kernel kills the program when the calling thread ends. */
int
spawn_worker(const struct spawn_plan *plan, pid_t *ret_pid, int *ret_output_fd);

#endif
