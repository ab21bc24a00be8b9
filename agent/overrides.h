/* overrides.h - numbers of workers that the command line gives in place of the configuration's. */
#ifndef SNAKEPIT_AGENT_OVERRIDES_H
#define SNAKEPIT_AGENT_OVERRIDES_H

#include "broker/io/config.h"

enum { OVERRIDES_MAX = 64 };

struct override {
    char pool[NAME_BYTES_MAX + 1];
    unsigned workers;
};

struct overrides {
    struct override list[OVERRIDES_MAX];
    size_t count;
};

/* Add "POOL=N". OK; ERR_INVALID: it is not that, or N is over 4096; ERR_FULL. The last one of a pool counts. */
int
overrides_add(struct overrides *overrides, const char *text);

/* How many workers of the pool are wanted here. */
unsigned
overrides_wanted(const struct overrides *overrides, const struct pool_config *pool);

/* Whether each names a pool of the configuration that has an app; else *ret_pool is the one that does not. */
bool
overrides_fit(const struct overrides *overrides, const struct config *config, const char **ret_pool);

#endif
