/* model.h - what must be true of the broker, kept apart from it: tasks, leases, clients, workers and pools as far as
 * events and actions show them. Plain and slow where the core is clever. Emits no finding; that is the oracle's. */
#ifndef SNAKEPIT_SIM_MODEL_H
#define SNAKEPIT_SIM_MODEL_H

#include "model_queue.h"

#include <uthash.h>

struct model_client;
struct model_pool;
struct model_worker;

/* What a task says of how it is tried again; what it does not say, its pool does. */
struct model_patience {
    uint32_t retries, kills_max;
    bool has_retries, has_backoff;
    uint64_t backoff_ms;
    struct texts retry_on; /* static */
};

/* A task that ended as dead. */
struct model_dead {
    uint64_t number, content, hash, size_bytes;
    char content_type[16];
    uint8_t priority;
    bool at_most_once, has_killed;
    uint32_t tries_max;
    struct model_patience patience;
    struct model_dead *prev, *next; /* its pool's, the longest dead first */
};

enum model_state { MODEL_DELAYED, MODEL_QUEUED, MODEL_LEASED, MODEL_FOLLOWING, MODEL_FINAL };

struct model_key {
    uint64_t client; /* serial */
    struct ref id;
};

struct model_task {
    struct model_key key;
    UT_hash_handle hh;         /* model.tasks */
    UT_hash_handle by_content; /* model.contents */
    uint64_t content;          /* what its function is named after */
    uint64_t hash;             /* of all that a worker must get unchanged */
    uint64_t number;           /* order of acceptance, and the broker's name for it */
    uint64_t final_step;       /* when it became final */
    struct model_client *client;
    struct model_pool *pool;
    struct model_flow *flow; /* until it is final */
    enum model_state state;
    enum error_code verdict; /* FINAL */
    uint64_t size_bytes;       /* of the arguments */
    char content_type[16];
    uint8_t priority;
    bool stream, info, at_most_once;
    bool cancel_asked;
    int64_t run_us;      /* its run-time limit: its own, or 0 */
    uint32_t credit;     /* chunks of a stream that may be under way; 0: any number */
    bool maybe_open;     /* its client was away for so long that this may not hold any more */
    bool owes_shutdown; /* the broker ends, and its client must be told that it did not */
    bool is_kept;    /* FINAL: its message must be there when it is asked for */
    bool has_answer; /* FINAL by a worker: `answer` is the hash of what it said */
    bool was_sent;   /* a final message was seen; `sent` is its hash */
    bool was_requeued;
    bool is_suspect; /* a worker was lost with it */
    struct model_patience patience;
    uint32_t failures, kills;
    uint64_t answer, sent;
    uint64_t position; /* among the final messages on the client's connection; 0: not sent on it */
    uint32_t owed; /* final messages that must go out in this step */
    bool may;      /* one that may */
    int64_t accepted_us, ready_us, deadline_us;
    uint64_t kept_order;
    int64_t final_us;
    int64_t kept_us; /* since when its final message is kept */
    uint32_t attempt, tries, tries_max;
    struct model_lease *lease; /* LEASED */
    struct model_group *group; /* NULL: none, or the task is final */
    struct model_task *group_prev, *group_next;
    struct model_affinity *affinity; /* its session; NULL: none, or the task is final */
    bool is_strict; /* it runs on its session's worker only */
    bool is_parked; /* QUEUED: in its pool's list of those beside the queue */
    struct model_dedup *dedup; /* whose work it is, or that it follows */
    struct model_schedule *schedule; /* whose run it is, when that has */
    uint64_t schedule_number;        /* this number still */
    uint64_t result_bytes;     /* of a work that ended ok: what its result takes */
    bool has_no_content;       /* it followed, and never was in model.contents */
    bool may_have_expired;     /* FINAL: its client was away, and its end came at one time with its deadline */
    struct model_task *prev, *next; /* queue of its flow and priority; or delayed; or followers of a key */
    struct model_task *older, *younger; /* its client's kept ones, oldest first */
    struct model_task *live_prev, *live_next; /* model.live, or model.finished */
};

