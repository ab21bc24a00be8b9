/* histogram.c - what a histogram is asked; see histogram.h. */
#include "broker/core/histogram.h"

#include <assert.h>

#define MILLION UINT64_C(1000000)

void
histogram_add(struct histogram *histogram, const struct histogram *other)
{
    if (other->count == 0)
        return;
    for (unsigned i = 0; i < HISTOGRAM_RANGES; i++)
        histogram->counts[i] += other->counts[i];
    histogram->count += other->count;
    histogram->sum += other->sum;
    if (other->max > histogram->max)
        histogram->max = other->max;
}

/* The number of the value that is asked for, counted from 1 in ascending order: the first at or above the share. */
static uint64_t
rank_of(uint64_t count, uint32_t per_million)
{
    uint64_t whole = count / MILLION * per_million;
    uint64_t rest = (count % MILLION * per_million + MILLION - 1) / MILLION;
    uint64_t rank = whole + rest;

    return rank > 0 ? rank : 1;
}

/* The value whose greatest relative distance to any in the range is least: 2ab / (a + b) for the range from a to b. */
static uint64_t
middle_of(unsigned range)
{
    unsigned shift;
    uint64_t low, high;

    if (range < 2 * HISTOGRAM_OCTAVE)
        return range;
    shift = range / HISTOGRAM_OCTAVE - 1;
    low = (uint64_t)(range - shift * HISTOGRAM_OCTAVE) << shift;
    high = low + (UINT64_C(1) << shift) - 1;
    return low + (low * (high - low) + (low + high) / 2) / (low + high);
}

uint64_t
histogram_quantile(const struct histogram *histogram, uint32_t per_million)
{
    uint64_t rank, seen = 0, value;
    unsigned range = 0;

    assert(per_million <= MILLION);
    if (histogram->count == 0)
        return 0;
    rank = rank_of(histogram->count, per_million);
    while (seen + histogram->counts[range] < rank)
        seen += histogram->counts[range++];
    value = middle_of(range);
    if (range == HISTOGRAM_RANGES - 1 || value > histogram->max)
        return histogram->max;
    return value;
}

uint64_t
histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? histogram->sum / histogram->count : 0;
}
