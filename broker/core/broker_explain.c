/* broker_explain.c - why tasks wait; see broker.h. Changes nothing. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_order.h"
#include "broker/core/task_extra.h"

#include <utlist.h>

/* --- a place in the queue --------------------------------------------------------------------------------------- */

struct search {
    const struct task *wanted;
    uint64_t ahead;
    bool is_found;
};

static void
pass_by(void *context, const struct task *task)
{
    struct search *search = context;

    search->is_found |= task == search->wanted;
    search->ahead += !search->is_found;
}

/* Those that go before a task which stands elsewhere. */
struct comparison {
    const struct task *task;
    uint64_t ahead;
};

static void
compare(void *context, const struct task *other)
{
    struct comparison *comparison = context;

    comparison->ahead += task_goes_before(other, comparison->task);
}

static uint64_t
count_ahead(const struct task *task)
{
    struct comparison others = {.task = task};
    struct search search = {.wanted = task};

    pool_each_suspect(task->pool, SIZE_MAX, compare, &others);
    if (task_is_suspect(task))
        queue_each(&task->pool->queue, SIZE_MAX, compare, &others);
    else
        queue_each(&task->pool->queue, SIZE_MAX, pass_by, &search);
    return search.ahead + others.ahead;
}

/* --- the workers of a pool -------------------------------------------------------------------------------------- */

static void
count_workers(const struct pool *pool, struct explanation *explanation)
{
    const struct worker *worker;

    DL_FOREACH(pool->workers, worker) {
        explanation->ready += worker->state == WORKER_READY;
        explanation->stalled += worker->state == WORKER_STALLED;
        explanation->draining += worker->state == WORKER_DRAINING;
        explanation->detached += worker->state == WORKER_DETACHED;
    }
}

/* The lease that has been open for longest: what to look at when nothing moves. */
static void
find_oldest(const struct pool *pool, struct explanation *explanation)
{
    const struct lease *oldest = NULL;
    const struct worker *worker;

    DL_FOREACH(pool->workers, worker)
        if (worker->leases && (!oldest || worker->leases->leased_us < oldest->leased_us))
            oldest = worker->leases;
    if (!oldest)
        return;
    explanation->oldest_leased_us = oldest->leased_us;
    explanation->oldest.worker = oldest->worker->session;
    if (oldest->task)
        broker_get_task(oldest->task, &explanation->oldest);
}

/* Whether limits keep the task, or all of the pool, from going. */
static enum wait_cause
blame_limits(const struct pool *pool, const struct task *task, struct explanation *explanation)
{
    const struct flow *flow = task_flow(task);
    enum limit_cause by_key = flow ? pool_flow_limited_by(flow) : LIMIT_NONE;

    if (by_key != LIMIT_NONE) {
        explanation->limit = by_key == LIMIT_RATE ? "key_rate" : "key_running_max";
        explanation->key_running = flow->running;
        explanation->due_us = by_key == LIMIT_RATE ? heap_key(&pool->held, &flow->due) : 0;
        return CAUSE_KEY_LIMITED;
    }
    switch (pool_limited_by(pool)) {
    case LIMIT_RUNNING:
        return CAUSE_RUNNING_MAX;
    case LIMIT_RATE:
        explanation->due_us = pool->token_us;
        return CAUSE_RATE_LIMITED;
    default:
        return CAUSE_ALL_BUSY;
    }
}

/* Why nobody takes the task. In this order: the first that holds is what to change. */
static enum wait_cause
blame_pool(const struct broker *broker, const struct pool *pool, const struct task *task,
           struct explanation *explanation)
{
    if (broker->state != BROKER_RUNNING)
        return CAUSE_SHUTDOWN;
    if (pool->is_failed)
        return CAUSE_POOL_FAILED;
    if (pool->workers_count == 0)
        return CAUSE_NO_WORKER;
    if (explanation->ready == 0)
        return CAUSE_NONE_USABLE;
    if (!circuit_admits(&pool->circuit))
        return CAUSE_CIRCUIT_OPEN;
    return blame_limits(pool, task, explanation);
}

static void
explain_queue(const struct broker *broker, const struct task *task, struct explanation *explanation)
{
    const struct pool *pool = task->pool;

    explanation->cause = blame_pool(broker, pool, task, explanation);
    if (explanation->cause == CAUSE_ALL_BUSY && task_is_suspect(task))
        explanation->cause = CAUSE_QUARANTINED;
    if (explanation->cause == CAUSE_ALL_BUSY)
        find_oldest(pool, explanation);
    if (explanation->cause == CAUSE_CIRCUIT_OPEN && pool->circuit.state == CIRCUIT_OPEN)
        explanation->due_us = pool->circuit.until_us;
}

/* --- whose turn it is -------------------------------------------------------------------------------------------- */

static void
explain_group(const struct task *task, struct explanation *explanation)
{
    const struct group *group = task->extra->group;

    explanation->cause = CAUSE_GROUP_WAITS;
    explanation->group = (struct bytes){group->name, group->size};
    if (!group->holder || group->holder->task)
        broker_get_task(group->tasks, &explanation->behind);
    else
        explanation->behind.worker = group->holder->worker->session;
    for (const struct task *other = group->tasks; other != task; other = other->extra->group_next)
        explanation->ahead++;
}

