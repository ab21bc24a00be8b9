/* attempts.c - a short list of records with their texts; see attempts.h. */
#include "broker/core/attempts.h"

#include "wire/text.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char *
store_text(char **at, struct bytes text)
{
    char *stored = *at;

    if (text.size > 0)
        memcpy(stored, text.data, text.size);
    stored[text.size] = '\0';
    *at += text.size + 1;
    return stored;
}

static void
drop_oldest(struct attempts *attempts)
{
    struct attempt *oldest = attempts->list;

    DL_DELETE(attempts->list, oldest);
    attempts->count--;
    free(oldest);
}

void
attempts_add(struct attempts *attempts, const struct attempt *attempt)
{
    struct bytes name = text_bytes(attempt->worker_name);
    struct bytes cause = text_head(text_bytes(attempt->cause), ATTEMPT_CAUSE_BYTES_MAX);
    struct attempt *copy = malloc(sizeof *copy + name.size + cause.size + 2);
    char *at;

    if (!copy)
        abort();
    *copy = *attempt;
    at = copy->store;
    copy->worker_name = store_text(&at, name);
    copy->cause = store_text(&at, cause);
    DL_APPEND(attempts->list, copy);
    if (++attempts->count > ATTEMPTS_KEPT_MAX)
        drop_oldest(attempts);
}

void
attempts_fini(struct attempts *attempts)
{
    while (attempts->list)
        drop_oldest(attempts);
}

size_t
attempts_bytes(const struct attempts *attempts)
{
    const struct attempt *attempt;
    size_t bytes = 0;

    DL_FOREACH(attempts->list, attempt)
        bytes += sizeof *attempt + strlen(attempt->worker_name) + strlen(attempt->cause) + 2;
    return bytes;
}
