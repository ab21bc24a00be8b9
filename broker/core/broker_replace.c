/* broker_replace.c - the replacement of one worker: from its turn to the end of the old one; see broker_lifecycle.h.
 *
 * Its agent starts the new one, and when that is ready the old one is asked to end. Without an agent, or where memory does
 * not allow two at one time, the old one ends first, and its place counts as taken until somebody fills it. */
#include "broker/core/broker_lifecycle.h"
#include "wire/text.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

/* How long a worker that was asked to end, and runs nothing, may take before it is looked at. */
#define PATIENCE_US INT64_C(10000000)

/* And how long its process may take after its session is over. */
enum { RETIRE_GRACE_MS = 5000 };

static uint32_t
parallel(const struct pool *pool)
{
    return pool->settings.recycle_parallel > 0 ? pool->settings.recycle_parallel : 1;
}

static int64_t
silence_max_us(const struct broker *broker)
{
    return broker->settings.heartbeats_missed_max * broker->settings.heartbeat_us;
}

static bool
is_silent(const struct broker *broker, const struct worker *worker)
{
    return broker->now_us - worker->heard_us >= silence_max_us(broker);
}

/* --- the list of those that are due ------------------------------------------------------------------------------ */

void
recycling_enlist(struct pool *pool, struct worker *worker, bool in_front)
{
    struct recycling *recycling = &pool->recycling;

    worker->is_due = true;
    recycling->due_count++;
    if (in_front)
        DL_PREPEND2(recycling->due, worker, due_prev, due_next);
    else
        DL_APPEND2(recycling->due, worker, due_prev, due_next);
}

void
recycling_delist(struct worker *worker)
{
    struct recycling *recycling = &worker->pool->recycling;

    DL_DELETE2(recycling->due, worker, due_prev, due_next);
    worker->due_prev = worker->due_next = NULL;
    worker->is_due = false;
    recycling->due_count--;
}

bool
recycling_has_first(const struct pool *pool)
{
    const struct recycle *recycle;

    DL_FOREACH(pool->recycling.flights, recycle)
        if (recycle->is_first)
            return true;
    return false;
}

/* Only one at a time may end before its replacement starts because its agent has no memory for both. A worker whose agent
 * is away stays: nobody would start another one. One that is stalled is replaced only for whoever asks for just that. */
static bool
may_begin(const struct broker *broker, const struct worker *worker)
{
    if (worker->retry_us > broker->now_us)
        return false;
    if (worker->state != WORKER_READY && (worker->state != WORKER_STALLED || worker->reason != RECYCLE_MANUAL))
        return false;
    if (worker->process.agent > 0 && !broker_find_agent(broker, worker->process.agent))
        return false;
    return !worker->must_end_first || !recycling_has_first(worker->pool);
}

struct recycle *
recycling_find(const struct pool *pool, uint64_t old)
{
    struct recycle *recycle;

    DL_FOREACH(pool->recycling.flights, recycle)
        if (recycle->old == old)
            return recycle;
    return NULL;
}

/* --- one replacement --------------------------------------------------------------------------------------------- */

void
recycle_note(struct broker *broker, enum note_kind kind, const struct worker *worker)
{
    struct note *note = broker_note_worker(broker, kind, worker);

    note->reason = recycle_reason_name(worker->reason);
    note->count = worker->busy;
    note->uptime_us = broker->now_us - worker->started_us;
    note->tasks_done = worker->tasks_done;
    note->rss_bytes = worker->rss_bytes;
}

void
recycle_send(struct broker *broker, const struct recycle *recycle)
{
    const struct agent *agent = broker_find_agent(broker, recycle->agent);
    struct replace *replace;

    if (!agent)
        return;
    replace = &outbox_send(broker->outbox, SIDE_WORKER, agent->peer, VERB_REPLACE, NULL)->replace;
    replace->session = recycle->old;
    replace->pid = recycle->pid;
    replace->pool = text_bytes(recycle->pool->name);
    replace->reason = text_bytes(recycle_reason_name(recycle->reason));
    replace->first = recycle->is_first;
}

