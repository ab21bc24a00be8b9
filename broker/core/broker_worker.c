/* broker_worker.c - sessions of workers: their states, silence, and end; see broker_state.h. How they come: broker_hello.c. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_order.h"
#include "broker/core/broker_running.h"
#include "wire/text.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

/* --- life ------------------------------------------------------------------------------------------------------- */

void
broker_move_worker(struct broker *broker, struct worker *worker, enum worker_state state, uint32_t number)
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
    if (worker->pool->reserved == worker)
        pool_end_reservation(worker->pool);
    if (worker->is_in_crew)
        crew_remove(&worker->pool->crew, worker);
    worker->peer = number;
    worker->pool->workers_ready -= worker->state == WORKER_READY;
    worker->pool->workers_ready += state == WORKER_READY;
    worker_become(worker, state);
    if (state == WORKER_READY)
        DL_APPEND2(broker->heard, worker, heard_prev, heard_next);
    if (state == WORKER_DETACHED)
        heap_put(&broker->timers, &worker->timer, broker->now_us + broker->settings.worker_grace_us);
    if (state == WORKER_STALLED)
        worker->stalled_us = broker->now_us;
    pool_review_worker(worker->pool, worker);
    if (worker->affinities && (state == WORKER_DRAINING || state == WORKER_GONE))
        broker_leave_sessions(broker, worker);
}

/* A worker that was lost failed at what it ran, unless that was about to be ended, or the worker for another task's sake. */
static enum attempt_outcome
judge_loss(const struct lease *lease, enum worker_end how)
{
    enum error_code end = broker_judge_end(lease);
    bool is_neutral = lease->is_ahead || end == ERROR_CANCELLED || (end == ERROR_NONE && lease->worker->is_condemned);

    return how == WORKER_SAID_BYE || is_neutral ? ATTEMPT_NEUTRAL : ATTEMPT_FAILED;
}

/* The newest lease first: its task stands behind those of the others in the queue. */
static void
lose_leases(struct broker *broker, struct worker *worker, enum worker_end how, bool is_kill, const char *reason)
{
    while (worker->leases) {
        struct lease *lease = worker->leases->prev;

        if (lease->task)
            broker_judge_attempt(broker, lease, judge_loss(lease, how));
        broker_lose_lease(broker, lease, is_kill, reason);
    }
}

/* May one of its tasks be to blame for the end? Whoever was to end anyway has perhaps been ended from outside. */
static bool
is_suspicious(const struct worker *worker, enum worker_end how)
{
    bool is_leaving = worker->state == WORKER_DRAINING || worker->was_draining;

    return !worker->is_condemned && (how == WORKER_KILLED || (how == WORKER_LOST && !is_leaving));
}

/* An agent that failed and no worker left that is ready: the pool fails. It costs nothing while all is well. */
static void
review_failure(struct broker *broker, struct pool *pool)
{
    if (pool->agents_failed > 0 || pool->is_failed)
        broker_review_failure(broker, pool);
}

void
broker_end_worker(struct broker *broker, struct worker *worker, enum worker_end how, const char *reason)
{
    struct pool *pool = worker->pool;
    bool is_kill = is_suspicious(worker, how);

    broker_move_worker(broker, worker, WORKER_GONE, 0);
    review_failure(broker, pool);
    broker_drop_orphans(broker, worker);
    lose_leases(broker, worker, how, is_kill, reason);
    heap_remove(&broker->timers, &worker->due_timer);
    broker_recycle_gone(broker, worker, how);
    pool_remove_worker(pool, worker);
    HASH_DELETE(hh, broker->workers, worker);
    if (worker->process.agent > 0)
        HASH_DELETE(by_process, broker->processes, worker);
    DL_APPEND(broker->departed_workers, worker);
    broker_dispatch(broker, pool);
}

void
broker_ask_to_end(struct broker *broker, struct worker *worker, const char *reason, uint64_t grace_ms)
{
    if (worker->peer > 0) {
        struct stop *stop = &outbox_send(broker->outbox, SIDE_WORKER, worker->peer, VERB_STOP, NULL)->stop;

        worker->is_stop_sent = true;
        stop->reason = text_bytes(reason);
        stop->grace_ms = grace_ms;
    }
    if (worker->state == WORKER_DETACHED) {
        worker->was_draining = true;
        broker_leave_sessions(broker, worker);
    } else if (worker->state == WORKER_READY || worker->state == WORKER_STALLED) {
        broker_move_worker(broker, worker, WORKER_DRAINING, worker->peer);
    }
    review_failure(broker, worker->pool);
}

void
broker_stop_worker(struct broker *broker, struct worker *worker, struct bytes reason)
{
    const char *why = reason.size > 0 ? outbox_copy(broker->outbox, reason.data, reason.size) : NULL;
    struct note *note = broker_note_worker(broker, NOTE_WORKER_STOPPED, worker);

    note->reason = why;
    note->count = worker->busy;
    broker_end_worker(broker, worker, WORKER_SAID_BYE, "worker stopped");
}

void
broker_worker_peer_gone(struct broker *broker, uint32_t number)
{
    struct worker *worker = peers_get(&broker->worker_peers, number)->session;

    if (worker) {
        broker_move_worker(broker, worker, WORKER_DETACHED, 0);
        broker_note_worker(broker, NOTE_WORKER_DETACHED, worker)->count = worker->busy;
        review_failure(broker, worker->pool);
        if (worker->has_exited) /* and with its connection all that it said has been heard */
            broker_worker_overdue(broker, worker);
    } else if (peers_get(&broker->worker_peers, number)->agent) {
        broker_agent_peer_gone(broker, peers_get(&broker->worker_peers, number)->agent);
    }
    *peers_get(&broker->worker_peers, number) = (struct peer){0};
}

