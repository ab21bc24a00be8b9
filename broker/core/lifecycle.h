/* lifecycle.h - the policy of recycling: when a worker is due to be replaced, and why. Pure: knows no sessions, draws no
 * random number, keeps nothing. */
#ifndef SNAKEPIT_CORE_LIFECYCLE_H
#define SNAKEPIT_CORE_LIFECYCLE_H

#include "broker/core/pool_settings.h"

/* Why a worker was, or is to be, replaced. */
enum recycle_reason {
    RECYCLE_NONE,
    RECYCLE_TTL,
    RECYCLE_MAX_TASKS,
    RECYCLE_MEMORY,
    RECYCLE_MANUAL,
    RECYCLE_STALLED,
    RECYCLE_DIED,   /* it ended by itself */
    RECYCLE_RELOAD, /* its agent has a newer configuration */
    RECYCLE_CANCEL, /* its task did not end when it was told to */
    RECYCLE_REASONS,
};

/* "ttl", "max_tasks"...; NULL for NONE. */
const char *
recycle_reason_name(enum recycle_reason reason);

/* The limits of one worker. Each is its pool's, shortened by the same share, which is the worker's own. */
struct lifespan {
    int64_t ends_us;    /* INT64_MAX: never */
    uint64_t tasks_max; /* UINT64_MAX: never */
    uint64_t rss_max;   /* bytes; UINT64_MAX: never */
};

/* Give the limits of the worker with this session number that started at started_us. Workers that started together get
 * limits that are spread evenly over recycle_jitter_percent; `seed` makes the spread another one at each broker. */
struct lifespan
lifespan_make(const struct pool_settings *settings, uint64_t session, uint64_t seed, int64_t started_us);

/* Is a worker of this age, work and memory due? Memory counts first: it is what harms others. */
enum recycle_reason
lifespan_judge(const struct lifespan *lifespan, int64_t now_us, uint64_t tasks_done, uint64_t rss_bytes);

/* How long to wait after so many failed replacements of one worker (1: the first): 30 s, doubled up to 10 minutes. */
int64_t
recycle_backoff_us(uint32_t failures);

#endif
