/* oracle_send.c - whether what the broker sends may be sent, now, to this peer, with these contents; see oracle.h. */
#include "oracle.h"
#include "sim_client.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

/* --- dispatch ------------------------------------------------------------------------------------------------------- */

/* P13: nobody who is free runs fewer. */
static void
check_least_loaded(struct oracle *oracle, const struct model_worker *chosen)
{
    struct model_worker *worker;

    DL_FOREACH(chosen->pool->workers, worker) {
        if (!model_worker_is_ready(worker) || worker->is_unwelcomed || worker->busy == worker->slots)
            continue;
        if (model_worker_is_alone(worker))
            continue;
        if (worker->busy < chosen->busy && !oracle_may_be_passed(oracle, worker))
            BREAK(oracle, "P13", "worker %" PRIu64 " with %u tasks got one while worker %" PRIu64 " had %u",
                  chosen->session, chosen->busy, worker->session, worker->busy);
        oracle->tally->sometimes[SOMETIMES_LEAST_LOADED] += worker->busy > chosen->busy;
    }
}

static void
check_worker(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task,
             struct bytes session)
{
    if (worker->pool != task->pool)
        BREAK(oracle, "P18", "a task of pool %s went to a worker of pool %s", task->pool->name, worker->pool->name);
    if (worker->busy >= worker->slots)
        oracle_check_ahead(oracle, worker, task);
    if (!model_worker_is_ready(worker) || worker->is_unwelcomed)
        BREAK(oracle, "P12", "worker %" PRIu64 " got a task while it was %s", worker->session,
              worker->is_draining ? "draining" : "stalled");
    if (oracle->model.is_shutting)
        BREAK(oracle, "P16", "a task was dispatched after SHUTDOWN");
    if (!oracle_check_session(oracle, worker, task, session))
        check_least_loaded(oracle, worker);
    oracle_check_alone(oracle, worker, task);
}

static void
check_fence(struct oracle *oracle, const struct model_task *task, const struct task_command *command)
{
    struct model *model = &oracle->model;

    if (command->fence <= model->last_fence)
        BREAK(oracle, "P5", "fence %" PRIu64 " came after %" PRIu64, command->fence, model->last_fence);
    else
        model->last_fence = command->fence;
    if (command->attempt != task->attempt + 1)
        BREAK(oracle, "P5", "attempt %u follows attempt %u", command->attempt, task->attempt);
    if (task->tries >= task->tries_max)
        BREAK(oracle, "P14", "try %u of at most %u", task->tries + 1, task->tries_max);
    if (task->at_most_once && task->tries > task->failures)
        BREAK(oracle, "P6", "an at-most-once task ran again");
}

static void
check_deadline(struct oracle *oracle, const struct model_task *task, const struct task_command *command)
{
    int64_t left_us = task->deadline_us - oracle->now_us;

    if (left_us < 0)
        BREAK(oracle, "P10", "dispatched %" PRIi64 " us after the deadline", -left_us);
    if (task->ready_us > oracle->now_us)
        BREAK(oracle, "P8", "dispatched %" PRIi64 " us before its delay was over", task->ready_us - oracle->now_us);
    if (command->has_deadline != (task->deadline_us != INT64_MAX))
        BREAK(oracle, "P10", "a deadline was lost or invented");
    else if (command->has_deadline &&
             ((int64_t)command->deadline_ms * 1000 > left_us + 1000 ||
              (int64_t)command->deadline_ms * 1000 < left_us - 1000))
        BREAK(oracle, "P10", "deadline_ms is %" PRIu64 ", and %" PRIi64 " us are left", command->deadline_ms, left_us);
}

static uint64_t
hash_task(const struct task_command *task)
{
    uint64_t hash = hash_bytes(0, task->function);

    hash = hash_bytes(hash, task->content_type);
    hash = hash_bytes(hash, task->headers);
    return hash_payload(hash, &task->payload) ^ task->stream;
}

/* A lease that is looked for among those that the broker shows. */
struct lease_search {
    uint64_t fence, task;
};

static void
visit_lease(void *context, const struct lease_stats *stats)
{
    struct lease_search *search = context;

    if (stats->fence == search->fence)
        search->task = stats->task.task;
}

