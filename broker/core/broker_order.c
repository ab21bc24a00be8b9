/* broker_order.c - what must wait though a slot is free: for its turn in a group, or for the worker of its session; see
 * broker_state.h.
 *
 * Such a task is parked beside the queue, so that dispatch never walks over it. A task of a strict session may stand in the
 * queue and lose the free slot for which it was called there to another one; dispatch parks it again when it comes to it. */
#include "broker/core/broker_state.h"
#include "broker/core/broker_order.h"
#include "broker/core/task_extra.h"

#include <assert.h>
#include <utlist.h>

static void
stir(struct broker *broker, struct pool *pool)
{
    pool->is_stirred = broker->is_stirred = true;
}

static bool
has_turn(const struct task *task)
{
    return !task->extra->group || group_is_turn_of(task->extra->group, task);
}

static bool
is_strict(const struct task *task)
{
    return task->extra->affinity && affinity_is_strict(task->extra->session_mode);
}

struct worker *
broker_awaited_worker(const struct task *task)
{
    struct worker *worker = is_strict(task) ? task->extra->affinity->worker : NULL;

    return worker && !worker_has_credit(worker) ? worker : NULL;
}

/* --- coming ----------------------------------------------------------------------------------------------------- */

bool
broker_has_session_room(const struct broker *broker, const struct pool *pool, const struct submit *submit)
{
    return submit->session.size == 0 || affinity_has_room(&pool->affinities, submit->session, broker->settings.hash_seed,
                                                          pool->settings.sessions_max);
}

bool
broker_is_session_busy(const struct broker *broker, const struct pool *pool, const struct submit *submit)
{
    const struct affinity *affinity;

    if (submit->session.size == 0 || submit->session_mode != SESSION_STRICT_FAIL_FAST)
        return false;
    affinity = affinity_find(&pool->affinities, submit->session, broker->settings.hash_seed);
    return affinity && affinity->worker && !worker_has_credit(affinity->worker);
}

void
broker_join_order(struct broker *broker, struct task *task, const struct submit *submit)
{
    struct task_extra *extra = task_get_extra(task);
    struct pool *pool = task->pool;

    extra->task = task;
    extra->session_mode = (uint8_t)submit->session_mode;
    if (submit->group.size > 0)
        group_join(&pool->groups, task, submit->group, broker->settings.hash_seed);
    if (submit->session.size > 0)
        affinity_join(&pool->affinities, task, submit->session, broker->settings.hash_seed,
                      pool->settings.sessions_max);
}

void
broker_enqueue(struct broker *broker, struct task *task)
{
    struct worker *worker;

    broker->has_suspects |= task_is_suspect(task);
    if (!task->extra) {
        pool_put(task->pool, task, TASK_QUEUED);
        return;
    }
    worker = broker_awaited_worker(task);
    if (!has_turn(task))
        pool_park(task->pool, task);
    else if (worker)
        pool_park_at(task->pool, task, worker);
    else
        pool_put(task->pool, task, TASK_QUEUED);
}

/* The task may have its turn. One that is delayed, or has it already, does not wait for it. */
static void
call(struct broker *broker, struct task *task)
{
    struct worker *worker = broker_awaited_worker(task);

    if (!task->is_parked || heap_node_is_in(&task->extra->parked) || !has_turn(task))
        return;
    broker_touch_pool(broker, task->pool);
    if (task->attempt == 0)
        task->live.not_before_us = broker->now_us; /* only now it could have run: what it waits for slots begins here */
    if (worker) {
        pool_park_at(task->pool, task, worker);
        return;
    }
    pool_unpark(task->pool, task);
    broker->has_suspects |= task_is_suspect(task);
    stir(broker, task->pool);
}

/* --- running ---------------------------------------------------------------------------------------------------- */

/* A hint moves its session, but not away from tasks that can run at one worker only. */
struct worker *
broker_route(struct broker *broker, struct task *task, struct worker *free)
{
    struct affinity *affinity = task->extra->affinity;

    if (!affinity)
        return free;
    if (affinity->worker && worker_has_credit(affinity->worker))
        return affinity->worker;
    if (affinity->worker && is_strict(task)) {
        broker_touch_pool(broker, task->pool);
        pool_park_at(task->pool, task, affinity->worker);
        return NULL;
    }
    if (!affinity->worker || affinity->stricts == 0)
        affinity_bind(affinity, free);
    return free;
}

