/* histogram_test.c - the benchmarks' histogram against sorted values: each quantile within 1.6 %, none below the truth. */
#include "histogram.h"

#include <inttypes.h>
#include <stdlib.h>

enum { VALUES = 100000 };

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Values over all powers of two, from a fixed seed. */
static uint64_t
next_value(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 8) >> (*state >> 58);
}

int
main(void)
{
    static const double shares[] = {0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    static struct histogram histogram;
    static uint64_t values[VALUES];
    uint64_t state = 1;
    int wrong = 0;

    if (histogram_quantile_ns(&histogram, 0.5) != 0)
        wrong++;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = i == 0 ? UINT64_MAX : next_value(&state);
        histogram_add(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof *values, compare);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)(shares[i] * VALUES);
        uint64_t truth = values[rank < VALUES ? rank : VALUES - 1];
        uint64_t found = histogram_quantile_ns(&histogram, shares[i]);

        if (found >= truth && found - truth <= truth / 60)
            continue;
        printf("quantile %g: %" PRIu64 " instead of %" PRIu64 "\n", shares[i], found, truth);
        wrong++;
    }
    return wrong > 0;
}
