/* log.c - a line in a fixed buffer, written at once; see log.h. */
#include "broker/io/log.h"

#include "broker/io/clock.h"
#include "wire/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 16 * 1024,
    TAIL_BYTES = 64,   /* always free at the end: room for the marks `cut` and `lost_lines`, and the line's end */
    ESCAPE_BYTES = 12, /* the longest thing that one character becomes: two \uXXXX */
    PROGRAM_BYTES = 32,
    MESSAGE_BYTES = 4096,
};

struct log {
    int fd;     /* where to write; ours when is_reopened */
    bool is_reopened;
    bool is_socket;
    bool is_on;   /* the line that was begun passes the level */
    bool is_cut;  /* the line is full; further fields are dropped */
    bool is_torn; /* the last write ended inside a line */
    enum log_format format;
    enum log_level level;
    uint64_t lost_lines;
    size_t size;
    char program[PROGRAM_BYTES];
    char line[LINE_BYTES_MAX];
};

/* A pipe is opened a second time, non-blocking: a reader that sleeps must not stop the program, and the flag must not
 * be set on the caller's descriptor, which other processes share. */
static void
open_output(struct log *log, int fd)
{
    char path[32];
    struct stat status;

    log->fd = fd;
    if (fstat(fd, &status) != 0)
        return;
    log->is_socket = S_ISSOCK(status.st_mode);
    if (!S_ISFIFO(status.st_mode))
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own_fd >= 0) {
        log->fd = own_fd;
        log->is_reopened = true;
    }
}

struct log *
log_new(int fd, const char *program, enum log_format format, enum log_level level)
{
    struct log *log = calloc(1, sizeof *log);

    if (!log)
        abort();
    snprintf(log->program, sizeof log->program, "%s", program);
    open_output(log, fd);
    log_set(log, format, level);
    return log;
}

void
log_destroy(struct log **log_p)
{
    struct log *log = *log_p;

    if (!log)
        return;
    if (log->is_reopened)
        close(log->fd);
    free(log);
    *log_p = NULL;
}

void
log_set(struct log *log, enum log_format format, enum log_level level)
{
    log->format = format;
    log->level = level;
}

static const char *
level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    return names[level];
}

static bool
has_room(const struct log *log, size_t bytes)
{
    return log->size + bytes + TAIL_BYTES <= sizeof log->line;
}

static void
append(struct log *log, const char *data, size_t size)
{
    memcpy(log->line + log->size, data, size);
    log->size += size;
}

static void
append_text(struct log *log, const char *text)
{
    append(log, text, strlen(text));
}

/* Start a field. False: there is no room for it. */
static bool
begin_field(struct log *log, const char *key)
{
    if (!log->is_on || log->is_cut)
        return false;
    if (!has_room(log, strlen(key) + ESCAPE_BYTES + 32)) {
        log->is_cut = true;
        return false;
    }
    if (log->format == LOG_JSON) {
        append_text(log, log->size == 0 ? "{\"" : ",\"");
        append_text(log, key);
        append_text(log, "\":");
    } else {
        if (log->size > 0)
            append_text(log, " ");
        append_text(log, key);
        append_text(log, "=");
    }
    return true;
}

static void
append_escape(struct log *log, uint32_t code)
{
    char text[ESCAPE_BYTES + 1];

    switch (code) {
    case '\n':
        append_text(log, "\\n");
        return;
    case '\r':
        append_text(log, "\\r");
        return;
    case '\t':
        append_text(log, "\\t");
        return;
    default:
        snprintf(text, sizeof text, "\\u%04x", (unsigned)code & 0xFFFF);
        append_text(log, text);
    }
}

static void
append_quoted(struct log *log, const char *data, size_t size)
{
    append_text(log, "\"");
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = text_decode(data + at, size - at, &code);

        if (!has_room(log, ESCAPE_BYTES)) {
            log->is_cut = true;
            break;
        }
        if (length == 0) {
            append_text(log, "\\ufffd"); /* a byte that is no UTF-8 */
            at++;
            continue;
        }
        if (code == '"' || code == '\\')
            append_text(log, "\\");
        if (text_is_unsafe(code))
            append_escape(log, code);
        else
            append(log, data + at, length);
        at += length;
    }
    append_text(log, "\"");
}