/* Two tasks with one content: which of them was dispatched, only the broker's list of leases tells. */
static struct model_task *
choose_twin(struct oracle *oracle, const struct model_worker *worker, uint64_t fence, struct model_task *first)
{
    struct lease_search search = {.fence = fence};
    struct model_task *task;

    broker_each_lease(oracle->broker, worker->session, visit_lease, &search);
    DL_FOREACH2(oracle->model.live, task, live_next)
        if (task->number == search.task && task->content == first->content && task->state != MODEL_LEASED)
            return task;
    return first;
}

static void
check_task(struct oracle *oracle, uint32_t peer, const struct task_command *command)
{
    struct model *model = &oracle->model;
    struct model_worker *worker = model->worker_of[peer];
    struct model_task *task = model_find_content(model, command->function);

    if (task && worker && model->has_twins)
        task = choose_twin(oracle, worker, command->fence, task);
    if (!task || !worker) {
        BREAK(oracle, "P2", task ? "a task went to a peer that is no worker" : "a task that nobody offered");
        return;
    }
    if (task->state == MODEL_FINAL || task->state == MODEL_LEASED) {
        BREAK(oracle, task->verdict == ERROR_CANCELLED ? "P9" : "P4", "task %" PRIu64 " was dispatched and is %s",
              task->number, task->state == MODEL_LEASED ? "running" : "final");
        return;
    }
    if (task->hash != hash_task(command))
        BREAK(oracle, "P2", "task %" PRIu64 " reached its worker changed", task->number);
    check_deadline(oracle, task, command);
    if (task->state == MODEL_DELAYED)
        model_promote(model, task);
    if (task->is_suspect)
        oracle_check_suspect(oracle, worker, task);
    else
        oracle_check_turn(oracle, task);
    check_worker(oracle, worker, task, command->session);
    check_fence(oracle, task, command);
    oracle_begin_attempt(oracle, task->pool, command->fence);
    oracle->tally->dispatches++;
    oracle_check_task_credit(oracle, task, command->credit);
    model_lease_task(model, task, worker, command->fence, oracle->now_us);
}

/* --- final messages --------------------------------------------------------------------------------------------------- */

static uint64_t
hash_final(const struct message *message)
{
    const struct error *error = &message->error;
    uint64_t hash = message->verb;

    if (message->verb == VERB_RESULT) {
        const struct info *info = &message->result.info;
        uint64_t facts[] = {info->attempt, info->chunks, info->timed, info->worker, info->queue_us, info->run_us};

        hash = hash_bytes(hash, (struct bytes){(const uint8_t *)facts, sizeof facts});
        return hash_payload(hash_bytes(hash, info->content_type), &message->result.payload);
    }
    hash = hash_bytes(hash + error->code * 31 + error->attempt * 1009, error->text);
    return hash_bytes(hash_bytes(hash, error->type), error->traceback);
}

/* Does it say what the task's worker said? */
static bool
is_worker_answer(const struct model_task *task, const struct message *message)
{
    const struct error *error = &message->error;

    if (message->verb == VERB_RESULT)
        return task->answer ==
               hash_payload(hash_bytes(0, message->result.info.content_type), &message->result.payload);
    return task->answer ==
           hash_bytes(hash_bytes(hash_bytes(error->code, error->text), error->type), error->traceback);
}

static void
check_final_content(struct oracle *oracle, struct model_task *task, const struct message *message)
{
    enum error_code code = message->verb == VERB_RESULT ? ERROR_NONE : message->error.code;
    uint32_t attempt = message->verb == VERB_RESULT ? message->result.info.attempt : message->error.attempt;
    uint64_t hash = hash_final(message);

    if (task->may_have_expired && !task->was_sent && code == ERROR_EXPIRED) {
        task->verdict = ERROR_EXPIRED;
        task->has_answer = false;
        task->attempt = attempt;
    }
    if (task->state != MODEL_FINAL)
        BREAK(oracle, "P4", "task %" PRIu64 " is not final, and its client was told %s", task->number,
              code == ERROR_NONE ? "ok" : error_code_name(code));
    else if (code != task->verdict)
        BREAK(oracle, "P4", "task %" PRIu64 " ended %s, and its client was told %s", task->number,
              error_code_name(task->verdict), error_code_name(code));
    else if (task->has_answer && !is_worker_answer(task, message))
        BREAK(oracle, "P5", "task %" PRIu64 ": the client got other bytes than its worker sent", task->number);
    else if (task->was_sent && task->sent != hash)
        BREAK(oracle, "P4", "task %" PRIu64 ": the final message was repeated and differs", task->number);
    else if (attempt && attempt != task->attempt)
        BREAK(oracle, "P5", "task %" PRIu64 ": final of attempt %u, the last was %u", task->number, attempt,
              task->attempt);
    else if (!attempt && task->attempt > 1)
        BREAK(oracle, "P5", "task %" PRIu64 ": the final message does not say attempt %u", task->number, task->attempt);
    task->was_sent = true;
    task->sent = hash;
}

