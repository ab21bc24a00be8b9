/* task.h - one task: the record, its life, and its key. Sits in lists that others keep; sends nothing. */
#ifndef SNAKEPIT_CORE_TASK_H
#define SNAKEPIT_CORE_TASK_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "broker/core/task_extra.h"
#include "wire/message.h"

struct client;
struct lease;
struct pool;

enum task_state {
    TASK_NEW,     /* being accepted; in no list */
    TASK_DELAYED, /* in its pool's list of delayed tasks */
    TASK_QUEUED,  /* in its pool's queue, or parked beside it */
    TASK_LEASED,  /* in its pool's list of running tasks, and it has a lease */
    TASK_FOLLOWING, /* in the list of a dedup key: it ends as the work of that key does, or by itself */
    TASK_FINAL,   /* its final message is kept for the client, or it is about to be freed */
    TASK_STATES,
};

/* A client's own id is unique within its session. Padding is zero: the key is hashed and compared as bytes. */
struct task_key {
    uint64_t session;
    struct ref id;
};

struct task {
    struct task_key key;
    uint64_t number;   /* order of acceptance, and the broker's own name for it */
    struct body *body; /* the arguments; once final, the result, or the error's texts (see final.h) */
    struct pool *pool;
    struct client *client;
    struct lease *lease;            /* LEASED only */
    struct task_extra *extra;       /* what few tasks have; NULL: nothing */
    struct task *prev, *next;       /* the list that `state` names; FINAL: broker.kept; NULL when in none */
    struct task *older, *younger;   /* its client's list: live, sent or unsent */
    struct heap_node timer;         /* broker.timers: delay or deadline, whichever is next */
    struct heap_node returned;      /* queue.h: its place among the tasks that came back */
    int64_t accepted_us;
    union {
        struct {
            int64_t not_before_us;
            int64_t deadline_us; /* INT64_MAX: none */
        } live;
        struct {
            int64_t kept_us;    /* since when the final message is kept */
            uint64_t position;  /* it was the so-manieth final message on the client's connection; 0: not sent on it */
            uint64_t worker;    /* session number */
            uint64_t chunks;
            int64_t queue_us;
            int64_t run_us;
        } final;
    };
    uint32_t hash;         /* of the key, for broker.tasks */
    uint32_t attempt;      /* dispatches so far */
    uint16_t tries;        /* those that count: without the ones that a worker gave back unstarted */
    uint16_t tries_max;
    uint8_t state;         /* enum task_state; changed by task_become only */
    uint8_t priority;
    uint8_t verdict;       /* FINAL: ERROR_NONE (ok) or why not, an enum error_code */
    bool is_streamed : 1;
    bool wants_progress : 1;
    bool wants_info : 1;
    bool is_lost_once_lost : 1; /* on_loss = lost */
    bool is_cancel_asked : 1;   /* LEASED: its worker was asked to end it */
    bool is_parked : 1;         /* QUEUED: in pool.parked instead of the queue */
    bool is_held_back : 1;      /* DELAYED: a worker may still come and say that it runs it (broker_adopt.c) */
};

/* Make a task in state NEW. `hash` is that of the key. Takes over the reference to `body`. The record's
 * memory is from `stock`, which may be NULL. */
struct task *
task_new(struct stock *stock, const struct task_key *key, uint32_t hash, struct body *body);

/* Frees the task, which must be in no list, and drops its body. */
void
task_destroy(struct task **task_p);

/* What few tasks have; made now when it has none. */
struct task_extra *
task_get_extra(struct task *task);

struct task_key
task_key_make(uint64_t session, const struct ref *id);

/* `seed` keeps clients from choosing ids that collide. */
uint32_t
task_key_hash(const struct task_key *key, uint64_t seed);

/* The only function that changes `state`. The task must have left its old list. */
void
task_become(struct task *task, enum task_state state);

static inline bool
task_is_linked(const struct task *task)
{
    return task->prev || heap_node_is_in(&task->returned);
}

/* What the broker counts for it: a follower's body is that of another task. */
static inline uint64_t
task_bytes(const struct task *task)
{
    return task->state == TASK_FOLLOWING ? 0 : body_bytes(task->body);
}

/* Does it stand before the other in a queue? Higher priorities first; within one, what was accepted first. */
static inline bool
task_goes_before(const struct task *task, const struct task *other)
{
    return task->priority != other->priority ? task->priority > other->priority : task->number < other->number;
}

/* A worker was lost with it, so it runs alone. */
static inline bool
task_is_suspect(const struct task *task)
{
    return task->extra && task->extra->is_suspect;
}

/* When the task's timer must ring next, or INT64_MAX. Not for FINAL. */
int64_t
task_next_due_us(const struct task *task);

/* For people: "queued", "running"... */
const char *
task_state_name(enum task_state state);

/* The name of the final state that goes with a verdict: "ok", "failed"... */
const char *
task_final_name(enum error_code verdict);

#endif
