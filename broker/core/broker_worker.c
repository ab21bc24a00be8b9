/* broker_worker.c - sessions of workers: HELLO, resume, silence, loss; see broker_state.h. */
#include "broker/core/broker_state.h"
#include "wire/text.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

/* --- life ------------------------------------------------------------------------------------------------------- */

/* The one place where a worker changes its state: lists, timer and connection follow. `number` is its connection, or 0. */
static void
move(struct broker *broker, struct worker *worker, enum worker_state state, uint32_t number)
{
    broker_touch_pool(broker, worker->pool);
    if (worker->peer > 0 && worker->peer != number)
        peers_get(&broker->worker_peers, worker->peer)->session = NULL;
    if (number > 0 && worker->peer != number)
        *peers_get(&broker->worker_peers, number) = (struct peer){.session = worker};
    if (worker->heard_prev) {
        DL_DELETE2(broker->heard, worker, heard_prev, heard_next);
        worker->heard_prev = worker->heard_next = NULL;
    }
    heap_remove(&broker->timers, &worker->timer);
    if (worker->is_in_crew)
        crew_remove(&worker->pool->crew, worker);
    worker->peer = number;
    worker_become(worker, state);
    if (state == WORKER_READY)
        DL_APPEND2(broker->heard, worker, heard_prev, heard_next);
    if (state == WORKER_DETACHED)
        heap_put(&broker->timers, &worker->timer, broker->now_us + broker->settings.worker_grace_us);
    pool_review_worker(worker->pool, worker);
}

/* The newest lease first: its task stands behind those of the others in the queue. */
static void
lose_leases(struct broker *broker, struct worker *worker, const char *reason)
{
    while (worker->leases)
        broker_lose_lease(broker, worker->leases->prev, reason);
}

/* The session is over; the record is freed at the end of the turn. */
static void
end_session(struct broker *broker, struct worker *worker, const char *reason)
{
    struct pool *pool = worker->pool;

    move(broker, worker, WORKER_GONE, 0);
    lose_leases(broker, worker, reason);
    pool_remove_worker(pool, worker);
    HASH_DELETE(hh, broker->workers, worker);
    DL_APPEND(broker->departed_workers, worker);
    broker_dispatch(broker, pool);
}

static void
stop(struct broker *broker, struct worker *worker, struct bytes reason)
{
    const char *why = reason.size > 0 ? outbox_copy(broker->outbox, reason.data, reason.size) : NULL;
    struct note *note = broker_note_worker(broker, NOTE_WORKER_STOPPED, worker);

    note->reason = why;
    note->count = worker->busy;
    end_session(broker, worker, "worker stopped");
}

void
broker_worker_peer_gone(struct broker *broker, uint32_t number)
{
    struct worker *worker = peers_get(&broker->worker_peers, number)->session;

    if (worker) {
        move(broker, worker, WORKER_DETACHED, 0);
        broker_note_worker(broker, NOTE_WORKER_DETACHED, worker)->count = worker->busy;
    }
    *peers_get(&broker->worker_peers, number) = (struct peer){0};
}

void
broker_worker_overdue(struct broker *broker, struct worker *worker)
{
    broker_note_worker(broker, NOTE_WORKER_LOST, worker)->count = worker->busy;
    end_session(broker, worker, "worker lost");
}

/* --- silence ---------------------------------------------------------------------------------------------------- */

int64_t
broker_silence_due_us(const struct broker *broker)
{
    int64_t due_us;

    if (!broker->heard)
        return INT64_MAX;
    due_us = broker->heard->heard_us + broker->settings.heartbeats_missed_max * broker->settings.heartbeat_us;
    return due_us > broker->judge_after_us ? due_us : broker->judge_after_us;
}

void
broker_judge_silence(struct broker *broker)
{
    while (broker_silence_due_us(broker) <= broker->now_us) {
        struct worker *worker = broker->heard;

        move(broker, worker, WORKER_STALLED, worker->peer);
        broker_note_worker(broker, NOTE_WORKER_STALLED, worker)->count = worker->busy;
    }
}

