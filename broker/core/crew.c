/* crew.c - lists of workers by load; see crew.h. */
#include "broker/core/crew.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
crew_init(struct crew *crew)
{
    memset(crew, 0, sizeof *crew);
}

void
crew_fini(struct crew *crew)
{
    free(crew->by_load);
    memset(crew, 0, sizeof *crew);
}

static void
reserve(struct crew *crew, uint32_t load)
{
    uint32_t capacity = crew->capacity ? crew->capacity : 4;

    if (load < crew->capacity)
        return;
    while (capacity <= load)
        capacity *= 2;
    crew->by_load = realloc(crew->by_load, capacity * sizeof(struct worker *));
    if (!crew->by_load)
        abort();
    for (uint32_t i = crew->capacity; i < capacity; i++)
        crew->by_load[i] = NULL;
    crew->capacity = capacity;
}

void
crew_add(struct crew *crew, struct worker *worker)
{
    assert(!worker->is_in_crew);
    reserve(crew, worker->busy);
    worker->crew_load = worker->busy;
    worker->is_in_crew = true;
    DL_APPEND2(crew->by_load[worker->busy], worker, crew_prev, crew_next);
    if (crew->count == 0 || worker->busy < crew->lowest)
        crew->lowest = worker->busy;
    crew->count++;
}

void
crew_remove(struct crew *crew, struct worker *worker)
{
    assert(worker->is_in_crew && crew->count > 0);
    DL_DELETE2(crew->by_load[worker->crew_load], worker, crew_prev, crew_next);
    worker->crew_prev = worker->crew_next = NULL;
    worker->is_in_crew = false;
    crew->count--;
}

struct worker *
crew_first(struct crew *crew)
{
    if (crew->count == 0)
        return NULL;
    while (!crew->by_load[crew->lowest])
        crew->lowest++;
    return crew->by_load[crew->lowest];
}

void
crew_check(const struct crew *crew)
{
    uint32_t count = 0;

    for (uint32_t load = 0; load < crew->capacity; load++) {
        const struct worker *worker;

        DL_FOREACH2(crew->by_load[load], worker, crew_next) {
            assert(worker->is_in_crew && worker->crew_load == load && worker->busy == load);
            assert(worker_has_credit(worker) && load >= crew->lowest);
            count++;
        }
    }
    assert(count == crew->count);
}