/* logfmt leaves plain words without quotes. */
static bool
is_plain(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] <= ' ' || data[i] >= 0x7F || data[i] == '"' || data[i] == '\\' || data[i] == '=')
            return false;
    return size > 0;
}

void
log_bytes(struct log *log, const char *key, const void *data, size_t size)
{
    if (!begin_field(log, key))
        return;
    if (log->format == LOG_LOGFMT && is_plain(data, size) && has_room(log, size))
        append(log, data, size);
    else
        append_quoted(log, data, size);
}

void
log_str(struct log *log, const char *key, const char *value)
{
    if (value)
        log_bytes(log, key, value, strlen(value));
}

void
log_uint(struct log *log, const char *key, uint64_t value)
{
    char text[24];

    if (!begin_field(log, key))
        return;
    snprintf(text, sizeof text, "%" PRIu64, value);
    append_text(log, text);
}

void
log_int(struct log *log, const char *key, int64_t value)
{
    char text[24];

    if (!begin_field(log, key))
        return;
    snprintf(text, sizeof text, "%" PRId64, value);
    append_text(log, text);
}

void
log_seconds(struct log *log, const char *key, int64_t duration_us)
{
    uint64_t us = duration_us > 0 ? (uint64_t)duration_us : 0;
    char text[32];

    if (!begin_field(log, key))
        return;
    snprintf(text, sizeof text, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    append_text(log, text);
}

void
log_begin(struct log *log, enum log_level level, const char *event)
{
    char time[CLOCK_TEXT_BYTES];

    log->is_on = level >= log->level;
    if (!log->is_on)
        return;
    log->size = 0;
    log->is_cut = false;
    log_str(log, "time", clock_format(clock_wall_us(), time));
    log_str(log, "level", level_name(level));
    log_str(log, "program", log->program);
    log_str(log, "event", event);
}

/* Marks and the line's end; TAIL_BYTES were kept for them. */
static void
finish_line(struct log *log)
{
    bool is_json = log->format == LOG_JSON;
    char text[TAIL_BYTES];

    if (log->is_cut)
        append_text(log, is_json ? ",\"cut\":true" : " cut=true");
    if (log->lost_lines > 0) {
        snprintf(text, sizeof text, is_json ? ",\"lost_lines\":%" PRIu64 : " lost_lines=%" PRIu64, log->lost_lines);
        append_text(log, text);
    }
    append_text(log, is_json ? "}\n" : "\n");
}

/* Bytes written, or -1. Never waits: a terminal that is stopped has no room either. */
static ssize_t
write_now(const struct log *log, const char *data, size_t size)
{
    struct pollfd poll_fd = {.fd = log->fd, .events = POLLOUT};
    ssize_t written;

    if (poll(&poll_fd, 1, 0) != 1 || (poll_fd.revents & POLLOUT) == 0)
        return -1;
    do
        written = log->is_socket ? send(log->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(log->fd, data, size);
    while (written < 0 && errno == EINTR);
    return written;
}

void
log_end(struct log *log)
{
    if (!log->is_on)
        return;
    finish_line(log);
    log->is_on = false;

    /* The rest of a torn line is gone; this line must not look like that rest. */
    if (log->is_torn && write_now(log, "\n", 1) == 1)
        log->is_torn = false;
    ssize_t written = log->is_torn ? -1 : write_now(log, log->line, log->size);
    if (written == (ssize_t)log->size) {
        log->lost_lines = 0;
        return;
    }
    log->is_torn = log->is_torn || written > 0;
    log->lost_lines++;
}

void
log_line(struct log *log, enum log_level level, const char *event, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;

    if (level < log->level)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log_begin(log, level, event);
    log_str(log, "message", message);
    log_end(log);
}
