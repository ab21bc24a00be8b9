/* lifecycle.c - the policy of recycling; see lifecycle.h. */
#include "broker/core/lifecycle.h"

#include "broker/core/hash.h"

#include <assert.h>

#define SECOND_US INT64_C(1000000)
#define BACKOFF_FIRST_US (30 * SECOND_US)
#define BACKOFF_MAX_US (600 * SECOND_US)

enum { MILLION = 1000000 };

static const char *const reason_names[RECYCLE_REASONS] = {
    [RECYCLE_TTL] = "ttl",       [RECYCLE_MAX_TASKS] = "max_tasks", [RECYCLE_MEMORY] = "memory",
    [RECYCLE_MANUAL] = "manual", [RECYCLE_STALLED] = "stalled",     [RECYCLE_DIED] = "died",
    [RECYCLE_RELOAD] = "reload", [RECYCLE_CANCEL] = "cancel",
};

const char *
recycle_reason_name(enum recycle_reason reason)
{
    assert(reason < RECYCLE_REASONS);
    return reason_names[reason];
}

/* A millionth of the limit at a time: exact enough for any limit, and no product overflows. */
static uint64_t
shorten(uint64_t limit, uint64_t millionths)
{
    uint64_t less = limit / MILLION * millionths + limit % MILLION * millionths / MILLION;

    return limit > less ? limit - less : 1;
}

struct lifespan
lifespan_make(const struct pool_settings *settings, uint64_t session, uint64_t seed, int64_t started_us)
{
    uint64_t spread = (uint64_t)settings->recycle_jitter_percent * (MILLION / 100);
    uint64_t less = hash_mix(session ^ hash_mix(seed)) % (spread + 1);
    struct lifespan lifespan = {INT64_MAX, UINT64_MAX, UINT64_MAX};

    if (settings->worker_ttl_us > 0)
        lifespan.ends_us = started_us + (int64_t)shorten((uint64_t)settings->worker_ttl_us, less);
    if (settings->worker_max_tasks > 0)
        lifespan.tasks_max = shorten(settings->worker_max_tasks, less);
    if (settings->worker_memory_max > 0)
        lifespan.rss_max = shorten(settings->worker_memory_max, less);
    return lifespan;
}

enum recycle_reason
lifespan_judge(const struct lifespan *lifespan, int64_t now_us, uint64_t tasks_done, uint64_t rss_bytes)
{
    if (rss_bytes >= lifespan->rss_max)
        return RECYCLE_MEMORY;
    if (tasks_done >= lifespan->tasks_max)
        return RECYCLE_MAX_TASKS;
    return now_us >= lifespan->ends_us ? RECYCLE_TTL : RECYCLE_NONE;
}

int64_t
recycle_backoff_us(uint32_t failures)
{
    int64_t pause_us = BACKOFF_FIRST_US;

    while (failures-- > 1 && pause_us < BACKOFF_MAX_US)
        pause_us *= 2;
    return pause_us < BACKOFF_MAX_US ? pause_us : BACKOFF_MAX_US;
}
