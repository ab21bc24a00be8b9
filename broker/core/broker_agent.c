/* broker_agent.c - sessions of agents, and what they tell of processes and pools; see broker_lifecycle.h.
 *
 * An agent that is lost takes nothing away: its workers are sessions of their own. What it was asked is asked again when it
 * is back. */
#include "broker/core/broker_lifecycle.h"
#include "wire/text.h"

#include <string.h>

/* --- sessions ---------------------------------------------------------------------------------------------------- */

static struct agent *
find_any(const struct broker *broker, uint64_t number)
{
    struct agent *agent;

    HASH_FIND_BYHASHVALUE(hh, broker->agents, &number, sizeof number, (unsigned)hash_mix(number), agent);
    return agent;
}

struct agent *
broker_find_agent(const struct broker *broker, uint64_t number)
{
    struct agent *agent = number > 0 ? find_any(broker, number) : NULL;

    return agent && agent->peer > 0 ? agent : NULL;
}

static struct note *
note_agent(struct broker *broker, enum note_kind kind, const struct agent *agent)
{
    const char *name = agent->name[0] ? outbox_copy(broker->outbox, agent->name, strlen(agent->name)) : NULL;
    struct note *note = outbox_note(broker->outbox, kind);

    note->agent = agent->number;
    note->agent_name = name;
    note->pid = agent->pid;
    return note;
}

static int64_t
silent_after_us(const struct broker *broker)
{
    return broker->settings.heartbeats_missed_max * broker->settings.heartbeat_us;
}

/* It speaks over this connection from now on; 0: over none, for the moment. */
static void
connect(struct broker *broker, struct agent *agent, uint32_t number)
{
    int64_t wait_us = number > 0 ? silent_after_us(broker) : broker->settings.worker_grace_us;

    if (agent->peer > 0 && agent->peer != number)
        peers_get(&broker->worker_peers, agent->peer)->agent = NULL;
    if (number > 0 && agent->peer != number)
        *peers_get(&broker->worker_peers, number) = (struct peer){.agent = agent};
    agent->peer = number;
    agent->heard_us = broker->now_us;
    heap_put(&broker->timers, &agent->timer, broker->now_us + wait_us);
}

void
broker_lose_agent(struct broker *broker, struct agent *agent, const char *reason)
{
    note_agent(broker, NOTE_AGENT_LOST, agent)->reason = reason;
    connect(broker, agent, 0);
    heap_remove(&broker->timers, &agent->timer);
    HASH_DELETE(hh, broker->agents, agent);
    broker_recycle_agent_lost(broker, agent);
    agent_destroy(&agent);
    broker_count_agents(broker);
}

void
broker_agent_peer_gone(struct broker *broker, struct agent *agent)
{
    connect(broker, agent, 0);
}

/* The timer is not moved at each message of the agent, but looks back when it rings. */
void
broker_agent_due(struct broker *broker, struct agent *agent)
{
    int64_t due_us = agent->heard_us + silent_after_us(broker);

    if (agent->peer == 0)
        broker_lose_agent(broker, agent, "its connection ended");
    else if (due_us <= broker->now_us)
        broker_lose_agent(broker, agent, "silent");
    else
        heap_put(&broker->timers, &agent->timer, due_us);
}

static struct agent *
create(struct broker *broker, const struct hello *hello)
{
    struct agent *agent = agent_new(broker->session_next++, hello, broker->now_us);

    agent->timer.tag = TIMER_AGENT;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->agents, &agent->number, sizeof agent->number,
                                (unsigned)hash_mix(agent->number), agent);
    return agent;
}

/* Two processes with one number: the later HELLO wins, and the other connection is only told to say HELLO. */
static void
leave_old_connection(struct broker *broker, const struct agent *agent, uint32_t number)
{
    if (agent->peer > 0 && agent->peer != number)
        peers_get(&broker->worker_peers, agent->peer)->is_replaced = true;
}