static void
check_final(struct oracle *oracle, uint32_t peer, const struct message *message)
{
    const struct ref *ref = message->verb == VERB_RESULT ? &message->result.ref : &message->error.ref;
    struct model_client *client = oracle->model.client_of[peer];
    struct model_task *task = client ? model_find_task(&oracle->model, client, ref) : NULL;

    if (!task) {
        BREAK(oracle, "P18", "client peer %u was told the end of a task that it has not", peer);
        return;
    }
    if (oracle->is_tick && task->state != MODEL_FINAL && task->deadline_us <= oracle->now_us &&
        message->verb == VERB_ERROR && message->error.code == ERROR_EXPIRED)
        oracle_expire(oracle, task);
    check_final_content(oracle, task, message);
    if (task->owed > 0)
        task->owed--;
    else if (task->may)
        task->may = false;
    else
        BREAK(oracle, "P4", "task %" PRIu64 ": a second final message without having been asked", task->number);
    /* Asked for again, it counts as just ended; and as the latest on this connection. */
    if (task->final_step != oracle->step)
        model_keep_again(&oracle->model, task, oracle->now_us);
    if (!client->is_anonymous)
        task->position = ++client->sent_finals;
}

/* --- everything else -------------------------------------------------------------------------------------------------- */

static bool
matches(const struct expected *expected, const struct action *action)
{
    const struct message *message = &action->message;
    struct ref ref = {0};

    if (expected->side != action->side || expected->peer != action->peer || expected->verb != message->verb ||
        expected->seen == expected->max)
        return false;
    if (message->verb == VERB_ERROR || message->verb == VERB_REFUSE) {
        ref = message->error.ref;
        if (expected->code != ERROR_NONE && expected->code != message->error.code)
            return false;
    } else if (message->verb == VERB_CANCEL) {
        ref = message->cancel.ref;
    } else if (message->verb == VERB_CREDIT) {
        ref = message->credit.ref;
        if (expected->hash != message->credit.count)
            return false;
    } else if (message->verb == VERB_ACCEPTED) {
        ref = message->accepted.id;
    } else if (message->verb == VERB_CHUNK) {
        ref = message->chunk.ref;
        if (expected->hash && expected->hash != hash_payload(message->chunk.seq, &message->chunk.payload))
            return false;
    }
    return expected->ref.kind == REF_NONE || ref_equal(&expected->ref, &ref);
}

/* P20: offered again, it is the same task. Numbers count what was accepted. */
static void
check_number(struct oracle *oracle, const struct action *action)
{
    const struct accepted *accepted = &action->message.accepted;
    struct model_client *client = oracle->model.client_of[action->peer];
    struct model_task *task = client ? model_find_task(&oracle->model, client, &accepted->id) : NULL;

    if (task && task->number != accepted->task)
        BREAK(oracle, "P20", "task %" PRIu64 " was accepted as number %" PRIu64, task->number, accepted->task);
}

static void
check_expected(struct oracle *oracle, const struct action *action)
{
    if (action->side == SIDE_WORKER && action->message.verb == VERB_CANCEL)
        oracle_check_cancel(oracle, action->peer, &action->message.cancel);
    if (action->message.verb == VERB_CREDIT)
        oracle_check_credit(oracle, &action->message.credit);
    for (uint32_t i = 0; i < oracle->expected_count; i++) {
        if (!matches(&oracle->expected[i], action))
            continue;
        oracle->expected[i].seen++;
        if (action->message.verb == VERB_WELCOME && action->side == SIDE_WORKER &&
            oracle->model.worker_of[action->peer])
            oracle->model.worker_of[action->peer]->is_unwelcomed = false;
        if (action->message.verb == VERB_ACCEPTED)
            check_number(oracle, action);
        oracle->tally->sometimes[SOMETIMES_REHELLO] += action->message.verb == VERB_REHELLO;
        return;
    }
    BREAK(oracle, "answer", "nothing called for %s %s to %s peer %u", verb_name(action->message.verb),
          action->message.verb == VERB_ERROR ? error_code_name(action->message.error.code) : "",
          action->side == SIDE_CLIENT ? "client" : "worker", action->peer);
}

