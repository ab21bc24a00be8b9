/* histogram.h - latencies in a log-linear histogram, as HdrHistogram's: every value within 1.6 %, of any size, in 30 KB.
 * Never keeps the values themselves. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_STEP_BITS = 6, HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS, HISTOGRAM_CELLS = 59 * HISTOGRAM_STEPS };

/* All zero is an empty one. */
struct histogram {
    uint64_t cells[HISTOGRAM_CELLS]; /* each power of two is divided into HISTOGRAM_STEPS equal steps */
    uint64_t count;
    uint64_t max_ns;
};

/* Count one value. */
void
histogram_add(struct histogram *histogram, uint64_t value_ns);

/* The nearest-rank quantile, `share` from 0 to 1: the upper end of its step, at most the largest value. 0 when empty. */
uint64_t
histogram_quantile_ns(const struct histogram *histogram, double share);

/* Print "p50_us": ..., to "max_us": ... as members of a JSON object, without braces. */
void
histogram_print(const struct histogram *histogram, FILE *file);

#endif
