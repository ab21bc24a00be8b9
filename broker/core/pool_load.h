/* pool_load.h - how busy a pool is and was: how long its tasks wait and run, how full its slots are, how fast tasks come and
 * go. Since the start, and lately. Knows no tasks and no workers; reads no clock.
 *
 * What it counts goes into a slice of 30 s; a full slice is added to the sum of all, and the last full one is kept beside
 * the open one. So "lately" is the last 30 to 60 seconds. Whoever changes a level (busy slots, free slots, queued tasks)
 * calls pool_load_touch first: the levels that it gives have held since the last touch. */
#ifndef SNAKEPIT_CORE_POOL_LOAD_H
#define SNAKEPIT_CORE_POOL_LOAD_H

#include "broker/core/histogram.h"

#define POOL_LOAD_SLICE_US INT64_C(30000000)

/* What can be said of a pool at one instant. */
struct load_levels {
    uint64_t busy;   /* slots that are taken */
    uint64_t free;   /* slots that may be used */
    uint64_t queued; /* tasks that wait for one */
};

/* What happened in a stretch of time. Integrals are levels times microseconds. */
struct load_slice {
    int64_t span_us; /* how long it is so far */
    uint64_t accepted;
    uint64_t dispatched;
    uint64_t answered;
    uint64_t busy_us;     /* integral of busy slots */
    uint64_t capacity_us; /* of busy and free ones */
    uint64_t queued_us;   /* of queued tasks */
    uint64_t full_us;     /* time in which tasks waited and no slot was free */
    uint64_t queued_max;
    uint64_t queued_at_start;
    struct histogram wait;
    struct histogram run;
};

struct pool_load {
    int64_t touched_us;
    struct load_slice open;
    struct load_slice last; /* the full slice before */
    struct load_slice sum;  /* of all full slices */
};

/* Time begins with the first touch. */
void
pool_load_init(struct pool_load *load);

/* The path of pool_load_touch on which time has passed. */
void
pool_load_advance(struct pool_load *load, int64_t now_us, struct load_levels levels);

/* Account for the time since the last touch, in which the levels were these. */
static inline void
pool_load_touch(struct pool_load *load, int64_t now_us, struct load_levels levels)
{
    if (now_us > load->touched_us)
        pool_load_advance(load, now_us, levels);
}

/* A task was accepted; so many are queued now. */
static inline void
pool_load_accept(struct pool_load *load, uint64_t queued)
{
    load->open.accepted++;
    if (queued > load->open.queued_max)
        load->open.queued_max = queued;
}

/* A task was dispatched; for a first attempt `wait_us` is counted, for others it is negative. */
static inline void
pool_load_dispatch(struct pool_load *load, int64_t wait_us)
{
    load->open.dispatched++;
    if (wait_us >= 0)
        histogram_record(&load->open.wait, wait_us);
}

/* An attempt was answered after so long. */
static inline void
pool_load_answer(struct pool_load *load, int64_t run_us)
{
    load->open.answered++;
    histogram_record(&load->open.run, run_us);
}

/* Everything since the start, or lately, up to the last touch. */
void
pool_load_get_all(const struct pool_load *load, struct load_slice *ret_slice);

void
pool_load_get_recent(const struct pool_load *load, struct load_slice *ret_slice);

#endif