static void
check_note(struct oracle *oracle, const struct note *note)
{
    const struct broker_settings *settings = &oracle->model.settings;
    struct model_worker *worker = NULL;
    int64_t silent_us;

    if (note->kind == NOTE_WORKER_LOST)
        oracle_worker_lost(oracle, note->worker);
    if (note->kind == NOTE_CLIENT_GONE)
        oracle_client_lost(oracle, note->client);
    oracle_recycling_note(oracle, note);
    oracle_circuit_note(oracle, note);
    oracle_schedule_note(oracle, note);
    oracle_ladder_note(oracle, note);
    if (note->kind != NOTE_WORKER_STALLED)
        return;
    HASH_FIND(hh, oracle->model.workers, &note->worker, sizeof note->worker, worker);
    if (!worker)
        return;
    silent_us = oracle->now_us - worker->heard_us;
    if (silent_us < settings->heartbeat_us * settings->heartbeats_missed_max)
        BREAK(oracle, "P11", "a worker heard %" PRIi64 " us ago was called stalled", silent_us);
    worker->is_stalled = true;
    worker->stalled_us = oracle->now_us;
    oracle->tally->sometimes[SOMETIMES_WORKER_STALLED]++;
}

/* Whether the pool needs it is known when all that happened in this step is. */
static void
check_stop(struct oracle *oracle, uint32_t peer)
{
    struct model_worker *worker = oracle->model.worker_of[peer];

    if (worker)
        worker->pool->is_stopping = true;
    else
        BREAK(oracle, "answer", "STOP went to worker peer %u, which has no session", peer);
}

/* A worker is asked to end because its pool goes, and not to be replaced. */
static bool
is_removal(const struct stop *stop)
{
    return stop->reason.size > 8 && memcmp(stop->reason.data, "the pool", 8) == 0;
}

/* P16: the owner of a task that did not end is told, once. */
static void
check_shutdown(struct oracle *oracle, uint32_t peer, const struct ref *ref)
{
    struct model_client *client = oracle->model.client_of[peer];
    struct model_task *task = client ? model_find_task(&oracle->model, client, ref) : NULL;

    if (!task || !task->owes_shutdown)
        BREAK(oracle, "P16", "client peer %u was told of a shutdown that does not concern it", peer);
    else
        task->owes_shutdown = false;
}

void
oracle_check_action(struct oracle *oracle, const struct action *action)
{
    if (action->kind == ACTION_SHUT) {
        if (!oracle->model.is_shutting || oracle->model.is_shut)
            BREAK(oracle, "P16", "SHUT without SHUTDOWN, or twice");
        oracle->model.is_shut = true;
    } else if (action->kind == ACTION_NOTE) {
        check_note(oracle, &action->note);
    } else if (action->peer == 0 || action->peer > PEERS_MAX) {
        BREAK(oracle, "answer", "a message to nobody (peer %u)", action->peer);
    } else if ((action->message.verb == VERB_STOP && !is_removal(&action->message.stop)) ||
               action->message.verb == VERB_REPLACE || action->message.verb == VERB_RETIRE) {
        oracle_check_recycling(oracle, action->peer, &action->message);
    } else if (action->side == SIDE_WORKER && action->message.verb == VERB_TASK) {
        check_task(oracle, action->peer, &action->message.task);
    } else if (action->side == SIDE_WORKER && action->message.verb == VERB_RECALL) {
        oracle_check_recall(oracle, action->peer, action->message.fence);
    } else if (action->side == SIDE_WORKER && action->message.verb == VERB_STOP) {
        check_stop(oracle, action->peer);
    } else if (action->side == SIDE_CLIENT && message_is_final(&action->message)) {
        check_final(oracle, action->peer, &action->message);
    } else if (action->side == SIDE_CLIENT && action->message.verb == VERB_ERROR &&
               action->message.error.code == ERROR_SHUTDOWN) {
        check_shutdown(oracle, action->peer, &action->message.error.ref);
    } else {
        check_expected(oracle, action);
    }
}
