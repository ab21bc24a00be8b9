/* lane.h - waiting tasks of one priority and one flow, in order of acceptance. Owns no task; whose turn it is, it does not
 * know. */
#ifndef SNAKEPIT_CORE_LANE_H
#define SNAKEPIT_CORE_LANE_H

#include "broker/core/task.h"

struct flow;

/* New tasks come in order of acceptance, so a list keeps it. A task that comes back (requeued, or its delay is over)
 * belongs somewhere in the middle, so those stand in a heap beside the list; the next is the older of both fronts. */
struct lane {
    struct task *fifo;
    struct heap returned;
    uint64_t count;
    struct flow *flow;          /* NULL: the queue's own lane, of tasks that belong to no flow */
    struct lane *sibling;       /* the next of its flow */
    struct lane *prev, *next;   /* a ring of its queue; NULL: in none, as it is empty */
    uint8_t priority;
};

void
lane_init(struct lane *lane, struct flow *flow, uint8_t priority);

/* Frees what the empty lane holds. */
void
lane_fini(struct lane *lane);

/* Append a new task; its number must be above all that were added before. */
void
lane_add(struct lane *lane, struct task *task);

/* Put a task back to its place. */
void
lane_return(struct lane *lane, struct task *task);

void
lane_remove(struct lane *lane, struct task *task);

/* The task that must go next, or NULL. */
struct task *
lane_first(const struct lane *lane);

/* Assert that count and orders hold. */
void
lane_check(const struct lane *lane);

/* --- walking ---------------------------------------------------------------------------------------------------- */

/* A place in a lane that must not change meanwhile. */
struct lane_walk {
    struct task *waiting; /* the next of the list */
    struct heap returned; /* those of the heap that were not passed yet, by stand-ins: */
    struct lane_shadow *shadows;
};

void
lane_walk_begin(struct lane_walk *walk, const struct lane *lane);

/* The next task in order, or NULL. */
struct task *
lane_walk_next(struct lane_walk *walk);

void
lane_walk_end(struct lane_walk *walk);

#endif
