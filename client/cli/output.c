/* output.c - writing without blocking; see output.h. */
#include "client/cli/output.h"

#include "wire/err.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A pipe that poll calls writable has room for this much (PIPE_BUF); more could block, since O_NONBLOCK is not ours to
 * set: the open file is shared with whoever started us. */
enum { WRITE_BYTES = 4096, KEEP_BYTES = 1024 * 1024 };

void
output_init(struct output *output, int fd)
{
    *output = (struct output){.fd = fd};
    wire_buffer_init(&output->pending, false);
}

void
output_fini(struct output *output)
{
    wire_buffer_fini(&output->pending);
}

size_t
output_left(const struct output *output)
{
    return output->pending.size - output->written;
}

static int
fail(struct output *output, int error)
{
    output->error = error;
    output->pending.size = output->written = 0;
    return ERR_SYSTEM;
}

/* What is written leaves the buffer, when that moves less than was written; one that a large result has blown up is
 * given back. */
static void
forget_written(struct output *output)
{
    if (output_left(output) > output->written)
        return;
    if (output_left(output) > 0)
        memmove(output->pending.data, output->pending.data + output->written, output_left(output));
    output->pending.size -= output->written;
    output->written = 0;
    if (output->pending.size == 0 && output->pending.capacity > KEEP_BYTES) {
        wire_buffer_fini(&output->pending);
        wire_buffer_init(&output->pending, false);
    }
}

int
output_flush(struct output *output)
{
    while (output->error == 0) {
        size_t left = output_left(output);
        struct pollfd state = {.fd = output->fd, .events = left > 0 ? POLLOUT : 0};
        ssize_t written;

        if (poll(&state, 1, 0) < 0)
            return OK;
        if (state.revents & (POLLERR | POLLHUP))
            return fail(output, EPIPE);
        if (left == 0 || state.revents == 0)
            break;
        written = write(output->fd, output->pending.data + output->written, left < WRITE_BYTES ? left : WRITE_BYTES);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return fail(output, errno);
        if (written > 0)
            output->written += (size_t)written;
    }
    if (output->error != 0)
        return fail(output, output->error);
    forget_written(output);
    return OK;
}
