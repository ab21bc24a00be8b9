/* rng.h - the simulator's only source of chance: a seeded generator (splitmix64, Steele and others 2014). */
#ifndef SNAKEPIT_SIM_RNG_H
#define SNAKEPIT_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

void
rng_init(struct rng *rng, uint64_t seed);

uint64_t
rng_next(struct rng *rng);

/* A number in 0..limit-1; limit > 0. The bias of the modulus is of no matter here. */
uint64_t
rng_below(struct rng *rng, uint64_t limit);

/* A number in low..high, both included. */
int64_t
rng_between(struct rng *rng, int64_t low, int64_t high);

/* True `permille` times in a thousand. */
bool
rng_chance(struct rng *rng, unsigned permille);

/* One of `count` numbers. */
int64_t
rng_pick(struct rng *rng, const int64_t *numbers, size_t count);

void
rng_fill(struct rng *rng, uint8_t *bytes, size_t size);

#endif
