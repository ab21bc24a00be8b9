/* memory.h - what a misbehaving peer remembers of the broker's answers: fences and sessions. For tests only. */
#ifndef SNAKEPIT_TESTS_FUZZ_MEMORY_H
#define SNAKEPIT_TESTS_FUZZ_MEMORY_H

#include <stdint.h>

enum { PEERS_MAX = 8, REMEMBERED = 8 };

/* The newest first. */
struct memory {
    uint64_t fences[PEERS_MAX][REMEMBERED]; /* of the TASKs that a worker got, by its peer's number */
    uint64_t sessions[REMEMBERED];          /* of all WELCOMEs */
    uint64_t fence_last;                    /* of any worker */
};

void
memory_add_fence(struct memory *memory, uint32_t peer, uint64_t fence);

void
memory_add_session(struct memory *memory, uint64_t session);

/* A fence that a worker may name: the lower bits of `choice` say which of its own, the higher ones make it another worker's,
 * the next one, or an older one that it never had. */
uint64_t
memory_fence(const struct memory *memory, uint32_t peer, uint8_t choice);

uint64_t
memory_session(const struct memory *memory, uint8_t choice);

#endif
