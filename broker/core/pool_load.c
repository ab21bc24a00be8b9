/* pool_load.c - slices of what happened in a pool; see pool_load.h. */
#include "broker/core/pool_load.h"

#include <string.h>

void
pool_load_init(struct pool_load *load)
{
    memset(load, 0, sizeof *load);
    load->touched_us = INT64_MIN;
}

static void
add_slice(struct load_slice *sum, const struct load_slice *slice)
{
    sum->span_us += slice->span_us;
    sum->accepted += slice->accepted;
    sum->dispatched += slice->dispatched;
    sum->answered += slice->answered;
    sum->busy_us += slice->busy_us;
    sum->capacity_us += slice->capacity_us;
    sum->queued_us += slice->queued_us;
    sum->full_us += slice->full_us;
    if (slice->queued_max > sum->queued_max)
        sum->queued_max = slice->queued_max;
    histogram_add(&sum->wait, &slice->wait);
    histogram_add(&sum->run, &slice->run);
}

static void
integrate(struct pool_load *load, int64_t now_us, const struct load_levels *levels)
{
    struct load_slice *open = &load->open;
    uint64_t passed_us = (uint64_t)(now_us - load->touched_us);

    open->span_us += (int64_t)passed_us;
    open->busy_us += levels->busy * passed_us;
    open->capacity_us += (levels->busy + levels->free) * passed_us;
    open->queued_us += levels->queued * passed_us;
    if (levels->free == 0 && levels->queued > 0)
        open->full_us += passed_us;
    load->touched_us = now_us;
}

/* The open slice is full. */
static void
turn_over(struct pool_load *load, const struct load_levels *levels)
{
    add_slice(&load->sum, &load->open);
    load->last = load->open;
    memset(&load->open, 0, sizeof load->open);
    load->open.queued_at_start = load->open.queued_max = levels->queued;
}

void
pool_load_advance(struct pool_load *load, int64_t now_us, struct load_levels levels)
{
    int64_t full_us, idle_slices;

    if (load->touched_us == INT64_MIN) {
        load->touched_us = now_us;
        return;
    }
    full_us = load->touched_us - load->open.span_us + POOL_LOAD_SLICE_US;
    if (now_us >= full_us) {
        integrate(load, full_us, &levels);
        turn_over(load, &levels);
        /* After long idleness only the last two slices matter one by one. */
        idle_slices = (now_us - full_us) / POOL_LOAD_SLICE_US;
        if (idle_slices > 1) {
            integrate(load, full_us + (idle_slices - 1) * POOL_LOAD_SLICE_US, &levels);
            turn_over(load, &levels);
        }
        if (idle_slices > 0) {
            integrate(load, full_us + idle_slices * POOL_LOAD_SLICE_US, &levels);
            turn_over(load, &levels);
        }
    }
    integrate(load, now_us, &levels);
}

void
pool_load_get_all(const struct pool_load *load, struct load_slice *ret_slice)
{
    *ret_slice = load->sum;
    add_slice(ret_slice, &load->open);
}

void
pool_load_get_recent(const struct pool_load *load, struct load_slice *ret_slice)
{
    *ret_slice = load->last;
    add_slice(ret_slice, &load->open);
    if (load->last.span_us == 0)
        ret_slice->queued_at_start = load->open.queued_at_start;
}
