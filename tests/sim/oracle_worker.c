/* oracle_worker.c - what a worker's event must do; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

/* --- HELLO ---------------------------------------------------------------------------------------------------------- */

static bool
next_fence(struct fences *fences, uint64_t *ret_fence)
{
    const uint8_t *at;

    if (fences->count == 0)
        return false;
    at = fences->encoded.data + 1;
    *ret_fence = 0;
    for (int i = 0; i < 8; i++)
        *ret_fence = *ret_fence << 8 | *at++;
    fences->encoded.data = at;
    fences->count--;
    return true;
}

static bool
lists_fence(const struct welcome *welcome, uint64_t fence)
{
    for (uint32_t i = 0; i < welcome->leases.count; i++)
        if (welcome->leases.list[i] == fence)
            return true;
    return false;
}

/* Of the leases that were offered, exactly the open ones are confirmed; the others have ended. */
static void
resume_leases(struct oracle *oracle, struct model_worker *worker, struct fences offered,
              const struct welcome *welcome)
{
    struct model_lease *lease, *next;
    uint64_t fence;
    uint32_t named = 0;

    while (next_fence(&offered, &fence)) {
        lease = model_find_lease(&oracle->model, fence);
        if (!lease || lease->worker != worker || lease->named)
            continue;
        lease->named = true;
        named++;
        if (!lists_fence(welcome, fence))
            BREAK(oracle, "P5", "the open lease %" PRIu64 " was offered at resume and not confirmed", fence);
    }
    oracle->tally->sometimes[SOMETIMES_RESUMED_WITH_LEASES] += named > 0;
    if (welcome->leases.count != named)
        BREAK(oracle, "P5", "%u leases were offered and open, %u were confirmed", named, welcome->leases.count);
    DL_FOREACH_SAFE(worker->leases, lease, next) {
        if (!lease->named) {
            oracle->tally->sometimes[SOMETIMES_RESUME_LOST_LEASE]++;
            if (lease->task)
                oracle_judge_attempt(oracle, lease, ATTEMPT_NEUTRAL);
            model_end_lease(&oracle->model, lease, END_UNHELD, oracle->now_us);
            continue;
        }
        lease->named = false;
        if (lease->ladder != RUNG_NONE)
            oracle_expect(oracle, SIDE_WORKER, worker->peer, VERB_CANCEL, ERROR_NONE)->ref =
                ref_number(lease->fence);
        oracle_renew_lease_credit(oracle, lease);
        if (lease->is_recalled) {
            oracle->tally->sometimes[SOMETIMES_RECALL_REPEATED]++;
            lease->owes_recall = true;
        }
    }
}

static void
attach(struct oracle *oracle, struct model_worker *worker, uint32_t peer)
{
    struct model *model = &oracle->model;

    if (worker->peer && worker->peer != peer) {
        model->worker_of[worker->peer] = NULL;
        model->is_deaf[SIDE_WORKER][worker->peer] = true;
        oracle->tally->sometimes[SOMETIMES_RESUME_TOOK_OVER]++;
    }
    worker->peer = peer;
    worker->heard_us = oracle->now_us;
    worker->is_stalled = false;
    model->worker_of[peer] = worker;
}

static uint64_t
count_workers(const struct model *model)
{
    return HASH_COUNT(model->workers);
}

static void
check_refuse(struct oracle *oracle, const struct hello *hello, const struct message *refuse)
{
    struct model *model = &oracle->model;

    const struct model_pool *pool = model_find_pool(model, hello->pool);

    if (refuse->error.code == ERROR_NO_SUCH_POOL && pool && !pool->is_removed)
        BREAK(oracle, "session", "a worker was refused for its pool, which exists");
    if (refuse->error.code != ERROR_UNAVAILABLE)
        return;
    oracle->tally->sometimes[SOMETIMES_REFUSED_PEER]++;
    if (count_workers(model) + AGENTS_MAX < model->settings.peers_max)
        BREAK(oracle, "P15", "a worker was refused below the limit of peers");
}