/* Tasks of one pool that run one at a time. It stays when it is empty, until the seed ends. */
struct model_group {
    UT_hash_handle hh; /* its pool's */
    struct model_task *tasks;   /* not final, oldest first */
    struct model_lease *holder; /* the lease of one of its tasks, which may have ended; NULL: none */
    char name[];
};
/* How far the broker has gone to end a lease. */
enum model_ladder { RUNG_NONE, RUNG_ASKED, RUNG_RAISED, RUNG_KILLED, RUNG_SPENT };

/* Tasks of one pool that belong together, and the worker that keeps their state. */
struct model_affinity {
    UT_hash_handle hh; /* its pool's */
    const struct model_worker *worker; /* NULL: not bound */
    uint64_t count;     /* tasks of it that are not final */
    uint64_t stricts;   /* of those, strict ones */
    int64_t unused_us;  /* since when it has none */
    char name[];
};

struct model_lease {
    uint64_t fence;
    UT_hash_handle hh; /* model.leases */
    struct model_task *task; /* NULL: ended before its worker answered */
    struct model_group *group; /* that it holds, or NULL */
    struct model_worker *worker;
    struct model_flow *flow; /* its task's */
    struct model_lease *prev, *next; /* its worker's */
    enum model_ladder ladder;
    int64_t leased_us, step_us; /* since when it is there, */
    int64_t step_min_us;        /* or perhaps earlier, while its worker was away */
    bool timed_out;             /* that is why it is to end */
    uint64_t credit_total;      /* chunks that it may send; of no matter where its task has no credit */
    bool is_suspect;            /* its task, when it began */
    uint64_t chunk_seq;
    bool named;
    bool is_ahead;    /* it has no slot yet */
    bool is_recalled; /* the worker was asked to give it back */
    bool was_recalled; /* and then it got a slot */
    bool owes_recall;  /* its worker is back, and must be asked again in this step */
};

struct model_client {
    uint64_t serial;
    uint8_t instance[INSTANCE_BYTES];
    UT_hash_handle hh; /* model.clients, those with an instance */
    bool is_anonymous;
    bool is_needed; /* while sweeping */
    bool is_gone; /* its tasks go on, nobody hears of them */
    uint32_t peer;
    uint64_t session;
    enum on_disconnect on_disconnect;
    int64_t detached_us;
    uint64_t live_tasks, live_bytes;
    uint64_t kept_count;
    uint64_t sent_finals; /* on this connection */
    struct model_task *kept;
    struct model_client *prev, *next; /* model.all_clients */
};

struct model_worker {
    uint64_t session;
    UT_hash_handle hh; /* model.workers */
    uint32_t peer;     /* 0: detached */
    struct model_pool *pool;
    uint32_t slots, busy;
    uint32_t ahead;      /* leases without a slot */
    int64_t progress_us; /* when a lease last got one, or ended */
    bool is_draining, is_stalled;
    bool is_unwelcomed; /* in this step, before its WELCOME */
    uint64_t agent, pid, replaces;
    uint64_t replaced_by; /* session of a worker that came in its place; 0: none */
    bool was_given_up;    /* the broker waits for its replacement no more; one that still comes may be one too many */
    bool may_end_first;   /* its agent has no memory for both */
    bool has_exited;      /* its agent told so */
    bool is_asked_to_end; /* to be replaced */
    bool is_condemned;    /* its process is to end for a task that did not */
    int64_t stalled_us;
    int64_t heard_us, detached_us;
    struct model_lease *leases;
    struct model_worker *prev, *next; /* its pool's */
};

/* How an attempt ended that says something about its pool. */
struct model_mark {
    int64_t at_us;
    bool failed;
};

