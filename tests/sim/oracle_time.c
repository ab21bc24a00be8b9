/* oracle_time.c - what must have happened once the broker was told the time; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

#define DEADLINE_SLACK_US INT64_C(100000)

/* --- tasks ------------------------------------------------------------------------------------------------------------ */

/* A running task leaves its lease: the slot stays taken until the worker has answered. */
void
oracle_expire(struct oracle *oracle, struct model_task *task)
{
    struct model_lease *lease = task->lease;
    static const enum sometimes kinds[] = {
        [MODEL_DELAYED] = SOMETIMES_EXPIRED_DELAYED,
        [MODEL_QUEUED] = SOMETIMES_EXPIRED_QUEUED,
        [MODEL_LEASED] = SOMETIMES_EXPIRED_LEASED,
        [MODEL_FOLLOWING] = SOMETIMES_EXPIRED_FOLLOWING,
    };

    oracle->tally->sometimes[kinds[task->state]]++;
    if (lease)
        oracle_judge_attempt(oracle, lease, ATTEMPT_NEUTRAL);
    model_finish(&oracle->model, task, ERROR_EXPIRED, oracle->now_us);
    oracle_leave_dedup(oracle, task);
    if (lease)
        oracle_ask_end(oracle, lease);
}

/* What is due at or before `until_us`. */
static void
expire_tasks(struct oracle *oracle, int64_t until_us)
{
    struct model_task *task, *next;

    DL_FOREACH_SAFE2(oracle->model.live, task, next, live_next) {
        if (task->deadline_us <= until_us)
            oracle_expire(oracle, task);
        else if (task->state == MODEL_DELAYED && task->ready_us <= until_us)
            model_promote(&oracle->model, task);
    }
}

/* --- workers ---------------------------------------------------------------------------------------------------------- */

static bool
was_noted(const struct oracle *oracle, enum note_kind kind, uint64_t task)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_NOTE && action->note.kind == kind && action->note.task == task)
            return true;
    }
    return false;
}

/* Neither note nor message says what happened to a cancelled or at-most-once task of a client that is away. */
static bool
is_expired_first(const struct oracle *oracle, const struct model_task *task, int64_t lost_us)
{
    bool timed_out = task->lease->timed_out;
    enum error_code loss = task->at_most_once ? ERROR_LOST : ERROR_SESSION_LOST;
    enum error_code other = task->cancel_asked ? ERROR_CANCELLED : timed_out ? ERROR_TIMED_OUT : loss;

    if (!task->cancel_asked && !task->at_most_once && !timed_out && !model_needs_worker(task))
        return true;
    if (task->client->peer)
        return !oracle_was_told(oracle, task->client->peer, &task->key.id, other);
    task->pool->doubtful++;
    task->pool->circuit.is_vague = true;
    return task->deadline_us <= lost_us;
}

/* The same of tasks that follow one: those whose deadline is over, too, may have ended before it did. Where nothing was
 * noted of the work, and it may be tried again, the last of them ended it. */
static void
expire_followers(struct oracle *oracle, const struct model_task *work)
{
    bool is_certain = !was_noted(oracle, NOTE_TASK_DEAD, work->number) && !work->at_most_once && !work->cancel_asked;
    struct model_dedup *dedup = work->dedup;
    struct model_task *task, *next;

    DL_FOREACH_SAFE(dedup->followers, task, next) {
        bool is_last = task->prev == task;

        if (task->deadline_us > oracle->now_us)
            continue;
        if (task->client->peer ? oracle_was_told(oracle, task->client->peer, &task->key.id, ERROR_EXPIRED) : is_certain) {
            oracle_expire(oracle, task);
            if (is_last) /* and its key is gone */
                return;
        } else if (!task->client->peer) {
            task->may_have_expired = true;
            task->pool->doubtful++;
            task->pool->circuit.is_vague = true;
        }
    }
}

/* Both are over: the deadline of a task and the grace of its worker. Then it expires as a running task, or as one that
 * was requeued first; which, the notes tell. Without one, what was due first came first. */
static void
expire_before_loss(struct oracle *oracle, struct model_worker *worker, int64_t due_us)
{
    struct model_lease *lease;

    DL_FOREACH(worker->leases, lease) {
        struct model_task *task = lease->task;

        if (task && task->dedup && !was_noted(oracle, NOTE_TASK_REQUEUED, task->number))
            expire_followers(oracle, task);
        if (!task || task->deadline_us > oracle->now_us)
            continue;
        if (was_noted(oracle, NOTE_TASK_REQUEUED, task->number) || was_noted(oracle, NOTE_TASK_DEAD, task->number))
            continue;
        if (is_expired_first(oracle, task, due_us))
            oracle_expire(oracle, task);
    }
}

bool
oracle_was_worker_noted(const struct oracle *oracle, enum note_kind kind, uint64_t session)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_NOTE && action->note.kind == kind && action->note.worker == session)
            return true;
    }
    return false;
}