/* Has the process begun another session since? Then it has left this one, whose connection is only not seen to end yet. */
static bool
is_elsewhere(const struct worker *worker)
{
    const struct worker *other;

    DL_FOREACH(worker->pool->workers, other)
        if (other->session > worker->session && other->process.agent == worker->process.agent &&
            other->process.pid == worker->process.pid)
            return true;
    return false;
}

void
recycle_send_retire(struct broker *broker, const struct worker *worker, bool kill)
{
    const struct agent *agent = broker_find_agent(broker, worker->process.agent);
    struct retire *retire;

    if (!agent || worker->process.pid == 0 || (kill && is_elsewhere(worker)))
        return;
    retire = &outbox_send(broker->outbox, SIDE_WORKER, agent->peer, VERB_RETIRE, NULL)->retire;
    retire->pid = worker->process.pid;
    retire->kill = kill;
    retire->grace_ms = kill ? 0 : RETIRE_GRACE_MS;
    retire->reason = text_bytes(recycle_reason_name(worker->reason));
}

struct recycle *
recycle_new(struct broker *broker, struct worker *worker)
{
    struct recycle *recycle = calloc(1, sizeof *recycle);
    struct pool *pool = worker->pool;

    if (!recycle)
        abort();
    recycle->pool = pool;
    recycle->worker = worker;
    recycle->old = worker->session;
    recycle->pid = worker->process.pid;
    recycle->agent = worker->process.agent;
    recycle->reason = worker->reason;
    recycle->timer.tag = TIMER_RECYCLE;
    worker->recycle = recycle;
    DL_APPEND(pool->recycling.flights, recycle);
    pool->recycling.in_flight++;
    recycle_note(broker, NOTE_WORKER_REPLACING, worker);
    return recycle;
}

/* It is over; the next ones may begin. */
void
recycle_end(struct broker *broker, struct recycle *recycle)
{
    struct pool *pool = recycle->pool;

    if (recycle->worker)
        recycle->worker->recycle = NULL;
    heap_remove(&broker->timers, &recycle->timer);
    DL_DELETE(pool->recycling.flights, recycle);
    pool->recycling.in_flight--;
    free(recycle);
    recycling_advance(broker, pool);
}

/* The old worker takes no more tasks, and ends when it has run those that it has. */
void
recycle_stop_old(struct broker *broker, struct recycle *recycle)
{
    recycle->state = RECYCLE_STOPPING;
    recycle->worker->is_asked_to_end = true;
    heap_put(&broker->timers, &recycle->timer, broker->now_us + PATIENCE_US);
    broker_ask_to_end(broker, recycle->worker, recycle_reason_name(recycle->reason), 0);
}

static void
begin(struct broker *broker, struct worker *worker)
{
    struct recycle *recycle;

    recycling_delist(worker);
    recycle = recycle_new(broker, worker);
    recycle->is_first = recycle->agent == 0 || worker->pool->settings.recycle_first || worker->must_end_first;
    recycle_send(broker, recycle);
    if (recycle->is_first) {
        recycle_stop_old(broker, recycle);
        return;
    }
    recycle->state = RECYCLE_STARTING;
    heap_put(&broker->timers, &recycle->timer, broker->now_us + worker->pool->settings.start_timeout_us);
}

static struct worker *
find_next(const struct broker *broker, const struct pool *pool)
{
    struct worker *worker;

    DL_FOREACH2(pool->recycling.due, worker, due_next)
        if (may_begin(broker, worker))
            return worker;
    return NULL;
}

void
recycling_advance(struct broker *broker, struct pool *pool)
{
    struct worker *worker;

    if (broker->state != BROKER_RUNNING || pool->state == POOL_REMOVED)
        return;
    while (pool->recycling.in_flight < parallel(pool) && (worker = find_next(broker, pool)))
        begin(broker, worker);
}

