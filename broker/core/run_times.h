/* run_times.h - how long the functions of one pool took lately. A plain record and sums; reads no clock.
 *
 * Functions share a fixed number of cells by the hash of their names, so that a client that makes up names costs no memory.
 * Two that share one look as long as they are together, and the longer one decides. */
#ifndef SNAKEPIT_CORE_RUN_TIMES_H
#define SNAKEPIT_CORE_RUN_TIMES_H

#include "wire/message.h"

enum { RUN_TIMES_CELLS = 256 };

struct run_time {
    int32_t mean;      /* both in sixteenths of a microsecond */
    int32_t deviation;
    uint32_t short_runs; /* in a row */
};

struct run_times {
    struct run_time *cells; /* RUN_TIMES_CELLS; NULL until the first run */
};

void
run_times_fini(struct run_times *times);

/* The cell of a function, from 1; the first of at most `cells_max`. */
uint16_t
run_times_find(struct bytes function, uint64_t seed, uint32_t cells_max);

/* A run took so long. From `long_us` on nothing is known any more, until several in a row were short. */
void
run_times_learn(struct run_times *times, uint16_t cell, int64_t run_us, int64_t long_us);

/* How long the next run takes, said with caution: the mean and the mean deviation; at least 1. 0: not known. */
int64_t
run_times_expect(const struct run_times *times, uint16_t cell);

#endif
