/* model_order.c - the oracle's own books: groups, and which tasks wait beside the queue; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

bool
model_pool_has_tasks(const struct model_pool *pool)
{
    return pool->queued + pool->delayed + pool->running > 0;
}

/* --- beside the queue ----------------------------------------------------------------------------------------------- */

/* P8: one at a time, in order of acceptance, and the next only when the lease of the one before has ended. */
static bool
has_turn(const struct model_task *task)
{
    return !task->group || (task->group->tasks == task && !task->group->holder);
}

static void
park(struct model_task *task)
{
    task->state = MODEL_QUEUED;
    task->is_parked = true;
    DL_APPEND(task->pool->parked, task);
    task->pool->queued++;
    task->pool->waiting_bytes += task->size_bytes;
}

static void
unpark(struct model_task *task)
{
    DL_DELETE(task->pool->parked, task);
    task->is_parked = false;
    task->pool->queued--;
    task->pool->waiting_bytes -= task->size_bytes;
}

void
model_enqueue_task(struct model *model, struct model_task *task)
{
    if (has_turn(task))
        model_queue_task(model, task);
    else
        park(task);
}

void
model_dequeue_task(struct model *model, struct model_task *task)
{
    if (task->is_parked)
        unpark(task);
    else
        model_unqueue_task(model, task);
}

static void
call(struct model *model, struct model_task *task)
{
    if (!task || !task->is_parked || !has_turn(task))
        return;
    unpark(task);
    model_queue_task(model, task);
}

/* --- groups --------------------------------------------------------------------------------------------------------- */

void
model_join_group(struct model_task *task, struct bytes name)
{
    struct model_group *group;

    if (name.size == 0)
        return;
    HASH_FIND(hh, task->pool->groups, name.data, name.size, group);
    if (!group) {
        group = calloc(1, sizeof *group + name.size);
        if (!group)
            abort();
        memcpy(group->name, name.data, name.size);
        HASH_ADD_KEYPTR(hh, task->pool->groups, group->name, name.size, group);
    }
    task->group = group;
    DL_APPEND2(group->tasks, task, group_prev, group_next);
}

void
model_leave_group(struct model *model, struct model_task *task)
{
    struct model_group *group = task->group;

    if (!group)
        return;
    DL_DELETE2(group->tasks, task, group_prev, group_next);
    task->group = NULL;
    call(model, group->tasks);
}

void
model_hold_group(struct model_lease *lease)
{
    lease->group = lease->task->group;
    if (lease->group)
        lease->group->holder = lease;
}

void
model_let_go_group(struct model *model, struct model_lease *lease)
{
    if (!lease->group)
        return;
    lease->group->holder = NULL;
    call(model, lease->group->tasks);
}

void
model_free_groups(struct model_pool *pool)
{
    struct model_group *group, *next;

    HASH_ITER(hh, pool->groups, group, next) {
        HASH_DEL(pool->groups, group);
        free(group);
    }
}
