#include "histogram.h"

/* Below HISTOGRAM_STEPS each value has its own cell; above, the first HISTOGRAM_STEP_BITS bits after the leading one count. */
static unsigned
cell_of(uint64_t value)
{
    unsigned power, shift;

    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    power = 63 - (unsigned)__builtin_clzll(value);
    shift = power - HISTOGRAM_STEP_BITS;
    return ((shift + 1) << HISTOGRAM_STEP_BITS) + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

/* The largest value that falls into the cell. */
static uint64_t
cell_end(unsigned cell)
{
    unsigned shift = cell >> HISTOGRAM_STEP_BITS;
    uint64_t step = (cell & (HISTOGRAM_STEPS - 1)) + HISTOGRAM_STEPS;

    if (shift == 0)
        return cell;
    return ((step + 1) << (shift - 1)) - 1;
}

void
histogram_add(struct histogram *histogram, uint64_t value_ns)
{
    histogram->cells[cell_of(value_ns)]++;
    histogram->count++;
    if (value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
}

uint64_t
histogram_quantile_ns(const struct histogram *histogram, double share)
{
    uint64_t rank = (uint64_t)(share * (double)histogram->count), seen = 0;

    for (unsigned cell = 0; cell < HISTOGRAM_CELLS; cell++) {
        seen += histogram->cells[cell];
        if (seen > rank)
            return cell_end(cell) < histogram->max_ns ? cell_end(cell) : histogram->max_ns;
    }
    return histogram->max_ns;
}

void
histogram_print(const struct histogram *histogram, FILE *file)
{
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}, {"p999_us", 0.999}, {"p9999_us", 0.9999}};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        fprintf(file, "\"%s\": %.1f, ", marks[i].name, (double)histogram_quantile_ns(histogram, marks[i].share) / 1e3);
    fprintf(file, "\"max_us\": %.1f", (double)histogram->max_ns / 1e3);
}
