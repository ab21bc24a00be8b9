/* broker_answer.c - what workers say about their leases: results, errors, parts, nacks; see broker_state.h. */
#include "broker/core/broker_lifecycle.h"
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
    return code == ERROR_FAILED ? ATTEMPT_FAILED : ATTEMPT_NEUTRAL;
}

/* The worker is done with a lease. If the task had ended before, only the slot is freed. */
static void
end_attempt(struct broker *broker, struct lease *lease, struct verdict *verdict)
{
    struct worker *worker = lease->worker;
    struct pool *pool = worker->pool;
    struct task *task = lease->task;

    worker->tasks_done++;
    broker_touch_pool(broker, pool);
    pool_load_answer(&pool->load, broker->now_us - lease->leased_us);
    if (task && broker->is_watched)
        broker_note_executed(broker, lease, verdict->code);
    if (task) {
        broker_judge_attempt(broker, lease, judge(verdict->code));
        lease_release_task(lease);
        verdict->lease = lease;
        broker_finish(broker, task, verdict);
    }
    broker_end_lease(broker, lease);
    if (worker->tasks_done >= worker->tasks_due)
        broker_judge_lifespan(broker, worker);
    broker_dispatch(broker, pool);
}

/* `msgpack` is what a missing content type means; and a result has that of the arguments unless it says otherwise. */
static struct bytes
result_content_type(const struct lease *lease, struct bytes said)
{
    if (text_is(said, "msgpack"))
        return (struct bytes){0};
    return said.size > 0 || !lease->task ? said : lease->task->body->content_type;
}

static void
handle_result(struct broker *broker, struct lease *lease, const struct result *result)
{
    struct verdict verdict = {
        .code = ERROR_NONE,
        .payload = &result->payload,
        .content_type = result_content_type(lease, result->info.content_type),
    };

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

static void
handle_error(struct broker *broker, struct lease *lease, const struct error *error)
{
    struct verdict verdict = {
        .code = worker_code(error->code),
        .text = text_head(error->text, ERROR_TEXT_BYTES_MAX),
        .type = text_head(error->type, ERROR_TYPE_BYTES_MAX),
        .traceback = text_head(error->traceback, TRACEBACK_BYTES_MAX),
    };

    end_attempt(broker, lease, &verdict);
}

static void
handle_chunk(struct broker *broker, struct lease *lease, const struct chunk *chunk)
{
    const struct task *task = lease->task;
    struct ref fence = ref_number(lease->fence);
    struct message *message;

    if (chunk->seq <= lease->chunk_seq) {
        broker_send_error(broker, SIDE_WORKER, lease->worker->peer, &fence, ERROR_BAD_FIELD,
                          "the parts of a result are counted upwards")
            ->field = text_bytes("seq");
        return;
    }
    lease->chunk_seq = chunk->seq;
    if (!task || !(task->is_streamed || task->wants_progress) || task->client->peer == 0)
        return;
    message = outbox_send(broker->outbox, SIDE_CLIENT, task->client->peer, VERB_CHUNK, task->body);
    message->chunk.ref = task->key.id;
    message->chunk.seq = chunk->seq;
    message->chunk.payload = chunk->payload;
    message->chunk.info.content_type = result_content_type(lease, chunk->info.content_type);
    if (task->attempt > 1 || task->wants_info)
        message->chunk.info.attempt = task->attempt;
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
        answer_stale(broker, worker, fence);
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
        handle_chunk(broker, lease, &message->chunk);
        return;
    case VERB_NACK:
        handle_nack(broker, lease);
        return;
    default: /* STARTED: known; nothing depends on it yet */
        return;
    }
}
