/* affinity.c - sessions by name, by worker, and by how long they are unused; see affinity.h. */
#include "broker/core/affinity.h"

#include "broker/core/task_extra.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

struct affinity *
affinity_find(const struct affinities *affinities, struct bytes name, uint64_t seed)
{
    struct affinity *affinity;

    HASH_FIND_BYHASHVALUE(hh, affinities->by_name, name.data, name.size,
                          hash_bytes_seeded(name.data, name.size, seed), affinity);
    return affinity;
}

bool
affinity_has_room(const struct affinities *affinities, struct bytes name, uint64_t seed, uint64_t max)
{
    return HASH_COUNT(affinities->by_name) - affinities->unused_count < max || affinity_find(affinities, name, seed);
}

/* --- coming and going ------------------------------------------------------------------------------------------- */

static struct affinity *
make(struct affinities *affinities, struct bytes name, uint64_t seed)
{
    struct affinity *affinity = calloc(1, sizeof *affinity + name.size);

    if (!affinity)
        abort();
    assert(name.size > 0 && name.size <= UINT8_MAX);
    affinity->size = (uint8_t)name.size;
    memcpy(affinity->name, name.data, name.size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, affinities->by_name, affinity->name, affinity->size,
                                hash_bytes_seeded(name.data, name.size, seed), affinity);
    return affinity;
}

static void
leave_unused(struct affinities *affinities, struct affinity *affinity)
{
    if (!affinity->unused_prev)
        return;
    DL_DELETE2(affinities->unused, affinity, unused_prev, unused_next);
    affinity->unused_prev = affinity->unused_next = NULL;
    affinities->unused_count--;
}

static void
leave_worker(struct affinity *affinity)
{
    if (!affinity->worker)
        return;
    DL_DELETE(affinity->worker->affinities, affinity);
    affinity->prev = affinity->next = NULL;
    affinity->worker = NULL;
}

static void
destroy(struct affinities *affinities, struct affinity *affinity)
{
    assert(!affinity->tasks && affinity->stricts == 0);
    leave_unused(affinities, affinity);
    leave_worker(affinity);
    HASH_DELETE(hh, affinities->by_name, affinity);
    free(affinity);
}

void
affinity_join(struct affinities *affinities, struct task *task, struct bytes name, uint64_t seed, uint64_t max)
{
    struct affinity *affinity = affinity_find(affinities, name, seed);

    if (!affinity) {
        affinity_forget(affinities, INT64_MIN, max - 1);
        affinity = make(affinities, name, seed);
    }
    leave_unused(affinities, affinity);
    DL_APPEND2(affinity->tasks, task, extra->affinity_prev, extra->affinity_next);
    affinity->stricts += affinity_is_strict(task->extra->session_mode);
    affinity->count++;
    task->extra->affinity = affinity;
}

void
affinity_leave(struct affinities *affinities, struct task *task, int64_t now_us)
{
    struct affinity *affinity = task->extra->affinity;

    DL_DELETE2(affinity->tasks, task, extra->affinity_prev, extra->affinity_next);
    task->extra->affinity_prev = task->extra->affinity_next = NULL;
    task->extra->affinity = NULL;
    affinity->stricts -= affinity_is_strict(task->extra->session_mode);
    affinity->count--;
    if (affinity->tasks)
        return;
    if (!affinity->worker) {
        destroy(affinities, affinity);
        return;
    }
    affinity->unused_us = now_us;
    DL_APPEND2(affinities->unused, affinity, unused_prev, unused_next);
    affinities->unused_count++;
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

void
affinity_bind(struct affinity *affinity, struct worker *worker)
{
    assert(affinity->tasks);
    leave_worker(affinity);
    affinity->worker = worker;
    DL_APPEND(worker->affinities, affinity);
}

void
affinity_unbind(struct affinities *affinities, struct affinity *affinity)
{
    leave_worker(affinity);
    if (!affinity->tasks)
        destroy(affinities, affinity);
}

void
affinity_forget(struct affinities *affinities, int64_t before_us, uint64_t max)
{
    while (affinities->unused &&
           (affinities->unused->unused_us <= before_us || HASH_COUNT(affinities->by_name) > max))
        destroy(affinities, affinities->unused);
}

void
affinity_check_all(const struct affinities *affinities)
{
    uint64_t unused = 0;

    for (const struct affinity *affinity = affinities->by_name; affinity; affinity = affinity->hh.next) {
        const struct task *task;
        uint64_t stricts = 0, count = 0;

        DL_FOREACH2(affinity->tasks, task, extra->affinity_next) {
            assert(task->extra->affinity == affinity && task->state != TASK_FINAL);
            stricts += affinity_is_strict(task->extra->session_mode);
            count++;
        }
        assert(count == affinity->count && stricts == affinity->stricts && (affinity->tasks || affinity->worker));
        assert((affinity->unused_prev != NULL) == !affinity->tasks);
        assert(!affinity->worker || affinity->worker->state == WORKER_READY ||
               affinity->worker->state == WORKER_STALLED || affinity->worker->state == WORKER_DETACHED);
        unused += !affinity->tasks;
    }
    assert(unused == affinities->unused_count);
    for (const struct affinity *affinity = affinities->unused; affinity; affinity = affinity->unused_next) {
        assert(!affinity->unused_next || affinity->unused_us <= affinity->unused_next->unused_us);
        unused--;
    }
    assert(unused == 0);
}
