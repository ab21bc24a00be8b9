/* pool_suspect.c - tasks with which a worker was lost: whose turn it is, and where they run alone; see pool.h. */
#include "broker/core/pool.h"

#include <utlist.h>

static struct task *
suspect_at(const struct heap_node *node)
{
    return node ? heap_owner(node, struct task, returned) : NULL;
}

static bool
is_held(const struct task *task)
{
    return task_flow(task) && task_flow(task)->is_held;
}

/* The first of those whose flows may go, or NULL. That some may not is rare, and suspects are few. */
static struct task *
first_suspect(const struct pool *pool)
{
    struct task *first = suspect_at(heap_first(&pool->suspects));

    if (!first || !is_held(first))
        return first;
    first = NULL;
    for (uint32_t i = 0; i < pool->suspects.count; i++) {
        struct task *task = suspect_at(pool->suspects.entries[i].node);

        if (!is_held(task) && (!first || task_goes_before(task, first)))
            first = task;
    }
    return first;
}

/* Limits of the pool left aside. */
static struct task *
preferred_suspect(const struct pool *pool)
{
    struct task *suspect = first_suspect(pool), *first = queue_first(&pool->queue);
    bool has_worker = pool->reserved && pool->reserved->busy == 0;

    if (!suspect || !first || task_goes_before(suspect, first))
        return suspect;
    /* It was its turn when the worker was reserved. Meanwhile another lane's may have come. */
    return has_worker && suspect->priority == first->priority ? suspect : NULL;
}

struct task *
pool_next_suspect(const struct pool *pool)
{
    return pool_limited_by(pool) == LIMIT_NONE ? preferred_suspect(pool) : NULL;
}

struct task *
pool_any_suspect(const struct pool *pool)
{
    return suspect_at(heap_first(&pool->suspects));
}

size_t
pool_each_suspect(const struct pool *pool, size_t limit, void (*visit)(void *context, const struct task *task),
                  void *context)
{
    size_t visited = 0;

    for (; visited < limit && visited < pool->suspects.count; visited++)
        visit(context, suspect_at(pool->suspects.entries[visited].node));
    return visited;
}

/* May one more worker with several slots serve a suspect, the reserved one not counted? After the loss of a worker that ran
 * many tasks most suspects are innocent, and they must not take the whole pool. */
static bool
has_room_for_suspects(const struct pool *pool)
{
    uint64_t alone_max = pool->workers_ready / 2;

    return pool->alone_count - (pool->reserved != NULL) < (alone_max > 0 ? alone_max : 1);
}

struct worker *
pool_choose_for_suspect(const struct pool *pool)
{
    struct worker *worker;

    if (pool->reserved && pool->reserved->busy == 0)
        return pool->reserved;
    DL_FOREACH2(crew_idle(&pool->crew), worker, crew_next)
        if (worker->slots == 1 || has_room_for_suspects(pool))
            return worker;
    return NULL;
}

/* The one that will be idle soonest, as far as anybody knows: with the fewest tasks. */
static struct worker *
choose_to_reserve(const struct pool *pool)
{
    struct worker *worker, *best = NULL;

    DL_FOREACH(pool->workers, worker)
        if (worker->state == WORKER_READY && worker->slots > 1 && !worker->is_alone &&
            (!best || worker->busy < best->busy))
            best = worker;
    return best;
}

void
pool_end_reservation(struct pool *pool)
{
    struct worker *worker = pool->reserved;

    pool->reserved = NULL;
    pool_set_alone(pool, worker, false);
}

void
pool_review_reservation(struct pool *pool)
{
    const struct task *suspect = first_suspect(pool), *first = queue_first(&pool->queue);
    bool has_room = has_room_for_suspects(pool);
    struct worker *worker;

    if (pool->reserved && (!suspect || (first && first->priority > suspect->priority) || !has_room))
        pool_end_reservation(pool);
    if (pool->reserved || !has_room || !preferred_suspect(pool) || !(worker = choose_to_reserve(pool)))
        return;
    pool->reserved = worker;
    pool_set_alone(pool, worker, true);
}

void
pool_set_alone(struct pool *pool, struct worker *worker, bool is_alone)
{
    if (worker->is_alone == is_alone)
        return;
    worker->is_alone = is_alone;
    if (worker->slots > 1 && is_alone)
        pool->alone_count++;
    else if (worker->slots > 1)
        pool->alone_count--;
    pool_review_worker(pool, worker);
}
