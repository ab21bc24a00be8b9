/* bucket.h - a token bucket: how fast tasks may start. Knows no tasks, reads no clock.
 *
 * Its integers are exact: a token costs as much credit as the rate's period has microseconds, and each microsecond brings
 * as much as there are tokens in a period. So nothing is rounded, and nothing drifts. All that is here is for settings with
 * a rate. */
#ifndef SNAKEPIT_CORE_BUCKET_H
#define SNAKEPIT_CORE_BUCKET_H

#include "broker/core/pool_settings.h"

struct bucket {
    int64_t credit; /* at `filled_us` */
    int64_t filled_us;
};

/* A full bucket. */
void
bucket_init(struct bucket *bucket);

/* Take a token. When there is none it is owed: what started already cannot be undone. */
void
bucket_take(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us);

/* When a token is there: now, or later. */
int64_t
bucket_due_us(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us);

/* When the bucket is full: from then on it is like a new one. */
int64_t
bucket_full_us(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us);

/* Other settings are in force from now on; either may be without a rate. Whole tokens stay, as far as the new bucket has
 * room for them; a full bucket is a full one again. */
void
bucket_change(struct bucket *bucket, const struct limit_settings *old, const struct limit_settings *new,
              int64_t now_us);

#endif
