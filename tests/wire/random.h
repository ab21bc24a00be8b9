/* random.h - a small generator of random numbers that gives the same on every machine. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_RANDOM_H
#define SNAKEPIT_TESTS_WIRE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* splitmix64, by Sebastiano Vigna (public domain): https://prng.di.unimi.it/splitmix64.c */
static inline uint64_t
random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to `limit` - 1. */
static inline uint32_t
random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)((random_next(random) >> 32) * limit >> 32);
}

/* True once in `times` on average. */
static inline bool
random_once_in(struct random *random, uint32_t times)
{
    return random_below(random, times) == 0;
}

#endif
