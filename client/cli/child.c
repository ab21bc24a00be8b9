/* child.c - a program that is run for what it prints; see child.h. */
#include "client/cli/child.h"

#include "broker/io/clock.h"
#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 1024 * 1024, ERRORS_BYTES_MAX = 1000, STATUS_CANNOT_RUN = 127 };

/* One pipe and what came out of it. */
struct stream {
    int fd; /* -1: it ended */
    char *data;
    size_t size, size_max;
    bool keeps_end; /* beyond size_max, the oldest bytes go; else the newest */
};

static void
run_program(const struct child_plan *plan, int output_fd, int errors_fd)
{
    int null_fd = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null_fd, STDIN_FILENO);
    dup2(output_fd, STDOUT_FILENO);
    dup2(errors_fd, STDERR_FILENO);
    if (plan->directory && chdir(plan->directory) != 0) {
        dprintf(STDERR_FILENO, "cannot enter the directory %s: %s\n", plan->directory, strerror(errno));
        _exit(STATUS_CANNOT_RUN);
    }
    for (char *const *variable = plan->environment; variable && *variable; variable++)
        putenv(*variable);
    execvp(plan->argv[0], plan->argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", plan->argv[0], strerror(errno));
    _exit(STATUS_CANNOT_RUN);
}

static void
keep(struct stream *stream, const char *data, size_t size)
{
    if (stream->keeps_end && stream->size + size > stream->size_max) {
        size_t dropped = stream->size + size - stream->size_max;

        if (dropped >= stream->size) {
            data += dropped - stream->size;
            size -= dropped - stream->size;
            dropped = stream->size;
        }
        memmove(stream->data, stream->data + dropped, stream->size - dropped);
        stream->size -= dropped;
    }
    if (size > stream->size_max - stream->size)
        size = stream->size_max - stream->size;
    stream->data = realloc(stream->data, stream->size + size + 1);
    if (!stream->data)
        abort();
    memcpy(stream->data + stream->size, data, size);
    stream->size += size;
    stream->data[stream->size] = '\0';
}

static void
drain_stream(struct stream *stream)
{
    char buffer[65536];
    ssize_t size = read(stream->fd, buffer, sizeof buffer);

    if (size > 0) {
        keep(stream, buffer, (size_t)size);
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(stream->fd);
        stream->fd = -1;
    }
}

/* Read both until they end, or until it is `end_us`. A child of the child may hold them open: the time ends that too. */
static bool
read_streams(struct stream *streams, int64_t end_us)
{
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        struct pollfd fds[2] = {{.fd = streams[0].fd, .events = POLLIN}, {.fd = streams[1].fd, .events = POLLIN}};
        int64_t left_us = end_us - clock_now_us();

        if (left_us <= 0)
            return false;
        if (poll(fds, 2, (int)(left_us / 1000) + 1) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                drain_stream(&streams[i]);
    }
    return true;
}

/* Some programs close their output long before they end. */
static bool
await_end(pid_t pid, int64_t end_us)
{
    int fd = pidfd_open(pid, 0), ready = 0;

    while (fd >= 0 && ready <= 0 && clock_now_us() < end_us) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};

        ready = poll(&wanted, 1, (int)((end_us - clock_now_us()) / 1000) + 1);
    }
    if (fd >= 0)
        close(fd);
    return ready > 0;
}

static int
reap(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return STATUS_CANNOT_RUN;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
child_run(const struct child_plan *plan, struct child_result *ret_result)
{
    struct stream streams[2] = {{.size_max = OUTPUT_BYTES_MAX}, {.size_max = ERRORS_BYTES_MAX, .keeps_end = true}};
    int64_t end_us = clock_now_us() + INT64_C(1000) * plan->timeout_ms;
    int output[2], errors[2];
    pid_t pid;

    if (pipe2(output, O_CLOEXEC) != 0)
        return ERR_SYSTEM;
    if (pipe2(errors, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        close(output[0]); /* the rest ends with the program, which can do nothing more anyway */
        close(output[1]);
        return ERR_SYSTEM;
    }
    if (pid == 0)
        run_program(plan, output[1], errors[1]);
    setpgid(pid, pid);
    close(output[1]);
    close(errors[1]);
    for (int i = 0; i < 2; i++)
        keep(&streams[i], "", 0);
    streams[0].fd = output[0];
    streams[1].fd = errors[0];
    ret_result->timed_out = !read_streams(streams, end_us) || !await_end(pid, end_us);
    kill(-pid, SIGKILL); /* whatever it started; the group is its own until it is reaped */
    ret_result->status = reap(pid);
    for (int i = 0; i < 2; i++)
        if (streams[i].fd >= 0)
            close(streams[i].fd);
    ret_result->output = streams[0].data;
    ret_result->errors = streams[1].data;
    return OK;
}

void
child_fini(struct child_result *result)
{
    free(result->output);
    free(result->errors);
    *result = (struct child_result){0};
}
