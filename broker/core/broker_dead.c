/* broker_dead.c - tasks that ended as dead: listed, looked at, run again, forgotten; see broker_state.h and dead_list.h. */
#include "broker/core/broker_patience.h"
#include "wire/text.h"

#include <utlist.h>

void
broker_bury(struct broker *broker, struct task *task, struct bytes text)
{
    const struct pool_settings *settings = &task->pool->settings;

    dead_list_add(&task->pool->dead, task, text, broker->now_us, settings->dead_max, settings->dead_bytes_max);
}

/* --- finding -------------------------------------------------------------------------------------------------------- */

/* All pools that may have dead tasks, by index: former ones, too. NULL past the end. */
static struct pool *
pool_at(const struct broker *broker, size_t index)
{
    if (index < broker->pools_count)
        return broker->pools[index];
    index -= broker->pools_count;
    return index < broker->former_count ? broker->former_pools[index] : NULL;
}

static struct dead_task *
find(const struct broker *broker, uint64_t number, struct pool **ret_pool)
{
    struct pool *pool;

    for (size_t i = 0; (pool = pool_at(broker, i)); i++) {
        struct dead_task *dead = dead_list_find(&pool->dead, number);

        if (!dead)
            continue;
        *ret_pool = pool;
        return dead;
    }
    return NULL;
}

static struct pool *
find_pool(const struct broker *broker, struct bytes name)
{
    struct pool *pool;

    for (size_t i = 0; (pool = pool_at(broker, i)); i++)
        if (text_is(name, pool->name))
            return pool;
    return NULL;
}

/* --- running them again, and forgetting them ------------------------------------------------------------------------ */

/* A deadline is not kept: it was about the time of then. */
static struct submit
make_submit(const struct pool *pool, const struct dead_task *dead)
{
    return (struct submit){
        .pool = text_bytes(pool->name),
        .function = dead->body->function,
        .payload = dead->body->payload,
        .content_type = dead->body->content_type,
        .headers = dead->body->headers,
        .priority = dead->priority,
        .max_attempts = dead->tries_max,
        .on_loss = dead->is_lost_once_lost ? LOSS_FINAL : LOSS_REQUEUE,
        .retries = dead->options.retries,
        .has_retries = dead->options.has_retries,
        .retry_on = {.count = dead->options.retry_on_count, .list = dead->options.retry_on},
        .backoff_ms = dead->options.backoff_ms,
        .has_backoff = dead->options.has_backoff,
        .kills_max = dead->options.kills_max,
    };
}

static enum error_code
requeue(struct broker *broker, struct pool *pool, struct dead_task *dead, struct dead_outcome *outcome)
{
    struct submit submit = make_submit(pool, dead);
    enum error_code code = broker_replay(broker, &submit, dead->kills > 0, &outcome->task);

    if (code == ERROR_NONE)
        dead_list_remove(&pool->dead, dead);
    return code;
}

/* One that is refused ends it: the next would be, too. */
static void
requeue_all(struct broker *broker, struct pool *pool, uint64_t only, struct dead_outcome *outcome)
{
    struct dead_task *dead, *next;

    DL_FOREACH_SAFE(pool->dead.tasks, dead, next) {
        if (only > 0 && dead->number != only)
            continue;
        if (outcome->code == ERROR_NONE)
            outcome->code = requeue(broker, pool, dead, outcome);
        if (outcome->code == ERROR_NONE)
            outcome->done++;
        else
            outcome->left++;
    }
}

static void
remove_all(struct pool *pool, uint64_t only, struct dead_outcome *outcome)
{
    struct dead_task *dead, *next;

    DL_FOREACH_SAFE(pool->dead.tasks, dead, next) {
        if (only > 0 && dead->number != only)
            continue;
        dead_list_remove(&pool->dead, dead);
        outcome->done++;
    }
}

int
broker_handle_dead(struct broker *broker, const struct event *event)
{
    struct dead_outcome ignored, *outcome = event->ret_dead ? event->ret_dead : &ignored;
    struct pool *pool = NULL;

    *outcome = (struct dead_outcome){.code = ERROR_NONE};
    if (event->task > 0 && !find(broker, event->task, &pool))
        return ERR_NOT_FOUND;
    if (event->task == 0)
        pool = find_pool(broker, event->pool);
    if (!pool)
        return ERR_NOT_FOUND;
    if (event->kind == EVENT_DEAD_REQUEUE)
        requeue_all(broker, pool, event->task, outcome);
    else
        remove_all(pool, event->task, outcome);
    return OK;
}

/* --- looking -------------------------------------------------------------------------------------------------------- */

static void
get_dead(const struct pool *pool, const struct dead_task *dead, struct dead_stats *ret_stats)
{
    *ret_stats = (struct dead_stats){
        .task = dead->number,
        .pool = pool->name,
        .text = dead->text,
        .function = dead->body->function,
        .content_type = dead->body->content_type,
        .headers = dead->body->headers,
        .payload = &dead->body->payload,
        .priority = dead->priority,
        .attempt = dead->attempt,
        .kills = dead->kills,
        .max_attempts = dead->tries_max,
        .kills_max = dead->options.kills_max ? dead->options.kills_max : pool->settings.kills_max,
        .retries = dead->options.has_retries ? dead->options.retries : pool->settings.retries,
        .bytes = dead->bytes,
        .accepted_us = dead->accepted_us,
        .died_us = dead->died_us,
    };
}

static size_t
visit_pool(const struct pool *pool, size_t limit, void (*visit)(void *context, const struct dead_stats *stats),
           void *context)
{
    const struct dead_task *dead = pool->dead.tasks ? pool->dead.tasks->prev : NULL; /* the tail */
    size_t visited = 0;

    for (; dead && visited < limit; visited++) {
        struct dead_stats stats;

        get_dead(pool, dead, &stats);
        visit(context, &stats);
        dead = dead == pool->dead.tasks ? NULL : dead->prev;
    }
    return visited;
}

void
broker_each_dead(const struct broker *broker, const char *pool_name, size_t limit,
                 void (*visit)(void *context, const struct dead_stats *stats), void *context)
{
    struct pool *pool;

    for (size_t i = 0; (pool = pool_at(broker, i)); i++)
        if (!pool_name || text_is(text_bytes(pool_name), pool->name))
            limit -= visit_pool(pool, limit, visit, context);
}

int
broker_find_dead(const struct broker *broker, uint64_t number, struct dead_stats *ret_stats)
{
    struct pool *pool;
    const struct dead_task *dead = find(broker, number, &pool);

    if (!dead)
        return ERR_NOT_FOUND;
    get_dead(pool, dead, ret_stats);
    return OK;
}

void
broker_each_dead_attempt(const struct broker *broker, uint64_t number,
                         void (*visit)(void *context, const struct dead_attempt *attempt), void *context)
{
    struct pool *pool;
    const struct dead_task *dead = find(broker, number, &pool);
    const struct attempt *attempt;

    if (!dead)
        return;
    DL_FOREACH(dead->attempts.list, attempt) {
        const struct dead_attempt shown = {
            .attempt = attempt->number,
            .worker = attempt->worker,
            .worker_name = attempt->worker_name,
            .cause = attempt->cause,
            .is_kill = attempt->is_kill,
            .run_us = attempt->run_us,
        };

        visit(context, &shown);
    }
}