/* No replacement is coming: the old worker stays, and waits for another turn. `in_front`: at once. */
void
recycle_give_back(struct broker *broker, struct recycle *recycle, bool in_front)
{
    struct worker *worker = recycle->worker;

    assert(recycle->state == RECYCLE_STARTING && worker);
    recycling_enlist(worker->pool, worker, in_front);
    broker_arm_lifespan(broker, worker);
    recycle_end(broker, recycle);
}

void
recycle_note_failed(struct broker *broker, const struct worker *worker, int64_t retry_us, const char *reason)
{
    struct note *note = broker_note_worker(broker, NOTE_WORKER_REPLACE_FAILED, worker);

    note->reason = reason;
    note->retry_us = retry_us;
}

void
recycle_fail(struct broker *broker, struct recycle *recycle, const char *reason)
{
    struct worker *worker = recycle->worker;
    int64_t pause_us = recycle_backoff_us(++worker->failures);

    worker->retry_us = broker->now_us + pause_us;
    recycle_note_failed(broker, worker, pause_us, reason);
    recycle_give_back(broker, recycle, false);
}

void
broker_give_up_stalled(struct broker *broker, struct worker *worker)
{
    struct recycle wish = {
        .pool = worker->pool,
        .old = worker->session,
        .pid = worker->process.pid,
        .agent = worker->process.agent,
        .reason = RECYCLE_STALLED,
        .is_first = true,
    };

    worker->reason = RECYCLE_STALLED;
    if (!worker->recycle)
        recycle_send(broker, &wish);
    recycle_send_retire(broker, worker, true);
    recycle_note(broker, NOTE_WORKER_RECYCLED, worker); /* before what becomes of its tasks */
    broker_end_worker(broker, worker, WORKER_KILLED, "the worker was stalled");
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

/* The old worker was asked to end and is still here. Its tasks may take as long as they take. */
static void
check_stopping(struct broker *broker, struct recycle *recycle)
{
    struct worker *worker = recycle->worker;
    int64_t timeout_us = worker->pool->settings.stalled_timeout_us;

    heap_put(&broker->timers, &recycle->timer, broker->now_us + PATIENCE_US);
    if (worker->state == WORKER_DETACHED)
        return;
    if (worker->busy == 0) {
        broker_end_worker(broker, worker, WORKER_SAID_BYE, "it was asked to end and did not");
        return;
    }
    if (!is_silent(broker, worker))
        return;
    if (timeout_us > 0 && broker->now_us - worker->heard_us >= silence_max_us(broker) + timeout_us)
        broker_give_up_stalled(broker, worker);
    else if (timeout_us == 0 && recycle->replacement > 0)
        recycle_end(broker, recycle); /* its place is filled: nobody need wait for it */
}

/* Nobody has come in its place. It stays open, so that no other worker is ended. */
static void
tell_open_place(struct broker *broker, const struct recycle *recycle)
{
    struct note *note = outbox_note(broker->outbox, NOTE_WORKER_REPLACE_FAILED);

    note->pool = recycle->pool->name;
    note->worker = recycle->old;
    note->reason = "it ended, and nobody took its place within start_timeout";
}

void
broker_recycle_due(struct broker *broker, struct recycle *recycle)
{
    heap_remove(&broker->timers, &recycle->timer);
    switch ((enum recycle_state)recycle->state) {
    case RECYCLE_STARTING:
        recycle_fail(broker, recycle, "the replacement was not ready within start_timeout");
        return;
    case RECYCLE_STOPPING:
        check_stopping(broker, recycle);
        return;
    case RECYCLE_FILLING:
        tell_open_place(broker, recycle);
        return;
    }
}

bool
recycling_is_stuck(const struct broker *broker, const struct pool *pool)
{
    return pool->recycling.in_flight < parallel(pool) && find_next(broker, pool);
}
