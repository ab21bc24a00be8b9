/* start_gate.h - how many workers of a pool may start at one time. Pure: starts none, reads no clock. */
#ifndef SNAKEPIT_AGENT_START_GATE_H
#define SNAKEPIT_AGENT_START_GATE_H

#include <stdbool.h>
#include <stdint.h>

/* Workers start in batches; the next one begins `delay_us` after the last worker of this one is ready, or has failed. */
struct start_gate {
    uint32_t batch; /* 0: no limit */
    int64_t delay_us;
    uint32_t started; /* in this batch */
    int64_t next_us;  /* when the next batch may begin; meaningful once nobody of this one is starting */
};

void
start_gate_init(struct start_gate *gate, uint32_t batch, int64_t delay_us);

/* Note that so many are starting now; to be called when that number may have changed. */
void
start_gate_watch(struct start_gate *gate, uint32_t starting, int64_t now_us);

/* Whether one more may start. */
bool
start_gate_allows(const struct start_gate *gate, int64_t now_us);

/* One starts. */
void
start_gate_pass(struct start_gate *gate);

/* When it allows a start; 0: any time; INT64_MAX: it waits for workers that are starting. */
int64_t
start_gate_next_due_us(const struct start_gate *gate);

#endif