void
broker_lose_worker(struct broker *broker, struct worker *worker, const char *reason)
{
    struct note *note = broker_note_worker(broker, NOTE_WORKER_LOST, worker);

    note->count = worker->busy;
    note->reason = reason;
    broker_end_worker(broker, worker, WORKER_LOST, reason);
}

void
broker_worker_overdue(struct broker *broker, struct worker *worker)
{
    const char *reason = "worker lost";

    if (worker->has_exited)
        reason = broker_say_exit(broker, worker->exit_cause, worker->exit_status);
    broker_lose_worker(broker, worker, reason);
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

static void
note_health(struct broker *broker, const struct worker *worker)
{
    struct note *note = broker_note_worker(broker, NOTE_WORKER_HEALTH_CHECK_FAILED, worker);

    note->silent_us = broker->now_us - worker->heard_us;
    note->count = worker->busy;
}

void
broker_judge_silence(struct broker *broker)
{
    while (broker_silence_due_us(broker) <= broker->now_us) {
        struct worker *worker = broker->heard;

        broker_move_worker(broker, worker, WORKER_STALLED, worker->peer);
        broker_note_worker(broker, NOTE_WORKER_STALLED, worker)->count = worker->busy;
        note_health(broker, worker);
        broker_arm_lifespan(broker, worker);
        review_failure(broker, worker->pool);
        broker_recycle_ready(broker, worker);
    }
}

/* Every message is a sign of life. */
static void
hear(struct broker *broker, struct worker *worker)
{
    worker->heard_us = broker->now_us;
    if (worker->state == WORKER_STALLED) {
        broker_move_worker(broker, worker, WORKER_READY, worker->peer);
        broker_note_worker(broker, NOTE_WORKER_RECOVERED, worker);
        review_failure(broker, worker->pool);
        broker_recycle_ready(broker, worker);
    } else if (worker->state == WORKER_READY && worker->heard_next) {
        DL_DELETE2(broker->heard, worker, heard_prev, heard_next);
        worker->heard_next = NULL;
        DL_APPEND2(broker->heard, worker, heard_prev, heard_next);
    }
}

/* --- other commands --------------------------------------------------------------------------------------------- */

static void
handle_draining(struct broker *broker, struct worker *worker)
{
    if (worker->state == WORKER_DRAINING)
        return;
    broker_move_worker(broker, worker, WORKER_DRAINING, worker->peer);
    broker_note_worker(broker, NOTE_WORKER_DRAINING, worker)->count = worker->busy;
    review_failure(broker, worker->pool);
}

/* A pool without a GIL was promised. It was off at HELLO, and a later import switched it on. */
static void
judge_gil(struct broker *broker, struct worker *worker)
{
    if (!worker->gil_enabled || !worker->pool->settings.require_free_threading || worker->state == WORKER_DRAINING)
        return;
    broker_note_worker(broker, NOTE_WORKER_REFUSED, worker)->reason = "gil_enabled";
    broker_ask_to_end(broker, worker, "gil_enabled", 0);
}

/* What its agent measures is trusted more, until the agent has been silent for a while. */
static void
handle_heartbeat(struct broker *broker, struct worker *worker, const struct heartbeat *heartbeat)
{
    int64_t trusted_us = broker->now_us - broker->settings.heartbeats_missed_max * broker->settings.heartbeat_us;

    outbox_send(broker->outbox, SIDE_WORKER, worker->peer, VERB_HEARTBEAT, NULL);
    worker_take_facts(worker, heartbeat, trusted_us);
    judge_gil(broker, worker);
    broker_judge_lifespan(broker, worker);
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
        handle_heartbeat(broker, worker, &message->heartbeat);
        return;
    case VERB_DRAINING:
        handle_draining(broker, worker);
        return;
    case VERB_EVENT:
        broker_note_app(broker, worker, &message->event);
        return;
    case VERB_BYE:
        broker_stop_worker(broker, worker, message->reason);
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

/* A connection has one session: what it was before ends. */
static void
handle_hello(struct broker *broker, uint32_t number, const struct peer *peer, const struct hello *hello)
{
    struct worker *worker = peer->session;
    struct agent *agent = peer->agent;

    if (!broker_accepts_hello(broker, SIDE_WORKER, number, hello))
        return;
    if (agent && (!hello->is_agent || hello->agent != agent->number))
        broker_lose_agent(broker, agent, "said HELLO again");
    if (!hello->is_agent) {
        broker_hello_worker(broker, number, worker, hello);
        return;
    }
    if (worker)
        broker_stop_worker(broker, worker, text_bytes("said HELLO again"));
    broker_hello_agent(broker, number, hello);
}

void
broker_handle_worker(struct broker *broker, uint32_t number, const struct message *message)
{
    struct peer *peer = peers_get(&broker->worker_peers, number);
    struct worker *worker = peer->session;

    if (message->verb == VERB_HELLO) {
        peer->is_asked = false;
        handle_hello(broker, number, peer, &message->hello);
    } else if (worker) {
        handle_known(broker, worker, message);
    } else if (peer->agent) {
        broker_handle_agent(broker, peer->agent, message);
    } else if (!peer->is_replaced || message->verb == VERB_HEARTBEAT) {
        /* A replaced connection may be the living one after all: connections keep no order between them. */
        broker_ask_hello(broker, SIDE_WORKER, number, message->verb == VERB_HEARTBEAT);
    }
}
