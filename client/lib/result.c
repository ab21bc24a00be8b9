/* result.c - copies of results that outlive their callback. See snakepit.h. */
#include "client/include/snakepit.h"

#include <stdlib.h>
#include <string.h>

/* Copy `size` bytes to *at, move *at behind them. */
static const void *
store(char **at, const void *data, size_t size)
{
    char *start = *at;

    if (size)
        memcpy(start, data, size);
    *at += size;
    return start;
}

static const char *
store_text(char **at, const char *text)
{
    return store(at, text, strlen(text) + 1);
}

static size_t
stored_bytes(const struct snakepit_result *result)
{
    const char *const texts[] = {result->code, result->message, result->type, result->traceback, result->content_type};
    size_t size = result->part_count * sizeof *result->parts;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += strlen(texts[i]) + 1;
    for (size_t i = 0; i < result->part_count; i++)
        size += result->parts[i].size;
    return size;
}

struct snakepit_result *
snakepit_result_copy(const struct snakepit_result *result)
{
    struct snakepit_result *copy = malloc(sizeof *copy + stored_bytes(result));
    struct snakepit_bytes *parts;
    char *at;

    if (!copy)
        return NULL;
    *copy = *result;
    parts = (struct snakepit_bytes *)(copy + 1);
    at = (char *)(parts + result->part_count);
    copy->parts = parts;
    for (size_t i = 0; i < result->part_count; i++) {
        parts[i].size = result->parts[i].size;
        parts[i].data = store(&at, result->parts[i].data, result->parts[i].size);
    }
    copy->code = store_text(&at, result->code);
    copy->message = store_text(&at, result->message);
    copy->type = store_text(&at, result->type);
    copy->traceback = store_text(&at, result->traceback);
    copy->content_type = store_text(&at, result->content_type);
    return copy;
}

void
snakepit_result_destroy(struct snakepit_result **result_p)
{
    free(*result_p);
    *result_p = NULL;
}
