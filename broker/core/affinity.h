/* affinity.h - the sessions of tasks in one pool (the option `session`): which worker keeps the state of which. Owns no
 * task and no worker; sends nothing. Has nothing to do with sessions of workers and clients.
 *
 * A session is there as long as it has tasks or is bound to a worker. One that is bound and has no tasks is unused, and is
 * forgotten after a while. */
#ifndef SNAKEPIT_CORE_AFFINITY_H
#define SNAKEPIT_CORE_AFFINITY_H

#include "broker/core/task.h"
#include "broker/core/worker.h"

struct affinity {
    UT_hash_handle hh;                          /* in affinities.by_name */
    struct worker *worker;                      /* it is bound to this one; NULL: to none */
    struct affinity *prev, *next;               /* worker->affinities */
    struct affinity *unused_prev, *unused_next; /* affinities.unused; NULL when it has tasks or is not bound */
    struct task *tasks;                         /* not final, oldest first; linked in their extra */
    uint64_t stricts;                           /* those of a strict mode */
    uint64_t count;
    int64_t unused_us; /* since when it has none */
    uint8_t size;
    uint8_t name[];
};

/* All of a pool. */
struct affinities {
    struct affinity *by_name;
    struct affinity *unused; /* longest unused first */
    uint64_t unused_count;
    struct heap_node timer;  /* the first of those may have to be forgotten */
};

/* May tasks of this session run on its own worker only? */
static inline bool
affinity_is_strict(enum session_mode mode)
{
    return mode != SESSION_HINT;
}

/* The session of this name, or NULL. `seed` keeps clients from choosing names that collide. */
struct affinity *
affinity_find(const struct affinities *affinities, struct bytes name, uint64_t seed);

/* Is there room for a task of this session, among at most `max`, perhaps when an unused one is forgotten? */
bool
affinity_has_room(const struct affinities *affinities, struct bytes name, uint64_t seed, uint64_t max);

/* Let the task, which was accepted last of all, join the session of this name (1..64 bytes), made if there is none; then
 * there must be room, and the longest unused ones make it. */
void
affinity_join(struct affinities *affinities, struct task *task, struct bytes name, uint64_t seed, uint64_t max);

/* The task ended. The session may be freed. */
void
affinity_leave(struct affinities *affinities, struct task *task, int64_t now_us);

/* From now on the tasks go to this worker. The session must have tasks. */
void
affinity_bind(struct affinity *affinity, struct worker *worker);

/* Its worker is gone, or takes no more. The session may be freed. */
void
affinity_unbind(struct affinities *affinities, struct affinity *affinity);

/* Forget those that have been unused since `before_us`, and the longest unused ones that are more than `max` allows. */
void
affinity_forget(struct affinities *affinities, int64_t before_us, uint64_t max);

/* Assert that lists and counts agree. */
void
affinity_check_all(const struct affinities *affinities);

#endif
