/* oracle.h - judges the broker after every step: it sees the event, the actions and the public numbers, keeps its own
 * books (model.h), and says which promise of docs/guarantees.md was broken. Never changes what it watches. */
#ifndef SNAKEPIT_SIM_ORACLE_H
#define SNAKEPIT_SIM_ORACLE_H

#include "model.h"

enum { EXPECTED_MAX = 1024 };

/* An answer that must, or may, go out in this step. */
struct expected {
    enum side side;
    uint32_t peer;
    enum verb verb;
    enum error_code code; /* ERROR_NONE: any */
    struct ref ref;       /* REF_NONE: not compared */
    uint64_t hash;        /* CHUNK: what it carries; 0: not compared */
    uint32_t min, max, seen;
};

struct oracle {
    struct model model;
    struct history *history;
    struct tally *tally;
    const struct broker *broker; /* public numbers only */
    bool has_agents;
    int64_t now_us;
    uint64_t step;
    bool is_tick, is_turn_finished;
    bool checks_all; /* what takes long, too, after each step */
    bool is_reload;  /* this step gives a pool other settings */
    bool is_arrival; /* this step is the HELLO of a worker */
    const struct outbox *outbox; /* of this step */
    struct expected expected[EXPECTED_MAX];
    uint32_t expected_count;
    uint64_t undeliverable;
    uint64_t held_results; /* bytes of remembered ones, which make room for tasks */
    uint64_t held_tasks, held_bytes; /* after the step before, as the broker says and was checked */
    int64_t lenient_us; /* the broker was away: until then, silence and absence may be forgiven */
    uint64_t sessions_max; /* the highest session number given out */
};

void
oracle_init(struct oracle *oracle, struct world *world);

void
oracle_fini(struct oracle *oracle);

/* The broker took `event` (NULL: it was a tick) and answered with `outbox`, and stands as it stands now.
 * `status` is what broker_handle returned. */
void
oracle_judge(struct oracle *oracle, const struct broker *broker, const struct event *event, int status,
             const struct outbox *outbox, int64_t now_us);

/* All faults are healed and nothing is under way: nothing may be left. */
void
oracle_judge_end(struct oracle *oracle, const struct broker *broker);

/* --- between the parts of the oracle ---------------------------------------------------------------------------- */

/* Broken: note the promise. A macro, so that the format is checked. */
#define BREAK(oracle, promise, ...) history_break((oracle)->history, promise, __VA_ARGS__)

struct expected *
oracle_expect(struct oracle *oracle, enum side side, uint32_t peer, enum verb verb, enum error_code code);

/* The first message of this step to this peer with this verb, or NULL. */
const struct message *
oracle_find_sent(const struct oracle *oracle, enum side side, uint32_t peer, enum verb verb);

/* Whether the client was told in this step that its task ended so (ERROR_NONE: ok). */
bool
oracle_was_told(const struct oracle *oracle, uint32_t peer, const struct ref *id, enum error_code code);

/* Whether a note of this step speaks so of the worker (oracle_time.c). */
bool
oracle_was_worker_noted(const struct oracle *oracle, enum note_kind kind, uint64_t session);

/* oracle_client.c, oracle_worker.c, oracle_time.c: what an event must do */
void
oracle_client_event(struct oracle *oracle, uint32_t peer, const struct message *message);

void
oracle_client_gone(struct oracle *oracle, uint32_t peer);

/* The session is over; tasks go on or are cancelled, as it asked. */
void
oracle_end_client(struct oracle *oracle, struct model_client *client);

/* The broker says that it gave up a client that was away: its time is over, or room was needed and it held nothing. */
void
oracle_client_lost(struct oracle *oracle, uint64_t session);

/* A task that followed a dedup key has ended by itself. */
void
oracle_leave_dedup(struct oracle *oracle, struct model_task *task);

/* A task's end was asked for; expects what must follow. */
void
oracle_cancel(struct oracle *oracle, struct model_task *task);

