/* poll_set.h - the descriptors that the loop waits for in one turn, each with whose it is. Owns none of them. */
#ifndef SNAKEPIT_AGENT_POLL_SET_H
#define SNAKEPIT_AGENT_POLL_SET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poll_set {
    struct pollfd *fds;
    void **owners;
    size_t count;
    size_t capacity;
};

void
poll_set_fini(struct poll_set *set);

/* Forget all. */
void
poll_set_clear(struct poll_set *set);

/* Wait for this descriptor to be readable; -1 is allowed. Returns its place in the set. */
size_t
poll_set_add(struct poll_set *set, int fd, void *owner);

/* Sleep until one is readable or has ended, or for wait_us; INT64_MAX: no limit. */
void
poll_set_wait(struct poll_set *set, int64_t wait_us);

bool
poll_set_is_ready(const struct poll_set *set, size_t at);

#endif
