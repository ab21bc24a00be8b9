/* memory.c - see memory.h. */
#include "tests/fuzz/memory.h"

#include <string.h>

static void
put_first(uint64_t list[REMEMBERED], uint64_t value)
{
    memmove(list + 1, list, (REMEMBERED - 1) * sizeof *list);
    list[0] = value;
}

void
memory_add_fence(struct memory *memory, uint32_t peer, uint64_t fence)
{
    put_first(memory->fences[peer % PEERS_MAX], fence);
    memory->fence_last = fence;
}

void
memory_add_session(struct memory *memory, uint64_t session)
{
    put_first(memory->sessions, session);
}

uint64_t
memory_fence(const struct memory *memory, uint32_t peer, uint8_t choice)
{
    unsigned which = choice % REMEMBERED;

    switch (choice / REMEMBERED % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
        return memory->fences[peer % PEERS_MAX][which];
    case 4:
    case 5:
        return memory->fences[(peer + 1) % PEERS_MAX][which];
    case 6:
        return memory->fence_last + which;
    default:
        return memory->fence_last - which;
    }
}

uint64_t
memory_session(const struct memory *memory, uint8_t choice)
{
    return memory->sessions[choice % REMEMBERED] + (choice >= 0xf0);
}
