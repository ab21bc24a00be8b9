/* log.h - structured log lines, logfmt or JSON, one write per line. Decides nothing.
 * For one thread. The program must ignore SIGPIPE. */
#ifndef SNAKEPIT_IO_LOG_H
#define SNAKEPIT_IO_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log;

/* Lines go to `fd`, which stays the caller's and must stay open. `program` (at most 31 bytes) is a field of every line.
 * Freed with log_destroy. */
struct log *
log_new(int fd, const char *program, enum log_format format, enum log_level level);

void
log_destroy(struct log **log_p);

void
log_set(struct log *log, enum log_format format, enum log_level level);

/* Begin a line named `event` ("worker.lost"); add fields; end it. Fields between are dropped when the level is off.
 * Values are escaped; control characters never reach the terminal; a line is cut at 16 KiB, marked.
 * Keys are plain words from our own code and are not escaped. A NULL string is left out. */
void
log_begin(struct log *log, enum log_level level, const char *event);

void
log_str(struct log *log, const char *key, const char *value);

void
log_bytes(struct log *log, const char *key, const void *data, size_t size);

void
log_uint(struct log *log, const char *key, uint64_t value);

void
log_int(struct log *log, const char *key, int64_t value);

/* Microseconds as seconds, "1.500000". */
void
log_seconds(struct log *log, const char *key, int64_t duration_us);

/* Writes the line; never waits. A full disk, or a pipe that is full or closed, loses the line and counts it; the next
 * line that works says how many (lost_lines). */
void
log_end(struct log *log);

/* One whole line with only a message. */
void
log_line(struct log *log, enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
