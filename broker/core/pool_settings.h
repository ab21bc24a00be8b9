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

/* A limit of 0 allows nothing, except where "never" is said. */
struct pool_settings {
    const char *name;          /* copied by whoever keeps the record */
    uint64_t queued_max;       /* tasks that wait, delayed ones too */
    uint64_t queued_bytes_max; /* of those */
    uint32_t max_attempts;
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
};

/* Fill with the defaults of the configuration. Keeps `name` as it is, without a copy. */
void
pool_settings_init(struct pool_settings *settings, const char *name);

#endif
