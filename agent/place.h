/* place.h - one place for a worker of a pool: the worker that fills it, the one that is to take over, the next start.
 * Says when a start is due; its pool decides whether it may be. */
#ifndef SNAKEPIT_AGENT_PLACE_H
#define SNAKEPIT_AGENT_PLACE_H

#include "agent/nursery.h"
#include "agent/worker_process.h"

struct place {
    const struct worker_pool *pool;
    struct worker_process *worker;    /* NULL: none */
    struct worker_process *successor; /* takes the place when `worker` has ended; NULL: none */
    uint64_t replaces;                /* the session whose worker is to get a successor; 0: none */
    bool is_worker_first;             /* ... but only when `worker` has ended */
    uint64_t wish;                    /* the successor's session, when that is to be replaced as well; 0: it is not */
    bool is_wish_first;               /* ... as is_worker_first */
    bool is_closing;                  /* start no more; the place goes with its last process */
    unsigned number;
    int64_t due_us;                   /* when to start a worker where there is none */
    int64_t delay_us;                 /* the next back-off */
    char name[LABEL_BYTES_MAX + 1];
    struct place *prev, *next;        /* the pool's */
};

/* Place number `number` (from 1) of the pool, where a worker is due at once. */
struct place *
place_new(const struct worker_pool *pool, unsigned number, int64_t now_us);

/* Only when no process is left. *place_p becomes NULL. */
void
place_destroy(struct place **place_p);

/* Whether a worker is wanted here and its time has come; for the successor that is at once. */
bool
place_is_due(const struct place *place, int64_t now_us);

bool
place_wants_successor(const struct place *place);

/* Start a worker or, where there is one, its successor: from the nursery, or without one (NULL) as a new process. `number`
 * is for the nursery. OK; ERR_AGAIN: the nursery cannot be asked now; ERR_SYSTEM: the system refused, which is logged
 * and tried again after a back-off. */
int
place_start(struct place *place, struct nursery *nursery, uint32_t number, int64_t now_us);

/* One of its processes has ended as *end says. Logs it, plans the restart or lets the successor take over. */
void
place_handle_end(struct place *place, struct worker_process *worker, const struct worker_end *end, int64_t now_us);

/* One of its processes was expected from the nursery and will not come. With a `reason` that is a failed start. Fills
 * *ret_end then; else the nursery itself has ended, and is asked again. */
void
place_handle_unborn(struct place *place, struct worker_process *worker, const char *reason, int64_t now_us,
                    struct worker_end *ret_end);

/* Give the worker a successor that names this session. */
void
place_replace(struct place *place, uint64_t session, bool is_worker_first);

/* The same for the successor, once it has taken over: a quick worker may be due before the old one's process has ended. */
void
place_replace_successor(struct place *place, uint64_t session, bool is_worker_first);

/* Start no more here, ask what runs to end, and kill it at deadline_us. */
void
place_close(struct place *place, int64_t deadline_us);

/* Closing, and no process is left. */
bool
place_is_gone(const struct place *place);

#endif