/* Every message is a sign of life. */
static void
hear(struct broker *broker, struct worker *worker)
{
    worker->heard_us = broker->now_us;
    if (worker->state == WORKER_STALLED) {
        move(broker, worker, WORKER_READY, worker->peer);
        broker_note_worker(broker, NOTE_WORKER_RECOVERED, worker);
    } else if (worker->state == WORKER_READY && worker->heard_next) {
        DL_DELETE2(broker->heard, worker, heard_prev, heard_next);
        worker->heard_next = NULL;
        DL_APPEND2(broker->heard, worker, heard_prev, heard_next);
    }
}

/* --- HELLO ------------------------------------------------------------------------------------------------------ */

/* The session that this HELLO may resume, or NULL. */
static struct worker *
find_resumable(const struct broker *broker, const struct pool *pool, const struct hello *hello)
{
    struct worker *worker;

    HASH_FIND_BYHASHVALUE(hh, broker->workers, &hello->session, sizeof hello->session,
                          (unsigned)hash_mix(hello->session), worker);
    return worker && worker->pool == pool && worker_is_same(worker, hello) ? worker : NULL;
}

static struct worker *
create(struct broker *broker, struct pool *pool, uint32_t number, const struct hello *hello)
{
    struct worker *worker = worker_new(broker->session_next++, hello, broker->now_us);

    worker->timer.tag = TIMER_WORKER;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->workers, &worker->session, sizeof worker->session,
                                (unsigned)hash_mix(worker->session), worker);
    pool_add_worker(pool, worker);
    move(broker, worker, WORKER_READY, number);
    broker_welcome(broker, SIDE_WORKER, number, worker->session, false);
    broker_note_worker(broker, NOTE_WORKER_STARTED, worker)->count = worker->slots;
    return worker;
}

/* Mark the leases of this worker that its HELLO names, and lose the others: their TASK never reached it. */
static void
keep_named_leases(struct broker *broker, struct worker *worker, struct fences fences)
{
    struct lease *lease, *next;
    uint64_t fence;

    while (wire_fences_next(&fences, &fence) == OK) {
        lease = broker_find_lease(broker, worker, fence);
        if (lease)
            lease->is_named = true;
    }
    DL_FOREACH_SAFE(worker->leases, lease, next) {
        if (lease->is_named)
            lease->is_named = false;
        else
            broker_lose_lease(broker, lease, "not held by the resumed worker");
    }
}

/* The fences of all leases of the worker, in memory of the outbox. */
static struct fences
list_leases(struct broker *broker, const struct worker *worker)
{
    uint64_t list[SLOTS_MAX];
    struct fences fences = {0};
    const struct lease *lease;

    DL_FOREACH(worker->leases, lease)
        list[fences.count++] = lease->fence;
    fences.list = outbox_copy(broker->outbox, list, fences.count * sizeof *list);
    return fences;
}

/* What was asked while the connection was down, or perhaps was lost with it, is asked again. */
static void
repeat_cancels(struct broker *broker, const struct worker *worker)
{
    struct lease *lease;

    DL_FOREACH(worker->leases, lease) {
        lease->is_cancel_sent = false;
        if (!lease->task || lease->task->is_cancel_asked)
            broker_send_cancel(broker, lease);
    }
}

static void
resume(struct broker *broker, struct worker *worker, uint32_t number, const struct hello *hello)
{
    uint32_t old_number = worker->peer;

    if (old_number > 0)
        move(broker, worker, WORKER_DETACHED, 0);
    if (old_number > 0 && old_number != number)
        peers_get(&broker->worker_peers, old_number)->is_replaced = true;
    keep_named_leases(broker, worker, hello->leases);
    worker->heard_us = broker->now_us;
    worker->is_stop_sent = false; /* it may have been lost with the connection */
    move(broker, worker, worker->was_draining ? WORKER_DRAINING : WORKER_READY, number);
    broker_welcome(broker, SIDE_WORKER, number, worker->session, true)->leases = list_leases(broker, worker);
    repeat_cancels(broker, worker);
    broker_note_worker(broker, NOTE_WORKER_RESUMED, worker)->count = worker->busy;
}

