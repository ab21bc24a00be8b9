/* peers.c - a growing array; see peers.h. */
#include "broker/core/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MIN = 16 };

void
peers_init(struct peers *peers)
{
    memset(peers, 0, sizeof *peers);
}

void
peers_fini(struct peers *peers)
{
    free(peers->array);
    memset(peers, 0, sizeof *peers);
}

struct peer *
peers_get(struct peers *peers, uint32_t number)
{
    uint32_t count = peers->count ? peers->count : COUNT_MIN;

    assert(number > 0 && number < UINT32_MAX / 2);
    if (number < peers->count)
        return &peers->array[number];
    while (count <= number)
        count *= 2;
    peers->array = realloc(peers->array, count * sizeof *peers->array);
    if (!peers->array)
        abort();
    memset(peers->array + peers->count, 0, (count - peers->count) * sizeof *peers->array);
    peers->count = count;
    return &peers->array[number];
}
