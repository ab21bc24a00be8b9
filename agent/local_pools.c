/* local_pools.c - a list of local pools; see local_pools.h. */
#include "agent/local_pools.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct local_pools {
    const struct agent_context *context;
    struct local_pool **list;
    size_t count;
};

struct local_pools *
local_pools_new(const struct agent_context *context)
{
    struct local_pools *pools = calloc(1, sizeof(*pools));

    if (pools == NULL)
        abort();
    pools->context = context;
    return pools;
}

void
local_pools_destroy(struct local_pools **pools_p)
{
    struct local_pools *pools = *pools_p;

    if (pools == NULL)
        return;
    for (size_t i = 0; i < pools->count; i++)
        local_pool_destroy(&pools->list[i]);
    free(pools->list);
    free(pools);
    *pools_p = NULL;
}

/* One that is being drained since it was removed is not found. */
static struct local_pool *
find(const struct local_pools *pools, struct bytes name)
{
    for (size_t i = 0; i < pools->count; i++)
        if (local_pool_wanted(pools->list[i]) > 0 && strlen(local_pool_name(pools->list[i])) == name.size &&
            memcmp(local_pool_name(pools->list[i]), name.data, name.size) == 0)
            return pools->list[i];
    return NULL;
}

static struct bytes
name_of(const struct pool_config *pool)
{
    return (struct bytes){.data = (const uint8_t *)pool->core.name, .size = (uint32_t)strlen(pool->core.name)};
}

/* --- the configuration ---------------------------------------------------------------------------------------- */

static bool
is_configured(const struct config *config, const struct overrides *overrides, const struct local_pool *pool)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].core.name, local_pool_name(pool)) == 0)
            return overrides_wanted(overrides, &config->pools[i]) > 0;
    return false;
}

static void
add(struct local_pools *pools, struct local_pool *pool)
{
    pools->list = realloc(pools->list, (pools->count + 1) * sizeof(struct local_pool *));
    if (pools->list == NULL)
        abort();
    pools->list[pools->count++] = pool;
}

void
local_pools_configure(struct local_pools *pools, const struct config *config, const struct overrides *overrides,
                      int64_t now_us)
{
    for (size_t i = 0; i < pools->count; i++)
        if (!is_configured(config, overrides, pools->list[i]))
            local_pool_close(pools->list[i], now_us + pools->context->stop_timeout_us);
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct pool_config *pool_config = &config->pools[i];
        unsigned wanted = overrides_wanted(overrides, pool_config);
        struct local_pool *pool = find(pools, name_of(pool_config));
        if (pool != NULL)
            local_pool_configure(pool, pool_config, wanted, now_us);
        else if (wanted > 0)
            add(pools, local_pool_new(pools->context, pool_config, wanted, now_us));
    }
}

void
local_pools_close(struct local_pools *pools, int64_t deadline_us)
{
    for (size_t i = 0; i < pools->count; i++)
        local_pool_close(pools->list[i], deadline_us);
}

bool
local_pools_are_gone(const struct local_pools *pools)
{
    for (size_t i = 0; i < pools->count; i++)
        if (!local_pool_is_gone(pools->list[i]))
            return false;
    return true;
}

/* --- what happens --------------------------------------------------------------------------------------------- */

void
local_pools_tick(struct local_pools *pools, int64_t now_us)
{
    for (size_t i = 0; i < pools->count; i++) {
        local_pool_tick(pools->list[i], now_us);
        if (!local_pool_is_gone(pools->list[i]))
            continue;
        local_pool_destroy(&pools->list[i]);
        pools->list[i] = pools->list[--pools->count];
        i--;
    }
}

int64_t
local_pools_next_due_us(const struct local_pools *pools)
{
    int64_t due_us = INT64_MAX;

    for (size_t i = 0; i < pools->count; i++) {
        int64_t pool_due_us = local_pool_next_due_us(pools->list[i]);
        due_us = pool_due_us < due_us ? pool_due_us : due_us;
    }
    return due_us;
}

bool
local_pools_handle_end(struct local_pools *pools, const siginfo_t *info, int64_t now_us)
{
    for (size_t i = 0; i < pools->count; i++)
        if (local_pool_handle_end(pools->list[i], info, now_us))
            return true;
    return false;
}

void
local_pools_handle_ready(struct local_pools *pools, pid_t pid, int64_t now_us)
{
    for (size_t i = 0; i < pools->count; i++)
        if (local_pool_handle_ready(pools->list[i], pid, now_us))
            return;
}

void
local_pools_hear_nurseries(struct local_pools *pools, int64_t now_us)
{
    for (size_t i = 0; i < pools->count; i++)
        local_pool_hear_nursery(pools->list[i], now_us);
}

void
local_pools_announce(struct local_pools *pools)
{
    for (size_t i = 0; i < pools->count; i++)
        local_pool_announce(pools->list[i]);
}

void
local_pools_replace(struct local_pools *pools, const struct replace *replace)
{
    struct local_pool *pool = find(pools, replace->pool);

    /* The broker has pools here that a reload removed a moment ago; their workers end anyway. */
    if (pool != NULL)
        local_pool_replace(pool, (pid_t)replace->pid, replace->session, replace->first);
}

void
local_pools_retire(struct local_pools *pools, const struct retire *retire, int64_t now_us)
{
    int64_t deadline_us = INT64_MAX;

    if (retire->kill)
        deadline_us = now_us;
    else if (retire->grace_ms > 0)
        deadline_us = now_us + (int64_t)retire->grace_ms * 1000;
    for (size_t i = 0; i < pools->count; i++)
        if (local_pool_retire(pools->list[i], (pid_t)retire->pid, deadline_us))
            return;
}

/* --- lists ---------------------------------------------------------------------------------------------------- */

bool
local_pools_limit_memory(const struct local_pools *pools)
{
    for (size_t i = 0; i < pools->count; i++)
        if (local_pool_limits_memory(pools->list[i]))
            return true;
    return false;
}

uint32_t
local_pools_list(const struct local_pools *pools, struct agent_pool *list, uint32_t capacity)
{
    uint32_t count = 0;

    for (size_t i = 0; i < pools->count && count < capacity; i++) {
        const char *name = local_pool_name(pools->list[i]);
        if (local_pool_wanted(pools->list[i]) > 0)
            list[count++] = (struct agent_pool){
                .name = {.data = (const uint8_t *)name, .size = (uint32_t)strlen(name)},
                .wanted = local_pool_wanted(pools->list[i]),
            };
    }
    return count;
}

size_t
local_pools_count(const struct local_pools *pools)
{
    return pools->count;
}

struct local_pool *
local_pools_at(const struct local_pools *pools, size_t at)
{
    return pools->list[at];
}

void
local_pools_each(const struct local_pools *pools, visit_process *visit, void *data)
{
    for (size_t i = 0; i < pools->count; i++) {
        const struct place *place;
        DL_FOREACH(local_pool_places(pools->list[i]), place) {
            if (place->worker != NULL)
                visit(data, place->worker, false);
            if (place->successor != NULL)
                visit(data, place->successor, false);
        }
        if (local_pool_nursery(pools->list[i]) != NULL)
            visit(data, local_pool_nursery(pools->list[i]), true);
    }
}
