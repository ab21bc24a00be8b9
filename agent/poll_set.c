/* poll_set.c - ppoll with owners; see poll_set.h. */
#include "agent/poll_set.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void
poll_set_fini(struct poll_set *set)
{
    free(set->fds);
    free(set->owners);
    memset(set, 0, sizeof(*set));
}

void
poll_set_clear(struct poll_set *set)
{
    set->count = 0;
}

size_t
poll_set_add(struct poll_set *set, int fd, void *owner)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        set->fds = realloc(set->fds, set->capacity * sizeof(*set->fds));
        set->owners = realloc(set->owners, set->capacity * sizeof(*set->owners));
        if (set->fds == NULL || set->owners == NULL)
            abort();
    }
    set->fds[set->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    set->owners[set->count] = owner;
    return set->count++;
}

void
poll_set_wait(struct poll_set *set, int64_t wait_us)
{
    struct timespec timeout = {0};

    if (wait_us > 0)
        timeout = (struct timespec){.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    /* An error or a signal leaves no news behind. */
    if (ppoll(set->fds, set->count, wait_us == INT64_MAX ? NULL : &timeout, NULL) < 0)
        for (size_t i = 0; i < set->count; i++)
            set->fds[i].revents = 0;
}

bool
poll_set_is_ready(const struct poll_set *set, size_t at)
{
    return set->fds[at].revents != 0;
}
