/* subscriptions.h - to which prefixes somebody subscribes, as an XPUB socket tells it. Opens no socket. */
#ifndef SNAKEPIT_IO_SUBSCRIPTIONS_H
#define SNAKEPIT_IO_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prefixes beyond so many are only counted, and then everything counts as wanted. */
enum { SUBSCRIPTIONS_MAX = 1024 };

struct subscriptions {
    struct prefix {
        char *data;
        size_t size;
    } *prefixes;
    size_t count;
    uint64_t uncounted; /* prefixes that had no room */
};

/* All zero is an empty one, too. */
void
subscriptions_init(struct subscriptions *subscriptions);

void
subscriptions_fini(struct subscriptions *subscriptions);

/* A message of the socket: 1 and a prefix that somebody subscribes to now, or 0 and one that nobody does any more. The
 * socket tells each of them once, however many subscribers there are. Anything else is passed over. */
void
subscriptions_take(struct subscriptions *subscriptions, const void *message, size_t size);

/* Does anybody get an event of this name? */
bool
subscriptions_want(const struct subscriptions *subscriptions, const char *name);

/* Prefixes that somebody subscribes to. */
uint64_t
subscriptions_count(const struct subscriptions *subscriptions);

#endif
