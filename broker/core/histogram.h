/* histogram.h - how long things took: a count for each of 249 ranges of microseconds. Never allocates, never divides
 * while it records.
 *
 * Below 8 us each range is one number; above, every octave (8..15, 16..31, ...) has eight equal ranges, so a value is
 * known to within 1/17 (5.9 %) of itself. From 2^33 us (2.4 hours) on there is one range for all, of which
 * only `max` tells how long. After the log-linear buckets of Gil Tene's HdrHistogram. */
#ifndef SNAKEPIT_CORE_HISTOGRAM_H
#define SNAKEPIT_CORE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_OCTAVE = 8, HISTOGRAM_RANGES = 31 * HISTOGRAM_OCTAVE + 1 };

struct histogram {
    uint64_t counts[HISTOGRAM_RANGES];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

/* Which range a value falls into. */
static inline unsigned
histogram_range(uint64_t value)
{
    unsigned shift, range;

    if (value < HISTOGRAM_OCTAVE)
        return (unsigned)value;
    shift = 60u - (unsigned)__builtin_clzll(value); /* the value's highest four bits are value >> shift */
    range = shift * HISTOGRAM_OCTAVE + (unsigned)(value >> shift);
    return range < HISTOGRAM_RANGES ? range : HISTOGRAM_RANGES - 1;
}

/* Count a duration. Negative ones count as 0. */
static inline void
histogram_record(struct histogram *histogram, int64_t duration_us)
{
    uint64_t value = duration_us > 0 ? (uint64_t)duration_us : 0;

    histogram->counts[histogram_range(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

/* Count everything that `other` counted, too. */
void
histogram_add(struct histogram *histogram, const struct histogram *other);

/* The value that `per_million` of a million values do not exceed (500000: the median), within 5.9 % of the truth and never
 * above the largest value recorded; 0 when there is none. */
uint64_t
histogram_quantile(const struct histogram *histogram, uint32_t per_million);

/* The average, rounded down; 0 when there is none. */
uint64_t
histogram_mean(const struct histogram *histogram);

#endif
