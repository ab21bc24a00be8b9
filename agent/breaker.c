/* breaker.c - a sliding window of failures; see breaker.h. */
#include "agent/breaker.h"

#include <assert.h>

void
breaker_init(struct breaker *breaker, uint32_t failures_max, int64_t window_us)
{
    assert(failures_max >= 1 && failures_max <= BREAKER_FAILURES_MAX);
    breaker->failures_max = failures_max;
    breaker->window_us = window_us;
    breaker_reset(breaker);
}

void
breaker_reset(struct breaker *breaker)
{
    breaker->is_open = false;
    breaker->count = 0;
    breaker->next = 0;
}

bool
breaker_trip(struct breaker *breaker, int64_t now_us)
{
    if (breaker->is_open)
        return false;
    breaker->is_open = true;
    breaker->opened_us = now_us;
    breaker->try_us = now_us + breaker->window_us;
    return true;
}

bool
breaker_fail(struct breaker *breaker, int64_t now_us)
{
    breaker->failed_us[breaker->next] = now_us;
    breaker->next = (breaker->next + 1) % breaker->failures_max;
    if (breaker->count < breaker->failures_max)
        breaker->count++;
    /* A full ring's next entry is the oldest. */
    if (breaker->count < breaker->failures_max || now_us - breaker->failed_us[breaker->next] > breaker->window_us)
        return false;
    return breaker_trip(breaker, now_us);
}

bool
breaker_allows(const struct breaker *breaker, int64_t now_us)
{
    return !breaker->is_open || now_us >= breaker->try_us;
}

void
breaker_try(struct breaker *breaker, int64_t now_us)
{
    if (breaker->is_open)
        breaker->try_us = now_us + breaker->window_us;
}
