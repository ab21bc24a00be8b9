/* broker_hello.c - how workers come, and come back with their leases; see broker_state.h. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_running.h"
#include "wire/text.h"

#include <utlist.h>

/* The session that this HELLO may resume, or NULL. It may not know it: the WELCOME was lost with its connection. */
static struct worker *
find_resumable(const struct broker *broker, const struct pool *pool, const struct hello *hello)
{
    struct worker *worker;

    HASH_FIND_BYHASHVALUE(hh, broker->workers, &hello->session, sizeof hello->session,
                          (unsigned)hash_mix(hello->session), worker);
    if (!worker && hello->holds.count > 0)
        worker = broker_find_holder(broker, hello);
    return worker && worker->pool == pool && worker_is_same(worker, hello) ? worker : NULL;
}

static void
create(struct broker *broker, struct pool *pool, uint32_t number, const struct hello *hello)
{
    struct worker *worker = worker_new(broker->session_next++, hello, broker->now_us);
    struct fences leases;
    size_t at;

    worker->timer.tag = TIMER_WORKER;
    worker->due_timer.tag = TIMER_LIFESPAN;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->workers, &worker->session, sizeof worker->session,
                                (unsigned)hash_mix(worker->session), worker);
    if (worker->process.agent > 0)
        HASH_ADD_KEYPTR_BYHASHVALUE(by_process, broker->processes, &worker->process, sizeof worker->process,
                                    process_hash(&worker->process), worker);
    pool_add_worker(pool, worker);
    broker_move_worker(broker, worker, WORKER_READY, number);
    broker_welcome(broker, SIDE_WORKER, number, worker->session, false);
    at = broker->outbox->count - 1; /* what follows from its holds stands behind its WELCOME */
    leases = broker_take_holds(broker, worker, hello);
    broker->outbox->actions[at].message.welcome.leases = leases;
    broker_note_worker(broker, NOTE_WORKER_STARTED, worker)->count = worker->slots;
    broker_set_lifespan(broker, worker);
    broker_recycle_arrived(broker, worker);
}

/* Its TASK never came through, which says nothing about the pool. */
static void
lose_unnamed(struct broker *broker, struct lease *lease)
{
    if (lease->task)
        broker_judge_attempt(broker, lease, ATTEMPT_NEUTRAL);
    broker_lose_lease(broker, lease, false, "not held by the resumed worker");
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
            lose_unnamed(broker, lease);
    }
}

/* The fences of all leases of the worker, and of answers that it was about to give, in memory of the outbox. */
static struct fences
list_leases(struct broker *broker, const struct worker *worker)
{
    uint64_t list[SLOTS_MAX];
    struct fences fences = {0};
    const struct orphan *orphan;
    const struct lease *lease;

    DL_FOREACH(worker->leases, lease)
        list[fences.count++] = lease->fence;
    DL_FOREACH(worker->orphans, orphan)
        if (!orphan->lease && fences.count < SLOTS_MAX)
            list[fences.count++] = orphan->fence;
    fences.list = outbox_copy(broker->outbox, list, fences.count * sizeof *list);
    return fences;
}

/* What was asked while the connection was down, or perhaps was lost with it, is asked again. */
static void
repeat_asked(struct broker *broker, const struct worker *worker)
{
    const struct lease *lease;

    DL_FOREACH(worker->leases, lease) {
        broker_ask_end_again(broker, lease);
        broker_renew_lease_credit(broker, lease);
        broker_recall_again(broker, lease);
    }
}

static void
resume(struct broker *broker, struct worker *worker, uint32_t number, const struct hello *hello)
{
    uint32_t old_number = worker->peer;

    if (old_number > 0)
        broker_move_worker(broker, worker, WORKER_DETACHED, 0);
    if (old_number > 0 && old_number != number)
        peers_get(&broker->worker_peers, old_number)->is_replaced = true;
    keep_named_leases(broker, worker, hello->leases);
    worker->heard_us = broker->now_us;
    worker->is_stop_sent = false; /* it may have been lost with the connection */
    broker_move_worker(broker, worker, worker->was_draining ? WORKER_DRAINING : WORKER_READY, number);
    broker_welcome(broker, SIDE_WORKER, number, worker->session, true)->leases = list_leases(broker, worker);
    repeat_asked(broker, worker);
    broker_note_worker(broker, NOTE_WORKER_RESUMED, worker)->count = worker->busy;
    broker_arm_lifespan(broker, worker);
    broker_recycle_ready(broker, worker);
}

static bool
has_room(const struct broker *broker)
{
    return HASH_COUNT(broker->workers) + HASH_COUNT(broker->agents) < broker->settings.peers_max;
}

/* The pool was promised to run without a GIL; a worker that has one would be slow, and nobody would know why. */
static void
refuse_gil(struct broker *broker, const struct pool *pool, uint32_t number, const struct hello *hello)
{
    struct bytes text = broker_say_gil(broker, hello);
    const char *name = outbox_copy(broker->outbox, hello->name.data, hello->name.size);
    struct note *note;

    broker_refuse(broker, SIDE_WORKER, number, ERROR_GIL_ENABLED, "")->text = text;
    note = outbox_note(broker->outbox, NOTE_WORKER_REFUSED);
    note->pool = pool->name;
    note->worker_name = name;
    note->reason = error_code_name(ERROR_GIL_ENABLED);
}

void
broker_hello_worker(struct broker *broker, uint32_t number, struct worker *current, const struct hello *hello)
{
    struct pool *pool = broker_pool(broker, hello->pool);
    struct worker *worker;

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
    if (!worker && pool->settings.require_free_threading && hello->gil_enabled) {
        refuse_gil(broker, pool, number, hello);
        return;
    }
    if (current && current != worker)
        broker_stop_worker(broker, current, text_bytes("said HELLO again"));
    if (worker)
        resume(broker, worker, number, hello);
    else
        create(broker, pool, number, hello);
    if (pool->is_failed)
        broker_review_failure(broker, pool);
    broker_dispatch(broker, pool);
}
