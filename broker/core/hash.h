/* hash.h - uthash as the core uses it: it aborts when memory ends. And cheap hashes for the core's own keys. */
#ifndef SNAKEPIT_CORE_HASH_H
#define SNAKEPIT_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

/* Spread a number over all bits (the finalizer of splitmix64, after Steele, Lea and Flood 2014). */
static inline uint64_t
hash_mix(uint64_t number)
{
    number ^= number >> 30;
    number *= UINT64_C(0xbf58476d1ce4e5b9);
    number ^= number >> 27;
    number *= UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

/* FNV-1a: for short names. With a `seed` that peers do not know, for names that they choose. */
static inline unsigned
hash_bytes_seeded(const uint8_t *data, size_t size, uint64_t seed)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return (unsigned)hash_mix(hash);
}

static inline unsigned
hash_bytes(const uint8_t *data, size_t size)
{
    return hash_bytes_seeded(data, size, 0);
}

#endif
