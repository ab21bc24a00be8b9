/* bucket.c - a token bucket in exact integers; see bucket.h. */
#include "broker/core/bucket.h"

#include <assert.h>

/* What one token costs. */
static int64_t
token_credit(const struct limit_settings *settings)
{
    return (int64_t)settings->rate.period_s * 1000000;
}

/* Tokens that a full bucket holds. */
static int64_t
burst_of(const struct limit_settings *settings)
{
    uint32_t tenth = settings->rate.count / settings->rate.period_s / 10;

    if (settings->rate_burst > 0)
        return settings->rate_burst;
    return tenth > 0 ? tenth : 1;
}

static int64_t
full_credit(const struct limit_settings *settings)
{
    return burst_of(settings) * token_credit(settings);
}

void
bucket_init(struct bucket *bucket)
{
    *bucket = (struct bucket){.credit = INT64_MAX};
}

/* A token comes in the middle of a microsecond, and is there with the next one: what came in the rest of that is not lost,
 * even when the bucket is full. */
static void
fill(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us)
{
    int64_t count = settings->rate.count, full = full_credit(settings), most = full + count - 1;

    assert(count > 0);
    /* Compared before it is multiplied: the product of a long time would not fit. */
    if (bucket->credit > most || now_us - bucket->filled_us > (most - bucket->credit) / count)
        bucket->credit = full;
    else
        bucket->credit += (now_us - bucket->filled_us) * count;
    bucket->filled_us = now_us;
}

void
bucket_take(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us)
{
    fill(bucket, settings, now_us);
    bucket->credit -= token_credit(settings);
}

/* When there is so much credit. */
static int64_t
reaches_us(struct bucket *bucket, const struct limit_settings *settings, int64_t credit, int64_t now_us)
{
    int64_t count = settings->rate.count;

    fill(bucket, settings, now_us);
    return bucket->credit >= credit ? now_us : now_us + (credit - bucket->credit + count - 1) / count;
}

int64_t
bucket_due_us(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us)
{
    return reaches_us(bucket, settings, token_credit(settings), now_us);
}

int64_t
bucket_full_us(struct bucket *bucket, const struct limit_settings *settings, int64_t now_us)
{
    return reaches_us(bucket, settings, full_credit(settings), now_us);
}

void
bucket_change(struct bucket *bucket, const struct limit_settings *old, const struct limit_settings *new,
              int64_t now_us)
{
    int64_t tokens, room;

    if (rate_is_same(old, new))
        return;
    if (old->rate.count == 0 || new->rate.count == 0 || bucket_full_us(bucket, old, now_us) <= now_us) {
        bucket_init(bucket);
        return;
    }
    tokens = bucket->credit > 0 ? bucket->credit / token_credit(old) : 0;
    room = burst_of(new);
    bucket->credit = (tokens < room ? tokens : room) * token_credit(new);
    bucket->filled_us = now_us;
}
