/* output.c - a worker's output to the log; see output.h. */
#include "agent/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 * 1024,
    READS_PER_TURN = 4,
    READS_AT_END = 64, /* a pipe holds 64 KiB; more only comes from a process that still writes */
};

void
output_open(struct output *output, int fd, const struct output_source *source, struct log *log)
{
    output->log = log;
    output->source = *source;
    output->fd = fd;
    output->line_size = 0;
    output->tail_size = 0;
}

static void
log_output_line(struct output *output)
{
    size_t size = output->line_size;

    output->line_size = 0;
    if (size > 0 && output->line[size - 1] == '\r')
        size--;
    if (size == 0)
        return;
    log_begin(output->log, LOG_INFO, "worker.output");
    log_str(output->log, "pool", output->source.pool);
    log_str(output->log, "worker_name", output->source.worker);
    log_int(output->log, "pid", output->source.pid);
    log_bytes(output->log, "line", output->line, size);
    log_end(output->log);
}

static void
keep_tail(struct output *output, const char *data, size_t size)
{
    if (size > OUTPUT_TAIL_BYTES) {
        data += size - OUTPUT_TAIL_BYTES;
        size = OUTPUT_TAIL_BYTES;
    }
    size_t kept = output->tail_size + size > OUTPUT_TAIL_BYTES ? OUTPUT_TAIL_BYTES - size : output->tail_size;
    memmove(output->tail, output->tail + output->tail_size - kept, kept);
    memcpy(output->tail + kept, data, size);
    output->tail_size = kept + size;
}

static void
split_lines(struct output *output, const char *data, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t part = newline ? (size_t)(newline - data) : size;
        size_t room = OUTPUT_LINE_BYTES_MAX - output->line_size;
        bool is_whole = newline && part <= room;

        if (part > room)
            part = room;
        memcpy(output->line + output->line_size, data, part);
        output->line_size += part;
        if (is_whole || output->line_size == OUTPUT_LINE_BYTES_MAX)
            log_output_line(output);
        part += is_whole ? 1 : 0;
        data += part;
        size -= part;
    }
}

static void
end_stream(struct output *output)
{
    log_output_line(output);
    close(output->fd);
    output->fd = -1;
}

/* False when the stream ended. */
static bool
read_some(struct output *output, int reads)
{
    char data[READ_BYTES];

    for (int i = 0; i < reads; i++) {
        ssize_t size = read(output->fd, data, sizeof data);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return true;
        if (size <= 0)
            return false;
        keep_tail(output, data, (size_t)size);
        split_lines(output, data, (size_t)size);
    }
    return true;
}

bool
output_read(struct output *output)
{
    if (read_some(output, READS_PER_TURN))
        return true;
    end_stream(output);
    return false;
}

void
output_close(struct output *output)
{
    if (output->fd < 0)
        return;
    read_some(output, READS_AT_END);
    end_stream(output);
}
