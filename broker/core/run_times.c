/* run_times.c - running means of run times; see run_times.h.
 *
 * The estimator is that of round trips in TCP (Jacobson and Karels 1988): mean and mean deviation, each moved by a part of
 * the error. */
#include "broker/core/run_times.h"

#include "broker/core/hash.h"

#include <stdlib.h>

/* So many short runs are needed to know anything, */
#define KNOWN_AFTER 8

/* and one moves the means by a sixteenth of the difference: answers come in batches, all at one time, and must be taken
 * together. */
#define WEIGHT 16

void
run_times_fini(struct run_times *times)
{
    free(times->cells);
    times->cells = NULL;
}

uint16_t
run_times_find(struct bytes function, uint64_t seed, uint32_t cells_max)
{
    uint32_t count = cells_max > 0 && cells_max < RUN_TIMES_CELLS ? cells_max : RUN_TIMES_CELLS;

    return (uint16_t)(1 + hash_bytes_seeded(function.data, function.size, seed) % count);
}

static struct run_time *
get_cell(struct run_times *times, uint16_t cell)
{
    if (!times->cells)
        times->cells = calloc(RUN_TIMES_CELLS, sizeof *times->cells);
    if (!times->cells)
        abort();
    return &times->cells[cell - 1];
}

void
run_times_learn(struct run_times *times, uint16_t cell, int64_t run_us, int64_t long_us)
{
    struct run_time *time = get_cell(times, cell);
    int32_t error;

    if (run_us >= long_us || run_us >= INT32_MAX / (2 * WEIGHT)) {
        *time = (struct run_time){0};
        return;
    }
    if (time->short_runs == 0)
        time->mean = (int32_t)run_us * WEIGHT;
    error = (int32_t)run_us * WEIGHT - time->mean;
    time->mean += error / WEIGHT;
    time->deviation += ((error < 0 ? -error : error) - time->deviation) / WEIGHT;
    if (time->short_runs < KNOWN_AFTER)
        time->short_runs++;
}

int64_t
run_times_expect(const struct run_times *times, uint16_t cell)
{
    const struct run_time *time = times->cells ? &times->cells[cell - 1] : NULL;

    if (!time || time->short_runs < KNOWN_AFTER)
        return 0;
    return 1 + (time->mean + time->deviation) / WEIGHT;
}