static void
take_hello(struct oracle *oracle, uint32_t peer, const struct hello *hello)
{
    struct model *model = &oracle->model;
    const struct message *welcome = oracle_find_sent(oracle, SIDE_WORKER, peer, VERB_WELCOME);
    const struct message *refuse = oracle_find_sent(oracle, SIDE_WORKER, peer, VERB_REFUSE);
    struct model_worker *old = model->worker_of[peer], *worker = NULL;

    oracle_expect(oracle, SIDE_WORKER, peer, refuse ? VERB_REFUSE : VERB_WELCOME, ERROR_NONE);
    if (refuse)
        check_refuse(oracle, hello, refuse);
    if (!welcome)
        return;
    model->is_deaf[SIDE_WORKER][peer] = false;
    HASH_FIND(hh, model->workers, &welcome->welcome.session, sizeof(uint64_t), worker);
    if (welcome->welcome.resumed != (worker != NULL))
        BREAK(oracle, "session", "WELCOME resumed=%d of session %" PRIu64, welcome->welcome.resumed,
              welcome->welcome.session);
    if (worker && worker->session != hello->session)
        BREAK(oracle, "session", "a worker resumed a session that it did not ask for");
    if (old && old != worker) {
        oracle_judge_bye(oracle, old);
        oracle_end_worker(oracle, old, END_LOST);
    }
    if (worker) {
        attach(oracle, worker, peer);
        resume_leases(oracle, worker, hello->leases, &welcome->welcome);
        return;
    }
    oracle->tally->sometimes[SOMETIMES_RESUME_TOO_LATE] += hello->session != 0;
    if (welcome->welcome.leases.count > 0)
        BREAK(oracle, "P5", "a new worker session got leases");
    worker = model_add_worker(model, peer, welcome->welcome.session, model_find_pool(model, hello->pool),
                              hello->slots);
    worker->heard_us = oracle->now_us;
    worker->agent = hello->agent;
    worker->pid = hello->pid;
    worker->replaces = hello->replaces;
    oracle_replacement_came(oracle, worker);
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

/* The lease that this worker may speak of, or NULL: then it must be told that it is stale. A lease whose task has ended
 * is open until its worker has answered: the answer frees the slot, and nobody is told. */
static struct model_lease *
find_lease(struct oracle *oracle, struct model_worker *worker, uint64_t fence, bool frees)
{
    struct model_lease *lease = model_find_lease(&oracle->model, fence);

    if (lease && lease->worker == worker)
        return lease;
    oracle->tally->sometimes[frees ? SOMETIMES_STALE_RESULT : SOMETIMES_STALE_NACK]++;
    oracle->model.stale++;
    oracle_expect(oracle, SIDE_WORKER, worker->peer, VERB_ERROR, ERROR_STALE)->ref = ref_number(fence);
    return NULL;
}

static void
finish(struct oracle *oracle, struct model_lease *lease, enum error_code verdict, uint64_t answer)
{
    struct model_task *task = lease->task;

    oracle->tally->sometimes[SOMETIMES_RECALL_TOO_LATE] += lease->is_recalled || lease->was_recalled;
    if (task) {
        oracle_judge_attempt(oracle, lease,
                             verdict == ERROR_NONE     ? ATTEMPT_SUCCEEDED
                             : verdict == ERROR_FAILED ? ATTEMPT_FAILED
                                                       : ATTEMPT_NEUTRAL);
        oracle->tally->sometimes[SOMETIMES_SUSPECT_INNOCENT] += task->is_suspect && verdict == ERROR_NONE;
        oracle->tally->sometimes[SOMETIMES_REPLAY_ENDED] +=
            task->client == &oracle->model.house && verdict == ERROR_NONE;
        task->has_answer = true;
        task->answer = answer;
        oracle->tally->sometimes[SOMETIMES_CANCEL_WON] += task->cancel_asked && verdict == ERROR_CANCELLED;
        oracle->tally->sometimes[SOMETIMES_RESULT_WON] += task->cancel_asked && verdict == ERROR_NONE;
        oracle->tally->sometimes[SOMETIMES_LIMIT_RESULT_WON] += lease->timed_out && verdict == ERROR_NONE;
        model_finish(&oracle->model, task, verdict, oracle->now_us);
    } else if (lease->group && lease->group->tasks) {
        oracle->tally->sometimes[SOMETIMES_GROUP_HELD_BY_ENDED]++;
    }
    model_drop_lease(&oracle->model, lease);
}

static void
take_result(struct oracle *oracle, struct model_worker *worker, const struct result *result)
{
    struct model_lease *lease = find_lease(oracle, worker, result->ref.number, true);

    struct bytes type = result->info.content_type;

    if (!lease)
        return;
    /* It is of the arguments' type unless it says otherwise. */
    if (type.size == 0 && lease->task)
        type = bytes_of(lease->task->content_type);
    if (lease->task)
        lease->task->result_bytes = sizeof(struct body) + type.size + payload_bytes(&result->payload);
    finish(oracle, lease, ERROR_NONE, hash_payload(hash_bytes(0, type), &result->payload));
}

/* Whatever it says of its end: it had run for too long, and the broker's own words say so. */
static void
time_out(struct oracle *oracle, struct model_lease *lease)
{
    oracle->tally->sometimes[SOMETIMES_TIMED_OUT]++;
    oracle_judge_attempt(oracle, lease, ATTEMPT_FAILED);
    model_finish(&oracle->model, lease->task, ERROR_TIMED_OUT, oracle->now_us);
    model_drop_lease(&oracle->model, lease);
}

static void
take_error(struct oracle *oracle, struct model_worker *worker, const struct error *error)
{
    struct model_lease *lease = find_lease(oracle, worker, error->ref.number, true);
    enum error_code code = error->code;

    if (code != ERROR_CANCELLED && code != ERROR_NO_SUCH_FUNCTION && code != ERROR_BAD_PAYLOAD)
        code = ERROR_FAILED;
    if (lease && lease->timed_out && lease->task && !lease->task->cancel_asked && code == ERROR_CANCELLED)
        code = ERROR_FAILED;
    if (lease && lease->task && code == ERROR_FAILED && oracle_takes_retry(oracle, lease, error->type))
        model_drop_lease(&oracle->model, lease);
    else if (lease && lease->timed_out && lease->task && !lease->task->cancel_asked && code == ERROR_FAILED)
        time_out(oracle, lease);
    else if (lease)
        finish(oracle, lease, code,
               hash_bytes(hash_bytes(hash_bytes(code, error->text), error->type), error->traceback));
}

static void
take_nack(struct oracle *oracle, struct model_worker *worker, uint64_t fence)
{
    struct model_lease *lease = find_lease(oracle, worker, fence, true);

    if (!lease)
        return;
    oracle->tally->sometimes[SOMETIMES_NACK]++;
    oracle->tally->sometimes[SOMETIMES_RECALL_NACK] += lease->is_recalled || lease->was_recalled;
    if (lease->task)
        oracle_judge_attempt(oracle, lease, ATTEMPT_NEUTRAL);
    model_end_lease(&oracle->model, lease, END_NACK, oracle->now_us);
}

static void
take_chunk(struct oracle *oracle, struct model_worker *worker, const struct chunk *chunk)
{
    struct model_lease *lease = find_lease(oracle, worker, chunk->ref.number, false);

    if (lease)
        oracle_take_chunk(oracle, worker, lease, chunk);
}

static void
take_bye(struct oracle *oracle, struct model_worker *worker)
{
    oracle->tally->sometimes[SOMETIMES_BYE_WITH_LEASES] += worker->busy > 0;
    oracle->tally->sometimes[SOMETIMES_WORKER_DRAINED] += worker->is_draining && worker->busy == 0;
    oracle_judge_bye(oracle, worker);
    oracle_end_worker(oracle, worker, END_LOST);
}

static void
hear(struct oracle *oracle, struct model_worker *worker)
{
    worker->heard_us = oracle->now_us;
    oracle->tally->sometimes[SOMETIMES_WORKER_RECOVERED] += worker->is_stalled;
    worker->is_stalled = false;
}

void
oracle_worker_event(struct oracle *oracle, uint32_t peer, const struct message *message)
{
    struct model_worker *worker = oracle->model.worker_of[peer];

    if (message->verb == VERB_HELLO && message->hello.is_agent) {
        oracle_agent_hello(oracle, peer, &message->hello);
        return;
    }
    if (message->verb == VERB_HELLO) {
        take_hello(oracle, peer, &message->hello);
        return;
    }
    if (oracle->model.agent_of[peer] > 0) {
        oracle_agent_event(oracle, peer, message);
        return;
    }
    if (!worker && oracle->model.is_deaf[SIDE_WORKER][peer] && message->verb != VERB_HEARTBEAT)
        return;
    if (!worker) {
        /* Asked once, it need not be asked again for each message that was already under way. */
        oracle_expect(oracle, SIDE_WORKER, peer, VERB_REHELLO, ERROR_NONE)->min =
            message->verb == VERB_HEARTBEAT;
        return;
    }
    hear(oracle, worker);
    switch (message->verb) {
    case VERB_RESULT:
        take_result(oracle, worker, &message->result);
        break;
    case VERB_ERROR:
        take_error(oracle, worker, &message->error);
        break;
    case VERB_NACK:
        take_nack(oracle, worker, message->nack.fence);
        break;
    case VERB_STARTED:
        find_lease(oracle, worker, message->fence, false);
        break;
    case VERB_CHUNK:
        take_chunk(oracle, worker, &message->chunk);
        break;
    case VERB_HEARTBEAT:
        oracle_expect(oracle, SIDE_WORKER, peer, VERB_HEARTBEAT, ERROR_NONE);
        break;
    case VERB_DRAINING:
        worker->is_draining = true;
        oracle_leave_sessions(oracle, worker);
        break;
    case VERB_BYE:
        take_bye(oracle, worker);
        break;
    default:
        oracle_expect(oracle, SIDE_WORKER, peer, VERB_ERROR, ERROR_UNKNOWN_VERB)->min = 0;
        break;
    }
}

void
oracle_worker_gone(struct oracle *oracle, uint32_t peer)
{
    struct model *model = &oracle->model;
    struct model_worker *worker = model->worker_of[peer];

    model->is_deaf[SIDE_WORKER][peer] = false;
    model->worker_of[peer] = NULL;
    model->agent_of[peer] = 0;
    if (!worker)
        return;
    worker->peer = 0;
    worker->detached_us = oracle->now_us;
}