/* oracle_session.c: sessions of tasks. Is there no room for that of this SUBMIT? */
bool
oracle_is_session_full(const struct model_pool *pool, const struct submit *submit);

/* Must this SUBMIT be refused since the worker of its session has no free slot? */
bool
oracle_is_session_busy(const struct model_pool *pool, const struct submit *submit);

/* It was accepted: unused sessions may have to go for it. */
void
oracle_make_session_room(struct oracle *oracle, struct model_pool *pool, const struct submit *submit);

/* May the task go to this worker, as far as its session says? True: the session decided where it goes. */
bool
oracle_check_session(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task,
                     struct bytes said);

/* The worker is gone, or takes no more. */
void
oracle_leave_sessions(struct oracle *oracle, const struct model_worker *worker);

/* The worker's session is over; its leases are lost. */
void
oracle_end_worker(struct oracle *oracle, struct model_worker *worker, enum model_end end);

/* What happened to sessions without a word, before the step is looked at. */
void
oracle_begin_sessions(struct oracle *oracle, bool is_offer);

void
oracle_inspect_sessions(struct oracle *oracle, const struct model_pool *pool);

void
oracle_worker_event(struct oracle *oracle, uint32_t peer, const struct message *message);

void
oracle_worker_gone(struct oracle *oracle, uint32_t peer);

void
oracle_worker_lost(struct oracle *oracle, uint64_t session);

/* oracle_agent.c: agents, and why workers are asked to end */
void
oracle_agent_hello(struct oracle *oracle, uint32_t peer, const struct hello *hello);

void
oracle_agent_event(struct oracle *oracle, uint32_t peer, const struct message *message);

/* A worker came: whose place does it take? */
void
oracle_replacement_came(struct oracle *oracle, const struct model_worker *worker);

/* STOP, REPLACE, RETIRE. */
void
oracle_check_recycling(struct oracle *oracle, uint32_t peer, const struct message *message);

/* Notes about agents and recycling. */
void
oracle_recycling_note(struct oracle *oracle, const struct note *note);

/* oracle_ladder.c: how running tasks are made to end */

/* The worker is asked to end this lease, as the first step, if it was not before; expects the CANCEL. */
void
oracle_ask_end(struct oracle *oracle, struct model_lease *lease);

/* A CANCEL went out: which step is it, and may it be? */
void
oracle_check_cancel(struct oracle *oracle, uint32_t peer, const struct cancel *cancel);

/* Notes about tasks that did not end. */
void
oracle_ladder_note(struct oracle *oracle, const struct note *note);

/* No step is late. */
void
oracle_check_ladders(struct oracle *oracle);

/* oracle_stream.c: chunks and credit */
void
oracle_take_chunk(struct oracle *oracle, struct model_worker *worker, struct model_lease *lease,
                  const struct chunk *chunk);

/* CREDIT of a client; `task` may be NULL. */
void
oracle_take_credit(struct oracle *oracle, struct model_task *task, const struct credit *credit);

/* The worker's connection was lost, and perhaps as many chunks as were allowed: they are not waited for. */
void
oracle_renew_lease_credit(struct oracle *oracle, struct model_lease *lease);

/* The same with the reader's; how many were sent to it is known. */
void
oracle_renew_credit(struct oracle *oracle, struct model_task *task);

/* The client was perhaps away for so long that its streams were let run on. */
void
oracle_client_is_back(struct oracle *oracle, const struct model_client *client);

/* A CREDIT went to a worker. */
void
oracle_check_credit(struct oracle *oracle, const struct credit *credit);

void
oracle_check_task_credit(struct oracle *oracle, struct model_task *task, uint32_t credit);

/* Nobody's worker waits for a reader who is gone. */
void
oracle_check_streams(struct oracle *oracle);

void
oracle_expire(struct oracle *oracle, struct model_task *task);

void
oracle_tick(struct oracle *oracle);

/* Whatever was due is done. */
void
oracle_check_due(struct oracle *oracle);

/* oracle_retry.c: failed attempts that are tried again */

