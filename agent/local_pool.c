/* local_pool.c - the places of one pool and its configuration; see local_pool.h. */
#include "agent/local_pool.h"

#include "agent/local_pool_state.h"
#include "agent/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A nursery that is asked to end does so at once, unless its app is in the way: then it is killed. */
#define NURSERY_GRACE_US INT64_C(1000000)

static void
apply(struct local_pool *pool, const struct pool_config *config)
{
    pool->shared.config = config;
    pool->uses_nursery = config->nursery;
    start_gate_init(&pool->gate, config->startup_batch, config->startup_delay_us);
    pool_health_configure(&pool->health, config);
    if (config->nursery && pool->nursery == NULL)
        pool->nursery = nursery_new(&pool->shared);
    pool->nursery_delay_us = pool->shared.context->restart_delay_us;
    pool->nursery_due_us = 0;
}

static bool
has_number(const struct local_pool *pool, unsigned number)
{
    const struct place *place;

    DL_FOREACH(pool->places, place)
        if (place->number == number && !place->is_closing)
            return true;
    return false;
}

static void
add_place(struct local_pool *pool, int64_t now_us)
{
    unsigned number = 1;

    while (has_number(pool, number))
        number++;
    struct place *place = place_new(&pool->shared, number, now_us);
    DL_APPEND(pool->places, place);
}

struct local_pool *
local_pool_new(const struct agent_context *context, const struct pool_config *config, unsigned wanted, int64_t now_us)
{
    struct local_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        abort();
    pool->shared.context = context;
    pool_health_init(&pool->health, &pool->shared);
    snprintf(pool->shared.name, sizeof(pool->shared.name), "%s", config->core.name);
    apply(pool, config);
    pool->wanted = wanted;
    for (unsigned i = 0; i < wanted; i++)
        add_place(pool, now_us);
    return pool;
}

void
local_pool_destroy(struct local_pool **pool_p)
{
    struct local_pool *pool = *pool_p;
    struct place *place, *next;

    DL_FOREACH_SAFE(pool->places, place, next) {
        DL_DELETE(pool->places, place);
        place_destroy(&place);
    }
    nursery_destroy(&pool->nursery);
    free(pool);
    *pool_p = NULL;
}

bool
local_pool_limits_memory(const struct local_pool *pool)
{
    return pool->shared.config != NULL && pool->shared.config->core.worker_memory_max > 0;
}

const char *
local_pool_name(const struct local_pool *pool)
{
    return pool->shared.name;
}

unsigned
local_pool_wanted(const struct local_pool *pool)
{
    return pool->wanted;
}

/* --- the configuration ---------------------------------------------------------------------------------------- */

/* The place to give up when there are too many: one without a worker, else that of the newest. */
static struct place *
find_spare(struct local_pool *pool)
{
    struct place *place, *spare = NULL;

    DL_FOREACH(pool->places, place) {
        if (place->is_closing)
            continue;
        if (place->worker == NULL)
            return place;
        if (spare == NULL || worker_process_ready_us(place->worker) >= worker_process_ready_us(spare->worker))
            spare = place;
    }
    return spare;
}

static void
resize(struct local_pool *pool, unsigned wanted, int64_t now_us)
{
    for (; pool->wanted < wanted; pool->wanted++)
        add_place(pool, now_us);
    /* A reload takes no running task away: the worker ends when its tasks have ended, however long that takes. */
    for (; pool->wanted > wanted; pool->wanted--)
        place_close(find_spare(pool), INT64_MAX);
}

bool
local_pool_has_nursery_process(const struct local_pool *pool)
{
    return pool->nursery != NULL && nursery_process(pool->nursery) != NULL;
}

static void
stop_nursery(struct local_pool *pool, int64_t deadline_us)
{
    if (local_pool_has_nursery_process(pool))
        worker_process_stop(nursery_process(pool->nursery), deadline_us);
}

void
local_pool_configure(struct local_pool *pool, const struct pool_config *config, unsigned wanted, int64_t now_us)
{
    bool has_changed = !settings_equal(pool->shared.config, config);

    apply(pool, config);
    /* Even one that has the same settings: whoever has mended the app says so by a reload. */
    stop_nursery(pool, now_us + NURSERY_GRACE_US);
    if (has_changed)
        pool_health_note_change(&pool->health);
    resize(pool, wanted, now_us);
}

void
local_pool_close(struct local_pool *pool, int64_t deadline_us)
{
    struct place *place;

    pool->is_closing = true;
    pool->wanted = 0;
    pool->shared.config = NULL; /* it may go before the last process does */
    DL_FOREACH(pool->places, place)
        place_close(place, deadline_us);
    stop_nursery(pool, deadline_us);
}

bool
local_pool_is_gone(const struct local_pool *pool)
{
    const struct place *place;

    DL_FOREACH(pool->places, place)
        if (!place_is_gone(place))
            return false;
    return pool->is_closing && !local_pool_has_nursery_process(pool);
}

void
local_pool_announce(struct local_pool *pool)
{
    pool_health_forget_told(&pool->health);
}

/* --- for the loop --------------------------------------------------------------------------------------------- */

int
local_pool_nursery_fd(const struct local_pool *pool)
{
    return pool->nursery == NULL ? -1 : nursery_fd(pool->nursery);
}

struct worker_process *
local_pool_nursery(const struct local_pool *pool)
{
    return pool->nursery == NULL ? NULL : nursery_process(pool->nursery);
}

const struct place *
local_pool_places(const struct local_pool *pool)
{
    return pool->places;
}
