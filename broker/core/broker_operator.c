/* broker_operator.c - what operators ask for: drain, resume, cancel, shutdown; see broker_state.h. */
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_schedule.h"
#include "wire/text.h"

#include <utlist.h>

static void
set_pool_state(struct broker *broker, struct pool *pool, enum pool_state state)
{
    if (pool->state != POOL_REMOVED && pool_become(pool, state))
        outbox_note(broker->outbox, state == POOL_OPEN ? NOTE_POOL_OPEN : NOTE_POOL_DRAINING)->pool = pool->name;
    if (pool->state == POOL_OPEN && state == POOL_OPEN)
        broker_close_circuit(broker, pool, "an operator said so");
}

static int
set_pool_states(struct broker *broker, struct bytes name, enum pool_state state)
{
    struct pool *pool = name.size > 0 ? broker_pool(broker, name) : NULL;

    if (name.size > 0 && !pool)
        return ERR_NOT_FOUND;
    if (pool && pool->state == POOL_REMOVED)
        return ERR_INVALID;
    if (pool) {
        set_pool_state(broker, pool, state);
        return OK;
    }
    for (size_t i = 0; i < broker->pools_count; i++)
        set_pool_state(broker, broker->pools[i], state);
    return OK;
}

/* Operators cancel rarely: a walk is cheaper than an index that every task would have to enter. */
static int
cancel_number(struct broker *broker, uint64_t number)
{
    for (uint32_t at = 0; at < broker->tasks.capacity; at++) {
        struct task *task = broker->tasks.slots[at].task;

        if (task && task->number == number)
            return task->state == TASK_FINAL ? ERR_NOT_FOUND : broker_cancel_task(broker, task);
    }
    return ERR_NOT_FOUND;
}

static int
recycle_worker(struct broker *broker, uint64_t session, uint64_t *ret_workers)
{
    struct worker *worker;

    HASH_FIND_BYHASHVALUE(hh, broker->workers, &session, sizeof session, (unsigned)hash_mix(session), worker);
    if (!worker)
        return ERR_NOT_FOUND;
    *ret_workers = broker_recycle(broker, worker, RECYCLE_MANUAL);
    return OK;
}

static int
recycle(struct broker *broker, const struct event *event)
{
    struct pool *pool = broker_pool(broker, event->pool);
    uint64_t ignored, *ret_workers = event->ret_workers ? event->ret_workers : &ignored;
    struct worker *worker;

    *ret_workers = 0;
    if (event->worker > 0)
        return recycle_worker(broker, event->worker, ret_workers);
    if (!pool)
        return ERR_NOT_FOUND;
    DL_FOREACH(pool->workers, worker)
        *ret_workers += broker_recycle(broker, worker, RECYCLE_MANUAL);
    return OK;
}

static uint64_t
count_running(const struct broker *broker)
{
    uint64_t running = 0;

    for (size_t i = 0; i < broker->pools_count; i++)
        running += broker->pools[i]->running_count;
    return running;
}

static void
begin_shutdown(struct broker *broker, int64_t duration_us)
{
    int64_t at_us = duration_us < INT64_MAX - broker->now_us ? broker->now_us + duration_us : INT64_MAX;
    struct note *note;

    if (broker->state == BROKER_DRAINING) {
        broker->shutdown_at_us = at_us < broker->shutdown_at_us ? at_us : broker->shutdown_at_us;
        return;
    }
    broker->state = BROKER_DRAINING;
    broker->shutdown_at_us = at_us;
    note = outbox_note(broker->outbox, NOTE_SHUTDOWN_BEGUN);
    note->count = count_running(broker);
    note->reason = "shutdown";
}

static void
tell_shutdown(struct broker *broker, const struct client *client)
{
    const struct task *task;

    DL_FOREACH2(client->live, task, younger)
        broker_send_error(broker, SIDE_CLIENT, client->peer, &task->key.id, ERROR_SHUTDOWN,
                          "the broker ends before the task did; offer it again");
}

void
broker_advance_shutdown(struct broker *broker)
{
    const struct client *client;

    if (broker->now_us < broker->shutdown_at_us && count_running(broker) > 0)
        return;
    DL_FOREACH(broker->clients, client)
        if (client->peer > 0)
            tell_shutdown(broker, client);
    outbox_shut(broker->outbox);
    broker->state = BROKER_SHUT;
}

int
broker_handle_operator(struct broker *broker, const struct event *event)
{
    switch (event->kind) {
    case EVENT_POOL_DRAIN:
        return set_pool_states(broker, event->pool, POOL_DRAINING);
    case EVENT_POOL_RESUME:
        return set_pool_states(broker, event->pool, POOL_OPEN);
    case EVENT_TASK_CANCEL:
        return cancel_number(broker, event->task);
    case EVENT_SCHEDULE_SET:
        return broker_set_schedule(broker, event->schedule_settings);
    case EVENT_SCHEDULE_REMOVE:
        return broker_remove_schedule(broker, event->schedule);
    case EVENT_RECYCLE:
        return recycle(broker, event);
    case EVENT_DEAD_REQUEUE:
    case EVENT_DEAD_REMOVE:
        return broker_handle_dead(broker, event);
    case EVENT_SHUTDOWN:
        begin_shutdown(broker, event->shutdown_us);
        return OK;
    default:
        return ERR_INVALID;
    }
}
