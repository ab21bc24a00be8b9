/* circuit.h - stops a pool whose attempts fail from failing still more of them. Knows no tasks; reads no clock.
 *
 * CLOSED -> OPEN when enough attempts of the last window failed; OPEN -> HALF_OPEN when the pause is over: then one attempt
 * at a time is tried. The first that succeeds closes it, since what broke is mostly a thing that all share (a database, a
 * disk), and one answer shows that it is back; where it shows nothing, the next failures open it again. A failure opens it
 * at once, and for twice as long. */
#ifndef SNAKEPIT_CORE_CIRCUIT_H
#define SNAKEPIT_CORE_CIRCUIT_H

#include "broker/core/heap.h"
#include "broker/core/pool_settings.h"

enum circuit_state {
    CIRCUIT_CLOSED,
    CIRCUIT_OPEN,      /* nothing is dispatched; `timer` runs */
    CIRCUIT_HALF_OPEN, /* one probe at a time is */
    CIRCUIT_STATES,
};

/* How an attempt ended, as far as it says something about the pool. */
enum attempt_outcome {
    ATTEMPT_NEUTRAL,   /* cancelled, given back, a wrong call: nothing */
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED,    /* its function failed or ran too long, or its worker was lost */
};

/* The window moves in tenths of its length, so that it needs no memory for each attempt. */
enum { CIRCUIT_SLICES = 10, CIRCUIT_PAUSES_MAX = 10 };

struct circuit {
    uint8_t state;    /* enum circuit_state */
    uint64_t probe;   /* HALF_OPEN: fence of the attempt that is tried; 0: none */
    int64_t pause_us; /* the last one; doubles with each probe that fails, up to CIRCUIT_PAUSES_MAX times the first */
    int64_t until_us; /* OPEN */
    int64_t slice;    /* number of the newest slice, since time 0 */
    uint32_t failed[CIRCUIT_SLICES];
    uint32_t succeeded[CIRCUIT_SLICES];
    struct heap_node timer; /* OPEN: the end of the pause; its owner's */
};

/* May an attempt begin now? */
static inline bool
circuit_admits(const struct circuit *circuit)
{
    return circuit->state == CIRCUIT_CLOSED || (circuit->state == CIRCUIT_HALF_OPEN && circuit->probe == 0);
}

/* The attempt with this fence began. To be called in state HALF_OPEN. */
void
circuit_begin_probe(struct circuit *circuit, uint64_t fence);

/* The attempt ended so. Returns whether the state changed: to OPEN until `until_us`, or to CLOSED. Attempts that began
 * before the last change of state say nothing any more. */
bool
circuit_judge(struct circuit *circuit, const struct pool_settings *settings, uint64_t fence, enum attempt_outcome outcome,
              int64_t now_us);

/* The pause is over. */
void
circuit_half_open(struct circuit *circuit);

/* Close it and forget what was counted. Returns whether it was not closed. */
bool
circuit_reset(struct circuit *circuit);

/* "closed"... */
const char *
circuit_state_name(enum circuit_state state);

#endif
