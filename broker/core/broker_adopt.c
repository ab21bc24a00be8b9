/* broker_adopt.c - tasks of an earlier broker, which was killed: what its workers run or have answered is found again when
 * their clients offer it; see broker_state.h and docs/protocol.md, section 5.1. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_offer.h"
#include "broker/core/broker_running.h"
#include "broker/core/dedup.h"
#include "broker/core/group.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <assert.h>
#include <utlist.h>

/* A held fence that is so near above ours might be dispatched again while it is held; ours then go on behind it. */
#define FENCE_NEAR (UINT64_C(1) << 40)

bool
broker_is_adopting(const struct broker *broker)
{
    return broker->now_us < broker->adopt_until_us;
}

static bool
owns_session(const struct broker *broker, uint64_t session)
{
    return session >= broker->session_first && session < broker->session_next;
}

/* --- the task and what is held of it ------------------------------------------------------------------------------- */

static void
adopt_lease(struct broker *broker, struct task *task, struct lease *lease, uint32_t attempt)
{
    struct note *note;

    broker_tie_lease(broker, lease, task);
    task->is_held_back = false;
    task->attempt = attempt;
    task->tries = attempt < task->tries_max ? (uint16_t)attempt : task->tries_max;
    broker_arm_task(broker, task);
    note = outbox_note(broker->outbox, NOTE_TASK_ADOPTED);
    note->pool = task->pool->name;
    note->task = task->number;
    note->worker = lease->worker->session;
    note->count = attempt;
}

/* A final task's body tells what the verdict was; see broker_final.c. */
static void
end_with(struct broker *broker, struct task *task, const struct orphan *orphan)
{
    const struct body *answer = orphan->answer;
    struct verdict verdict = {.code = orphan->verdict, .chunks = orphan->chunks, .worker = orphan->session};

    if (verdict.code == ERROR_NONE) {
        verdict.payload = &answer->payload;
        verdict.content_type = broker_result_type(task, answer->content_type);
    } else {
        verdict.text = answer->function;
        verdict.type = answer->content_type;
        verdict.traceback = answer->headers;
    }
    task->attempt = orphan->attempt;
    task->tries = orphan->attempt < task->tries_max ? (uint16_t)orphan->attempt : task->tries_max;
    broker_finish(broker, task, &verdict);
}

/* May the task still take over what a worker holds of it? Not once it was dispatched here. */
static bool
is_adoptable(const struct task *task, const struct pool *pool)
{
    return (task->state == TASK_QUEUED || task->state == TASK_DELAYED) && task->attempt == 0 && task->pool == pool;
}

/* Clients may offer the tasks of a group in another order than before. */
static bool
has_its_turn(const struct task *task)
{
    const struct group *group = task->extra ? task->extra->group : NULL;

    return !group || group_is_turn_of(group, task);
}

/* The orphan is gone after this, or its answer is awaited. True: the task runs or has ended. */
static bool
unite(struct broker *broker, struct task *task, struct orphan *orphan)
{
    if (orphan->lease && !has_its_turn(task)) {
        return false;
    } else if (orphan->lease) {
        adopt_lease(broker, task, orphan->lease, orphan->attempt);
    } else if (orphan->answer) {
        broker->bytes -= body_bytes(orphan->answer);
        end_with(broker, task, orphan);
    } else {
        return false;
    }
    orphanage_remove(&broker->orphans, &orphan);
    return true;
}

void
broker_hold_back(struct broker *broker, struct task *task)
{
    if (!broker_is_adopting(broker))
        return;
    task->is_held_back = true;
    if (task->live.not_before_us < broker->adopt_until_us)
        task->live.not_before_us = broker->adopt_until_us;
}

bool
broker_adopt(struct broker *broker, struct task *task, const struct task *asked)
{
    struct orphan *orphan = NULL;
    struct origin origin;

    if (orphanage_count(&broker->orphans) > 0 && !asked->client->is_anonymous) {
        origin = origin_make(asked->client->instance, &asked->key.id);
        orphan = orphanage_find(&broker->orphans, &origin);
    }
    if (!orphan || !is_adoptable(task, orphan->lease ? orphan->lease->worker->pool : task->pool))
        return false;
    return unite(broker, task, orphan);
}

