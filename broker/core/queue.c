/* queue.c - priorities, each a list and a heap; see queue.h. */
#include "broker/core/queue.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

void
queue_init(struct queue *queue)
{
    memset(queue, 0, sizeof *queue);
    for (int priority = 0; priority < PRIORITIES; priority++)
        heap_init(&queue->returned[priority]);
}

void
queue_fini(struct queue *queue)
{
    for (int priority = 0; priority < PRIORITIES; priority++)
        heap_fini(&queue->returned[priority]);
    memset(queue, 0, sizeof *queue);
}

static void
count_in(struct queue *queue, const struct task *task)
{
    queue->counts[task->priority]++;
    queue->count++;
}

void
queue_add(struct queue *queue, struct task *task)
{
    struct task **fifo = &queue->fifo[task->priority];

    assert(task->state == TASK_QUEUED && !task_is_linked(task));
    assert(!*fifo || (*fifo)->prev->number < task->number);
    DL_APPEND(*fifo, task);
    count_in(queue, task);
}

void
queue_return(struct queue *queue, struct task *task)
{
    assert(task->state == TASK_QUEUED && !task_is_linked(task));
    heap_put(&queue->returned[task->priority], &task->returned, (int64_t)task->number);
    count_in(queue, task);
}

void
queue_remove(struct queue *queue, struct task *task)
{
    assert(task->state == TASK_QUEUED && task_is_linked(task));
    if (heap_node_is_in(&task->returned)) {
        heap_remove(&queue->returned[task->priority], &task->returned);
    } else {
        DL_DELETE(queue->fifo[task->priority], task);
        task->prev = task->next = NULL;
    }
    queue->counts[task->priority]--;
    queue->count--;
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
queue_first(const struct queue *queue)
{
    if (queue->count == 0)
        return NULL;
    for (int priority = PRIORITIES - 1; priority >= 0; priority--)
        if (queue->counts[priority] > 0)
            return older_of(queue->fifo[priority], returned_task(heap_first(&queue->returned[priority])));
    assert(!"counts do not add up");
    return NULL;
}

/* A stand-in for a returned task, so that a heap can be emptied in order without touching the real one. */
struct shadow {
    struct heap_node node;
    struct task *task;
};

static struct task *
shadow_task(struct heap_node *node)
{
    return node ? heap_owner(node, struct shadow, node)->task : NULL;
}

static struct shadow *
copy_returned(const struct heap *returned, struct heap *copy)
{
    struct shadow *shadows = calloc(returned->count + 1, sizeof *shadows);

    if (!shadows)
        abort();
    for (uint32_t i = 0; i < returned->count; i++) {
        shadows[i].task = returned_task(returned->entries[i].node);
        heap_put(copy, &shadows[i].node, returned->entries[i].key);
    }
    return shadows;
}

static size_t
visit_priority(const struct queue *queue, int priority, size_t limit, void (*visit)(void *, const struct task *),
               void *context)
{
    struct task *waiting = queue->fifo[priority];
    struct heap copy;
    struct shadow *shadows;
    size_t visited = 0;

    heap_init(&copy);
    shadows = copy_returned(&queue->returned[priority], &copy);
    for (; visited < limit; visited++) {
        struct task *back = shadow_task(heap_first(&copy));
        struct task *task = older_of(waiting, back);

        if (!task)
            break;
        visit(context, task);
        if (task == back)
            heap_remove(&copy, heap_first(&copy));
        else
            waiting = waiting->next;
    }
    heap_fini(&copy);
    free(shadows);
    return visited;
}

size_t
queue_each(const struct queue *queue, size_t limit, void (*visit)(void *context, const struct task *task),
           void *context)
{
    size_t visited = 0;

    for (int priority = PRIORITIES - 1; priority >= 0 && visited < limit; priority--)
        if (queue->counts[priority] > 0)
            visited += visit_priority(queue, priority, limit - visited, visit, context);
    return visited;
}

void
queue_check(const struct queue *queue)
{
    uint64_t count = 0;

    for (int priority = 0; priority < PRIORITIES; priority++) {
        uint64_t listed = queue->returned[priority].count;
        const struct task *task;

        heap_check(&queue->returned[priority]);
        DL_FOREACH(queue->fifo[priority], task) {
            assert(task->state == TASK_QUEUED && task->priority == priority);
            assert(!heap_node_is_in(&task->returned));
            assert(!task->next || task->number < task->next->number);
            listed++;
        }
        assert(listed == queue->counts[priority]);
        count += listed;
    }
    assert(count == queue->count);
}
