/* circuit.c - counts failures and keeps the state; see circuit.h. */
#include "broker/core/circuit.h"

#include <assert.h>
#include <string.h>

void
circuit_begin_probe(struct circuit *circuit, uint64_t fence)
{
    assert(circuit->state == CIRCUIT_HALF_OPEN && circuit->probe == 0);
    circuit->probe = fence;
}

static void
forget_counts(struct circuit *circuit)
{
    memset(circuit->failed, 0, sizeof circuit->failed);
    memset(circuit->succeeded, 0, sizeof circuit->succeeded);
}

/* Let the window reach up to now. */
static void
advance(struct circuit *circuit, const struct pool_settings *settings, int64_t now_us)
{
    int64_t slice_us = settings->circuit_window_us / CIRCUIT_SLICES;
    int64_t slice = now_us / (slice_us > 0 ? slice_us : 1);

    if (slice - circuit->slice >= CIRCUIT_SLICES || slice < circuit->slice)
        forget_counts(circuit);
    else
        while (circuit->slice < slice) {
            circuit->slice++;
            circuit->failed[circuit->slice % CIRCUIT_SLICES] = 0;
            circuit->succeeded[circuit->slice % CIRCUIT_SLICES] = 0;
        }
    circuit->slice = slice;
}

static bool
has_failed_enough(const struct circuit *circuit, const struct pool_settings *settings)
{
    uint64_t failed = 0, succeeded = 0;

    for (int i = 0; i < CIRCUIT_SLICES; i++) {
        failed += circuit->failed[i];
        succeeded += circuit->succeeded[i];
    }
    return failed >= settings->circuit_failures && failed >= succeeded;
}

static void
open_for(struct circuit *circuit, int64_t pause_us, int64_t now_us)
{
    circuit->state = CIRCUIT_OPEN;
    circuit->probe = 0;
    circuit->pause_us = pause_us;
    circuit->until_us = now_us + pause_us;
    forget_counts(circuit);
}

static bool
judge_closed(struct circuit *circuit, const struct pool_settings *settings, enum attempt_outcome outcome,
             int64_t now_us)
{
    advance(circuit, settings, now_us);
    if (outcome == ATTEMPT_SUCCEEDED) {
        circuit->succeeded[circuit->slice % CIRCUIT_SLICES]++;
        return false;
    }
    circuit->failed[circuit->slice % CIRCUIT_SLICES]++;
    if (!has_failed_enough(circuit, settings))
        return false;
    open_for(circuit, settings->circuit_pause_us, now_us);
    return true;
}

static bool
judge_probe(struct circuit *circuit, const struct pool_settings *settings, enum attempt_outcome outcome,
            int64_t now_us)
{
    int64_t longest_us = settings->circuit_pause_us * CIRCUIT_PAUSES_MAX;

    circuit->probe = 0;
    if (outcome == ATTEMPT_NEUTRAL)
        return false;
    if (outcome == ATTEMPT_SUCCEEDED)
        return circuit_reset(circuit);
    open_for(circuit, circuit->pause_us * 2 < longest_us ? circuit->pause_us * 2 : longest_us, now_us);
    return true;
}

bool
circuit_judge(struct circuit *circuit, const struct pool_settings *settings, uint64_t fence, enum attempt_outcome outcome,
              int64_t now_us)
{
    if (circuit->state == CIRCUIT_CLOSED && outcome != ATTEMPT_NEUTRAL && settings->circuit_failures > 0)
        return judge_closed(circuit, settings, outcome, now_us);
    if (circuit->state == CIRCUIT_HALF_OPEN && circuit->probe == fence)
        return judge_probe(circuit, settings, outcome, now_us);
    return false;
}

void
circuit_half_open(struct circuit *circuit)
{
    assert(circuit->state == CIRCUIT_OPEN);
    circuit->state = CIRCUIT_HALF_OPEN;
}

bool
circuit_reset(struct circuit *circuit)
{
    bool was_closed = circuit->state == CIRCUIT_CLOSED;

    circuit->state = CIRCUIT_CLOSED;
    circuit->probe = 0;
    circuit->pause_us = 0;
    forget_counts(circuit);
    return !was_closed;
}

const char *
circuit_state_name(enum circuit_state state)
{
    static const char *const names[CIRCUIT_STATES] = {
        [CIRCUIT_CLOSED] = "closed", [CIRCUIT_OPEN] = "open", [CIRCUIT_HALF_OPEN] = "half_open"};

    return names[state];
}