struct model_circuit {
    enum circuit_state state;
    uint64_t probe; /* fence */
    int64_t pause_us, until_us;
    struct model_mark *marks; /* of the window, while it is closed; oldest first */
    uint32_t marks_count, marks_capacity;
    uint32_t opened, closed; /* in this step, less the notes about it */
    bool is_vague; /* how an attempt ended, nobody was told: until it opens the next time the broker's word counts */
};

/* A dedup key of a pool. */
struct model_dedup {
    uint8_t key[4 + DEDUP_KEY_BYTES_MAX]; /* the pool's index, and the key */
    UT_hash_handle hh;                    /* model.dedups */
    struct model_pool *pool;
    struct model_task *work;      /* NULL: a result is, or may be, remembered */
    struct model_task *followers;
    int64_t window_us, until_us;
    uint64_t answer, result_bytes;
    uint32_t attempt;
    struct model_dedup *prev, *next; /* its pool's remembered ones, oldest first */
};

/* A task that is run every so often. */
struct model_schedule {
    struct schedule_settings settings; /* `name` NULL: there is none */
    uint64_t number;
    int64_t due_us, ended_us; /* the next run; when a run last ended */
    uint64_t open, runs, skipped, refused;
};

struct model_pool {
    const char *name;
    struct pool_settings settings;
    bool is_draining;
    bool is_removed;  /* by a reload; it goes with its last task and its last worker, */
    bool is_gone;     /* and then it is not there */
    bool is_stopping; /* in this step a worker of it was asked to stop */
    struct model_flow *flows;
    struct model_rate rate;
    uint64_t queued, delayed, running, waiting_bytes;
    struct model_group *groups;
    struct model_affinity *affinities;
    struct model_task *parked; /* queued, and it is not their turn */
    struct model_worker *workers;
    uint64_t finals[ERROR_CODES]; /* by verdict; ERROR_NONE: ok; all failures under ERROR_FAILED */
    uint64_t requeued, retried, refused, offered, accepted;
    uint64_t quarantined;
    struct model_task *suspects; /* those that wait, in the order in which they go */
    uint64_t passed, passed_step; /* a worker that got nothing in that step, as it was to become idle */
    uint64_t reserved; /* worker that was kept free after the step before, as the broker says */
    struct model_dead *dead;
    uint64_t dead_count, dead_dropped;
    struct model_circuit circuit;
    struct model_dedup *remembered;
    uint64_t remembered_count, deduplicated;
    uint64_t doubtful; /* ended in this step in one of two ways, and nobody was told */
};

struct model {
    struct broker_settings settings;
    struct model_pool pools[POOLS_MAX];
    uint32_t pool_count;
    struct model_task *tasks, *contents, *delayed;
    struct model_task *live;     /* not final */
    struct model_task *finished; /* became final, or was asked for again, in this step */
    struct model_lease *leases;
    struct model_dedup *dedups;
    struct model_schedule schedules[SCHEDULES_SIM_MAX];
    uint64_t schedules_made;
    struct model_client house; /* whose the works of dedup keys are, and dead tasks that run again, */
    const struct model_client *first; /* and who offered the first task with the key: it is his turn */
    struct model_client *clients, *all_clients;
    struct model_worker *workers;
    struct model_client *client_of[PEERS_MAX + 1];
    bool is_deaf[2][PEERS_MAX + 1]; /* its session speaks over another connection: only a HELLO is heard */
    struct model_worker *worker_of[PEERS_MAX + 1];
    uint64_t agent_of[PEERS_MAX + 1]; /* the number of the agent that speaks there; 0: none */
    uint64_t serials, numbers, keeps;
    uint64_t step;
    int64_t now_us;
    uint64_t turns; /* that lanes have taken */
    bool has_twins; /* two tasks with the same content were accepted: a client offered one in two sessions */
    uint64_t last_fence;
    uint64_t live_tasks, live_bytes;
    uint64_t kept_count;
    int64_t purged_us; /* messages of this instant had to make room: which of them, is the broker's choice */
    uint64_t phantoms; /* messages that need not be kept, and perhaps are */
    bool remembers_exactly; /* the same of results of dedup keys */
    bool keeps_exactly; /* no limit of bytes decides what is kept: it is known which messages must be there */
    uint64_t stale;
    bool is_shutting, is_shut;
    int64_t shutdown_us; /* the instant */
    int64_t ticked_us;
    struct tally *tally;
};

