/* breaker.h - counts failed starts and says when to stop trying. Pure: no process, no clock. */
#ifndef SNAKEPIT_AGENT_BREAKER_H
#define SNAKEPIT_AGENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_FAILURES_MAX = 1000 };

/* Closed: everything may be tried. `failures_max` failures within `window_us` open it: then one try each window, until
 * one went well. */
struct breaker {
    uint32_t failures_max; /* 1 to BREAKER_FAILURES_MAX */
    int64_t window_us;
    bool is_open;
    int64_t opened_us;
    int64_t try_us;        /* when it is open: the next try is allowed from then on */
    uint32_t count;        /* failures noted, the newest failures_max of them */
    uint32_t next;
    int64_t failed_us[BREAKER_FAILURES_MAX];
};

/* Closed, without failures. */
void
breaker_init(struct breaker *breaker, uint32_t failures_max, int64_t window_us);

/* A start failed. True when this one opened it. */
bool
breaker_fail(struct breaker *breaker, int64_t now_us);

/* Open it now, whatever the count: trying again cannot help. True when it was closed. */
bool
breaker_trip(struct breaker *breaker, int64_t now_us);

/* Close it and forget the failures. */
void
breaker_reset(struct breaker *breaker);

/* Whether a start may be tried now. */
bool
breaker_allows(const struct breaker *breaker, int64_t now_us);

/* A start is tried: when it is open, the next one waits for a window. */
void
breaker_try(struct breaker *breaker, int64_t now_us);

#endif
