/* oracle_dead.c - tasks that ended as dead: that the list of them is right and bounded, and what becomes of those that are
 * requeued or removed; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

static struct model_dead *
find_dead(struct model *model, uint64_t number, struct model_pool **ret_pool)
{
    struct model_dead *dead;

    for (uint32_t i = 0; i < model->pool_count; i++)
        DL_FOREACH(model->pools[i].dead, dead)
            if (dead->number == number) {
                *ret_pool = &model->pools[i];
                return dead;
            }
    return NULL;
}

/* Pools that are gone have theirs still. */
static struct model_pool *
find_pool(struct model *model, struct bytes name)
{
    for (uint32_t i = 0; i < model->pool_count; i++)
        if (strlen(model->pools[i].name) == name.size && memcmp(model->pools[i].name, name.data, name.size) == 0)
            return &model->pools[i];
    return NULL;
}

/* Is there a reason for the pool to refuse a task of the house with so many bytes? */
static bool
has_reason(const struct oracle *oracle, const struct model_pool *pool, uint64_t bytes, enum error_code code)
{
    const struct model *model = &oracle->model;
    const struct broker_settings *settings = &model->settings;

    switch (code) {
    case ERROR_NO_SUCH_POOL:
        return pool->is_gone;
    case ERROR_DRAINING:
        return model->is_shutting || pool->is_draining || pool->is_removed;
    case ERROR_CIRCUIT_OPEN:
        return oracle_circuit_refusal_ms(oracle, pool) > 0;
    case ERROR_BUSY:
        return pool->queued + pool->delayed >= pool->settings.queued_max ||
               pool->waiting_bytes + bytes > pool->settings.queued_bytes_max ||
               oracle->held_tasks >= settings->tasks_max || oracle->held_bytes + bytes > settings->bytes_max;
    default:
        return false;
    }
}

static bool
must_be_refused(const struct oracle *oracle, const struct model_pool *pool, uint64_t bytes)
{
    return has_reason(oracle, pool, bytes, ERROR_NO_SUCH_POOL) || has_reason(oracle, pool, bytes, ERROR_DRAINING) ||
           has_reason(oracle, pool, bytes, ERROR_CIRCUIT_OPEN) || has_reason(oracle, pool, bytes, ERROR_BUSY);
}

static void
requeue(struct oracle *oracle, struct model_pool *pool, struct model_dead *dead, const struct dead_outcome *outcome)
{
    if (!pool->is_gone)
        pool->offered++;
    if (outcome->done == 0) {
        oracle->tally->sometimes[SOMETIMES_DEAD_REFUSED]++;
        pool->refused += !pool->is_gone;
        if (!has_reason(oracle, pool, dead->size_bytes, outcome->code))
            BREAK(oracle, "dead", "the dead task %" PRIu64 " was refused as %s", dead->number,
                  error_code_name(outcome->code));
        return;
    }
    oracle->tally->sometimes[SOMETIMES_DEAD_REQUEUED]++;
    if (must_be_refused(oracle, pool, dead->size_bytes))
        BREAK(oracle, "P15", "the dead task %" PRIu64 " was requeued beyond a limit", dead->number);
    model_replay(&oracle->model, pool, dead, oracle->now_us);
    if (outcome->task != oracle->model.numbers)
        BREAK(oracle, "dead", "a dead task was requeued as %" PRIu64 " and not as %" PRIu64, outcome->task,
              oracle->model.numbers);
}

static void
remove_dead(struct oracle *oracle, struct model_pool *pool, uint64_t only)
{
    struct model_dead *dead, *next;

    DL_FOREACH_SAFE(pool->dead, dead, next) {
        if (only > 0 && dead->number != only)
            continue;
        oracle->tally->sometimes[SOMETIMES_DEAD_REMOVED]++;
        model_drop_dead(pool, dead);
    }
}

/* In the simulator dead tasks are requeued one by one, and removed one by one or all of a pool. */
void
oracle_dead_event(struct oracle *oracle, const struct event *event, int status)
{
    struct model *model = &oracle->model;
    struct model_pool *pool = event->task > 0 ? NULL : find_pool(model, event->pool);
    struct model_dead *dead = event->task > 0 ? find_dead(model, event->task, &pool) : NULL;
    uint64_t count = dead ? 1 : pool ? pool->dead_count : 0;

    if ((status == OK) != (pool != NULL))
        BREAK(oracle, "operator", "an event about the dead task %" PRIu64 " returned %d", event->task, status);
    if (!pool)
        return;
    if (event->ret_dead->done + event->ret_dead->left != count)
        BREAK(oracle, "dead", "%" PRIu64 " dead tasks were handled and %" PRIu64 " left, of %" PRIu64,
              event->ret_dead->done, event->ret_dead->left, count);
    else if (event->kind == EVENT_DEAD_REMOVE)
        remove_dead(oracle, pool, event->task);
    else if (dead)
        requeue(oracle, pool, dead, event->ret_dead);
}

/* How many fit into the limit of bytes is the broker's to say; that they do, and that the oldest went, is not. */
void
oracle_check_dead(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats)
{
    if (stats->dead_bytes > pool->settings.dead_bytes_max || stats->dead_listed > pool->settings.dead_max)
        BREAK(oracle, "P15", "pool %s lists %" PRIu64 " dead tasks with %" PRIu64 " bytes", pool->name,
              stats->dead_listed, stats->dead_bytes);
    if (pool->settings.dead_bytes_max < BYTES_UNLIMITED)
        model_trim_dead(pool, stats->dead_listed);
    if (stats->dead_listed != pool->dead_count || stats->dead_dropped != pool->dead_dropped)
        BREAK(oracle, "dead", "pool %s lists %" PRIu64 " dead tasks and dropped %" PRIu64 ", and should %" PRIu64
              " and %" PRIu64, pool->name, stats->dead_listed, stats->dead_dropped, pool->dead_count, pool->dead_dropped);
}

/* A walk along the broker's list, beside the model's. */
struct walk {
    struct oracle *oracle;
    const struct model_pool *pool;
    const struct model_dead *next;
};

static void
visit_dead(void *context, const struct dead_stats *stats)
{
    struct walk *walk = context;

    if (!walk->next || walk->next->number != stats->task)
        BREAK(walk->oracle, "dead", "pool %s lists the dead task %" PRIu64 " where %" PRIu64 " should be",
              walk->pool->name, stats->task, walk->next ? walk->next->number : 0);
    else if ((stats->kills > 0) != walk->next->has_killed)
        BREAK(walk->oracle, "dead", "the dead task %" PRIu64 " is said to have cost %u workers", stats->task,
              stats->kills);
    if (walk->next)
        walk->next = walk->next == walk->pool->dead ? NULL : walk->next->prev;
}

void
oracle_inspect_dead(struct oracle *oracle, const struct model_pool *pool)
{
    struct walk walk = {oracle, pool, pool->dead ? pool->dead->prev : NULL};

    broker_each_dead(oracle->broker, pool->name, SIZE_MAX, visit_dead, &walk);
    if (walk.next)
        BREAK(oracle, "dead", "pool %s does not list the dead task %" PRIu64, pool->name, walk.next->number);
}
