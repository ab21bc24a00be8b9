/* broker_pools.c - pools and settings come, change and go while the broker runs; see broker_state.h.
 *
 * A pool that is removed takes no new tasks. When its last task has ended, its workers are asked to stop; when the last of
 * them has gone, the pool has. Added again before that, it goes on as if nothing had been. */
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_order.h"
#include "wire/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct pool *
broker_pool(const struct broker *broker, struct bytes name)
{
    struct pool *pool;

    HASH_FIND_BYHASHVALUE(hh, broker->pools_by_name, name.data, name.size, hash_bytes(name.data, name.size), pool);
    return pool;
}

struct pool *
broker_pool_asked(struct broker *broker, struct bytes name)
{
    struct pool *pool = broker->pool_asked;

    if (!pool || pool->hh.keylen != name.size || memcmp(pool->name, name.data, name.size) != 0)
        pool = broker->pool_asked = broker_pool(broker, name);
    return pool;
}

struct pool *
broker_default_pool(const struct broker *broker)
{
    return broker->default_pool ? broker_pool(broker, text_bytes(broker->default_pool)) : NULL;
}

void
broker_set_default_pool(struct broker *broker, const char *name)
{
    size_t size = name ? strlen(name) + 1 : 0;
    char *copy = name ? malloc(size) : NULL;

    if (name && !copy)
        abort();
    if (name)
        memcpy(copy, name, size);
    free(broker->default_pool);
    broker->default_pool = copy;
    broker->settings.default_pool = copy;
}

/* --- adding ----------------------------------------------------------------------------------------------------- */

static struct pool **
append(struct pool **pools, size_t count, struct pool *pool)
{
    pools = realloc(pools, (count + 1) * sizeof *pools);
    if (!pools)
        abort();
    pools[count] = pool;
    return pools;
}

static void
take_out(struct pool **pools, size_t *count, size_t at)
{
    memmove(&pools[at], &pools[at + 1], (*count - at - 1) * sizeof *pools);
    --*count;
}

/* The pool that had this name before, taken from the former ones, or NULL. */
static struct pool *
take_former(struct broker *broker, const char *name)
{
    for (size_t i = 0; i < broker->former_count; i++) {
        struct pool *pool = broker->former_pools[i];

        if (strcmp(pool->name, name) != 0)
            continue;
        take_out(broker->former_pools, &broker->former_count, i);
        return pool;
    }
    return NULL;
}

static void
change(struct broker *broker, struct pool *pool, const struct pool_settings *settings)
{
    struct pool_settings old = pool->settings;

    pool_change(pool, settings);
    pool_change_limits(pool, &old, broker->now_us);
    broker_arm_limits(broker, pool);
}

int
broker_add_pool(struct broker *broker, const struct pool_settings *settings)
{
    struct bytes name = text_bytes(settings->name);
    struct pool *pool;

    if (!text_is_name(name) || broker_pool(broker, name))
        return ERR_INVALID;
    pool = take_former(broker, settings->name);
    if (!pool)
        pool = pool_new(settings);
    pool->capacity.timer.tag = TIMER_POOL;
    pool->ahead_timer.tag = TIMER_AHEAD;
    pool->circuit.timer.tag = TIMER_CIRCUIT;
    pool->limit_timer.tag = TIMER_LIMIT;
    pool->hash_seed = broker->settings.hash_seed;
    change(broker, pool, settings);
    pool->affinities.timer.tag = TIMER_SESSIONS;
    pool_become(pool, POOL_OPEN);
    pool->recycling.is_memory_off = false; /* what was found out about limits was about other ones */
    broker->pools = append(broker->pools, broker->pools_count++, pool);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->pools_by_name, pool->name, name.size, hash_bytes(name.data, name.size),
                                pool);
    return OK;
}

int
broker_set_pool(struct broker *broker, const struct pool_settings *settings)
{
    struct bytes name = text_bytes(settings->name);
    struct pool *pool = broker_pool(broker, name);
    enum note_kind kind = NOTE_POOL_CHANGED;

    if (!pool || pool->state == POOL_REMOVED)
        kind = NOTE_POOL_ADDED;
    if (!pool && broker_add_pool(broker, settings) != OK)
        return ERR_INVALID;
    if (pool && pool->state == POOL_REMOVED) {
        pool_become(pool, POOL_OPEN);
        broker->removing_count--;
    }
    if (pool) {
        change(broker, pool, settings);
        broker_set_lifespans(broker, pool);
        broker_trim_dedups(broker, pool, false);
        if (settings->circuit_failures == 0)
            broker_close_circuit(broker, pool, "it was switched off");
        broker_sessions_due(broker, pool);
        broker_dispatch(broker, pool); /* a limit may have been raised */
    }
    broker_count_agents(broker);
    outbox_note(broker->outbox, kind)->pool = broker_pool(broker, name)->name;
    return OK;
}

