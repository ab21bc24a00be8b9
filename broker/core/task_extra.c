/* task_extra.c - see task_extra.h. */
#include "broker/core/task_extra.h"

#include <stdlib.h>

struct task_extra *
task_extra_new(void)
{
    struct task_extra *extra = calloc(1, sizeof *extra);

    if (!extra)
        abort();
    return extra;
}

void
task_extra_destroy(struct task_extra **extra_p)
{
    struct task_extra *extra = *extra_p;

    if (!extra)
        return;
    attempts_fini(&extra->attempts);
    free(extra->retry_on);
    free(extra);
    *extra_p = NULL;
}