void
broker_begin_order(struct broker *broker, struct lease *lease)
{
    struct affinity *affinity = lease->task->extra->affinity;
    struct group *group = lease->task->extra->group;

    (void)broker;
    if (group)
        group_hold(group, lease);
    if (affinity && !affinity->worker && lease->worker->state == WORKER_READY)
        affinity_bind(affinity, lease->worker); /* it was adopted, and the state is where it runs */
}

void
broker_let_go_group(struct broker *broker, struct lease *lease)
{
    struct task *next = group_let_go(&lease->worker->pool->groups, lease);

    if (next)
        call(broker, next);
}

/* --- going ------------------------------------------------------------------------------------------------------ */

/* The timer stands still while it is in the heap: a session that is used every moment must not move it every moment. */
static void
arm_sessions(struct broker *broker, struct pool *pool)
{
    struct affinities *affinities = &pool->affinities;

    if (affinities->unused && !heap_node_is_in(&affinities->timer))
        heap_put(&broker->timers, &affinities->timer,
                 affinities->unused->unused_us + pool->settings.session_ttl_us);
}

/* It may have stood in the queue for a free slot of its worker; then others may be called for that. */
static void
leave_session(struct broker *broker, struct task *task)
{
    struct worker *worker = task->extra->affinity->worker;
    struct pool *pool = task->pool;

    affinity_leave(&pool->affinities, task, broker->now_us);
    arm_sessions(broker, pool);
    if (!worker || worker->parked.count == 0 || !worker_has_credit(worker))
        return;
    pool_call_parked(pool, worker);
    stir(broker, pool);
}

void
broker_leave_order(struct broker *broker, struct task *task)
{
    struct task *next = NULL;

    if (task->extra->affinity)
        leave_session(broker, task);
    if (task->extra->group)
        next = group_leave(&task->pool->groups, task);
    if (next)
        call(broker, next);
}

void
broker_sessions_due(struct broker *broker, struct pool *pool)
{
    heap_remove(&broker->timers, &pool->affinities.timer);
    affinity_forget(&pool->affinities, broker->now_us - pool->settings.session_ttl_us, pool->settings.sessions_max);
    arm_sessions(broker, pool);
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

static void
fail_waiting(struct broker *broker, const struct affinity *affinity)
{
    struct verdict lost = verdict_make(ERROR_SESSION_LOST);
    struct task *task, *next;

    DL_FOREACH_SAFE2(affinity->tasks, task, next, extra->affinity_next)
        if (task->state != TASK_LEASED && is_strict(task))
            broker_finish(broker, task, &lost);
}

/* Those that waited for the worker go to their place in the queue. */
static void
call_waiting(struct broker *broker, struct worker *worker)
{
    while (worker->parked.count > 0) {
        pool_unpark(worker->pool, heap_owner(heap_first(&worker->parked), struct task_extra, parked)->task);
        stir(broker, worker->pool);
    }
}

void
broker_leave_sessions(struct broker *broker, struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct affinity *affinity, *next;

    broker_touch_pool(broker, pool);
    if (pool->settings.session_on_loss == SESSION_LOSS_FAIL)
        DL_FOREACH_SAFE(worker->affinities, affinity, next)
            fail_waiting(broker, affinity);
    call_waiting(broker, worker);
    while (worker->affinities)
        affinity_unbind(&pool->affinities, worker->affinities);
}

bool
broker_is_session_lost(const struct task *task, const struct worker *worker)
{
    return worker->state == WORKER_GONE && is_strict(task) &&
           task->pool->settings.session_on_loss == SESSION_LOSS_FAIL;
}

/* --- all -------------------------------------------------------------------------------------------------------- */

void
broker_dispatch_stirred(struct broker *broker)
{
    broker->is_stirred = false;
    for (size_t i = 0; i < broker->pools_count; i++)
        if (broker->pools[i]->is_stirred)
            broker_dispatch(broker, broker->pools[i]);
}

void
broker_check_order(const struct task *task)
{
    const struct task_extra *extra = task->extra;

    assert(!extra->affinity || extra->task == task);
    assert(!heap_node_is_in(&extra->parked) || (task->is_parked && is_strict(task) && extra->affinity->worker));
    assert(!task->is_parked || !has_turn(task) || heap_node_is_in(&extra->parked));
    assert(task->state != TASK_QUEUED || task->is_parked || has_turn(task));
    assert(task->state != TASK_FINAL || (!extra->group && !extra->affinity));
}
