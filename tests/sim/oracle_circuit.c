/* oracle_circuit.c - pools that fail are left alone: when a circuit must open, what may pass it, when it closes; see
 * oracle.h. The core counts in slices; here each attempt of the window is remembered. */
#include "oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <utlist.h>

bool
model_circuit_admits(const struct model_circuit *circuit)
{
    return circuit->state == CIRCUIT_CLOSED || (circuit->state == CIRCUIT_HALF_OPEN && circuit->probe == 0);
}

static void
open_for(struct oracle *oracle, struct model_circuit *circuit, int64_t pause_us)
{
    circuit->state = CIRCUIT_OPEN;
    circuit->pause_us = pause_us;
    circuit->until_us = oracle->now_us + pause_us;
    circuit->marks_count = 0;
    circuit->opened++;
    circuit->is_vague = false;
}

static void
add_mark(struct model_circuit *circuit, int64_t now_us, bool failed)
{
    if (circuit->marks_count == circuit->marks_capacity) {
        circuit->marks_capacity = 2 * circuit->marks_capacity + 16;
        circuit->marks = realloc(circuit->marks, circuit->marks_capacity * sizeof *circuit->marks);
        if (!circuit->marks)
            abort();
    }
    circuit->marks[circuit->marks_count++] = (struct model_mark){now_us, failed};
}

/* Whole tenths of the window, of which the youngest has begun. */
static bool
is_in_window(const struct pool_settings *settings, int64_t at_us, int64_t now_us)
{
    int64_t tenth_us = settings->circuit_window_us / 10;

    return now_us / tenth_us - at_us / tenth_us < 10;
}

static void
judge_closed(struct oracle *oracle, struct model_pool *pool, bool failed)
{
    struct model_circuit *circuit = &pool->circuit;
    uint32_t failures = 0, kept = 0;

    add_mark(circuit, oracle->now_us, failed);
    for (uint32_t i = 0; i < circuit->marks_count; i++) {
        if (!is_in_window(&pool->settings, circuit->marks[i].at_us, oracle->now_us))
            continue;
        failures += circuit->marks[i].failed;
        circuit->marks[kept++] = circuit->marks[i];
    }
    circuit->marks_count = kept;
    if (!failed || failures < pool->settings.circuit_failures || 2 * failures < kept)
        return;
    oracle->tally->sometimes[SOMETIMES_CIRCUIT_OPENED]++;
    open_for(oracle, circuit, pool->settings.circuit_pause_us);
}

static void
judge_probe(struct oracle *oracle, struct model_pool *pool, enum attempt_outcome outcome)
{
    struct model_circuit *circuit = &pool->circuit;
    int64_t pause_us = 2 * circuit->pause_us, longest_us = 10 * pool->settings.circuit_pause_us;

    circuit->probe = 0;
    if (outcome == ATTEMPT_NEUTRAL) {
        oracle->tally->sometimes[SOMETIMES_PROBE_SAID_NOTHING]++;
    } else if (outcome == ATTEMPT_SUCCEEDED) {
        oracle->tally->sometimes[SOMETIMES_CIRCUIT_CLOSED]++;
        circuit->state = CIRCUIT_CLOSED;
        circuit->closed++;
    } else {
        oracle->tally->sometimes[SOMETIMES_CIRCUIT_OPENED_AGAIN]++;
        open_for(oracle, circuit, pause_us < longest_us ? pause_us : longest_us);
    }
}

void
oracle_judge_attempt(struct oracle *oracle, const struct model_lease *lease, enum attempt_outcome outcome)
{
    struct model_pool *pool = lease->worker->pool;
    struct model_circuit *circuit = &pool->circuit;

    if (pool->settings.circuit_failures == 0)
        return;
    if (circuit->state == CIRCUIT_CLOSED && outcome != ATTEMPT_NEUTRAL)
        judge_closed(oracle, pool, outcome == ATTEMPT_FAILED);
    else if (circuit->state == CIRCUIT_HALF_OPEN && circuit->probe == lease->fence)
        judge_probe(oracle, pool, outcome);
}

void
oracle_judge_loss(struct oracle *oracle, const struct model_worker *worker)
{
    const struct model_lease *lease;

    DL_FOREACH(worker->leases, lease)
        if (lease->task)
            oracle_judge_attempt(oracle, lease,
                                 lease->is_ahead || lease->task->cancel_asked || (worker->is_condemned && !lease->timed_out) ? ATTEMPT_NEUTRAL
                                                                                                          : ATTEMPT_FAILED);
}

