/* broker_state.h - struct broker, and what its broker_*.c files call in each other. For those files only.
 *
 * A turn is one call of broker_handle or broker_tick: `now_us` and `outbox` are set for it. A worker or client that ends
 * in a turn is freed at its end, so a pointer that a function holds stays good until it returns. */
#ifndef SNAKEPIT_CORE_BROKER_STATE_H
#define SNAKEPIT_CORE_BROKER_STATE_H

#include "broker/core/agent.h"
#include "broker/core/broker.h"
#include "broker/core/client.h"
#include "broker/core/heap.h"
#include "broker/core/lease_table.h"
#include "broker/core/orphan.h"
#include "broker/core/outbox.h"
#include "broker/core/peers.h"
#include "broker/core/pool.h"
#include "broker/core/schedule.h"
#include "broker/core/task.h"
#include "broker/core/task_table.h"
#include "broker/core/worker.h"

enum broker_state {
    BROKER_RUNNING,
    BROKER_DRAINING, /* SHUTDOWN came */
    BROKER_SHUT,     /* all were told; nothing is heard any more */
};

/* Whose heap_node `tag` says it is. */
enum timer_kind { TIMER_TASK, TIMER_WORKER, TIMER_CLIENT, TIMER_POOL, TIMER_AGENT, TIMER_LIFESPAN, TIMER_RECYCLE,
                  TIMER_CIRCUIT, TIMER_LIMIT, TIMER_DEDUP, TIMER_LEASE, TIMER_SCHEDULE, TIMER_SESSIONS, TIMER_AHEAD };

struct broker {
    struct broker_settings settings; /* its `version` is this one: */
    char *version;
    enum broker_state state;
    int64_t shutdown_at_us; /* DRAINING */

    int64_t now_us;         /* of this turn or the last */
    struct outbox *outbox;  /* NULL between turns */
    bool is_doing_due;      /* dispatch waits until all that is due was done */
    bool is_stirred;        /* a pool is: see pool.is_stirred */
    int64_t judge_after_us; /* nobody's silence is held against him before: the broker itself was away */

    struct pool **pools; /* in the order in which they were added */
    size_t pools_count;
    struct pool *pools_by_name;
    struct pool *pool_asked;     /* which the last task named, or NULL */
    size_t removing_count;       /* of those, POOL_REMOVED */
    struct pool **former_pools;  /* removed and empty. Kept, as their counters go on when they are added again, and as
                                  * notes and final messages point to their names. */
    size_t former_count;
    char *default_pool; /* settings.default_pool is this one */
    char clients_endpoint[ENDPOINT_BYTES_MAX + 1]; /* empty: workers are not told */

    struct peers client_peers;
    struct peers worker_peers;

    struct client *clients; /* all */
    uint64_t clients_count; /* those that are not gone */
    struct client *clients_by_instance;
    struct client *vacant;
    struct client *departed_clients;
    struct client *house; /* in its name the broker itself has tasks run; session 0, no connection, neither counted nor listed */

    struct worker *workers; /* hash by session */
    struct worker *heard;   /* READY ones, longest silent first */
    struct worker *departed_workers;
    struct worker *processes; /* hash of workers by agent and pid; those of agents only */
    struct agent *agents;     /* hash by number */

    struct task_table tasks; /* all, final ones too */
    struct task *kept;   /* final ones, kept for longest first */
    uint64_t kept_count;
    uint64_t kept_bytes;
    uint64_t bytes;      /* bodies of all tasks */
    struct lease_table leases;
    struct orphanage orphans; /* its bytes are part of `bytes`, too */
    int64_t adopt_until_us;   /* workers of an earlier broker may still come, and clients' tasks wait for them */
    struct heap timers;
    struct schedule *schedules; /* hash by number */
    uint64_t schedule_last;

    /* Memory of tasks, leases and small bodies that ended, for the next ones. */
    struct stock *task_stock;
    struct stock *lease_stock;
    struct stock *body_stock;

    uint64_t fence_next;
    uint64_t session_first; /* of this broker */
    uint64_t session_next;
    uint64_t task_next;
    uint64_t stale;
    uint64_t undeliverable;
    bool has_suspects; /* perhaps; see broker_review_suspects */
    bool is_watched; /* somebody listens to request.executed */
};

/* --- broker_pools.c: pools and settings come, change and go ---------------------------------------------------- */

/* The pool of this name, or NULL. */
struct pool *
broker_pool(const struct broker *broker, struct bytes name);

/* The same for a task: mostly it is that of the task before, and the name need not be hashed. */
struct pool *
broker_pool_asked(struct broker *broker, struct bytes name);

