/* broker_order.c - what must wait though a slot is free: for its turn in a group; see broker_state.h.
 *
 * Such a task is parked beside the queue, so that dispatch never walks over it. */
#include "broker/core/broker_state.h"
#include "broker/core/task_extra.h"

void
broker_join_order(struct broker *broker, struct task *task, const struct submit *submit)
{
    task_get_extra(task);
    if (submit->group.size > 0)
        group_join(&task->pool->groups, task, submit->group, broker->settings.hash_seed);
}

static bool
must_wait(const struct task *task)
{
    const struct group *group = task->extra->group;

    return group && !group_is_turn_of(group, task);
}

void
broker_enqueue(struct broker *broker, struct task *task)
{
    (void)broker;
    if (task->extra && must_wait(task))
        pool_park(task->pool, task);
    else
        pool_put(task->pool, task, TASK_QUEUED);
}

/* The task may have its turn. One that is delayed, or has it already, is not parked. */
static void
call(struct broker *broker, struct task *task)
{
    struct pool *pool = task->pool;

    if (!task->is_parked || must_wait(task))
        return;
    broker_touch_pool(broker, pool);
    if (task->attempt == 0)
        task->live.not_before_us = broker->now_us; /* only now it could have run: what it waits for slots begins here */
    pool_unpark(pool, task);
    pool->is_stirred = broker->is_stirred = true;
}

void
broker_begin_order(struct broker *broker, struct lease *lease)
{
    struct group *group = lease->task->extra->group;

    (void)broker;
    if (group)
        group_hold(group, lease);
}

void
broker_let_go_group(struct broker *broker, struct lease *lease)
{
    struct task *next = group_let_go(&lease->worker->pool->groups, lease);

    if (next)
        call(broker, next);
}

void
broker_leave_order(struct broker *broker, struct task *task)
{
    struct task *next = NULL;

    if (task->extra->group)
        next = group_leave(&task->pool->groups, task);
    if (next)
        call(broker, next);
}

void
broker_dispatch_stirred(struct broker *broker)
{
    broker->is_stirred = false;
    for (size_t i = 0; i < broker->pools_count; i++)
        if (broker->pools[i]->is_stirred)
            broker_dispatch(broker, broker->pools[i]);
}
