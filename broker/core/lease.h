/* lease.h - one slot of one worker, taken by one attempt at one task. A plain record; lives from the dispatch until the
 * worker has answered or is lost. The task may end before it, the slot stays taken nevertheless. One that was sent ahead has
 * no slot yet: it gets that of the next lease that ends. */
#ifndef SNAKEPIT_CORE_LEASE_H
#define SNAKEPIT_CORE_LEASE_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "wire/stock.h"

#include <stdbool.h>

struct flow;
struct group;
struct task;
struct worker;

/* How far the broker has gone to end the attempt. It only climbs. */
enum ladder {
    LADDER_NONE,   /* it may run; `timer`: until its run-time limit, when it has one */
    LADDER_ASKED,  /* CANCEL: its task may look and end. `timer`: cancel_grace */
    LADDER_RAISED, /* CANCEL with `raise`: an exception in its task. `timer`: cancel_kill_grace */
    LADDER_KILLED, /* its process is told to end, and killed where there is an agent. `timer`: looks again */
    LADDER_SPENT,  /* there is nothing more to do than to wait for its worker's answer */
};

struct lease {
    uint64_t fence;
    struct task *task;         /* NULL once the task has ended, and while it is an orphan's */
    struct worker *worker;
    struct lease *prev, *next; /* its worker's list, oldest first */
    struct flow *flow;         /* its task's, in which it counts; NULL: none */
    int64_t leased_us;         /* since when it has its slot; sent ahead: when it was sent */
    int64_t expected_us;       /* how long it runs, probably; 0: not known */
    struct group *group;       /* that it holds until it ends; NULL: none */
    uint64_t chunk_seq;        /* of the last chunk; 0: none yet */
    struct heap_node timer;    /* broker.timers: see `ladder` */
    uint16_t run_cell;         /* run_times.h, where its run is counted; 0: nowhere */
    uint8_t ladder;            /* enum ladder */
    bool is_ahead : 1;         /* it has no slot */
    bool is_recalled : 1;      /* its worker was asked to give it back, if it has not begun */
    bool is_timed_out : 1;     /* its run-time limit passed, and that is why it is to end */
    bool is_alone : 1;         /* its task is a suspect: the worker gets nothing else until the slot is free */
    bool is_named : 1;         /* while a HELLO is read: the worker says that it holds it */
};

/* Make a lease without a task; it takes one slot of the worker, or, when all are taken, waits for one behind those that do so
 * already. Its memory is from `stock`, which may be NULL. */
struct lease *
lease_new(struct stock *stock, uint64_t fence, struct worker *worker, int64_t now_us);

/* How long it runs, probably; more than 0. */
void
lease_expect(struct lease *lease, int64_t expected_us);

/* Its worker is asked to give it back. It must have been sent ahead. */
void
lease_recall(struct lease *lease);

/* The slot that fell free is that of the first lease that was sent ahead: then that, else NULL. */
struct lease *
lease_move_up(struct worker *worker, int64_t now_us);

/* The task runs under this lease from now on. */
void
lease_tie_task(struct lease *lease, struct task *task);

/* The task goes on or ends without this lease; the slot stays taken. */
void
lease_release_task(struct lease *lease);

/* Free the slot and the lease, which must have released its task. */
void
lease_destroy(struct lease **lease_p);

#endif
