/* broker_circuit.c - pools whose attempts fail are left alone for a while; see circuit.h and broker_circuit.h. */
#include "broker/core/broker_circuit.h"

/* A probe is under way, and nobody knows for how long. */
#define PROBE_RETRY_MS UINT64_C(1000)

static struct note *
note_circuit(struct broker *broker, enum note_kind kind, const struct pool *pool, const char *reason)
{
    struct note *note = outbox_note(broker->outbox, kind);

    note->pool = pool->name;
    note->reason = reason;
    note->queued = pool_queued(pool);
    return note;
}

void
broker_feed_circuit(struct broker *broker, struct pool *pool, uint64_t fence, enum attempt_outcome outcome)
{
    struct circuit *circuit = &pool->circuit;
    bool was_probe = circuit->probe == fence;

    if (!circuit_judge(circuit, &pool->settings, fence, outcome, broker->now_us))
        return;
    if (circuit->state == CIRCUIT_CLOSED) {
        note_circuit(broker, NOTE_POOL_CIRCUIT_CLOSED, pool, "a probe succeeded");
        return;
    }
    heap_put(&broker->timers, &circuit->timer, circuit->until_us);
    note_circuit(broker, NOTE_POOL_CIRCUIT_OPENED, pool, was_probe ? "a probe failed" : "too many attempts failed")
        ->retry_us = circuit->pause_us;
}

void
broker_circuit_due(struct broker *broker, struct pool *pool)
{
    heap_remove(&broker->timers, &pool->circuit.timer);
    circuit_half_open(&pool->circuit);
    broker_dispatch(broker, pool);
}

void
broker_close_circuit(struct broker *broker, struct pool *pool, const char *reason)
{
    heap_remove(&broker->timers, &pool->circuit.timer);
    if (!circuit_reset(&pool->circuit))
        return;
    note_circuit(broker, NOTE_POOL_CIRCUIT_CLOSED, pool, reason);
    broker_dispatch(broker, pool);
}

uint64_t
broker_circuit_refusal_ms(const struct broker *broker, const struct pool *pool)
{
    const struct circuit *circuit = &pool->circuit;

    if (circuit->state == CIRCUIT_CLOSED || pool->settings.when_open == WHEN_OPEN_WAIT)
        return 0;
    if (circuit->state == CIRCUIT_OPEN)
        return (uint64_t)(circuit->until_us - broker->now_us + 999) / 1000;
    /* Something must be there to try: else it would never close. */
    return circuit->probe == 0 && pool_queued(pool) == 0 ? 0 : PROBE_RETRY_MS;
}
