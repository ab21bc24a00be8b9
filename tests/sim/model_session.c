/* model_session.c - the oracle's own books: sessions of tasks, and the workers to which they are bound; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct model_affinity *
model_find_affinity(const struct model_pool *pool, struct bytes name)
{
    struct model_affinity *affinity;

    HASH_FIND(hh, pool->affinities, name.data, name.size, affinity);
    return affinity;
}

void
model_join_session(struct model_task *task, const struct submit *submit)
{
    struct model_pool *pool = task->pool;
    struct bytes name = submit->session;
    struct model_affinity *affinity;

    if (name.size == 0)
        return;
    affinity = model_find_affinity(pool, name);
    if (!affinity) {
        affinity = calloc(1, sizeof *affinity + name.size + 1);
        if (!affinity)
            abort();
        memcpy(affinity->name, name.data, name.size);
        HASH_ADD_KEYPTR(hh, pool->affinities, affinity->name, name.size, affinity);
    }
    task->affinity = affinity;
    task->is_strict = submit->session_mode != SESSION_HINT;
    affinity->count++;
    affinity->stricts += task->is_strict;
}

void
model_drop_affinity(struct model_pool *pool, struct model_affinity *affinity)
{
    HASH_DEL(pool->affinities, affinity);
    free(affinity);
}

void
model_leave_session(struct model *model, struct model_task *task)
{
    struct model_affinity *affinity = task->affinity;

    if (!affinity)
        return;
    task->affinity = NULL;
    affinity->count--;
    affinity->stricts -= task->is_strict;
    affinity->unused_us = model->now_us;
    if (affinity->count == 0 && !affinity->worker)
        model_drop_affinity(task->pool, affinity);
}

void
model_unbind_worker(const struct model_worker *worker)
{
    struct model_pool *pool = worker->pool;
    struct model_affinity *affinity, *next;

    HASH_ITER(hh, pool->affinities, affinity, next) {
        if (affinity->worker != worker)
            continue;
        affinity->worker = NULL;
        if (affinity->count == 0)
            model_drop_affinity(pool, affinity);
    }
}

void
model_free_sessions(struct model_pool *pool)
{
    struct model_affinity *affinity, *next;

    HASH_ITER(hh, pool->affinities, affinity, next)
        model_drop_affinity(pool, affinity);
}

uint64_t
model_count_unused(const struct model_pool *pool)
{
    const struct model_affinity *affinity;
    uint64_t unused = 0;

    for (affinity = pool->affinities; affinity; affinity = affinity->hh.next)
        unused += affinity->count == 0;
    return unused;
}

bool
model_has_credit(const struct model_worker *worker)
{
    return model_worker_is_ready(worker) && !worker->is_unwelcomed && worker->busy < worker->slots;
}

bool
model_awaits_worker(const struct model_task *task)
{
    return task->affinity && task->is_strict && task->affinity->worker && !model_has_credit(task->affinity->worker);
}

bool
model_needs_worker(const struct model_task *task)
{
    return task->affinity && task->is_strict && task->pool->settings.session_on_loss == SESSION_LOSS_FAIL;
}

struct model_task *
model_first_ready(struct model_task *queue)
{
    while (queue && model_awaits_worker(queue))
        queue = queue->next;
    return queue;
}
