/* environment.c - a pool's environment variables; see environment.h. */
#include "agent/environment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each of these libraries otherwise starts one thread per core in every worker, and the workers then fight for the
 * cores. */
static const char *const thread_variables[] = {
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
};

enum { THREAD_VARIABLES = sizeof(thread_variables) / sizeof(thread_variables[0]), OWN_VARIABLES = 2 };

static size_t
count_strings(char *const *strings)
{
    size_t count = 0;

    while (strings[count] != NULL)
        count++;
    return count;
}

/* Whether both "NAME=value" strings set the same name. */
static bool
is_same_name(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");

    return strcspn(b, "=") == size && memcmp(a, b, size) == 0;
}

/* Put "NAME=value" in place of the string that sets the same name, or at the end. Takes the string. */
static void
put(char **environment, char *assignment)
{
    if (assignment == NULL)
        abort();
    while (*environment != NULL && !is_same_name(*environment, assignment))
        environment++;
    free(*environment);
    *environment = assignment;
}

/* One task at a time needs one thread; otherwise the cores are shared among all tasks that can run in the pool. */
static unsigned
threads_per_task(const struct pool_config *pool, unsigned cpus)
{
    unsigned tasks = pool->core.workers_wanted * pool->slots;

    if (pool->profile == PROFILE_PROCESS || tasks >= cpus || tasks == 0)
        return 1;
    return cpus / tasks;
}

void
environment_print_replaces(uint64_t replaces, char text[ENVIRONMENT_REPLACES_BYTES])
{
    snprintf(text, ENVIRONMENT_REPLACES_BYTES, "SNAKEPIT_REPLACES=%" PRIu64, replaces);
}

char **
environment_new(const struct pool_config *pool, char *const *inherited, const struct agent_context *context,
                uint64_t replaces)
{
    size_t inherited_count = count_strings(inherited);
    size_t capacity = inherited_count + THREAD_VARIABLES + count_strings(pool->environment) + OWN_VARIABLES + 1;
    char text[64];
    char **environment = calloc(capacity, sizeof(*environment));

    if (environment == NULL)
        abort();
    for (size_t i = 0; i < inherited_count; i++)
        if ((environment[i] = strdup(inherited[i])) == NULL)
            abort();
    for (size_t i = 0; i < THREAD_VARIABLES; i++) {
        snprintf(text, sizeof(text), "%s=%u", thread_variables[i], threads_per_task(pool, context->cpus));
        put(environment, strdup(text));
    }
    for (char **own = pool->environment; *own != NULL; own++)
        put(environment, strdup(*own));
    snprintf(text, sizeof(text), "SNAKEPIT_AGENT=%" PRIu64, context->id);
    put(environment, strdup(text));
    if (replaces != 0) {
        environment_print_replaces(replaces, text);
        put(environment, strdup(text));
    }
    return environment;
}

void
environment_destroy(char ***environment_p)
{
    if (*environment_p == NULL)
        return;
    for (char **string = *environment_p; *string != NULL; string++)
        free(*string);
    free(*environment_p);
    *environment_p = NULL;
}