static bool
has_room(const struct broker *broker)
{
    return HASH_COUNT(broker->workers) < broker->settings.peers_max;
}

static void
handle_hello(struct broker *broker, uint32_t number, struct worker *current, const struct hello *hello)
{
    struct pool *pool;
    struct worker *worker;

    if (!broker_accepts_hello(broker, SIDE_WORKER, number, hello))
        return;
    pool = broker_pool(broker, hello->pool);
    if (!pool || (!broker_pool_wants_workers(pool) && !find_resumable(broker, pool, hello))) {
        broker_refuse_no_such_pool(broker, number, hello->pool);
        return;
    }
    if (hello->slots == 0 || hello->slots > SLOTS_MAX) {
        broker_refuse(broker, SIDE_WORKER, number, ERROR_BAD_FIELD, "slots must be 1 to 4096")->field =
            text_bytes("slots");
        return;
    }
    worker = find_resumable(broker, pool, hello);
    if (!worker && !current && !has_room(broker)) {
        broker_refuse(broker, SIDE_WORKER, number, ERROR_UNAVAILABLE, "too many workers");
        return;
    }
    if (current && current != worker)
        stop(broker, current, text_bytes("said HELLO again"));
    if (worker)
        resume(broker, worker, number, hello);
    else
        create(broker, pool, number, hello);
    broker_dispatch(broker, pool);
}

/* --- other commands --------------------------------------------------------------------------------------------- */

static void
handle_draining(struct broker *broker, struct worker *worker)
{
    if (worker->state == WORKER_DRAINING)
        return;
    move(broker, worker, WORKER_DRAINING, worker->peer);
    broker_note_worker(broker, NOTE_WORKER_DRAINING, worker)->count = worker->busy;
}

static void
handle_heard(struct broker *broker, struct worker *worker, const struct message *message)
{
    switch (message->verb) {
    case VERB_RESULT:
    case VERB_ERROR:
    case VERB_CHUNK:
    case VERB_STARTED:
    case VERB_NACK:
        broker_handle_answer(broker, worker, message);
        return;
    case VERB_HEARTBEAT:
        worker_take_facts(worker, &message->heartbeat);
        outbox_send(broker->outbox, SIDE_WORKER, worker->peer, VERB_HEARTBEAT, NULL);
        return;
    case VERB_DRAINING:
        handle_draining(broker, worker);
        return;
    case VERB_EVENT:
        broker_note_app(broker, worker, &message->event);
        return;
    case VERB_BYE:
        stop(broker, worker, message->reason);
        return;
    default:
        broker_send_error(broker, SIDE_WORKER, worker->peer, NULL, ERROR_UNKNOWN_VERB, "workers do not send this");
    }
}

/* A stalled worker that is heard again gets tasks only after its message was handled: it may be its goodbye. */
static void
handle_known(struct broker *broker, struct worker *worker, const struct message *message)
{
    struct pool *pool = worker->pool;
    bool was_stalled = worker->state == WORKER_STALLED;

    hear(broker, worker);
    handle_heard(broker, worker, message);
    if (was_stalled)
        broker_dispatch(broker, pool);
}

void
broker_handle_worker(struct broker *broker, uint32_t number, const struct message *message)
{
    struct peer *peer = peers_get(&broker->worker_peers, number);
    struct worker *worker = peer->session;

    if (message->verb == VERB_HELLO) {
        peer->is_asked = false;
        handle_hello(broker, number, worker, &message->hello);
    } else if (worker) {
        handle_known(broker, worker, message);
    } else if (!peer->is_replaced || message->verb == VERB_HEARTBEAT) {
        /* A replaced connection may be the living one after all: connections keep no order between them. */
        broker_ask_hello(broker, SIDE_WORKER, number, message->verb == VERB_HEARTBEAT);
    }
}
