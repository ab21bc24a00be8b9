/* shrink.h - takes away from a script what a finding does not need. */
#ifndef SNAKEPIT_SIM_SHRINK_H
#define SNAKEPIT_SIM_SHRINK_H

#include "run.h"
#include "script.h"

/* Print the shortest part of the script that was found by which `promise` is broken, and how. `end_us` is when that was
 * found. Each try runs in a process of its own, so an assert is as good a finding as any. */
void
shrink(const struct script *script, const struct run_options *options, const char *promise, int64_t end_us, FILE *out);

#endif
