/* broker_recycle.c - replaces workers that are due, without losing capacity or work; see broker_lifecycle.h.
 *
 * A worker that is due waits in its pool's list for its turn; at most recycle_parallel are replaced at one time. Here is what
 * the rest of the broker tells of workers and agents; broker_replace.c has the single replacement. */
#include "broker/core/broker_lifecycle.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

static bool
is_leaving(const struct worker *worker)
{
    return worker->state == WORKER_DRAINING || worker->state == WORKER_GONE || worker->was_draining;
}

/* --- what happens to workers ------------------------------------------------------------------------------------- */

bool
broker_recycle(struct broker *broker, struct worker *worker, enum recycle_reason reason)
{
    if (worker->recycle || worker->is_asked_to_end)
        return true;
    worker->tasks_due = UINT64_MAX;
    if (is_leaving(worker))
        return false;
    if (!worker->is_due) {
        worker->reason = (uint8_t)reason;
        worker->retry_us = INT64_MIN;
        recycling_enlist(worker->pool, worker, reason == RECYCLE_MEMORY);
    } else if (reason == RECYCLE_MANUAL) {
        worker->reason = RECYCLE_MANUAL;
        worker->retry_us = INT64_MIN;
    }
    broker_arm_lifespan(broker, worker);
    recycling_advance(broker, worker->pool);
    return true;
}

void
broker_forget_due(struct broker *broker, struct worker *worker)
{
    recycling_delist(worker);
    worker->reason = RECYCLE_NONE;
    broker_set_lifespan(broker, worker);
}

void
broker_recycle_ready(struct broker *broker, struct worker *worker)
{
    if (worker->is_asked_to_end || worker->is_condemned) /* the STOP may have been lost with the connection */
        broker_ask_to_end(broker, worker, recycle_reason_name(worker->reason), worker->is_condemned ? STOP_GRACE_MS : 0);
    else if (worker->is_due)
        recycling_advance(broker, worker->pool);
}

/* A replacement that came after its time. Its old worker is still due: this is its turn. */
static struct recycle *
accept_late(struct broker *broker, const struct worker *worker)
{
    struct recycle *recycle;
    struct worker *old;

    HASH_FIND_BYHASHVALUE(hh, broker->workers, &worker->replaces, sizeof worker->replaces,
                          (unsigned)hash_mix(worker->replaces), old);
    if (!old || old->pool != worker->pool || !old->is_due || is_leaving(old) ||
        old->process.agent != worker->process.agent)
        return NULL;
    recycling_delist(old);
    recycle = recycle_new(broker, old);
    recycle->state = RECYCLE_STARTING;
    return recycle;
}

static struct recycle *
find_open_place(const struct pool *pool)
{
    struct recycle *recycle;

    DL_FOREACH(pool->recycling.flights, recycle)
        if (recycle->state == RECYCLE_FILLING)
            return recycle;
    return NULL;
}

void
broker_close_places(struct broker *broker, struct pool *pool)
{
    struct recycle *recycle;

    if (pool->agents == 0 || pool->workers_ready < pool->agents_wanted)
        return;
    while ((recycle = find_open_place(pool)))
        recycle_end(broker, recycle);
}

/* The replacement that this new worker belongs to, or NULL. Where nobody counts the pool's workers, any that comes by
 * itself fills an open place; an agent's may as well take that of one that died. */
static struct recycle *
find_place(struct broker *broker, const struct worker *worker)
{
    struct recycle *recycle;

    if (worker->replaces == 0)
        return worker->pool->agents == 0 ? find_open_place(worker->pool) : NULL;
    recycle = recycling_find(worker->pool, worker->replaces);
    if (!recycle)
        return accept_late(broker, worker);
    return recycle->agent == worker->process.agent ? recycle : NULL; /* or else it is a stranger */
}

void
broker_recycle_arrived(struct broker *broker, struct worker *worker)
{
    struct recycle *recycle = find_place(broker, worker);

    if (recycle) {
        recycle->replacement = worker->session;
        if (!recycle->worker)
            recycle_end(broker, recycle);
        else if (recycle->state == RECYCLE_STARTING)
            recycle_stop_old(broker, recycle);
    }
    broker_close_places(broker, worker->pool);
}

static void
count_end(struct broker *broker, struct worker *worker, enum worker_end how)
{
    uint64_t *counts = worker->pool->recycling.counts;

    if (how == WORKER_KILLED || worker->is_asked_to_end) {
        counts[worker->reason]++;
        if (how == WORKER_KILLED)
            return;
        recycle_note(broker, NOTE_WORKER_RECYCLED, worker);
        recycle_send_retire(broker, worker, false);
    } else if (worker->is_condemned) {
        counts[RECYCLE_CANCEL]++;
    } else if (how == WORKER_LOST) {
        counts[RECYCLE_DIED]++;
    }
}

void
broker_recycle_gone(struct broker *broker, struct worker *worker, enum worker_end how)
{
    struct recycle *recycle = worker->recycle;

    count_end(broker, worker, how);
    if (worker->is_due)
        recycling_delist(worker);
    if (!recycle)
        return;
    recycle->worker = NULL;
    worker->recycle = NULL;
    if (recycle->replacement > 0) {
        recycle_end(broker, recycle);
        return;
    }
    recycle->state = RECYCLE_FILLING;
    heap_put(&broker->timers, &recycle->timer, broker->now_us + recycle->pool->settings.start_timeout_us);
}

