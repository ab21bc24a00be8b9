/* attempts.h - what became of a task's attempts, for people: the last ones that did not end it. Decides nothing.
 *
 * Only tasks that failed or were lost have such a record, so it costs the others nothing. */
#ifndef SNAKEPIT_CORE_ATTEMPTS_H
#define SNAKEPIT_CORE_ATTEMPTS_H

#include "wire/body.h"

#include <stdbool.h>

enum {
    ATTEMPTS_KEPT_MAX = 16,      /* older ones are dropped */
    ATTEMPT_CAUSE_BYTES_MAX = 160, /* longer ones are cut */
};

struct attempt {
    struct attempt *prev, *next; /* attempts.list, oldest first */
    uint32_t number;
    bool is_kill;                /* its worker's process was lost with it */
    uint64_t worker;             /* session number */
    int64_t run_us;              /* from its dispatch to its end */
    const char *worker_name;     /* in `store`, as is the next */
    const char *cause;
    char store[];
};

struct attempts {
    struct attempt *list;
    uint32_t count;
};

/* Add a copy of `attempt`, whose `worker_name` and `cause` may stand anywhere, and of at most ATTEMPT_CAUSE_BYTES_MAX of
 * its cause. */
void
attempts_add(struct attempts *attempts, const struct attempt *attempt);

/* Free all of them. */
void
attempts_fini(struct attempts *attempts);

/* Memory that they occupy. */
size_t
attempts_bytes(const struct attempts *attempts);

#endif
