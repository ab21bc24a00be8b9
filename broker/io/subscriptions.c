/* subscriptions.c - the prefixes that somebody subscribes to; see subscriptions.h. */
#include "broker/io/subscriptions.h"

#include <stdlib.h>
#include <string.h>

void
subscriptions_init(struct subscriptions *subscriptions)
{
    memset(subscriptions, 0, sizeof *subscriptions);
}

void
subscriptions_fini(struct subscriptions *subscriptions)
{
    while (subscriptions->count > 0)
        free(subscriptions->prefixes[--subscriptions->count].data);
    free(subscriptions->prefixes);
    subscriptions_init(subscriptions);
}

static void
add(struct subscriptions *subscriptions, const char *prefix, size_t size)
{
    struct prefix *new;

    if (subscriptions->count == SUBSCRIPTIONS_MAX) {
        subscriptions->uncounted++;
        return;
    }
    subscriptions->prefixes =
        realloc(subscriptions->prefixes, (subscriptions->count + 1) * sizeof *subscriptions->prefixes);
    if (!subscriptions->prefixes)
        abort();
    new = &subscriptions->prefixes[subscriptions->count++];
    new->size = size;
    new->data = malloc(size + 1);
    if (!new->data)
        abort();
    memcpy(new->data, prefix, size);
}

/* One that is not there was one of those that had no room. */
static void
drop(struct subscriptions *subscriptions, const char *prefix, size_t size)
{
    for (size_t i = 0; i < subscriptions->count; i++) {
        struct prefix *old = &subscriptions->prefixes[i];

        if (old->size != size || memcmp(old->data, prefix, size) != 0)
            continue;
        free(old->data);
        *old = subscriptions->prefixes[--subscriptions->count];
        return;
    }
    if (subscriptions->uncounted > 0)
        subscriptions->uncounted--;
}

void
subscriptions_take(struct subscriptions *subscriptions, const void *message, size_t size)
{
    const char *bytes = message;

    if (size == 0)
        return;
    if (bytes[0] == 1)
        add(subscriptions, bytes + 1, size - 1);
    else if (bytes[0] == 0)
        drop(subscriptions, bytes + 1, size - 1);
}

bool
subscriptions_want(const struct subscriptions *subscriptions, const char *name)
{
    size_t size = strlen(name);

    if (subscriptions->uncounted > 0)
        return true;
    for (size_t i = 0; i < subscriptions->count; i++) {
        const struct prefix *prefix = &subscriptions->prefixes[i];

        if (prefix->size <= size && memcmp(prefix->data, name, prefix->size) == 0)
            return true;
    }
    return false;
}

uint64_t
subscriptions_count(const struct subscriptions *subscriptions)
{
    return subscriptions->count + subscriptions->uncounted;
}