/* The attempt failed with an exception of this type: is it tried again? Then the task has left the lease. */
bool
oracle_takes_retry(struct oracle *oracle, struct model_lease *lease, struct bytes type);

/* oracle_suspect.c: tasks that run alone */

/* The turn of a suspect that is dispatched. */
void
oracle_check_suspect(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task);

/* May this worker be passed over by an ordinary task, since it is kept free for a suspect? */
bool
oracle_is_kept_free(const struct oracle *oracle, const struct model_worker *worker);

/* Does the broker itself say so, now? */
bool
oracle_is_reserved(const struct oracle *oracle, const struct model_worker *worker);

/* The same in the middle of a step. */
bool
oracle_may_be_passed(struct oracle *oracle, struct model_worker *worker);

/* Does the worker run a suspect, perhaps one that has ended for everybody else? */
bool
model_worker_is_alone(const struct model_worker *worker);

/* Before a dispatch. */
void
oracle_check_alone(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task);

/* After the step: no suspect waits that could run, and no worker is kept free without need. */
void
oracle_check_suspects(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats);

/* oracle_dead.c: tasks that ended as dead */
void
oracle_dead_event(struct oracle *oracle, const struct event *event, int status);

void
oracle_check_dead(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats);

/* The list is the model's. */
void
oracle_inspect_dead(struct oracle *oracle, const struct model_pool *pool);

/* oracle_circuit.c: pools that fail are left alone */

/* The attempt ended so; to be called while the lease still has its task. */
void
oracle_judge_attempt(struct oracle *oracle, const struct model_lease *lease, enum attempt_outcome outcome);

/* All leases of a worker end, since it is lost. */
void
oracle_judge_loss(struct oracle *oracle, const struct model_worker *worker);

/* The same, in good order. */
void
oracle_judge_bye(struct oracle *oracle, const struct model_worker *worker);

/* An attempt begins with this fence. */
void
oracle_begin_attempt(struct oracle *oracle, struct model_pool *pool, uint64_t fence);

bool
model_circuit_admits(const struct model_circuit *circuit);

/* How long a SUBMIT must be told to stay away; 0: it need not. */
uint64_t
oracle_circuit_refusal_ms(const struct oracle *oracle, const struct model_pool *pool);

/* An operator or a reload closes it. */
void
oracle_close_circuit(struct oracle *oracle, struct model_pool *pool);

void
oracle_circuit_note(struct oracle *oracle, const struct note *note);

/* Before the dispatches of this step: pauses that are over. */
void
oracle_pass_pauses(struct oracle *oracle);

/* After the step. */
void
oracle_check_circuit(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats);

/* oracle_turn.c: is it the task's turn, and do limits allow it? It waits no more than that */
void
oracle_check_turn(struct oracle *oracle, const struct model_task *task);

/* oracle_schedule.c: tasks that are run every so often */
void
oracle_set_schedule(struct oracle *oracle, const struct schedule_settings *settings, int status);

void
oracle_remove_schedule(struct oracle *oracle, struct bytes name, int status);

/* A tick: all runs that are due. */
void
oracle_run_schedules(struct oracle *oracle);

void
oracle_schedule_note(struct oracle *oracle, const struct note *note);

/* After the step. */
void
oracle_check_schedules(struct oracle *oracle);

/* oracle_send.c: whether an action may be */
void
oracle_check_action(struct oracle *oracle, const struct action *action);

/* oracle_inspect.c: the lists that admin calls show are the model's */
void
oracle_inspect(struct oracle *oracle);

/* oracle_stats.c: what must hold after the step */
void
oracle_check_stats(struct oracle *oracle);

void
oracle_check_busy(struct oracle *oracle);

/* --- oracle_ahead.c: what is sent before a slot is free for it ------------------------------------------------------ */

/* The task went to a worker without a free slot. */
void
oracle_check_ahead(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task);

void
oracle_check_recall(struct oracle *oracle, uint32_t peer, uint64_t fence);

/* Nothing waits unstarted where it need not. */
void
oracle_check_unused(struct oracle *oracle, const struct model_pool *pool);

#endif