/* The pool of tasks that name none, or NULL. */
struct pool *
broker_default_pool(const struct broker *broker);

void
broker_set_default_pool(struct broker *broker, const char *name);

/* Add a pool, change it, or take it back while it is being removed. OK, or ERR_INVALID: no name. */
int
broker_set_pool(struct broker *broker, const struct pool_settings *settings);

/* OK or ERR_NOT_FOUND. */
int
broker_remove_pool(struct broker *broker, struct bytes name);

/* Let go of removed pools whose last task has ended. */
void
broker_advance_removals(struct broker *broker);

/* May workers still come? Not to a removed pool without tasks. */
bool
broker_pool_wants_workers(const struct pool *pool);

void
broker_change_settings(struct broker *broker, const struct broker_settings *settings);

/* All pools must be without tasks and workers. */
void
broker_destroy_pools(struct broker *broker);

/* --- broker_reply.c: short answers ---------------------------------------------------------------------------- */

/* Append an ERROR with a static text for the caller to complete; `ref` may be NULL. */
struct error *
broker_send_error(struct broker *broker, enum side side, uint32_t peer, const struct ref *ref, enum error_code code,
                  const char *text);

/* Append a REFUSE with a static text for the caller to complete. */
struct error *
broker_refuse(struct broker *broker, enum side side, uint32_t peer, enum error_code code, const char *text);

/* Does a HELLO speak our protocol and fit the socket? If not it is refused. */
bool
broker_accepts_hello(struct broker *broker, enum side side, uint32_t peer, const struct hello *hello);

/* Append the WELCOME for this session. */
struct welcome *
broker_welcome(struct broker *broker, enum side side, uint32_t peer, uint64_t session, bool is_resumed);

/* REHELLO, once; `always` for a heartbeat, which expects an answer each time. */
void
broker_ask_hello(struct broker *broker, enum side side, uint32_t number, bool always);

/* Answer that there is no such pool, and which there are. */
void
broker_send_no_such_pool(struct broker *broker, uint32_t peer, const struct ref *ref, struct bytes name);

void
broker_refuse_no_such_pool(struct broker *broker, uint32_t peer, struct bytes name);

/* Append a note about a worker. */
struct note *
broker_note_worker(struct broker *broker, enum note_kind kind, const struct worker *worker);

/* --- broker_say.c: sentences for people, in memory of the outbox ------------------------------------------------ */

/* That no pool has this name (empty: that none was named), and which there are, those of a similar name first. */
struct bytes
broker_say_no_such_pool(struct broker *broker, struct bytes name);

/* Why the pool takes no new tasks, and what to do about it. */
struct bytes
broker_say_draining(struct broker *broker, const struct pool *pool);

/* How a process ended. */
const char *
broker_say_exit(struct broker *broker, enum exit_cause cause, uint64_t status);

/* Why a worker with a GIL is refused. */
struct bytes
broker_say_gil(struct broker *broker, const struct hello *hello);

/* The text of a task whose attempts were all lost, with the reason of the last one. */
struct bytes
broker_say_loss(struct broker *broker, struct bytes text, const char *reason);

/* The text of a task that has cost so many workers, with the reason of the last loss. */
struct bytes
broker_say_kills(struct broker *broker, uint32_t kills, const char *reason);

/* --- broker_client.c: sessions of clients --------------------------------------------------------------------- */

void
broker_handle_client(struct broker *broker, uint32_t peer, const struct message *message);

void
broker_client_peer_gone(struct broker *broker, uint32_t peer);

/* The retention of a detached client is over. */
void
broker_client_overdue(struct broker *broker, struct client *client);

/* End the session of a client that is not coming back and holds nothing. To be called when it lost something. */
void
broker_review_client(struct broker *broker, struct client *client);

/* Make a session for a client that submits without HELLO, or NULL when there are too many. */
struct client *
broker_admit_anonymous(struct broker *broker, uint32_t peer);

/* --- broker_submit.c: tasks from clients ---------------------------------------------------------------------- */

void
broker_submit(struct broker *broker, struct client *client, const struct submit *submit);

/* Accept a task of the house, as a client's would be; the id in `submit` is not looked at. It is dispatched at once if it
 * can be. ERROR_NONE: *ret_number is the broker's number of it; else why it was refused. */
enum error_code
broker_house_submit(struct broker *broker, const struct submit *submit, uint64_t *ret_number);

/* The same for a task that is known to kill workers, perhaps: `is_suspect` says so, and then it runs alone. */
enum error_code
broker_replay(struct broker *broker, const struct submit *submit, bool is_suspect, uint64_t *ret_number);

