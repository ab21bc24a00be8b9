/* broker_answer.c - what workers say about their leases: results, errors, parts, nacks; see broker_state.h. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_running.h"
#include "wire/text.h"

static void
answer_stale(struct broker *broker, const struct worker *worker, uint64_t fence)
{
    struct ref ref = ref_number(fence);

    broker->stale++;
    broker_send_error(broker, SIDE_WORKER, worker->peer, &ref, ERROR_STALE, "this attempt is not the current one");
}

/* What an answer says about the pool. A function that is not there, or arguments that it cannot read, are the sender's
 * mistake. */
static enum attempt_outcome
judge(enum error_code code)
{
    if (code == ERROR_NONE)
        return ATTEMPT_SUCCEEDED;
    return code == ERROR_FAILED || code == ERROR_TIMED_OUT ? ATTEMPT_FAILED : ATTEMPT_NEUTRAL;
}

/* The worker is done with a lease. If the task had ended before, only the slot is freed. */
static void
end_attempt(struct broker *broker, struct lease *lease, struct verdict *verdict)
{
    struct worker *worker = lease->worker;
    struct pool *pool = worker->pool;
    struct task *task = lease->task;
    struct orphan *orphan = worker->orphans && !task ? orphan_find_fence(worker, lease->fence) : NULL;
    uint64_t chunks = lease->chunk_seq;

    worker->tasks_done++;
    broker_touch_pool(broker, pool);
    pool_load_answer(&pool->load, broker->now_us - lease->leased_us);
    if (lease->run_cell > 0)
        broker_learn_run(broker, lease);
    if (task && broker->is_watched)
        broker_note_executed(broker, lease, verdict->code);
    if (task) {
        broker_judge_attempt(broker, lease, judge(verdict->code));
        lease_release_task(lease);
        verdict->lease = lease;
        if ((verdict->code != ERROR_FAILED && verdict->code != ERROR_TIMED_OUT) || !broker_retry(broker, task, verdict))
            broker_finish(broker, task, verdict);
    }
    broker_end_lease(broker, lease);
    if (orphan)
        broker_answer_orphan(broker, orphan, verdict, chunks);
    if (worker->tasks_done >= worker->tasks_due)
        broker_judge_lifespan(broker, worker);
    broker_dispatch(broker, pool);
    if (pool->settings.prefetch > 0)
        broker_send_ahead(broker, worker);
}

/* `msgpack` is what a missing content type means; and a result has that of the arguments unless it says otherwise. */
struct bytes
broker_result_type(const struct task *task, struct bytes said)
{
    if (!task)
        return said;
    if (text_is(said, "msgpack"))
        return (struct bytes){0};
    return said.size > 0 ? said : task->body->content_type;
}

static struct verdict
result_verdict(const struct task *task, const struct result *result)
{
    return (struct verdict){
        .code = ERROR_NONE,
        .payload = &result->payload,
        .content_type = broker_result_type(task, result->info.content_type),
    };
}

static void
handle_result(struct broker *broker, struct lease *lease, const struct result *result)
{
    struct verdict verdict = result_verdict(lease->task, result);

    end_attempt(broker, lease, &verdict);
}

/* Other codes are the broker's to give. */
static enum error_code
worker_code(enum error_code code)
{
    switch (code) {
    case ERROR_CANCELLED:
    case ERROR_NO_SUCH_FUNCTION:
    case ERROR_BAD_PAYLOAD:
        return code;
    default:
        return ERROR_FAILED;
    }
}

/* However a task ends that was told to because it ran for too long: that is why, unless it ended well. */
static bool
has_timed_out(const struct lease *lease, enum error_code code)
{
    return (code == ERROR_CANCELLED || code == ERROR_FAILED) && lease->task && broker_judge_end(lease) == ERROR_TIMED_OUT;
}

static struct verdict
error_verdict(const struct error *error)
{
    return (struct verdict){
        .code = worker_code(error->code),
        .text = text_head(error->text, ERROR_TEXT_BYTES_MAX),
        .type = text_head(error->type, ERROR_TYPE_BYTES_MAX),
        .traceback = text_head(error->traceback, TRACEBACK_BYTES_MAX),
    };
}

static void
handle_error(struct broker *broker, struct lease *lease, const struct error *error)
{
    struct verdict verdict = error_verdict(error);

    if (has_timed_out(lease, verdict.code)) {
        verdict.code = ERROR_TIMED_OUT;
        verdict.text = broker_say_timed_out(broker, lease);
    }
    end_attempt(broker, lease, &verdict);
}

/* It may be an answer to an earlier broker that was announced in HELLO and took no slot. */
static void
handle_without_lease(struct broker *broker, struct worker *worker, const struct message *message, uint64_t fence)
{
    struct orphan *orphan = worker->orphans ? orphan_find_fence(worker, fence) : NULL;
    struct verdict verdict;

    if (orphan && message->verb == VERB_RESULT)
        verdict = result_verdict(NULL, &message->result);
    else if (orphan && message->verb == VERB_ERROR)
        verdict = error_verdict(&message->error);
    else
        orphan = NULL;
    if (orphan)
        broker_answer_orphan(broker, orphan, &verdict, 0);
    else
        answer_stale(broker, worker, fence);
}

/* Returned unstarted: the dispatch does not count, and nothing can have been lost. */
static void
handle_nack(struct broker *broker, struct lease *lease)
{
    uint64_t worker = lease->worker->session;
    struct pool *pool = lease->worker->pool;
    struct task *task = lease->task;

    if (task) {
        broker_judge_attempt(broker, lease, ATTEMPT_NEUTRAL);
        lease_release_task(lease);
    } else if (lease->worker->orphans) {
        broker_drop_orphan(broker, lease->worker, lease->fence);
    }
    broker_end_lease(broker, lease);
    if (task && task->is_cancel_asked) {
        struct verdict cancelled = verdict_make(ERROR_CANCELLED);

        broker_finish(broker, task, &cancelled);
    } else if (task) {
        task->tries--;
        broker_requeue(broker, task, worker, "returned unstarted");
    }
    broker_dispatch(broker, pool);
}

static uint64_t
answer_fence(const struct message *message)
{
    const struct ref *ref = &message->result.ref;

    if (message->verb == VERB_STARTED)
        return message->fence;
    if (message->verb == VERB_NACK)
        return message->nack.fence;
    if (message->verb == VERB_ERROR)
        ref = &message->error.ref;
    else if (message->verb == VERB_CHUNK)
        ref = &message->chunk.ref;
    return ref->kind == REF_NUMBER ? ref->number : 0;
}

void
broker_handle_answer(struct broker *broker, struct worker *worker, const struct message *message)
{
    uint64_t fence = answer_fence(message);
    struct lease *lease = broker_find_lease(broker, worker, fence);

    if (!lease) {
        handle_without_lease(broker, worker, message, fence);
        return;
    }
    switch (message->verb) {
    case VERB_RESULT:
        handle_result(broker, lease, &message->result);
        return;
    case VERB_ERROR:
        handle_error(broker, lease, &message->error);
        return;
    case VERB_CHUNK:
        broker_take_chunk(broker, lease, &message->chunk);
        return;
    case VERB_NACK:
        handle_nack(broker, lease);
        return;
    default: /* STARTED: known; nothing depends on it yet */
        return;
    }
}
