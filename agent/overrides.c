/* overrides.c - "POOL=N" of the command line; see overrides.h. */
#include "agent/overrides.h"

#include "wire/err.h"

#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 4096 };

int
overrides_add(struct overrides *overrides, const char *text)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;

    if (equals == NULL || equals == text || equals - text > NAME_BYTES_MAX)
        return ERR_INVALID;
    unsigned long workers = strtoul(equals + 1, &end, 10);
    if (equals[1] < '0' || equals[1] > '9' || *end != '\0' || workers > WORKERS_MAX)
        return ERR_INVALID;
    if (overrides->count == OVERRIDES_MAX)
        return ERR_FULL;
    struct override *override = &overrides->list[overrides->count++];
    memcpy(override->pool, text, (size_t)(equals - text));
    override->pool[equals - text] = '\0';
    override->workers = (unsigned)workers;
    return OK;
}

unsigned
overrides_wanted(const struct overrides *overrides, const struct pool_config *pool)
{
    for (size_t i = overrides->count; i > 0; i--)
        if (strcmp(overrides->list[i - 1].pool, pool->core.name) == 0)
            return overrides->list[i - 1].workers;
    return pool->core.workers_wanted;
}

static bool
has_app(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].core.name, name) == 0)
            return config->pools[i].app != NULL;
    return false;
}

bool
overrides_fit(const struct overrides *overrides, const struct config *config, const char **ret_pool)
{
    for (size_t i = 0; i < overrides->count; i++) {
        if (overrides->list[i].workers == 0 || has_app(config, overrides->list[i].pool))
            continue;
        *ret_pool = overrides->list[i].pool;
        return false;
    }
    return true;
}