/* A task of this client, or NULL. */
struct task *
broker_find_task(const struct broker *broker, const struct client *client, const struct ref *id);

/* Give a task another owner, who must not have one with that id. */
void
broker_move_task(struct broker *broker, struct task *task, struct client *client);

/* End a task that waits, or ask the worker of one that runs. OK; ERR_AGAIN: asked. */
int
broker_cancel_task(struct broker *broker, struct task *task);

/* The task ends: it belongs to no flow any more. It must be in no lane. */
void
broker_leave_flow(struct broker *broker, struct task *task);

/* The task's timer rang. */
void
broker_task_due(struct broker *broker, struct task *task);

/* --- broker_dispatch.c: who gets what ------------------------------------------------------------------------- */

/* Hand out tasks of the pool as long as there are tasks and free slots. */
void
broker_dispatch(struct broker *broker, struct pool *pool);

/* Ring when a limit of the pool lets something go. To be called when flows came, went or started something; broker_dispatch
 * does it, too. */
void
broker_arm_limits(struct broker *broker, struct pool *pool);

/* The pool's limit timer rang. */
void
broker_limits_due(struct broker *broker, struct pool *pool);

/* The open lease with this fence, if it is this worker's, else NULL. */
struct lease *
broker_find_lease(const struct broker *broker, const struct worker *worker, uint64_t fence);

/* Give the task to the worker, all of whose slots are taken: it waits there for the next one. */
void
broker_lease_ahead(struct broker *broker, struct task *task, struct worker *worker);

/* --- broker_ahead.c: what is sent before a slot is free for it, and asked back ------------------------------------ */

/* How long the task probably runs, and where that is noted. 0: not known. */
int64_t
broker_expect_run(struct broker *broker, const struct task *task, uint16_t *ret_cell);

/* It was answered: remember how long it ran. */
void
broker_learn_run(struct broker *broker, const struct lease *lease);

/* The worker answered: send it some of the next tasks, if all of its slots are taken by short ones. */
void
broker_send_ahead(struct broker *broker, struct worker *worker);

/* Slots are free and no task of the queue may take them: ask back as many of those that wait elsewhere. */
void
broker_recall(struct broker *broker, struct pool *pool);

/* Its worker is back: what was asked while it was away, or was lost with its connection, is asked again. */
void
broker_recall_again(struct broker *broker, const struct lease *lease);

/* The pool's timer rang: what waits behind a task that runs for longer than was thought is asked back. */
void
broker_ahead_due(struct broker *broker, struct pool *pool);

/* --- broker_dispatch.c, again --------------------------------------------------------------------------------------- */

/* The worker answered: its slot is free again. The task must be released from the lease before. */
void
broker_end_lease(struct broker *broker, struct lease *lease);

/* The worker is lost, or does not hold this lease: requeue the task or end it. `is_kill`: its process was lost, and the task
 * may be what killed it. */
void
broker_lose_lease(struct broker *broker, struct lease *lease, bool is_kill, const char *reason);

/* Back to its place in the queue; it has no lease any more. `worker` had it. */
void
broker_requeue(struct broker *broker, struct task *task, uint64_t worker, const char *reason);

/* Give the task to the worker, which has a free slot. */
void
broker_lease_task(struct broker *broker, struct task *task, struct worker *worker);

/* --- broker_final.c: how tasks end ---------------------------------------------------------------------------- */

/* How a task ended. */
struct verdict {
    enum error_code code; /* ERROR_NONE: ok */
    struct bytes text;    /* errors: for people, */
    struct bytes type;    /* the exception, */
    struct bytes traceback;
    const struct shared_final *shared; /* of a work, for those that followed it; NULL: its own */
    const struct payload *payload; /* ok: the result */
    struct bytes content_type;
    const struct lease *lease; /* the attempt that brought it about, or NULL: then */
    uint64_t worker, chunks;   /* whose answer it is, and its parts; 0: nobody's */
};

/* The verdict with this code and the usual text. */
struct verdict
verdict_make(enum error_code code);

/* End a task that is not final: tell its client, and keep the message or forget it. A lease that it still has stays
 * with the worker, who is asked to end it. The task may be freed. */
void
broker_finish(struct broker *broker, struct task *task, const struct verdict *verdict);

/* Send the kept final message of a task (again). */
void
broker_repeat_final(struct broker *broker, struct task *task);

/* Drop what the client has seen of its final messages. */
void
broker_seen(struct broker *broker, struct client *client, uint64_t count);

/* Drop everything that is kept for the client. */
void
broker_forget_all(struct broker *broker, struct client *client);

/* Drop what is kept too long. */
void
broker_expire_kept(struct broker *broker);

