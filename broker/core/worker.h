/* worker.h - one session of a worker: the record and its life. Sits in lists that its pool and the broker keep. */
#ifndef SNAKEPIT_CORE_WORKER_H
#define SNAKEPIT_CORE_WORKER_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "broker/core/lifecycle.h"
#include "wire/message.h"

struct affinity;
struct lease;
struct orphan;
struct pool;
struct recycle;

enum worker_state {
    WORKER_NEW,      /* being welcomed */
    WORKER_READY,    /* connected and heard; in broker.heard; in its pool's crew while it has a free slot */
    WORKER_STALLED,  /* connected and silent */
    WORKER_DRAINING, /* connected; takes nothing new */
    WORKER_DETACHED, /* its connection ended; `timer` runs */
    WORKER_GONE,     /* said BYE, was replaced or lost; freed at the end of the turn */
    WORKER_STATES,
};

/* Which process it is, for its agent. */
struct process_key {
    uint64_t agent; /* the agent's number */
    uint64_t pid;
};

static inline unsigned
process_hash(const struct process_key *key)
{
    return (unsigned)hash_mix(key->agent ^ hash_mix(key->pid));
}

struct worker {
    uint64_t session;
    UT_hash_handle hh; /* in broker.workers, by `session` */
    uint32_t peer;     /* 0: not connected */
    uint8_t state;     /* enum worker_state; changed by worker_become only */
    bool was_draining; /* DETACHED: what it returns to */
    bool is_in_crew;
    bool is_alone;     /* reserved for a suspect, or running one: it gets nothing else. Changed by pool_set_alone */
    bool is_stop_sent; /* on this connection */
    bool is_condemned; /* a task of it did not end when it was told to, and so its process must */
    bool gil_enabled;
    enum profile profile;
    uint32_t slots;
    uint32_t busy;      /* leases that have a slot */
    uint32_t ahead;     /* leases that were sent ahead and wait for one; only while all are taken */
    uint32_t recalled;  /* of those, the ones that it was asked to give back */
    uint32_t unsure;    /* leases of which nobody knows how long they run, */
    int64_t expected_us; /* and how long the others do, together */
    int64_t progress_us; /* when a lease last got a slot, or ended */
    uint32_t crew_load; /* crew.h: the bucket that it stands in */
    uint32_t busy_counted; /* its part of pool.slots_busy */
    uint32_t free_counted; /* and of pool.slots_free */
    struct pool *pool;
    struct lease *leases;        /* those that were sent ahead stand last, the oldest first: */
    struct lease *first_ahead;   /* here they begin; NULL: none */
    struct worker *ahead_prev, *ahead_next; /* pool.ahead */
    bool is_in_ahead;
    uint32_t recalled_counted;   /* its part of pool.recalled */
    struct orphan *orphans; /* of an earlier broker's tasks, whose answers it owes */
    struct affinity *affinities; /* sessions of tasks whose state it keeps */
    struct heap parked;          /* their tasks that wait for a free slot of it, in order of dispatch */
    struct worker *prev, *next;             /* pool.workers, oldest first */
    struct worker *crew_prev, *crew_next;   /* a bucket of pool.crew */
    struct worker *heard_prev, *heard_next; /* broker.heard, longest silent first */
    struct heap_node timer;                 /* DETACHED: the grace */
    int64_t heard_us;
    int64_t started_us;
    struct process_key process; /* agent 0: nobody's */
    UT_hash_handle by_process;  /* in broker.processes, when it is an agent's */
    int64_t measured_us;        /* when its agent last said what it uses; INT64_MIN: never */
    uint64_t rss_bytes;
    uint64_t cpu_us;
    uint64_t tasks_due;  /* the worker is due at so many tasks_done; UINT64_MAX: never, or it is due already */
    uint64_t tasks_done; /* as counted here, or as it says when that is more (it outlives a broker) */
    bool has_exited;            /* its agent saw the process end; its last words may still be on their way */
    enum exit_cause exit_cause;
    uint64_t exit_status;

    struct lifespan lifespan;
    uint8_t reason;             /* enum recycle_reason: why it is due, or being replaced */
    bool is_due;                /* in pool.recycling.due */
    bool is_asked_to_end;       /* STOP was sent, or its agent kills it, to replace it */
    bool must_end_first;        /* its agent has no memory for both */
    uint32_t failures;          /* of its replacements */
    int64_t retry_us;           /* due: not before */
    int64_t stalled_us;         /* STALLED: since */
    struct recycle *recycle;    /* it is being replaced */
    struct worker *due_prev, *due_next;
    struct heap_node due_timer; /* TTL, next try, or the end of patience with a stalled one */

    uint64_t replaces; /* session in whose place it came; 0: none */
    uint8_t *report;   /* one encoded map; NULL: none */
    uint32_t report_bytes;
    bool free_threaded;
    char name[LABEL_BYTES_MAX + 1];
    char host[LABEL_BYTES_MAX + 1];
    char python[LABEL_BYTES_MAX + 1];
    char gil_module[LABEL_BYTES_MAX + 1];
};

/* Make a worker in state NEW from what its HELLO says. */
struct worker *
worker_new(uint64_t session, const struct hello *hello, int64_t now_us);

/* Frees a worker that is GONE (or NEW), in no list and without leases. */
void
worker_destroy(struct worker **worker_p);

/* The only function that changes `state`. The worker must have left crew and heard list before, when it was READY. */
void
worker_become(struct worker *worker, enum worker_state state);

/* A free slot that may be used. */
static inline bool
worker_has_credit(const struct worker *worker)
{
    return worker->state == WORKER_READY && worker->busy < worker->slots && !worker->is_alone;
}

/* Is a HELLO by the process that made this session? A number alone is no proof. */
bool
worker_is_same(const struct worker *worker, const struct hello *hello);

/* What it says of itself; of its memory only while no agent has measured it since `trusted_us`. */
void
worker_take_facts(struct worker *worker, const struct heartbeat *heartbeat, int64_t trusted_us);

/* For people and admin calls: "ready"... */
const char *
worker_state_name(enum worker_state state);

#endif
