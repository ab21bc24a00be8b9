/* group.h - the tasks of one pool that run one at a time, in order of acceptance. Owns no task; sends nothing.
 *
 * The oldest task of a group has the turn, unless an attempt at an earlier one still holds the group: its task has ended,
 * and its worker has not answered yet. A group is there as long as it has tasks or is held. */
#ifndef SNAKEPIT_CORE_GROUP_H
#define SNAKEPIT_CORE_GROUP_H

#include "broker/core/task.h"

struct group {
    UT_hash_handle hh;  /* in its pool's groups, by name */
    struct task *tasks; /* not final, oldest first; linked in their extra */
    uint64_t count;
    const struct lease *holder; /* the lease of it that is open, or NULL */
    uint8_t size;
    uint8_t name[];
};

/* Let the task, which was accepted last of all, join the group of this name (1..64 bytes), made if there is none. `seed`
 * keeps clients from choosing names that collide. */
void
group_join(struct group **groups, struct task *task, struct bytes name, uint64_t seed);

/* The task ended. Returns the one whose turn begins by that, or NULL. The group may be freed. */
struct task *
group_leave(struct group **groups, struct task *task);

/* A lease of the group begins. */
void
group_hold(struct group *group, struct lease *lease);

/* It ended. Returns the task that has the turn now, which may be the one that had the lease, or NULL. The group may be
 * freed. */
struct task *
group_let_go(struct group **groups, struct lease *lease);

/* May this task of the group run, or wait for a worker? */
bool
group_is_turn_of(const struct group *group, const struct task *task);

/* Assert that orders and counts hold. */
void
group_check_all(const struct group *groups);

#endif
