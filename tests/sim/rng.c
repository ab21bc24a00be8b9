/* rng.c - splitmix64; see rng.h. */
#include "rng.h"

void
rng_init(struct rng *rng, uint64_t seed)
{
    rng->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

uint64_t
rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t
rng_below(struct rng *rng, uint64_t limit)
{
    return rng_next(rng) % limit;
}

int64_t
rng_between(struct rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(rng, (uint64_t)(high - low) + 1);
}

bool
rng_chance(struct rng *rng, unsigned permille)
{
    return rng_below(rng, 1000) < permille;
}

int64_t
rng_pick(struct rng *rng, const int64_t *numbers, size_t count)
{
    return numbers[rng_below(rng, count)];
}

void
rng_fill(struct rng *rng, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++)
        bytes[at] = (uint8_t)rng_next(rng);
}
