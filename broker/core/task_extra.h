/* task_extra.h - what only few tasks have: how one is tried again, ordered or shared. A plain record that its task owns. */
#ifndef SNAKEPIT_CORE_TASK_EXTRA_H
#define SNAKEPIT_CORE_TASK_EXTRA_H

#include "broker/core/attempts.h"
#include "broker/core/heap.h"

#include <stdint.h>

struct affinity;
struct flow;
struct dedup;
struct group;
struct task;

struct task_extra {
    struct dedup *dedup; /* whose work it is, or that it follows; NULL: none */
    uint64_t schedule;   /* whose run it is; 0: none's */
    struct flow *flow; /* flow.h: whose turn it waits for, until it is final; NULL: nobody's of its own */

    struct group *group;                  /* NULL: none, or the task is final */
    struct task *group_prev, *group_next; /* the tasks of it */
    /* broker_stream.c, broker_ladder.c */
    uint32_t credit;       /* chunks of its stream that may be under way; 0: no limit */
    uint64_t credit_total; /* LEASED: up to this number its worker may send them; 0: not known, or no limit */
    int64_t run_us;        /* how long an attempt may run; 0: as its pool says */

    struct task *task;            /* whose extra it is; with a group or a session only */
    struct affinity *affinity;    /* its session; NULL: none, or the task is final */
    struct task *affinity_prev, *affinity_next;
    struct heap_node parked;      /* worker.parked: it waits for a free slot of that worker */
    uint8_t session_mode;         /* enum session_mode */

    /* How it is tried again. */
    uint32_t retries, kills_max; /* kills_max 0: the pool's */
    bool has_retries;            /* else the pool's */
    bool has_backoff;            /* the same */
    uint64_t backoff_ms;
    struct bytes *retry_on; /* their texts stand behind them; NULL: the pool's */
    uint32_t retry_on_count;
    uint32_t failures;      /* of attempts, that were tried again */
    uint32_t kills;         /* workers that were lost with it */
    bool is_suspect;        /* it runs alone */
    struct attempts attempts;
};

/* All zero. */
struct task_extra *
task_extra_new(void);

/* NULL is allowed. */
void
task_extra_destroy(struct task_extra **extra_p);

#endif