void
broker_hello_agent(struct broker *broker, uint32_t number, const struct hello *hello)
{
    struct agent *agent = find_any(broker, hello->agent);
    bool is_known = agent != NULL;

    if (hello->agent == 0) {
        broker_refuse(broker, SIDE_WORKER, number, ERROR_BAD_FIELD, "an agent has a number")->field = text_bytes("agent");
        return;
    }
    if (!is_known && HASH_COUNT(broker->workers) + HASH_COUNT(broker->agents) >= broker->settings.peers_max) {
        broker_refuse(broker, SIDE_WORKER, number, ERROR_UNAVAILABLE, "too many workers and agents");
        return;
    }
    if (is_known) {
        leave_old_connection(broker, agent, number);
        agent_take_hello(agent, hello);
    } else {
        agent = create(broker, hello);
    }
    connect(broker, agent, number);
    broker_welcome(broker, SIDE_WORKER, number, agent->session, is_known);
    note_agent(broker, NOTE_AGENT_CONNECTED, agent)->count = agent->duties_count;
    broker_count_agents(broker);
    broker_recycle_agent_here(broker, agent);
}

/* --- pools -------------------------------------------------------------------------------------------------------- */

static void
clear_counts(struct broker *broker)
{
    for (size_t i = 0; i < broker->pools_count; i++) {
        struct pool *pool = broker->pools[i];

        pool->agents = pool->agents_failed = pool->agents_wanted = 0;
    }
}

/* Agents are few, and they seldom change: counting all of them anew cannot go wrong. */
void
broker_count_agents(struct broker *broker)
{
    clear_counts(broker);
    for (const struct agent *agent = broker->agents; agent; agent = agent->hh.next) {
        for (uint32_t i = 0; i < agent->duties_count; i++) {
            const struct duty *duty = &agent->duties[i];
            struct pool *pool = broker_pool(broker, text_bytes(duty->name));

            if (!pool)
                continue;
            pool->agents++;
            pool->agents_failed += duty->is_failed;
            pool->agents_wanted += duty->wanted;
        }
    }
    for (size_t i = 0; i < broker->pools_count; i++) {
        broker_review_failure(broker, broker->pools[i]);
        broker_close_places(broker, broker->pools[i]);
    }
}

/* Nobody can run what waits. */
static void
end_waiting(struct broker *broker, struct pool *pool)
{
    struct verdict failed = verdict_make(ERROR_POOL_FAILED);
    struct task *task;

    while ((task = queue_any(&pool->queue)) || (task = pool_any_suspect(pool)) || (task = pool->parked) ||
           (task = pool->delayed))
        broker_finish(broker, task, &failed);
}

static void
note_failure(struct broker *broker, const struct pool *pool)
{
    struct note *note = outbox_note(broker->outbox, pool->is_failed ? NOTE_POOL_FAILED : NOTE_POOL_RECOVERED);

    note->pool = pool->name;
    note->reason = pool->is_failed ? "its agents cannot start workers, and none is ready" : NULL;
    note->count = pool_waiting(pool);
}

void
broker_review_failure(struct broker *broker, struct pool *pool)
{
    bool is_failed = pool->agents > 0 && pool->agents_failed == pool->agents && pool->workers_ready == 0;

    if (is_failed != pool->is_failed) {
        pool->is_failed = is_failed;
        note_failure(broker, pool);
    }
    if (pool_refuses(pool)) /* since now, or since a reload says so */
        end_waiting(broker, pool);
}

/* The agent's workers of this pool run an older configuration. */
static void
recycle_changed(struct broker *broker, const struct agent *agent, const struct pool *pool)
{
    struct worker *worker, *next;

    for (worker = pool->workers; worker; worker = next) {
        next = worker->next;
        if (worker->process.agent == agent->number)
            broker_recycle(broker, worker, RECYCLE_RELOAD);
    }
}

/* Whether it says anything new. */
static bool
take_report(struct duty *duty, const struct pool_report *report)
{
    struct duty before = *duty;

    duty->is_failed = report->state == AGENT_POOL_FAILED;
    if (report->has_wanted)
        duty->wanted = report->wanted;
    return duty->is_failed != before.is_failed || duty->wanted != before.wanted;
}