bool
broker_gives_up(struct broker *broker, struct task *task)
{
    struct verdict lost = verdict_make(ERROR_LOST);

    if (!task->is_lost_once_lost || task->is_held_back)
        return false;
    lost.text = text_bytes("the task may run at most once, and may have run under an earlier broker");
    broker_finish(broker, task, &lost);
    return true;
}

bool
broker_holds_on(struct broker *broker, struct task *task)
{
    if (broker_is_adopting(broker)) { /* for longer than it seemed */
        task->live.not_before_us = broker->adopt_until_us;
        broker_arm_task(broker, task);
        return true;
    }
    task->is_held_back = false;
    return broker_gives_up(broker, task);
}

/* --- what a worker brings ------------------------------------------------------------------------------------------ */

/* What runs, or would, for the client's task of this origin. */
static struct task *
find_task(const struct broker *broker, const struct origin *origin)
{
    const struct client *client =
        broker_find_instance(broker, (struct bytes){origin->instance, INSTANCE_BYTES});
    struct task *task = client ? broker_find_task(broker, client, &origin->id) : NULL;

    return task && task->state == TASK_FOLLOWING ? task->extra->dedup->work : task;
}

/* Another worker holds a later attempt: nobody wants to know of this one. */
static void
drop_orphan(struct broker *broker, struct orphan *orphan)
{
    if (orphan->lease)
        broker_ask_end(broker, orphan->lease);
    orphanage_remove(&broker->orphans, &orphan);
}

static bool
has_room(const struct broker *broker)
{
    return orphanage_count(&broker->orphans) < broker->settings.tasks_max / 2;
}

/* Two workers may hold attempts at one task; the later one counts, unless the earlier one is answered. */
static bool
is_superseded(struct broker *broker, const struct origin *origin, const struct hold *hold)
{
    struct orphan *other = orphanage_find(&broker->orphans, origin);

    if (!other)
        return false;
    if (other->answer || other->fence >= hold->fence)
        return true;
    drop_orphan(broker, other);
    return false;
}

/* Is the hold worth keeping? If so, *ret_task is who waits for it, or NULL. */
static bool
is_wanted(struct broker *broker, const struct worker *worker, const struct hold *hold, const struct origin *origin,
          struct task **ret_task)
{
    struct task *task = find_task(broker, origin);

    if (hold->fence == 0 || hold->attempt == 0 || lease_table_find(&broker->leases, hold->fence))
        return false;
    if ((task && !is_adoptable(task, worker->pool)) || is_superseded(broker, origin, hold) || !has_room(broker))
        return false;
    *ret_task = task;
    return true;
}

static bool
take_hold(struct broker *broker, struct worker *worker, const struct hold *hold)
{
    struct lease *lease = NULL;
    struct orphan *orphan;
    struct origin origin;
    struct task *task;

    if (origin_read(hold->origin, &origin) || !is_wanted(broker, worker, hold, &origin, &task))
        return false;
    if (worker->busy < worker->slots)
        lease = broker_open_lease(broker, worker, hold->fence);
    if (hold->fence >= broker->fence_next && hold->fence - broker->fence_next < FENCE_NEAR)
        broker->fence_next = hold->fence + 1;
    orphan = orphanage_add(&broker->orphans, &origin, hold->fence, hold->attempt, worker, lease, broker->now_us);
    if (task)
        unite(broker, task, orphan);
    return true;
}

struct fences
broker_take_holds(struct broker *broker, struct worker *worker, const struct hello *hello)
{
    struct holds holds = hello->holds;
    uint64_t list[LEASES_MAX];
    struct fences taken = {0};
    struct hold hold;

    /* One whose session ended here has lost its leases for good. */
    if (holds.count == 0 || owns_session(broker, hello->session))
        return taken;
    while (taken.count < LEASES_MAX && wire_holds_next(&holds, &hold) == OK)
        if (take_hold(broker, worker, &hold))
            list[taken.count++] = hold.fence;
    taken.list = outbox_copy(broker->outbox, list, taken.count * sizeof *list);
    return taken;
}

