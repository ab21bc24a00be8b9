/* guard.c - the process that outlives the agent by a moment; see guard.h. */
#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct guard {
    pid_t pid;
    int fd; /* write end */
};

/* The guard's own list. */
struct groups {
    pid_t *list;
    size_t count;
    size_t capacity;
};

static void
groups_add(struct groups *groups, pid_t group)
{
    if (groups->count == groups->capacity) {
        groups->capacity = groups->capacity == 0 ? 64 : groups->capacity * 2;
        groups->list = realloc(groups->list, groups->capacity * sizeof *groups->list);
        if (!groups->list)
            abort();
    }
    groups->list[groups->count++] = group;
}

static void
groups_remove(struct groups *groups, pid_t group)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->list[i] == group)
            groups->list[i--] = groups->list[--groups->count];
}

/* The guard's whole life. An order is a group to watch over, or, with a minus, to forget; far below PIPE_BUF, so it
 * arrives whole. Workers that a nursery forked write one, too (snakepit/nursery.py). */
static void
keep_guard(int fd)
{
    struct groups groups = {0};
    int32_t order;
    ssize_t size;

    while ((size = read(fd, &order, sizeof order)) == sizeof order || (size < 0 && errno == EINTR)) {
        if (size < 0)
            continue;
        if (order > 0)
            groups_add(&groups, order);
        else
            groups_remove(&groups, -order);
    }
    for (size_t i = 0; i < groups.count; i++)
        kill(-groups.list[i], SIGKILL);
    _exit(0);
}

/* Other threads may hold locks of the C library at the fork; glibc's memory functions are safe after it.
 * It must not die of what ends the agent, nor keep open what others wait to see closed. */
static void
become_guard(int fd)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

    setpgid(0, 0);
    prctl(PR_SET_NAME, "snakepit-guard");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_IGN);
    dup2(fd, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    keep_guard(STDIN_FILENO);
}

struct guard *
guard_new(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0)
        become_guard(ends[0]);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return NULL;
    }
    /* Here too: from now on it is not in the group that is killed with this process. */
    setpgid(pid, pid);
    struct guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        abort();
    guard->pid = pid;
    guard->fd = ends[1];
    return guard;
}

void
guard_destroy(struct guard **guard_p)
{
    struct guard *guard = *guard_p;

    if (!guard)
        return;
    close(guard->fd);
    /* One that was stopped would never see the end of its pipe, and we would never end. */
    kill(guard->pid, SIGCONT);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(guard);
    *guard_p = NULL;
}

pid_t
guard_pid(const struct guard *guard)
{
    return guard->pid;
}

int
guard_fd(const struct guard *guard)
{
    return guard->fd;
}

/* A guard that was killed cannot be told; whoever reaps it starts another and adds all groups again. */
static void
tell(const struct guard *guard, int32_t order)
{
    while (write(guard->fd, &order, sizeof order) < 0 && errno == EINTR)
        ;
}

void
guard_add(struct guard *guard, pid_t group)
{
    tell(guard, group);
}

void
guard_remove(struct guard *guard, pid_t group)
{
    tell(guard, -group);
}
