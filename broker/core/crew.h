/* crew.h - the workers of one pool that have a free slot, by how many tasks they run. Owns none of them. */
#ifndef SNAKEPIT_CORE_CREW_H
#define SNAKEPIT_CORE_CREW_H

#include "broker/core/worker.h"

/* One list per load, each in the order of arrival. */
struct crew {
    struct worker **by_load;
    uint32_t capacity;
    uint32_t lowest; /* no list below it has anybody */
    uint32_t count;
};

void
crew_init(struct crew *crew);

void
crew_fini(struct crew *crew);

/* The worker stands behind all that have the same load. */
void
crew_add(struct crew *crew, struct worker *worker);

void
crew_remove(struct crew *crew, struct worker *worker);

/* The worker with the lowest load; among equals, the one that has had it longest. NULL when there is none.
 * Looks at no more lists than the largest worker has slots; usually at one, since choosing the least loaded keeps
 * loads together. */
struct worker *
crew_first(struct crew *crew);

/* The workers without any task, linked by crew_next, or NULL. */
static inline struct worker *
crew_idle(const struct crew *crew)
{
    return crew->capacity > 0 ? crew->by_load[0] : NULL;
}

void
crew_check(const struct crew *crew);

#endif
