/* nursery.h - a pool's Python process that has imported the app and forks workers on request, and the talk with it.
 * Decides nothing; the other side, and the words of the talk, are in snakepit/nursery.py. */
#ifndef SNAKEPIT_AGENT_NURSERY_H
#define SNAKEPIT_AGENT_NURSERY_H

#include "agent/worker_process.h"

struct nursery;

/* No process yet. `pool` must outlive it. */
struct nursery *
nursery_new(const struct worker_pool *pool);

/* Only without a process. *nursery_p becomes NULL; NULL is allowed. */
void
nursery_destroy(struct nursery **nursery_p);

/* Start its process; there is none. OK, or ERR_SYSTEM and errno. */
int
nursery_start(struct nursery *nursery, int64_t now_us);

/* Its process, or NULL. */
struct worker_process *
nursery_process(const struct nursery *nursery);

/* Its process ended; see worker_process_handle_end. Workers that it was asked for and that are not born will not come.
 * ret_end's text is valid until the next start. */
void
nursery_handle_end(struct nursery *nursery, const siginfo_t *info, int64_t now_us, struct worker_end *ret_end);

/* Readable when it says something; -1: no process. */
int
nursery_fd(const struct nursery *nursery);

/* Whether it can be asked. */
bool
nursery_is_ready(const struct nursery *nursery);

/* Ask for a worker. The descriptor for its output stays the caller's. OK; ERR_AGAIN: not now. */
int
nursery_ask(struct nursery *nursery, uint32_t number, const char *name, uint64_t replaces, int output_fd);

enum nursery_word {
    NURSERY_READY,
    NURSERY_REFUSED, /* `text` says why; it ends */
    NURSERY_STALE,   /* the app's files have changed; it ends, to be started anew */
    NURSERY_BORN,    /* `number` and `pid` */
    NURSERY_FAILED,  /* `number` could not be forked, `text` says why */
};

struct nursery_news {
    enum nursery_word word;
    uint32_t number;
    pid_t pid;
    const char *text; /* valid until the next call */
};

/* What it said next, or false. Never waits. */
bool
nursery_next(struct nursery *nursery, int64_t now_us, struct nursery_news *ret_news);

#endif