static void
handle_pool(struct broker *broker, struct agent *agent, const struct pool_report *report)
{
    uint32_t duties_count = agent->duties_count;
    struct duty *duty = agent_duty(agent, report->pool);
    struct pool *pool = broker_pool(broker, report->pool);

    if (!duty) {
        broker_send_error(broker, SIDE_WORKER, agent->peer, NULL, ERROR_BAD_FIELD, "too many pools")->field =
            text_bytes("pool");
        return;
    }
    /* An agent tells of all its pools when it is welcomed, and mostly what its HELLO said. */
    if (take_report(duty, report) || agent->duties_count != duties_count)
        broker_count_agents(broker);
    if (pool && report->changed)
        recycle_changed(broker, agent, pool);
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static struct worker *
find_process(const struct broker *broker, const struct agent *agent, uint64_t pid)
{
    struct process_key key = {agent->number, pid};
    struct worker *worker;

    HASH_FIND_BYHASHVALUE(by_process, broker->processes, &key, sizeof key, process_hash(&key), worker);
    return worker;
}

static void
handle_processes(struct broker *broker, const struct agent *agent, struct processes processes)
{
    struct process_usage usage;

    while (wire_processes_next(&processes, &usage) == OK) {
        struct worker *worker = find_process(broker, agent, usage.pid);

        if (!worker)
            continue;
        worker->measured_us = broker->now_us;
        worker->rss_bytes = usage.rss_bytes;
        worker->cpu_us = usage.cpu_us;
        broker_judge_lifespan(broker, worker);
    }
}

static void
note_exited(struct broker *broker, const struct agent *agent, const struct exited *exited, const char *cause)
{
    bool was_started = exited->cause <= EXIT_OOM;
    const char *pool = outbox_copy(broker->outbox, exited->pool.data, exited->pool.size);
    const char *output = exited->text.size > 0 ? outbox_copy(broker->outbox, exited->text.data, exited->text.size) : NULL;
    struct note *note = note_agent(broker, was_started ? NOTE_WORKER_EXITED : NOTE_WORKER_START_FAILED, agent);

    note->pool = pool;
    note->pid = exited->pid;
    note->reason = cause;
    note->output = was_started ? NULL : output;
}

/* Its last words may still be on their way: they come before the end of its connection, so that is waited for. */
static void
take_cause(struct broker *broker, struct worker *worker, const struct exited *exited)
{
    worker->has_exited = true;
    /* For its agent, one that ends soon after its start has failed to start; this one has said HELLO. */
    worker->exit_cause = exited->cause == EXIT_START_FAILED ? EXIT_STATUS : exited->cause;
    worker->exit_status = exited->status;
    if (worker->state == WORKER_DETACHED)
        broker_lose_worker(broker, worker, broker_say_exit(broker, worker->exit_cause, worker->exit_status));
}

static void
handle_exited(struct broker *broker, struct agent *agent, const struct exited *exited)
{
    const char *cause = broker_say_exit(broker, exited->cause, exited->status);
    struct worker *worker = exited->pid > 0 ? find_process(broker, agent, exited->pid) : NULL;

    if (worker)
        take_cause(broker, worker, exited);
    else
        note_exited(broker, agent, exited, cause);
    if (exited->replaces > 0)
        broker_recycle_failed(broker, exited->pool, exited->replaces, exited->cause == EXIT_NO_MEMORY, cause);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

void
broker_handle_agent(struct broker *broker, struct agent *agent, const struct message *message)
{
    agent->heard_us = broker->now_us;
    switch (message->verb) {
    case VERB_HEARTBEAT:
        outbox_send(broker->outbox, SIDE_WORKER, agent->peer, VERB_HEARTBEAT, NULL);
        return;
    case VERB_PROCESSES:
        handle_processes(broker, agent, message->processes);
        return;
    case VERB_EXITED:
        handle_exited(broker, agent, &message->exited);
        return;
    case VERB_POOL:
        handle_pool(broker, agent, &message->pool);
        return;
    case VERB_BYE:
        broker_lose_agent(broker, agent, "said BYE");
        return;
    default:
        broker_send_error(broker, SIDE_WORKER, agent->peer, NULL, ERROR_UNKNOWN_VERB, "agents do not send this");
    }
}
