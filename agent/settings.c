/* settings.c - what makes a worker another one; see settings.h. */
#include "agent/settings.h"

#include <string.h>

static bool
text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
list_equal(char *const *a, char *const *b)
{
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == NULL && *b == NULL;
}

bool
settings_equal(const struct pool_config *a, const struct pool_config *b)
{
    return text_equal(a->app, b->app) && text_equal(a->python, b->python) && text_equal(a->directory, b->directory) &&
           list_equal(a->environment, b->environment) && a->profile == b->profile && a->slots == b->slots &&
           a->nursery == b->nursery && a->thread_unsafe == b->thread_unsafe &&
           a->core.require_free_threading == b->core.require_free_threading;
}