void
model_init(struct model *model, const struct world *world, struct tally *tally);

void
model_fini(struct model *model);

/* Has the pool tasks that are not final? */
bool
model_pool_has_tasks(const struct model_pool *pool);

/* --- finding ---------------------------------------------------------------------------------------------------- */

struct model_pool *
model_find_pool(struct model *model, struct bytes name);

struct model_task *
model_find_task(struct model *model, const struct model_client *client, const struct ref *id);

/* The task whose function has this name, or NULL; of several, the one that stands first. */
struct model_task *
model_find_content(struct model *model, struct bytes function);

struct model_lease *
model_find_lease(struct model *model, uint64_t fence);

/* --- tasks -------------------------------------------------------------------------------------------------------- */

/* Accept a task. An older one with the same id must have been dropped. */
struct model_task *
model_accept(struct model *model, struct model_client *client, const struct submit *submit, int64_t now_us);

/* The delay is over. */
void
model_promote(struct model *model, struct model_task *task);

void
model_lease_task(struct model *model, struct model_task *task, struct model_worker *worker, uint64_t fence,
                 int64_t now_us);

/* The task is final. It owes one message to an attached client; an open lease stays with its worker without it. */
void
model_finish(struct model *model, struct model_task *task, enum error_code verdict, int64_t now_us);

/* Why a lease ended without an answer. UNHELD: its worker is there, and does not hold it. KILLED: its worker's process was
 * lost with it. */
enum model_end { END_NACK, END_LOST, END_UNHELD, END_KILLED };

/* Its attempt failed, and it waits for another one. */
void
model_delay_again(struct model *model, struct model_task *task, int64_t ready_us);

/* How many lost workers it may cost. */
uint32_t
model_kills_max(const struct model_task *task);

/* Free the slot; the task, if it still lives, goes back to its place or ends. */
void
model_end_lease(struct model *model, struct model_lease *lease, enum model_end end, int64_t now_us);

/* Free the slot only. The task must have ended. */
void
model_drop_lease(struct model *model, struct model_lease *lease);

/* Its final message was sent again: it counts as just ended. */
void
model_keep_again(struct model *model, struct model_task *task, int64_t now_us);

/* Its final message may be forgotten from now on. */
void
model_unkeep(struct model *model, struct model_task *task);

/* It belongs to another session from now on. */
void
model_move_task(struct model *model, struct model_task *task, struct model_client *client);

/* Forget the task altogether. It must be final. */
void
model_drop_task(struct model *model, struct model_task *task);

/* --- model_dead.c: tasks that ended as dead ------------------------------------------------------------------------- */

void
model_bury(struct model *model, const struct model_task *task);

/* Drop the oldest until so many are left. */
void
model_trim_dead(struct model_pool *pool, uint64_t count);

void
model_drop_dead(struct model_pool *pool, struct model_dead *dead);

/* It is accepted again, as a task of nobody. Drops it from the list. */
struct model_task *
model_replay(struct model *model, struct model_pool *pool, struct model_dead *dead, int64_t now_us);

/* Make it one of the live tasks: with the delayed, or in the queue. */
void
model_enlist(struct model *model, struct model_task *task, struct model_client *client, const struct ref *id, int64_t now_us);

/* --- model_order.c: whose turn it is ---------------------------------------------------------------------------- */

/* The task, just accepted, becomes the last of this group. Nothing happens without a name. */
void
model_join_group(struct model_task *task, struct bytes name);

/* The task ends. */
void
model_leave_group(struct model *model, struct model_task *task);

