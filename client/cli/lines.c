/* lines.c - lines of a descriptor; see lines.h. */
#include "client/cli/lines.h"

#include "wire/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

void
lines_init(struct lines *lines, int fd)
{
    *lines = (struct lines){.fd = fd};
}

void
lines_fini(struct lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Make room for one more read, by moving what is left to the front or by growing. */
static void
make_room(struct lines *lines)
{
    if (lines->begin > 0) {
        memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
        lines->end -= lines->begin;
        lines->scanned -= lines->begin;
        lines->begin = 0;
    }
    if (lines->capacity - lines->end >= READ_BYTES)
        return;
    lines->capacity = lines->capacity ? lines->capacity * 2 : 2 * READ_BYTES;
    lines->buffer = realloc(lines->buffer, lines->capacity);
    if (!lines->buffer)
        abort();
}

int
lines_fill(struct lines *lines)
{
    if (lines->end - lines->begin > LINE_BYTES_MAX)
        return ERR_FULL;
    make_room(lines);

    ssize_t got = read(lines->fd, lines->buffer + lines->end, lines->capacity - lines->end);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? OK : ERR_SYSTEM;
    if (got == 0)
        lines->is_at_end = true;
    lines->end += (size_t)got;
    return OK;
}

int
lines_next(struct lines *lines, const char **ret_text, size_t *ret_size)
{
    const char *start = lines->buffer + lines->begin, *found = NULL;
    size_t size, used;

    if (lines->end > lines->scanned)
        found = memchr(lines->buffer + lines->scanned, '\n', lines->end - lines->scanned);
    if (!found) {
        lines->scanned = lines->end;
        if (!lines->is_at_end || lines->begin == lines->end)
            return ERR_NOT_FOUND;
    }
    size = found ? (size_t)(found - start) : lines->end - lines->begin;
    used = size + (found != NULL);
    lines->begin += used;
    lines->scanned = lines->begin;
    lines->bytes_read += used;
    lines->number++;
    *ret_text = start;
    *ret_size = size > 0 && start[size - 1] == '\r' ? size - 1 : size;
    return OK;
}
