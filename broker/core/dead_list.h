/* dead_list.h - the tasks of one pool that ended as dead, with all that is needed to look into them and to run them again.
 * Bounded in number and bytes; the oldest go first, and are counted. */
#ifndef SNAKEPIT_CORE_DEAD_LIST_H
#define SNAKEPIT_CORE_DEAD_LIST_H

#include "broker/core/attempts.h"
#include "broker/core/task.h"

/* What its owner had asked for, as far as it means anything for another run. */
struct dead_options {
    uint32_t retries, kills_max; /* kills_max 0: the pool's */
    bool has_retries, has_backoff;
    uint64_t backoff_ms;
    struct bytes *retry_on; /* the texts stand behind the array; NULL: none */
    uint32_t retry_on_count;
};

struct dead_task {
    struct dead_task *prev, *next; /* its list, the longest dead first */
    uint64_t number;               /* the broker's, of the task that it was */
    struct body *body;             /* its function and arguments */
    struct attempts attempts;      /* the last ones */
    struct dead_options options;
    char *text;                    /* why it died */
    uint64_t bytes;                /* memory of all this */
    int64_t accepted_us, died_us;
    uint32_t attempt;              /* dispatches */
    uint32_t kills;
    uint16_t tries_max;
    uint8_t priority;
    bool is_streamed, wants_progress, is_lost_once_lost;
};

struct dead_list {
    struct dead_task *tasks;
    uint64_t count, bytes;
    uint64_t dropped; /* for want of room; never shrinks */
};

/* Take in a task that is about to end as dead, for this reason: the record shares its body, and takes over what is remembered of its
 * attempts. Makes room as dead_list_trim does; of limits that allow nothing, the task goes at once. */
void
dead_list_add(struct dead_list *list, struct task *task, struct bytes text, int64_t now_us, uint64_t tasks_max,
              uint64_t bytes_max);

/* Drop the oldest ones until the limits hold. */
void
dead_list_trim(struct dead_list *list, uint64_t tasks_max, uint64_t bytes_max);

/* The one with this number, or NULL. */
struct dead_task *
dead_list_find(const struct dead_list *list, uint64_t number);

/* Take it out and free it. */
void
dead_list_remove(struct dead_list *list, struct dead_task *dead);

/* Free all of them. */
void
dead_list_fini(struct dead_list *list);

void
dead_list_check(const struct dead_list *list);

#endif
