/* model_dedup.c - the oracle's own books: dedup keys, what runs for them, who follows it, what is remembered; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void
make_key(uint8_t key[sizeof(struct model_dedup){0}.key], const struct model *model, const struct model_pool *pool,
         struct bytes name)
{
    uint32_t index = (uint32_t)(pool - model->pools);

    memset(key, 0, sizeof(struct model_dedup){0}.key);
    memcpy(key, &index, sizeof index);
    memcpy(key + sizeof index, name.data, name.size);
}

struct model_dedup *
model_find_dedup(struct model *model, struct model_pool *pool, struct bytes name)
{
    uint8_t key[sizeof(struct model_dedup){0}.key];
    struct model_dedup *dedup;

    make_key(key, model, pool, name);
    HASH_FIND(hh, model->dedups, key, sizeof key, dedup);
    return dedup;
}

void
model_forget_dedup(struct model *model, struct model_dedup *dedup)
{
    if (!dedup->work && dedup->prev) {
        DL_DELETE(dedup->pool->remembered, dedup);
        dedup->pool->remembered_count--;
    }
    HASH_DEL(model->dedups, dedup);
    free(dedup);
}

void
model_forget_dedups(struct model *model, const struct model_pool *pool)
{
    struct model_dedup *dedup, *next;

    HASH_ITER(hh, model->dedups, dedup, next)
        if (!pool || dedup->pool == pool)
            model_forget_dedup(model, dedup);
}

void
model_expire_dedups(struct model *model, int64_t now_us)
{
    struct model_dedup *dedup, *next;

    HASH_ITER(hh, model->dedups, dedup, next) {
        if (dedup->work || dedup->until_us > now_us)
            continue;
        model->tally->sometimes[SOMETIMES_RESULT_FORGOTTEN]++;
        model_forget_dedup(model, dedup);
    }
}

/* The run: the first task's, without its deadline, and nobody's. */
static struct model_dedup *
begin(struct model *model, const struct model_client *client, const struct submit *submit, int64_t now_us)
{
    struct model_dedup *dedup = calloc(1, sizeof *dedup);
    struct submit own = *submit;

    if (!dedup)
        abort();
    own.id = ref_number(model->numbers + 1);
    own.has_deadline = false;
    model->first = client;
    dedup->work = model_accept(model, &model->house, &own, now_us);
    dedup->work->dedup = dedup;
    dedup->pool = dedup->work->pool;
    dedup->window_us = submit->has_dedup_ms ? (int64_t)submit->dedup_ms * 1000 : dedup->pool->settings.dedup_window_us;
    make_key(dedup->key, model, dedup->pool, submit->dedup_key);
    HASH_ADD(hh, model->dedups, key, sizeof dedup->key, dedup);
    return dedup;
}

static void
end_as(struct model *model, struct model_task *task, const struct model_dedup *dedup, enum error_code verdict,
       bool has_answer, int64_t now_us)
{
    task->has_answer = has_answer;
    task->answer = dedup->answer;
    task->attempt = dedup->attempt;
    model_finish(model, task, verdict, now_us);
    task->dedup = NULL;
}

struct model_task *
model_share(struct model *model, struct model_client *client, const struct submit *submit, struct model_dedup *dedup,
            int64_t now_us)
{
    struct model_task *task;

    if (dedup)
        dedup->pool->deduplicated++;
    else
        dedup = begin(model, client, submit, now_us);
    task = model_follow(model, client, submit, dedup, now_us);
    if (!dedup->work)
        end_as(model, task, dedup, ERROR_NONE, true, now_us);
    return task;
}

static void
remember(struct model *model, struct model_dedup *dedup, const struct model_task *work, int64_t now_us)
{
    struct model_pool *pool = dedup->pool;

    dedup->result_bytes = work->result_bytes;
    dedup->until_us = now_us + dedup->window_us;
    DL_APPEND(pool->remembered, dedup);
    pool->remembered_count++;
    while (model->remembers_exactly && pool->remembered_count > pool->settings.dedup_max) {
        model->tally->sometimes[SOMETIMES_RESULT_MADE_ROOM]++;
        model_forget_dedup(model, pool->remembered);
    }
}

void
model_hand_on(struct model *model, struct model_task *work, int64_t now_us)
{
    struct model_dedup *dedup = work->dedup;

    work->dedup = NULL;
    dedup->answer = work->answer;
    dedup->attempt = work->attempt;
    while (dedup->followers)
        end_as(model, dedup->followers, dedup, work->verdict, work->has_answer, now_us);
    dedup->work = NULL;
    if (work->verdict == ERROR_NONE && dedup->window_us > 0)
        remember(model, dedup, work, now_us);
    else
        model_forget_dedup(model, dedup);
}

struct model_task *
model_leave_dedup(struct model *model, struct model_task *task)
{
    struct model_dedup *dedup = task->dedup;
    struct model_task *work = dedup ? dedup->work : NULL;

    task->dedup = NULL;
    if (!work || dedup->followers)
        return NULL;
    work->dedup = NULL;
    model_forget_dedup(model, dedup);
    return work;
}
