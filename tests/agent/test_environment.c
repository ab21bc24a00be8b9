/* test_environment.c - the thread variables of numeric libraries, for each profile. */
#include "agent/environment.h"

#include <criterion/criterion.h>
#include <string.h>

static char *no_strings[] = {NULL};

static const char *const names[] = {
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
};

static const char *
find(char *const *environment, const char *name)
{
    size_t size = strlen(name);

    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return "";
}

/* Each variable is `wanted`, in a pool of so many workers and slots on a host of so many processors. */
static void
expect_all(enum profile profile, unsigned workers, unsigned slots, unsigned cpus, const char *wanted)
{
    struct pool_config pool = {.profile = profile, .slots = slots, .environment = no_strings};
    struct agent_context context = {.cpus = cpus};

    pool.core.workers_wanted = workers;
    char **environment = environment_new(&pool, no_strings, &context, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_expect_str_eq(find(environment, names[i]), wanted, "%s with %u x %u on %u", names[i], workers, slots, cpus);
    environment_destroy(&environment);
}

Test(environment, a_process_worker_gets_one_thread_per_library)
{
    expect_all(PROFILE_PROCESS, 1, 1, 64, "1");
}

Test(environment, thread_workers_share_the_processors_among_their_slots)
{
    expect_all(PROFILE_THREAD, 1, 4, 16, "4");
    expect_all(PROFILE_THREAD, 2, 4, 16, "2");
    expect_all(PROFILE_THREAD, 1, 3, 16, "5");
    expect_all(PROFILE_THREAD, 4, 25, 16, "1");
}

Test(environment, a_pool_s_own_variable_wins)
{
    char *own[] = {"NUMEXPR_NUM_THREADS=7", NULL};
    char *inherited[] = {"OMP_NUM_THREADS=64", "HOME=/root", NULL};
    struct pool_config pool = {.profile = PROFILE_PROCESS, .slots = 1, .environment = own};
    struct agent_context context = {.cpus = 8};

    char **environment = environment_new(&pool, inherited, &context, 0);
    cr_expect_str_eq(find(environment, "NUMEXPR_NUM_THREADS"), "7");
    cr_expect_str_eq(find(environment, "OMP_NUM_THREADS"), "1", "the pool's profile wins over what was inherited");
    cr_expect_str_eq(find(environment, "HOME"), "/root");
    environment_destroy(&environment);
}
