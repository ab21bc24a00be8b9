/* oracle_agent.c - agents, and whether the broker may ask a worker to end; see oracle.h.
 *
 * What is promised: a worker that has an agent is asked to end only when its replacement is ready, unless its pool or a want
 * of memory says otherwise; one that hangs is given up only by policy; and a worker that is asked to end keeps its tasks
 * (that no lease ends but by an answer or a loss, the rest of the oracle sees). */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

static struct model_worker *
find_session(struct oracle *oracle, uint64_t session)
{
    struct model_worker *worker;

    HASH_FIND(hh, oracle->model.workers, &session, sizeof session, worker);
    return worker;
}

/* --- what agents say ------------------------------------------------------------------------------------------------ */

void
oracle_agent_hello(struct oracle *oracle, uint32_t peer, const struct hello *hello)
{
    struct model *model = &oracle->model;
    bool is_refused = oracle_find_sent(oracle, SIDE_WORKER, peer, VERB_REFUSE) != NULL;

    oracle_expect(oracle, SIDE_WORKER, peer, is_refused ? VERB_REFUSE : VERB_WELCOME, ERROR_NONE);
    if (is_refused)
        return;
    for (uint32_t other = 1; other <= PEERS_MAX; other++) {
        if (other == peer || model->agent_of[other] != hello->agent)
            continue;
        model->agent_of[other] = 0;
        model->is_deaf[SIDE_WORKER][other] = true;
    }
    model->is_deaf[SIDE_WORKER][peer] = false;
    model->agent_of[peer] = hello->agent;
}

static void
take_exited(struct oracle *oracle, uint64_t agent, const struct exited *exited)
{
    struct model_worker *worker, *next;

    HASH_ITER(hh, oracle->model.workers, worker, next) {
        worker->has_exited |= exited->pid > 0 && worker->agent == agent && worker->pid == exited->pid;
        worker->may_end_first |= exited->replaces == worker->session && exited->cause == EXIT_NO_MEMORY;
    }
}

void
oracle_agent_event(struct oracle *oracle, uint32_t peer, const struct message *message)
{
    if (message->verb == VERB_HEARTBEAT)
        oracle_expect(oracle, SIDE_WORKER, peer, VERB_HEARTBEAT, ERROR_NONE);
    else if (message->verb == VERB_EXITED)
        take_exited(oracle, oracle->model.agent_of[peer], &message->exited);
    else if (message->verb != VERB_PROCESSES && message->verb != VERB_POOL)
        oracle_expect(oracle, SIDE_WORKER, peer, VERB_ERROR, ERROR_UNKNOWN_VERB);
}

void
oracle_replacement_came(struct oracle *oracle, const struct model_worker *worker)
{
    struct model_worker *old = worker->replaces ? find_session(oracle, worker->replaces) : NULL;

    if (old && old->agent == worker->agent)
        old->replaced_by = worker->session;
}

/* --- what the broker does ------------------------------------------------------------------------------------------- */

/* A process that must end for a task that did not is told so, too: it may have no agent that kills it. */
static bool
is_for_task(const struct stop *stop)
{
    return stop->reason.size == 6 && memcmp(stop->reason.data, "cancel", 6) == 0;
}

static void
check_stop(struct oracle *oracle, uint32_t peer, const struct stop *stop)
{
    struct model_worker *worker = oracle->model.worker_of[peer];
    struct tally *tally = oracle->tally;

    if (!worker) {
        BREAK(oracle, "recycling", "STOP went to peer %u, which is no worker", peer);
        return;
    }
    if (is_for_task(stop)) {
        if (!worker->is_condemned || stop->grace_ms == 0)
            BREAK(oracle, "P9", "worker %" PRIu64 " was told to end for a task, and no task calls for it", worker->session);
        return;
    }
    if (worker->is_asked_to_end) {
        tally->sometimes[SOMETIMES_STOP_REPEATED]++;
    } else if (worker->agent == 0) {
        tally->sometimes[SOMETIMES_ENDED_WITHOUT_AGENT]++;
    } else if (worker->replaced_by > 0) {
        tally->sometimes[SOMETIMES_REPLACED_READY]++;
    } else if (worker->pool->settings.recycle_first || worker->may_end_first) {
        tally->sometimes[SOMETIMES_ENDED_FIRST]++;
    } else {
        BREAK(oracle, "capacity", "worker %" PRIu64 " was asked to end, and its replacement is not ready",
              worker->session);
    }
    if (oracle->model.is_shutting && !worker->is_asked_to_end && worker->replaced_by == 0)
        BREAK(oracle, "P16", "a worker was asked to end for a replacement after SHUTDOWN");
    tally->sometimes[SOMETIMES_REPLACED_BUSY] += worker->busy > 0;
    worker->is_asked_to_end = worker->is_draining = true;
    oracle_leave_sessions(oracle, worker);
}