/* A lease begins. */
void
model_hold_group(struct model_lease *lease);

/* It ends. */
void
model_let_go_group(struct model *model, struct model_lease *lease);

void
model_free_groups(struct model_pool *pool);

/* The task becomes QUEUED: in its lane, or beside it until it is its turn. */
void
model_enqueue_task(struct model *model, struct model_task *task);

/* It leaves either. */
void
model_dequeue_task(struct model *model, struct model_task *task);

/* --- model_session.c: which worker keeps whose state ------------------------------------------------------------- */

/* NULL: not there. */
struct model_affinity *
model_find_affinity(const struct model_pool *pool, struct bytes name);

/* The task, just accepted, belongs to the session that it names, if it names one. */
void
model_join_session(struct model_task *task, const struct submit *submit);

/* The task ends. */
void
model_leave_session(struct model *model, struct model_task *task);

void
model_drop_affinity(struct model_pool *pool, struct model_affinity *affinity);

/* No session is bound to it any more. */
void
model_unbind_worker(const struct model_worker *worker);

void
model_free_sessions(struct model_pool *pool);

/* Sessions without tasks. */
uint64_t
model_count_unused(const struct model_pool *pool);

bool
model_has_credit(const struct model_worker *worker);

/* Must this task wait for its session's worker? */
bool
model_awaits_worker(const struct model_task *task);

/* Does it end when its worker is lost? */
bool
model_needs_worker(const struct model_task *task);

/* The first of a queue that need not, or NULL. */
struct model_task *
model_first_ready(struct model_task *queue);

/* --- model.c again ------------------------------------------------------------------------------------------------ */

/* Free what nobody can ask for any more, so that a long seed stays small. */
void
model_sweep(struct model *model, int64_t now_us);

/* --- model_dedup.c: dedup keys --------------------------------------------------------------------------------------- */

/* NULL: the key is free. */
struct model_dedup *
model_find_dedup(struct model *model, struct model_pool *pool, struct bytes key);

/* Accept a task with a key: with a work when the key is free, else as one more that follows. The key is made when it is
 * NULL. Returns the client's task; one that follows a remembered result is final. */
struct model_task *
model_share(struct model *model, struct model_client *client, const struct submit *submit, struct model_dedup *dedup,
            int64_t now_us);

/* Accept a task that follows. */
struct model_task *
model_follow(struct model *model, struct model_client *client, const struct submit *submit, struct model_dedup *dedup,
             int64_t now_us);

/* The work is final: so are all that follow it. */
void
model_hand_on(struct model *model, struct model_task *work, int64_t now_us);

/* A task that follows has left. Returns the work that nobody follows any more, and whose key is free now, or NULL. */
struct model_task *
model_leave_dedup(struct model *model, struct model_task *task);

void
model_forget_dedup(struct model *model, struct model_dedup *dedup);

/* Results whose window is over. */
void
model_expire_dedups(struct model *model, int64_t now_us);

/* All of a pool, or (NULL) of all. */
void
model_forget_dedups(struct model *model, const struct model_pool *pool);

/* --- peers -------------------------------------------------------------------------------------------------------- */

struct model_client *
model_add_client(struct model *model, uint32_t peer, const uint8_t *instance);

/* An anonymous client has told its instance. */
void
model_introduce(struct model *model, struct model_client *client, const uint8_t *instance);

/* The session ends: nothing is kept. */
void
model_end_client(struct model *model, struct model_client *client);

/* Ask for the end of one task, as CANCEL does. True when its worker must be asked. */
bool
model_cancel(struct model *model, struct model_task *task, int64_t now_us);

struct model_worker *
model_add_worker(struct model *model, uint32_t peer, uint64_t session, struct model_pool *pool, uint32_t slots);

/* The session ends; its leases end as `end` says. */
void
model_end_worker(struct model *model, struct model_worker *worker, enum model_end end, int64_t now_us);

bool
model_worker_is_ready(const struct model_worker *worker);

#endif
