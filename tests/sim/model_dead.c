/* model_dead.c - the oracle's own books: tasks that ended as dead, and come back; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
model_drop_dead(struct model_pool *pool, struct model_dead *dead)
{
    DL_DELETE(pool->dead, dead);
    pool->dead_count--;
    free(dead);
}

void
model_trim_dead(struct model_pool *pool, uint64_t count)
{
    while (pool->dead_count > count) {
        model_drop_dead(pool, pool->dead);
        pool->dead_dropped++;
    }
}

void
model_bury(struct model *model, const struct model_task *task)
{
    struct model_dead *dead = calloc(1, sizeof *dead);
    struct model_pool *pool = task->pool;

    if (!dead)
        abort();
    *dead = (struct model_dead){
        .number = task->number,
        .content = task->content,
        .hash = task->hash ^ task->stream, /* nobody will read its parts */
        .size_bytes = task->size_bytes,
        .priority = task->priority,
        .at_most_once = task->at_most_once,
        .has_killed = task->kills > 0,
        .tries_max = task->tries_max,
        .patience = task->patience,
    };
    memcpy(dead->content_type, task->content_type, sizeof dead->content_type);
    DL_APPEND(pool->dead, dead);
    pool->dead_count++;
    model->tally->sometimes[SOMETIMES_DEAD_DROPPED] += pool->dead_count > pool->settings.dead_max;
    model_trim_dead(pool, pool->settings.dead_max);
}

struct model_task *
model_replay(struct model *model, struct model_pool *pool, struct model_dead *dead, int64_t now_us)
{
    struct model_task *task = calloc(1, sizeof *task);
    struct ref id = ref_number(model->numbers + 1);
    const struct submit submit = {.priority = dead->priority};

    if (!task)
        abort();
    *task = (struct model_task){
        .number = ++model->numbers,
        .content = dead->content,
        .hash = dead->hash,
        .pool = pool,
        .size_bytes = dead->size_bytes,
        .priority = dead->priority,
        .at_most_once = dead->at_most_once,
        .is_suspect = dead->has_killed,
        .tries_max = dead->tries_max,
        .patience = dead->patience,
        .accepted_us = now_us,
        .ready_us = now_us,
        .deadline_us = INT64_MAX,
    };
    memcpy(task->content_type, dead->content_type, sizeof task->content_type);
    task->flow = model_join_flow(pool, &submit, &model->house);
    model_enlist(model, task, &model->house, &id, now_us);
    pool->accepted++;
    model_drop_dead(pool, dead);
    return task;
}