struct worker *
broker_find_holder(const struct broker *broker, const struct hello *hello)
{
    struct holds holds = hello->holds;
    struct lease *lease = NULL;
    struct hold hold;

    if (owns_session(broker, hello->session))
        return NULL;
    while (!lease && wire_holds_next(&holds, &hold) == OK)
        lease = lease_table_find(&broker->leases, hold.fence);
    return lease ? lease->worker : NULL;
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

/* Nobody is left who could want it. */
static void
drop_answer(struct broker *broker, struct orphan *orphan)
{
    broker->undeliverable++;
    orphanage_remove(&broker->orphans, &orphan);
}

void
broker_answer_orphan(struct broker *broker, struct orphan *orphan, const struct verdict *verdict, uint64_t chunks)
{
    struct task *task = find_task(broker, &orphan->origin);
    struct body *answer = broker_make_answer(broker, verdict);

    if (broker->bytes + body_bytes(answer) > broker->settings.bytes_max) {
        body_unref(answer);
        drop_answer(broker, orphan);
        return;
    }
    broker->bytes += body_bytes(answer);
    orphan->chunks = chunks;
    orphanage_answer(&broker->orphans, orphan, verdict->code, answer, broker->now_us);
    if (task && is_adoptable(task, task->pool)) {
        unite(broker, task, orphan);
    } else if (task) { /* it runs elsewhere, or has ended */
        broker->bytes -= body_bytes(answer);
        orphanage_remove(&broker->orphans, &orphan);
    }
}

void
broker_drop_orphan(struct broker *broker, const struct worker *worker, uint64_t fence)
{
    struct orphan *orphan = orphan_find_fence(worker, fence);

    if (orphan)
        orphanage_remove(&broker->orphans, &orphan);
}

void
broker_drop_orphans(struct broker *broker, struct worker *worker)
{
    while (worker->orphans) {
        struct orphan *orphan = worker->orphans;

        orphanage_remove(&broker->orphans, &orphan);
    }
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

/* When this one, the oldest of its list or none, has waited for long enough. */
static int64_t
patience_ends_us(const struct broker *broker, const struct orphan *oldest)
{
    int64_t due_us;

    if (!oldest)
        return INT64_MAX;
    due_us = oldest->since_us + broker->settings.client_retention_us;
    return due_us > broker->judge_after_us ? due_us : broker->judge_after_us;
}

int64_t
broker_orphans_due_us(const struct broker *broker)
{
    int64_t fades_us = patience_ends_us(broker, broker->orphans.fading);
    int64_t opens_us = patience_ends_us(broker, broker->orphans.waiting);

    return fades_us < opens_us ? fades_us : opens_us;
}

/* Which of them are streams, and how far these are, their client would say: all are told. */
static void
open_orphans(struct broker *broker)
{
    while (patience_ends_us(broker, broker->orphans.waiting) <= broker->now_us) {
        struct orphan *orphan = broker->orphans.waiting;

        orphanage_open(&broker->orphans, orphan);
        broker_open_lease_stream(broker, orphan->lease);
    }
}

void
broker_expire_orphans(struct broker *broker)
{
    open_orphans(broker);
    while (patience_ends_us(broker, broker->orphans.fading) <= broker->now_us) {
        struct orphan *orphan = broker->orphans.fading;

        if (orphan->answer) {
            broker->bytes -= body_bytes(orphan->answer);
            drop_answer(broker, orphan);
        } else {
            orphanage_remove(&broker->orphans, &orphan);
        }
    }
}

void
broker_destroy_orphans(struct broker *broker)
{
    struct orphan *orphan, *next;

    HASH_ITER(hh, broker->orphans.by_origin, orphan, next)
        orphanage_remove(&broker->orphans, &orphan);
}
