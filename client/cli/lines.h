/* lines.h - lines of a descriptor, without blocking when it is readable, in bounded memory. */
#ifndef SNAKEPIT_CLI_LINES_H
#define SNAKEPIT_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_BYTES_MAX = 64 * 1024 * 1024 };

struct lines {
    int fd;
    char *buffer;
    size_t begin, scanned, end, capacity;
    bool is_at_end;      /* nothing more can be read */
    uint64_t number;     /* of the last line given out, from 1 */
    uint64_t bytes_read; /* of all lines given out */
};

/* The descriptor stays the caller's. */
void
lines_init(struct lines *lines, int fd);

void
lines_fini(struct lines *lines);

/* Read what is there; call it when poll says that the descriptor is readable. Views given out before are invalid then.
 * OK; ERR_FULL: a line is longer than LINE_BYTES_MAX; ERR_SYSTEM. */
int
lines_fill(struct lines *lines);

/* Take the next whole line, without its end; the last one may have none. OK, or ERR_NOT_FOUND: fill first. */
int
lines_next(struct lines *lines, const char **ret_text, size_t *ret_size);

#endif