/* --- what agents tell --------------------------------------------------------------------------------------------- */

void
broker_recycle_agent_here(struct broker *broker, const struct agent *agent)
{
    for (size_t i = 0; i < broker->pools_count; i++) {
        const struct recycle *recycle;

        DL_FOREACH(broker->pools[i]->recycling.flights, recycle)
            if (recycle->agent == agent->number && recycle->replacement == 0)
                recycle_send(broker, recycle);
        recycling_advance(broker, broker->pools[i]);
    }
}

/* The next replacement in the pool that this agent was asked to start, or NULL. */
static struct recycle *
find_starting(const struct pool *pool, uint64_t agent)
{
    struct recycle *recycle;

    DL_FOREACH(pool->recycling.flights, recycle)
        if (recycle->agent == agent && recycle->state == RECYCLE_STARTING)
            return recycle;
    return NULL;
}

void
broker_recycle_agent_lost(struct broker *broker, const struct agent *agent)
{
    for (size_t i = 0; i < broker->pools_count; i++) {
        struct recycle *recycle;

        while ((recycle = find_starting(broker->pools[i], agent->number))) {
            recycle_note_failed(broker, recycle->worker, 0, "its agent is lost; it is tried again when that is back");
            recycle_give_back(broker, recycle, false);
        }
    }
}

void
broker_recycle_failed(struct broker *broker, struct bytes pool_name, uint64_t session, bool for_memory,
                      const char *reason)
{
    const struct pool *pool = broker_pool(broker, pool_name);
    struct recycle *recycle = pool ? recycling_find(pool, session) : NULL;

    if (!recycle || recycle->state != RECYCLE_STARTING)
        return;
    if (!for_memory) {
        recycle_fail(broker, recycle, reason);
        return;
    }
    recycle->worker->must_end_first = true;
    if (recycling_has_first(pool) || broker->state != BROKER_RUNNING) {
        recycle_give_back(broker, recycle, true);
        return;
    }
    recycle->is_first = true;
    recycle_send(broker, recycle);
    recycle_stop_old(broker, recycle);
}

/* --- the end, and checks ------------------------------------------------------------------------------------------- */

void
broker_drop_recycle(struct broker *broker, struct worker *worker)
{
    (void)broker;
    if (worker->is_due)
        recycling_delist(worker);
    if (worker->recycle)
        worker->recycle->worker = NULL;
    worker->recycle = NULL;
}

void
broker_destroy_recycles(struct broker *broker, struct pool *pool)
{
    struct recycle *recycle, *next;

    DL_FOREACH_SAFE(pool->recycling.flights, recycle, next) {
        heap_remove(&broker->timers, &recycle->timer);
        DL_DELETE(pool->recycling.flights, recycle);
        free(recycle);
    }
    pool->recycling.in_flight = 0;
}

static void
check_flight(const struct broker *broker, const struct pool *pool, const struct recycle *recycle)
{
    const struct worker *worker = recycle->worker;

    assert(recycle->pool == pool && recycle->reason > RECYCLE_NONE && recycle->reason < RECYCLE_REASONS);
    assert((worker == NULL) == (recycle->state == RECYCLE_FILLING));
    assert(!worker || (worker->recycle == recycle && worker->session == recycle->old && worker->pool == pool));
    assert(!worker || worker->is_asked_to_end == (recycle->state == RECYCLE_STOPPING));
    assert(recycle->state != RECYCLE_STARTING || (!recycle->is_first && recycle->replacement == 0));
    assert(recycle->state != RECYCLE_FILLING || recycle->replacement == 0);
    assert(recycle->state == RECYCLE_FILLING || heap_node_is_in(&recycle->timer));
    assert(!worker || !worker->is_asked_to_end || worker->state == WORKER_DRAINING || worker->was_draining);
    (void)broker;
}

/* A worker whose turn it could be, and a free place, would be a replacement forgotten. */
void
broker_check_recycling(const struct broker *broker, const struct pool *pool)
{
    const struct recycling *recycling = &pool->recycling;
    uint32_t flights = 0, due = 0;
    const struct recycle *recycle;
    const struct worker *worker;

    DL_FOREACH(recycling->flights, recycle) {
        check_flight(broker, pool, recycle);
        flights++;
    }
    DL_FOREACH2(recycling->due, worker, due_next) {
        assert(worker->is_due && !worker->recycle && worker->pool == pool && worker->reason != RECYCLE_NONE);
        assert(worker->tasks_due == UINT64_MAX && !worker->is_asked_to_end);
        due++;
    }
    assert(flights == recycling->in_flight && due == recycling->due_count);
    /* After the broker was away itself, timers wait for a while. */
    assert(broker->state != BROKER_RUNNING || pool->state == POOL_REMOVED ||
           broker->judge_after_us >= broker->now_us || !recycling_is_stuck(broker, pool));
}
