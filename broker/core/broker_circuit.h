/* broker_circuit.h - pools that fail are left alone for a while: what the broker's files call for it. For the files that
 * include broker_state.h only. */
#ifndef SNAKEPIT_CORE_BROKER_CIRCUIT_H
#define SNAKEPIT_CORE_BROKER_CIRCUIT_H

#include "broker/core/broker_state.h"

/* The path of broker_judge_attempt for a pool that has a circuit. */
void
broker_feed_circuit(struct broker *broker, struct pool *pool, uint64_t fence, enum attempt_outcome outcome);

/* The attempt of a lease ended so, or its task did. To be called once, before the lease releases its task. */
static inline void
broker_judge_attempt(struct broker *broker, const struct lease *lease, enum attempt_outcome outcome)
{
    struct pool *pool = lease->worker->pool;

    if (pool->settings.circuit_failures > 0)
        broker_feed_circuit(broker, pool, lease->fence, outcome);
}

/* The pause of the pool's circuit is over. */
void
broker_circuit_due(struct broker *broker, struct pool *pool);

/* Close the circuit, for this reason (static), and go on. */
void
broker_close_circuit(struct broker *broker, struct pool *pool, const char *reason);

/* How long a new task of the pool should stay away, since its circuit lets nothing through and tasks are not to wait for
 * that; 0: it need not. */
uint64_t
broker_circuit_refusal_ms(const struct broker *broker, const struct pool *pool);

#endif