/* Only to the worker's own agent, and only for workers that there are. */
static void
check_replace(struct oracle *oracle, uint32_t peer, const struct replace *replace)
{
    struct model_worker *worker = find_session(oracle, replace->session);

    if (oracle->model.agent_of[peer] == 0)
        BREAK(oracle, "recycling", "REPLACE went to peer %u, which is no agent", peer);
    else if (worker && (worker->agent != oracle->model.agent_of[peer] || worker->pid != replace->pid))
        BREAK(oracle, "recycling", "REPLACE of worker %" PRIu64 " went to another's agent", replace->session);
    if (worker && worker->replaced_by > 0 && !worker->was_given_up)
        BREAK(oracle, "recycling", "worker %" PRIu64 " has a replacement already", replace->session);
    if (worker && worker->was_given_up) { /* another is wished for, whatever came late */
        worker->replaced_by = 0;
        worker->was_given_up = false;
    }
}

/* The session of this process that it began last, or NULL. */
static const struct model_worker *
find_process(const struct oracle *oracle, uint64_t agent, uint64_t pid)
{
    const struct model_worker *worker, *newest = NULL;

    for (worker = oracle->model.workers; worker; worker = worker->hh.next)
        if (worker->agent == agent && worker->pid == pid && (!newest || worker->session > newest->session))
            newest = worker;
    return newest;
}

/* Only what hangs, or runs a task that does not end, is killed. */
static void
check_retire(struct oracle *oracle, uint32_t peer, const struct retire *retire)
{
    const struct model_worker *worker = find_process(oracle, oracle->model.agent_of[peer], retire->pid);

    if (oracle->model.agent_of[peer] == 0)
        BREAK(oracle, "recycling", "RETIRE went to peer %u, which is no agent", peer);
    else if (retire->kill && worker && !worker->is_condemned && !worker->is_stalled && !worker->is_asked_to_end)
        BREAK(oracle, "P9", "worker %" PRIu64 " is killed, and nothing calls for it", worker->session);
}

void
oracle_check_recycling(struct oracle *oracle, uint32_t peer, const struct message *message)
{
    if (message->verb == VERB_STOP)
        check_stop(oracle, peer, &message->stop);
    else if (message->verb == VERB_REPLACE)
        check_replace(oracle, peer, &message->replace);
    else
        check_retire(oracle, peer, &message->retire);
}

/* A worker that hangs was given up. */
static void
take_stalled(struct oracle *oracle, struct model_worker *worker)
{
    const struct broker_settings *settings = &oracle->model.settings;
    int64_t timeout_us = worker->pool->settings.stalled_timeout_us;
    int64_t silent_us = oracle->now_us - worker->heard_us;

    if (timeout_us == 0)
        BREAK(oracle, "P11", "worker %" PRIu64 " was given up, and its pool has no stalled_timeout", worker->session);
    if (silent_us < settings->heartbeats_missed_max * settings->heartbeat_us + timeout_us)
        BREAK(oracle, "P11", "worker %" PRIu64 " was given up after %" PRIi64 " us of silence", worker->session,
              silent_us);
    oracle->tally->sometimes[SOMETIMES_STALLED_KILLED]++;
    oracle_judge_loss(oracle, worker);
    oracle_end_worker(oracle, worker, worker->is_condemned ? END_LOST : END_KILLED);
}

static void
take_recycled(struct oracle *oracle, const struct note *note)
{
    struct model_worker *worker = find_session(oracle, note->worker);

    if (!note->reason)
        BREAK(oracle, "recycling", "worker %" PRIu64 " was recycled for no reason", note->worker);
    else if (worker && strcmp(note->reason, "stalled") == 0)
        take_stalled(oracle, worker);
    else if (worker && (worker->busy > 0 || !worker->is_asked_to_end))
        BREAK(oracle, "recycling", "worker %" PRIu64 " was ended with %u tasks", note->worker, worker->busy);
    else if (worker)
        oracle_end_worker(oracle, worker, END_LOST);
}

static void
forget_agent(struct oracle *oracle, uint64_t number)
{
    oracle->tally->sometimes[SOMETIMES_AGENT_LOST]++;
    for (uint32_t peer = 1; peer <= PEERS_MAX; peer++)
        if (oracle->model.agent_of[peer] == number)
            oracle->model.agent_of[peer] = 0;
}

/* No more are replaced at one time than the pool says; but a replacement that comes late is welcome. */
static void
check_parallel(struct oracle *oracle, const struct note *note)
{
    struct model_pool *pool = model_find_pool(&oracle->model, bytes_of(note->pool));
    struct pool_stats stats;

    if (oracle->is_arrival || !pool || broker_find_pool(oracle->broker, bytes_of(note->pool), &stats) != OK)
        return;
    if (stats.recycling > pool->settings.recycle_parallel)
        BREAK(oracle, "recycling", "pool %s replaces %" PRIu64 " workers at one time", pool->name, stats.recycling);
}

static void
give_up_replacement(struct oracle *oracle, uint64_t session)
{
    struct model_worker *worker = session ? find_session(oracle, session) : NULL;

    oracle->tally->sometimes[SOMETIMES_REPLACE_FAILED]++;
    if (worker)
        worker->was_given_up = true;
}

void
oracle_recycling_note(struct oracle *oracle, const struct note *note)
{
    if (note->kind == NOTE_WORKER_RECYCLED)
        take_recycled(oracle, note);
    else if (note->kind == NOTE_WORKER_REPLACING)
        check_parallel(oracle, note);
    else if (note->kind == NOTE_AGENT_LOST)
        forget_agent(oracle, note->agent);
    else if (note->kind == NOTE_WORKER_REPLACE_FAILED)
        give_up_replacement(oracle, note->worker);
}