void
oracle_judge_bye(struct oracle *oracle, const struct model_worker *worker)
{
    const struct model_lease *lease;

    DL_FOREACH(worker->leases, lease)
        if (lease->task)
            oracle_judge_attempt(oracle, lease, ATTEMPT_NEUTRAL);
}

void
oracle_begin_attempt(struct oracle *oracle, struct model_pool *pool, uint64_t fence)
{
    struct model_circuit *circuit = &pool->circuit;

    if (!model_circuit_admits(circuit))
        BREAK(oracle, "circuit", "a task of pool %s was dispatched while its circuit is %s", pool->name,
              circuit->state == CIRCUIT_OPEN ? "open" : "being tried");
    if (circuit->state == CIRCUIT_HALF_OPEN)
        circuit->probe = fence;
}

uint64_t
oracle_circuit_refusal_ms(const struct oracle *oracle, const struct model_pool *pool)
{
    const struct model_circuit *circuit = &pool->circuit;

    if (pool->settings.when_open != WHEN_OPEN_REFUSE || circuit->state == CIRCUIT_CLOSED)
        return 0;
    if (circuit->state == CIRCUIT_OPEN)
        return (uint64_t)(circuit->until_us - oracle->now_us + 999) / 1000;
    return circuit->probe || pool->queued > 0 ? 1000 : 0;
}

void
oracle_close_circuit(struct oracle *oracle, struct model_pool *pool)
{
    struct model_circuit *circuit = &pool->circuit;

    circuit->marks_count = 0;
    if (circuit->state == CIRCUIT_CLOSED)
        return;
    oracle->tally->sometimes[SOMETIMES_CIRCUIT_RESET]++;
    circuit->state = CIRCUIT_CLOSED;
    circuit->probe = 0;
    circuit->closed++;
}

void
oracle_circuit_note(struct oracle *oracle, const struct note *note)
{
    struct model_pool *pool;

    if (note->kind != NOTE_POOL_CIRCUIT_OPENED && note->kind != NOTE_POOL_CIRCUIT_CLOSED)
        return;
    pool = model_find_pool(&oracle->model, bytes_of(note->pool));
    if (pool && note->kind == NOTE_POOL_CIRCUIT_OPENED)
        pool->circuit.opened--;
    else if (pool)
        pool->circuit.closed--;
}

/* What cannot be known is taken from the broker. */
static void
believe(struct oracle *oracle, struct model_pool *pool)
{
    struct model_circuit *circuit = &pool->circuit;
    struct pool_stats stats;

    if (broker_find_pool(oracle->broker, bytes_of(pool->name), &stats) != OK)
        return;
    if (stats.circuit != circuit->state)
        circuit->probe = 0;
    circuit->state = stats.circuit;
    circuit->until_us = stats.circuit_until_us;
    circuit->opened = circuit->closed = 0;
    if (stats.circuit == CIRCUIT_OPEN)
        circuit->pause_us = stats.circuit_until_us - oracle->now_us;
    circuit->is_vague = stats.circuit != CIRCUIT_OPEN;
}

void
oracle_pass_pauses(struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->model.pool_count; i++) {
        struct model_pool *pool = &oracle->model.pools[i];

        if (pool->circuit.state == CIRCUIT_OPEN && pool->circuit.until_us <= oracle->now_us)
            pool->circuit.state = CIRCUIT_HALF_OPEN;
        if (pool->circuit.is_vague && pool->settings.circuit_failures > 0)
            believe(oracle, pool);
    }
}

void
oracle_check_circuit(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats)
{
    struct model_circuit *circuit = &pool->circuit;

    if (stats->circuit != circuit->state)
        BREAK(oracle, "circuit", "the circuit of pool %s is %s, and should be %s", pool->name,
              circuit_state_name(stats->circuit), circuit_state_name(circuit->state));
    else if (stats->circuit == CIRCUIT_OPEN && stats->circuit_until_us != circuit->until_us)
        BREAK(oracle, "circuit", "the circuit of pool %s is open for %" PRIi64 " us, and should be for %" PRIi64,
              pool->name, stats->circuit_until_us - oracle->now_us, circuit->until_us - oracle->now_us);
    else if (!circuit->is_vague && (circuit->opened || circuit->closed))
        BREAK(oracle, "circuit", "the circuit of pool %s changed, and nobody was told", pool->name);
    circuit->opened = circuit->closed = 0;
}