/* The tasks that the same worker gets first are those that its heap would give first. */
static void
explain_session(const struct task *task, const struct worker *worker, struct explanation *explanation)
{
    const struct affinity *affinity = task->extra->affinity;

    explanation->cause = CAUSE_SESSION_WAITS;
    explanation->session = (struct bytes){affinity->name, affinity->size};
    explanation->awaited = worker->session;
    explanation->awaited_state = worker_state_name(worker->state);
    if (!heap_node_is_in(&task->extra->parked))
        return;
    for (uint32_t i = 0; i < worker->parked.count; i++)
        explanation->ahead += worker->parked.entries[i].key < heap_key(&worker->parked, &task->extra->parked);
}

/* Does the task wait for something else than any slot? */
static bool
explain_order(const struct broker *broker, const struct task *task, struct explanation *explanation)
{
    const struct worker *worker;

    if (!task->extra || broker->state != BROKER_RUNNING)
        return false;
    if (task->extra->group && !group_is_turn_of(task->extra->group, task)) {
        explain_group(task, explanation);
        return true;
    }
    worker = broker_awaited_worker(task);
    if (worker)
        explain_session(task, worker, explanation);
    return worker != NULL;
}

/* --- what is asked ---------------------------------------------------------------------------------------------- */

static const struct task *
find_number(const struct broker *broker, uint64_t number)
{
    for (uint32_t at = 0; at < broker->tasks.capacity; at++) {
        const struct task *task = broker->tasks.slots[at].task;

        if (task && task->number == number)
            return task;
    }
    return NULL;
}

static enum wait_cause
delayed_cause(const struct broker *broker, const struct task *task)
{
    return task->is_held_back && broker_is_adopting(broker) ? CAUSE_ADOPTING : CAUSE_DELAYED;
}

static void
explain_running(const struct task *task, struct explanation *explanation)
{
    explanation->cause = CAUSE_RUNNING;
    explanation->leased_us = task->lease->leased_us;
    explanation->is_cancel_asked = task->is_cancel_asked;
}

int
broker_explain_task(const struct broker *broker, uint64_t number, struct explanation *ret_explanation)
{
    const struct task *task = find_number(broker, number);

    if (!task)
        return ERR_NOT_FOUND;
    if (task->state == TASK_FOLLOWING)
        task = task->extra->dedup->work; /* it waits for that */
    *ret_explanation = (struct explanation){0};
    broker_get_pool_stats(task->pool, &ret_explanation->pool);
    broker_get_task(task, &ret_explanation->task);
    switch ((enum task_state)task->state) {
    case TASK_FINAL:
        ret_explanation->cause = CAUSE_FINAL;
        ret_explanation->final_state = task_final_name(task->verdict);
        ret_explanation->task.function = (struct bytes){0}; /* the body is the result's now */
        break;
    case TASK_LEASED:
        explain_running(task, ret_explanation);
        break;
    case TASK_DELAYED:
        ret_explanation->cause = delayed_cause(broker, task);
        ret_explanation->due_us = task->live.not_before_us;
        break;
    default:
        count_workers(task->pool, ret_explanation);
        if (explain_order(broker, task, ret_explanation))
            break;
        ret_explanation->ahead = count_ahead(task);
        explain_queue(broker, task, ret_explanation);
    }
    return OK;
}

/* The delayed task whose time comes first. */
static void
explain_delayed(const struct broker *broker, const struct pool *pool, struct explanation *explanation)
{
    const struct task *next = pool->delayed, *task;

    DL_FOREACH(pool->delayed, task)
        if (task->live.not_before_us < next->live.not_before_us)
            next = task;
    if (!next)
        return;
    explanation->cause = delayed_cause(broker, next);
    explanation->due_us = next->live.not_before_us;
    broker_get_task(next, &explanation->task);
}

/* The queued task that comes next, as far as is known: one that may go, or else one at a limit, or beside the queue. */
static const struct task *
find_next(const struct pool *pool)
{
    const struct task *next = pool_next_suspect(pool);

    if (!next)
        next = queue_first(&pool->queue);
    if (!next)
        next = queue_any(&pool->queue);
    if (!next)
        next = pool_any_suspect(pool);
    return next ? next : pool->parked;
}

int
broker_explain_pool(const struct broker *broker, struct bytes name, struct explanation *ret_explanation)
{
    const struct pool *pool = broker_pool(broker, name);
    const struct task *next;

    if (!pool)
        return ERR_NOT_FOUND;
    *ret_explanation = (struct explanation){0};
    broker_get_pool_stats(pool, &ret_explanation->pool);
    count_workers(pool, ret_explanation);
    next = find_next(pool);
    if (!next) {
        explain_delayed(broker, pool, ret_explanation);
        return OK;
    }
    broker_get_task(next, &ret_explanation->task);
    if (!explain_order(broker, next, ret_explanation))
        explain_queue(broker, next, ret_explanation);
    return OK;
}