/* Drop what is over the limits, after these became lower. */
void
broker_trim_all(struct broker *broker);

/* When broker_expire_kept has something to do, or INT64_MAX. */
int64_t
broker_kept_due_us(const struct broker *broker);

/* Free a task that is in no list, and account for it. */
void
broker_free_task(struct broker *broker, struct task *task);

/* --- broker_worker.c: sessions of workers --------------------------------------------------------------------- */

/* How a worker's session ended. */
enum worker_end {
    WORKER_SAID_BYE,
    WORKER_LOST,   /* its process or its connection ended without a word */
    WORKER_KILLED, /* it was stalled for too long */
};

/* The one place where a worker changes its state: lists, timer and connection follow. `number` is its connection, or 0. */
void
broker_move_worker(struct broker *broker, struct worker *worker, enum worker_state state, uint32_t number);

/* End the session; its tasks are requeued, for this reason. The record is freed at the end of the turn. */
void
broker_end_worker(struct broker *broker, struct worker *worker, enum worker_end how, const char *reason);

/* Its process or its connection is gone. `reason` is static, or lives in the outbox. */
void
broker_lose_worker(struct broker *broker, struct worker *worker, const char *reason);

/* The worker ends its session in good order. */
void
broker_stop_worker(struct broker *broker, struct worker *worker, struct bytes reason);

/* Tell it to end when its tasks have, or after `grace_ms` (0: no limit); it gets no new ones. `reason` is static. Nothing
 * happens to one that is gone. */
void
broker_ask_to_end(struct broker *broker, struct worker *worker, const char *reason, uint64_t grace_ms);

void
broker_handle_worker(struct broker *broker, uint32_t peer, const struct message *message);

void
broker_worker_peer_gone(struct broker *broker, uint32_t peer);

/* The grace of a detached worker is over. */
void
broker_worker_overdue(struct broker *broker, struct worker *worker);

/* Find the stalled. */
void
broker_judge_silence(struct broker *broker);

/* When broker_judge_silence has something to do, or INT64_MAX. */
int64_t
broker_silence_due_us(const struct broker *broker);

/* --- broker_dedup.c: one run for all tasks with one key --------------------------------------------------------- */

/* The task, which has `extra->dedup`, is final: a work hands its end on, the last follower of a work ends it. */
void
broker_dedup_final(struct broker *broker, struct task *task);

/* What is remembered is so no longer. */
void
broker_dedup_due(struct broker *broker, struct dedup *dedup);

/* Forget results, the oldest of each pool first, until there is room for so many bytes more. Returns whether there is. */
bool
broker_forget_results(struct broker *broker, uint64_t bytes);

/* Forget what is over the pool's limits, or (`all`) everything. The pool has no work then. */
void
broker_trim_dedups(struct broker *broker, struct pool *pool, bool all);

/* --- broker_load.c: how busy pools are ------------------------------------------------------------------------- */

/* To be called before a slot, a worker or a queued task of the pool comes or goes. */
static inline void
broker_touch_pool(const struct broker *broker, struct pool *pool)
{
    pool_load_touch(&pool->load, broker->now_us, pool_levels(pool));
}

/* The pool's slots were handed out as far as possible: are all busy, and for how long? */
void
broker_review_capacity(struct broker *broker, struct pool *pool);

/* The pool's timer rang. */
void
broker_capacity_due(struct broker *broker, struct pool *pool);

/* Pass on what an application tells of itself. */
void
broker_note_app(struct broker *broker, const struct worker *worker, const struct app_event *event);

/* The attempt of this lease was answered, and its task is about to end so. To be called only while somebody listens. */
void
broker_note_executed(struct broker *broker, const struct lease *lease, enum error_code verdict);

/* --- broker_hello.c: how workers come, and come back ----------------------------------------------------------- */

/* `current`: the session that the connection has, or NULL. */
void
broker_hello_worker(struct broker *broker, uint32_t peer, struct worker *current, const struct hello *hello);

/* --- broker_answer.c: what workers say about their leases ----------------------------------------------------- */

void
broker_handle_answer(struct broker *broker, struct worker *worker, const struct message *message);

/* --- broker_inspect.c ------------------------------------------------------------------------------------------- */

void
broker_get_pool_stats(const struct pool *pool, struct pool_stats *ret_stats);

void
broker_get_task(const struct task *task, struct task_stats *ret_stats);

/* --- broker_operator.c: what operators ask for, and the end --------------------------------------------------- */

int
broker_handle_operator(struct broker *broker, const struct event *event);

/* Complete the shutdown when nothing runs any more, or its time is over. */
void
broker_advance_shutdown(struct broker *broker);

#endif
