/* spawn.c - fork, and all that must be so before exec; see spawn.h. */
#include "agent/spawn.h"

#include "agent/guard.h"
#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { STATUS_CANNOT_RUN = 127 };

/* Signals that this process handles in its own way must not stay so in the worker. */
static void
reset_signals(void)
{
    sigset_t none;

    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A source may have the number that is another's target, so all are moved out of the way first. */
static void
set_descriptors(const struct spawn_plan *plan, int output_fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int sources[SPAWN_FDS_END] = {
        [STDIN_FILENO] = null_fd, [STDOUT_FILENO] = output_fd, [STDERR_FILENO] = output_fd,
        [SPAWN_LIFELINE_FD] = plan->lifeline_fd, [SPAWN_READY_FD] = plan->ready_fd,
        [SPAWN_SOCKET_FD] = plan->socket_fd,
    };
    int moved[SPAWN_FDS_END];

    for (int fd = 0; fd < SPAWN_FDS_END; fd++)
        moved[fd] = sources[fd] < 0 ? -1 : fcntl(sources[fd], F_DUPFD_CLOEXEC, SPAWN_FDS_END);
    for (int fd = 0; fd < SPAWN_FDS_END; fd++)
        if (moved[fd] >= 0)
            dup2(moved[fd], fd);
}

static void
run(const struct spawn_plan *plan, int output_fd, pid_t parent)
{
    /* The kernel kills us when the parent ends; if it ended before this line, nothing would. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(STATUS_CANNOT_RUN);
    setpgid(0, 0);
    /* By the child itself: if the parent told the guard, it could be killed before that, but after the program's
     * first act. */
    guard_add(plan->guard, getpid());
    set_descriptors(plan, output_fd);
    setrlimit(RLIMIT_NOFILE, plan->descriptors);
    reset_signals();
    if (plan->directory != NULL && chdir(plan->directory) != 0) {
        dprintf(STDERR_FILENO, "cannot enter the directory %s: %s\n", plan->directory, strerror(errno));
        _exit(STATUS_CANNOT_RUN);
    }
    environ = plan->environment;
    execvp(plan->argv[0], plan->argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", plan->argv[0], strerror(errno));
    _exit(STATUS_CANNOT_RUN);
}

int
spawn_worker(const struct spawn_plan *plan, pid_t *ret_pid, int *ret_output_fd)
{
    pid_t parent = getpid();
    int output[2];

    if (pipe2(output, O_CLOEXEC) != 0)
        return ERR_SYSTEM;
    pid_t pid = fork();
    if (pid == 0)
        run(plan, output[1], parent);
    int error = errno;
    close(output[1]);
    if (pid < 0) {
        close(output[0]);
        errno = error;
        return ERR_SYSTEM;
    }
    /* Here too, so that the group exists whichever of the two processes runs first. */
    setpgid(pid, pid);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    *ret_pid = pid;
    *ret_output_fd = output[0];
    return OK;
}
