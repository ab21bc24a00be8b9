/* pool_health.h - whether workers of a pool can be started here: counts failures, tells the broker the state. Starts
 * none. */
#ifndef SNAKEPIT_AGENT_POOL_HEALTH_H
#define SNAKEPIT_AGENT_POOL_HEALTH_H

#include "agent/breaker.h"
#include "agent/place.h"

enum { HEALTH_REASON_BYTES = 512 };

struct pool_health {
    const struct worker_pool *pool;
    struct breaker breaker;
    bool is_told;        /* the broker knows the state below */
    bool told_failed;
    unsigned told_wanted;
    bool has_changed;    /* running workers have older settings, and the broker does not know yet */
    char reason[HEALTH_REASON_BYTES]; /* why the breaker opened */
};

void
pool_health_init(struct pool_health *health, const struct worker_pool *pool);

/* Take new limits and forget all failures. */
void
pool_health_configure(struct pool_health *health, const struct pool_config *config);

/* Workers that run have older settings than new ones will get. */
void
pool_health_note_change(struct pool_health *health);

/* A start failed. */
void
pool_health_fail(struct pool_health *health, const struct worker_end *end, int64_t now_us);

/* The app cannot be forked, for this reason; trying again at once cannot help. */
void
pool_health_refuse(struct pool_health *health, const char *reason, int64_t now_us);

/* Whether a start may be tried; to be followed by pool_health_try when one is. */
bool
pool_health_allows(const struct pool_health *health, int64_t now_us);

void
pool_health_try(struct pool_health *health, int64_t now_us);

/* When a start may be tried; 0: any time. */
int64_t
pool_health_try_us(const struct pool_health *health);

/* Recover when a worker has been ready for a second since the failures. Tell the broker what it does not know. */
void
pool_health_review(struct pool_health *health, const struct place *places, unsigned wanted, int64_t now_us);

/* When pool_health_review must be called next, or INT64_MAX. */
int64_t
pool_health_next_due_us(const struct pool_health *health, const struct place *places);

/* The broker knows nothing any more. */
void
pool_health_forget_told(struct pool_health *health);

#endif
