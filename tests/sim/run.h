/* run.h - one seed from its first event to its last check: world, broker and oracle together. */
#ifndef SNAKEPIT_SIM_RUN_H
#define SNAKEPIT_SIM_RUN_H

#include "tally.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct run_options {
    uint64_t seed;
    uint64_t steps;       /* with faults; then all is healed, and it goes on until nothing is left to do */
    uint64_t check_every; /* steps between two broker_check */
    bool verbose;
    bool shrinks; /* run_shrink may follow: an assert is a finding, and not the end of the program */
    const char *sabotage; /* NULL: none */
};

/* Returns whether all promises held; if not, `out` has the seed, the step, the promise and the last events.
 * *tally is added to. */
bool
run_seed(const struct run_options *options, struct tally *tally, FILE *out);

/* Run the seed once more, writing down what the broker gets, and print the shortest part of that by which the same promise
 * is broken. */
void
run_shrink(const struct run_options *options, FILE *out);

#endif