/* A worker that was away when its replacement came was to end, too, though nobody could tell it: the note says so. */
static enum model_end
judge_end(const struct oracle *oracle, const struct model_worker *worker)
{
    if (oracle_was_worker_noted(oracle, NOTE_WORKER_RECYCLED, worker->session))
        return END_LOST;
    return worker->is_draining || worker->is_condemned ? END_LOST : END_KILLED;
}

void
oracle_worker_lost(struct oracle *oracle, uint64_t session)
{
    int64_t grace_us = oracle->model.settings.worker_grace_us, due_us;
    struct model_worker *worker;

    HASH_FIND(hh, oracle->model.workers, &session, sizeof session, worker);
    if (!worker || worker->peer)
        return;
    due_us = worker->detached_us + grace_us;
    oracle->tally->sometimes[SOMETIMES_EXIT_TOLD] += worker->has_exited && due_us > oracle->now_us;
    if (due_us > oracle->now_us && !worker->has_exited)
        BREAK(oracle, "P11", "worker %" PRIu64 " was given up %" PRIi64 " us before its grace was over", session,
              due_us - oracle->now_us);
    expire_before_loss(oracle, worker, due_us);
    oracle->tally->sometimes[SOMETIMES_WORKER_LOST_BUSY] += worker->busy > 0;
    oracle_judge_loss(oracle, worker);
    oracle_end_worker(oracle, worker, judge_end(oracle, worker));
}

static void
check_absent(struct oracle *oracle, const struct model_worker *worker)
{
    const struct broker_settings *settings = &oracle->model.settings;
    int64_t silent_us = oracle->now_us - worker->heard_us;
    int64_t until_us = oracle->now_us - !oracle->is_tick; /* what is due at this very moment, a tick will do */

    if (!worker->peer && worker->detached_us + settings->worker_grace_us <= until_us)
        BREAK(oracle, "P11", "worker %" PRIu64 " is gone for %" PRIi64 " us and was not given up", worker->session,
              oracle->now_us - worker->detached_us);
    if (model_worker_is_ready(worker) && silent_us - !oracle->is_tick >= settings->heartbeat_us * settings->heartbeats_missed_max)
        BREAK(oracle, "P11", "worker %" PRIu64 " is silent for %" PRIi64 " us and not stalled", worker->session,
              silent_us);
}

/* --- clients ---------------------------------------------------------------------------------------------------------- */

/* What is kept longer than that may be forgotten. */
static void
release_kept(struct oracle *oracle)
{
    int64_t before_us = oracle->now_us - oracle->model.settings.client_retention_us;
    struct model_client *client;

    DL_FOREACH(oracle->model.all_clients, client)
        while (client->kept && client->kept->kept_us <= before_us)
            model_unkeep(&oracle->model, client->kept);
}

static void
check_clients(struct oracle *oracle)
{
    int64_t before_us = oracle->now_us - oracle->model.settings.client_retention_us - !oracle->is_tick;
    const struct model_client *client;

    DL_FOREACH(oracle->model.all_clients, client)
        if (!client->is_gone && !client->peer && client->on_disconnect == DISCONNECT_CANCEL &&
            client->detached_us <= before_us)
            BREAK(oracle, "session", "client %" PRIu64 " is away too long and its tasks were not cancelled",
                  client->session);
}

/* A tick does several things, one after the other, each with what follows from it. So what it says is taken in order
 * (oracle_send.c), and here, at the end, what it does in silence. */
void
oracle_tick(struct oracle *oracle)
{
    expire_tasks(oracle, oracle->now_us);
    model_expire_dedups(&oracle->model, oracle->now_us);
    oracle_run_schedules(oracle);
    release_kept(oracle);
}

/* P10: a deadline is kept within 100 ms; the other half of it is that the broker asked for a tick in time. */
static void
check_overdue(struct oracle *oracle)
{
    const struct model_task *task;

    DL_FOREACH2(oracle->model.live, task, live_next) {
        if (task->deadline_us < oracle->now_us - DEADLINE_SLACK_US)
            BREAK(oracle, "P10", "task %" PRIu64 " should have expired %" PRIi64 " us ago", task->number,
                  oracle->now_us - task->deadline_us);
        if (task->state == MODEL_DELAYED && task->ready_us < oracle->now_us - DEADLINE_SLACK_US)
            BREAK(oracle, "P8", "the delay of task %" PRIu64 " was over %" PRIi64 " us ago", task->number,
                  oracle->now_us - task->ready_us);
    }
}

void
oracle_check_due(struct oracle *oracle)
{
    struct model_worker *worker, *next;

    check_overdue(oracle);
    if (oracle->now_us < oracle->lenient_us)
        return;
    HASH_ITER(hh, oracle->model.workers, worker, next)
        check_absent(oracle, worker);
    check_clients(oracle);
    oracle_check_ladders(oracle);
    oracle_check_streams(oracle);
}
