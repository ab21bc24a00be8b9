/* lane.c - a list and a heap of waiting tasks; see lane.h. */
#include "broker/core/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
lane_init(struct lane *lane, struct flow *flow, uint8_t priority)
{
    memset(lane, 0, sizeof *lane);
    heap_init(&lane->returned);
    lane->flow = flow;
    lane->priority = priority;
}

void
lane_fini(struct lane *lane)
{
    assert(lane->count == 0);
    heap_fini(&lane->returned);
}

void
lane_add(struct lane *lane, struct task *task)
{
    assert(!lane->fifo || lane->fifo->prev->number < task->number);
    DL_APPEND(lane->fifo, task);
    lane->count++;
}

void
lane_return(struct lane *lane, struct task *task)
{
    heap_put(&lane->returned, &task->returned, (int64_t)task->number);
    lane->count++;
}

void
lane_remove(struct lane *lane, struct task *task)
{
    assert(lane->count > 0 && lane->priority == task->priority);
    if (heap_node_is_in(&task->returned)) {
        heap_remove(&lane->returned, &task->returned);
    } else {
        DL_DELETE(lane->fifo, task);
        task->prev = task->next = NULL;
    }
    lane->count--;
}

static struct task *
returned_task(struct heap_node *node)
{
    return node ? heap_owner(node, struct task, returned) : NULL;
}

/* The one that was accepted first; either may be NULL. */
static struct task *
older_of(struct task *a, struct task *b)
{
    if (!a || !b)
        return a ? a : b;
    return a->number < b->number ? a : b;
}

struct task *
lane_first(const struct lane *lane)
{
    return older_of(lane->fifo, returned_task(heap_first(&lane->returned)));
}

void
lane_check(const struct lane *lane)
{
    uint64_t count = lane->returned.count;
    const struct task *task;

    heap_check(&lane->returned);
    DL_FOREACH(lane->fifo, task) {
        assert(task->state == TASK_QUEUED && task->priority == lane->priority);
        assert(!heap_node_is_in(&task->returned));
        assert(!task->next || task->number < task->next->number);
        count++;
    }
    assert(count == lane->count);
    assert((count > 0) == (lane->next != NULL) && (lane->next != NULL) == (lane->prev != NULL));
}

/* --- walking ---------------------------------------------------------------------------------------------------- */

/* A stand-in for a returned task, so that a heap can be emptied in order without touching the real one. */
struct lane_shadow {
    struct heap_node node;
    struct task *task;
};

static struct task *
shadow_task(struct heap_node *node)
{
    return node ? heap_owner(node, struct lane_shadow, node)->task : NULL;
}

void
lane_walk_begin(struct lane_walk *walk, const struct lane *lane)
{
    const struct heap *returned = &lane->returned;

    *walk = (struct lane_walk){.waiting = lane->fifo};
    heap_init(&walk->returned);
    if (returned->count == 0)
        return;
    walk->shadows = calloc(returned->count, sizeof *walk->shadows);
    if (!walk->shadows)
        abort();
    for (uint32_t i = 0; i < returned->count; i++) {
        walk->shadows[i].task = returned_task(returned->entries[i].node);
        heap_put(&walk->returned, &walk->shadows[i].node, returned->entries[i].key);
    }
}

struct task *
lane_walk_next(struct lane_walk *walk)
{
    struct task *back = shadow_task(heap_first(&walk->returned));
    struct task *task = older_of(walk->waiting, back);

    if (task && task == back)
        heap_remove(&walk->returned, heap_first(&walk->returned));
    else if (task)
        walk->waiting = walk->waiting->next;
    return task;
}

void
lane_walk_end(struct lane_walk *walk)
{
    heap_fini(&walk->returned);
    free(walk->shadows);
    *walk = (struct lane_walk){0};
}
