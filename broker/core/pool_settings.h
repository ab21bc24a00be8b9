/* pool_settings.h - what the configuration says about one pool, as far as the core acts on it. A plain record. */
#ifndef SNAKEPIT_CORE_POOL_SETTINGS_H
#define SNAKEPIT_CORE_POOL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* What becomes of the tasks of a pool whose workers cannot be started. */
enum when_failed {
    WHEN_FAILED_WAIT,   /* they stay queued */
    WHEN_FAILED_REFUSE, /* they end as pool_failed; new ones are refused so */
};

/* What becomes of new tasks of a pool whose circuit is open. */
enum when_open {
    WHEN_OPEN_WAIT,   /* they are queued */
    WHEN_OPEN_REFUSE, /* they are refused as circuit_open */
};

/* Whose tasks take turns with those of others: see flow.h. */
enum fairness {
    FAIRNESS_KEY,    /* fair keys; tasks without one are one more */
    FAIRNESS_CLIENT, /* the same, and each client's tasks without one are one more */
};

/* So many in each period, which is a second, a minute, an hour or a day. */
struct rate {
    uint32_t count; /* 0: no limit; at most RATE_COUNT_MAX */
    uint32_t period_s;
};

enum { PREFETCH_MAX = 1000, PREFETCH_US = 2000 };

enum { RATE_COUNT_MAX = 1000000, RATE_BURST_MAX = 1000000 };

/* How many tasks may run at one time, and how fast new ones may start: of a pool, or of each of its fair keys. */
struct limit_settings {
    uint32_t running_max; /* 0: no limit */
    struct rate rate;
    uint32_t rate_burst; /* so many may start at once; 0: those of a tenth of a second, at least one */
};

static inline bool
limit_is_set(const struct limit_settings *settings)
{
    return settings->running_max > 0 || settings->rate.count > 0;
}

static inline bool
rate_is_same(const struct limit_settings *a, const struct limit_settings *b)
{
    return a->rate.count == b->rate.count && a->rate.period_s == b->rate.period_s && a->rate_burst == b->rate_burst;
}

static inline bool
limit_is_same(const struct limit_settings *a, const struct limit_settings *b)
{
    return a->running_max == b->running_max && rate_is_same(a, b);
}

/* What becomes of a strict session's waiting tasks when the worker that kept its state is gone. */
enum session_on_loss {
    SESSION_LOSS_REBIND, /* they go to another one, which begins without that state */
    SESSION_LOSS_FAIL,   /* they end as session_lost */
};

/* A limit of 0 allows nothing, except where "never" or "no limit" is said. */
struct pool_settings {
    const char *name;          /* copied by whoever keeps the record */
    uint64_t queued_max;       /* tasks that wait, delayed ones too */
    uint64_t queued_bytes_max; /* of those */
    uint32_t max_attempts;
    uint32_t prefetch;       /* tasks that are sent to a worker before a slot is free for them, for each slot at most; 0: none */
    int64_t prefetch_us;     /* together they may take so long; 0: PREFETCH_US; not configured */
    uint32_t prefetch_cells; /* functions whose run times are told apart; 0: RUN_TIMES_CELLS; not configured */
    uint32_t workers_wanted; /* what the configuration asks of the agent; only shown and awaited here */

    int64_t worker_ttl_us;           /* 0: never */
    uint64_t worker_max_tasks;       /* 0: never */
    uint64_t worker_memory_max;      /* bytes; 0: never */
    uint32_t recycle_jitter_percent; /* shortens the three above */
    uint32_t recycle_parallel;       /* workers that are replaced at one time */
    bool recycle_first;              /* end the old worker before its replacement starts */
    int64_t start_timeout_us;        /* a replacement must be ready by then */
    int64_t stalled_timeout_us;      /* 0: never */
    bool require_free_threading;
    enum when_failed when_failed;

    uint32_t circuit_failures;  /* so many failed attempts within the window, and half of those answered in it, open the
                                 * circuit; 0: never */
    int64_t circuit_window_us;
    int64_t circuit_pause_us;   /* the first one */
    enum when_open when_open;
    enum fairness fairness;
    struct limit_settings limit;     /* of all tasks */
    struct limit_settings key_limit; /* of those of each flow */

    int64_t dedup_window_us;    /* how long the result of a task with a dedup key is remembered, unless it says so itself */
    uint64_t dedup_max;         /* results that are remembered; the oldest make room */
    uint64_t dedup_bytes_max;   /* of those */
    int64_t run_timeout_us;       /* how long an attempt may run; 0: no limit */
    int64_t cancel_grace_us;      /* from CANCEL to the exception; 0: never */
    int64_t cancel_kill_grace_us; /* from there to the end of the process; 0: never */
    bool cancel_kill_shared;      /* the process is ended also where it has slots for others */

    int64_t session_ttl_us;               /* how long an unused session is remembered */
    uint64_t sessions_max;                /* sessions of tasks, used and unused ones */
    enum session_on_loss session_on_loss;

    uint32_t retries;             /* of failed attempts, of tasks that do not say themselves */
    char **retry_on;              /* types of exceptions that are retried, ends in NULL; NULL or none: all. Copied, too */
    int64_t retry_delay_us;       /* before the first retry; then doubled, */
    int64_t retry_delay_max_us;   /* up to this */
    uint32_t retry_jitter_percent; /* by up to so much each is shortened */
    uint32_t kills_max;           /* lost workers that one task may cost; then it is dead */
    uint64_t dead_max;            /* dead tasks that are listed, */
    uint64_t dead_bytes_max;      /* and their bytes */
};

/* Fill with the defaults of the configuration. Keeps `name` as it is, without a copy. */
void
pool_settings_init(struct pool_settings *settings, const char *name);

#endif