/* --- removing --------------------------------------------------------------------------------------------------- */

static bool
has_tasks(const struct pool *pool)
{
    return pool_waiting(pool) > 0 || pool->running_count > 0;
}

bool
broker_pool_wants_workers(const struct pool *pool)
{
    return pool->state != POOL_REMOVED || has_tasks(pool);
}

int
broker_remove_pool(struct broker *broker, struct bytes name)
{
    struct pool *pool = broker_pool(broker, name);
    struct note *note;

    if (!pool || !pool_become(pool, POOL_REMOVED))
        return ERR_NOT_FOUND;
    broker->removing_count++;
    pool->is_empty_told = false;
    note = outbox_note(broker->outbox, NOTE_POOL_REMOVING);
    note->pool = pool->name;
    note->queued = pool_waiting(pool);
    note->count = pool->running_count;
    return OK;
}

/* Ask each worker once on each of its connections. */
static void
stop_workers(struct broker *broker, struct pool *pool)
{
    struct worker *worker;

    DL_FOREACH(pool->workers, worker) {
        if (worker->peer == 0 || worker->is_stop_sent)
            continue;
        worker->is_stop_sent = true;
        outbox_send(broker->outbox, SIDE_WORKER, worker->peer, VERB_STOP, NULL)->stop.reason =
            text_bytes("the pool was removed");
    }
}

void
broker_advance_removals(struct broker *broker)
{
    for (size_t i = broker->pools_count; i-- > 0;) {
        struct pool *pool = broker->pools[i];

        if (pool->state != POOL_REMOVED || has_tasks(pool))
            continue;
        if (!pool->is_empty_told)
            outbox_note(broker->outbox, NOTE_POOL_EMPTY)->pool = pool->name;
        pool->is_empty_told = true;
        stop_workers(broker, pool);
        if (pool->workers)
            continue;
        take_out(broker->pools, &broker->pools_count, i);
        heap_remove(&broker->timers, &pool->capacity.timer);
        heap_remove(&broker->timers, &pool->ahead_timer);
        heap_remove(&broker->timers, &pool->circuit.timer);
        circuit_reset(&pool->circuit);
        heap_remove(&broker->timers, &pool->limit_timer);
        broker_trim_dedups(broker, pool, true);
        heap_remove(&broker->timers, &pool->affinities.timer);
        pool->capacity.is_full = pool->capacity.is_reached = false;
        broker_destroy_recycles(broker, pool);
        HASH_DELETE(hh, broker->pools_by_name, pool);
        broker->pool_asked = NULL;
        broker->former_pools = append(broker->former_pools, broker->former_count++, pool);
        broker->removing_count--;
        outbox_note(broker->outbox, NOTE_POOL_REMOVED)->pool = pool->name;
    }
}

void
broker_destroy_pools(struct broker *broker)
{
    HASH_CLEAR(hh, broker->pools_by_name);
    /* First all that leaves the heap of timers: it looks at its other nodes, and pools have some in it. */
    for (size_t i = 0; i < broker->pools_count; i++)
        broker_destroy_recycles(broker, broker->pools[i]);
    for (size_t i = 0; i < broker->former_count; i++)
        broker_destroy_recycles(broker, broker->former_pools[i]);
    for (size_t i = 0; i < broker->pools_count; i++)
        pool_destroy(&broker->pools[i]);
    for (size_t i = 0; i < broker->former_count; i++)
        pool_destroy(&broker->former_pools[i]);
    free(broker->pools);
    free(broker->former_pools);
}

/* --- settings --------------------------------------------------------------------------------------------------- */

/* Workers and agents learn the interval in WELCOME, so they are asked to say HELLO again. Until then they cannot know
 * better: all count as heard just now. */
static void
spread_heartbeat(struct broker *broker)
{
    struct worker *worker;
    struct agent *agent;

    for (agent = broker->agents; agent; agent = agent->hh.next) {
        agent->heard_us = broker->now_us;
        if (agent->peer > 0)
            broker_ask_hello(broker, SIDE_WORKER, agent->peer, true);
    }
    for (worker = broker->workers; worker; worker = worker->hh.next)
        if (worker->peer > 0)
            broker_ask_hello(broker, SIDE_WORKER, worker->peer, true);
    DL_FOREACH2(broker->heard, worker, heard_next)
        worker->heard_us = broker->now_us;
}

void
broker_change_settings(struct broker *broker, const struct broker_settings *settings)
{
    struct broker_settings old = broker->settings;

    broker->settings = *settings;
    broker->settings.epoch = old.epoch;
    broker->settings.epoch_us = old.epoch_us;
    broker->settings.hash_seed = old.hash_seed;
    broker->settings.version = broker->version;
    broker_set_default_pool(broker, settings->default_pool);
    if (settings->heartbeat_us != old.heartbeat_us)
        spread_heartbeat(broker);
    broker_trim_all(broker);
}
