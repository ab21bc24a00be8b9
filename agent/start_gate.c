/* start_gate.c - batches of starts; see start_gate.h. */
#include "agent/start_gate.h"

void
start_gate_init(struct start_gate *gate, uint32_t batch, int64_t delay_us)
{
    gate->batch = batch;
    gate->delay_us = delay_us;
    gate->started = 0;
    gate->next_us = INT64_MAX;
}

static bool
is_full(const struct start_gate *gate)
{
    return gate->batch != 0 && gate->started >= gate->batch;
}

void
start_gate_watch(struct start_gate *gate, uint32_t starting, int64_t now_us)
{
    if (!is_full(gate) || starting > 0)
        return;
    if (gate->next_us == INT64_MAX)
        gate->next_us = now_us + gate->delay_us;
    if (now_us >= gate->next_us) {
        gate->started = 0;
        gate->next_us = INT64_MAX;
    }
}

bool
start_gate_allows(const struct start_gate *gate, int64_t now_us)
{
    return !is_full(gate) || now_us >= gate->next_us;
}

void
start_gate_pass(struct start_gate *gate)
{
    gate->started++;
}

int64_t
start_gate_next_due_us(const struct start_gate *gate)
{
    return is_full(gate) ? gate->next_us : 0;
}
