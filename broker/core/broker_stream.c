/* broker_stream.c - the parts of streamed results, and the credit that keeps them from filling memory; see broker_state.h.
 *
 * A reader says how many chunks of an attempt its worker may send, and says more as it reads. A reader that is away for a
 * moment keeps its worker waiting; one that is not coming back must not. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_running.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <utlist.h>

/* The credit of a task whose chunks are counted, or NULL. */
static struct task_extra *
counted(const struct task *task)
{
    return task && task->extra && task->extra->credit > 0 ? task->extra : NULL;
}

uint32_t
broker_begin_credit(const struct task *task)
{
    struct task_extra *extra = task->extra;

    extra->credit_total = extra->credit;
    return extra->credit;
}

static void
send_credit(struct broker *broker, const struct lease *lease, uint64_t total)
{
    struct credit *credit;

    if (lease->worker->peer == 0)
        return; /* it is told when it is back */
    credit = &outbox_send(broker->outbox, SIDE_WORKER, lease->worker->peer, VERB_CREDIT, NULL)->credit;
    credit->ref = ref_number(lease->fence);
    credit->count = total;
}

/* One that belongs to another attempt, or says less than one before, means nothing: it was overtaken. */
void
broker_take_credit(struct broker *broker, const struct task *task, const struct credit *credit)
{
    struct task_extra *extra = counted(task);

    if (!extra)
        return;
    if (credit->count == UINT64_MAX) {
        broker_open_stream(broker, task);
        return;
    }
    if (!task->lease || credit->count <= extra->credit_total)
        return;
    if (credit->attempt > 0 && credit->attempt != task->attempt)
        return;
    extra->credit_total = credit->count;
    send_credit(broker, task->lease, extra->credit_total);
}

static bool
is_open_orphan(const struct lease *lease)
{
    const struct orphan *orphan = orphan_find_fence(lease->worker, lease->fence);

    return orphan && orphan->is_open;
}

/* With its old connection as many chunks may have been lost as were allowed; they will never be read. The next one shows
 * the reader that they are missing. */
void
broker_renew_lease_credit(struct broker *broker, const struct lease *lease)
{
    struct task_extra *extra = lease->task ? lease->task->extra : NULL;

    if (!lease->task && is_open_orphan(lease))
        broker_open_lease_stream(broker, lease);
    if (!extra || extra->credit_total == 0)
        return;
    if (extra->credit > 0)
        extra->credit_total += extra->credit;
    send_credit(broker, lease, extra->credit_total);
}

/* The same with the reader's connection; here it is known how many came. */
void
broker_renew_credit(struct broker *broker, const struct task *task)
{
    struct task_extra *extra = counted(task);

    if (!extra || !task->lease || task->lease->chunk_seq + extra->credit <= extra->credit_total)
        return;
    extra->credit_total = task->lease->chunk_seq + extra->credit;
    send_credit(broker, task->lease, extra->credit_total);
}

void
broker_open_stream(struct broker *broker, const struct task *task)
{
    struct task_extra *extra = counted(task);

    if (!extra)
        return;
    extra->credit = 0;
    extra->credit_total = UINT64_MAX;
    if (task->lease)
        send_credit(broker, task->lease, UINT64_MAX);
}

void
broker_open_lease_stream(struct broker *broker, const struct lease *lease)
{
    send_credit(broker, lease, UINT64_MAX);
}

void
broker_open_streams(struct broker *broker, const struct client *client)
{
    const struct task *task;

    DL_FOREACH2(client->live, task, younger)
        broker_open_stream(broker, task);
}

/* --- chunks ------------------------------------------------------------------------------------------------------- */

static void
refuse_chunk(struct broker *broker, const struct lease *lease, const char *field, const char *text)
{
    struct ref fence = ref_number(lease->fence);

    broker_send_error(broker, SIDE_WORKER, lease->worker->peer, &fence, ERROR_BAD_FIELD, text)->field = text_bytes(field);
}

static void
forward(struct broker *broker, const struct lease *lease, const struct chunk *chunk)
{
    const struct task *task = lease->task;
    struct message *message = outbox_send(broker->outbox, SIDE_CLIENT, task->client->peer, VERB_CHUNK, task->body);

    message->chunk.ref = task->key.id;
    message->chunk.seq = chunk->seq;
    message->chunk.payload = chunk->payload;
    message->chunk.info.content_type = broker_result_type(task, chunk->info.content_type);
    if (task->attempt > 1 || task->wants_info)
        message->chunk.info.attempt = task->attempt;
}

/* A chunk beyond the credit counts as sent, so that its reader sees at the end that it is missing. */
void
broker_take_chunk(struct broker *broker, struct lease *lease, const struct chunk *chunk)
{
    const struct task *task = lease->task;
    const struct task_extra *extra = counted(task);

    if (chunk->seq <= lease->chunk_seq) {
        refuse_chunk(broker, lease, "seq", "the parts of a result are counted upwards");
        return;
    }
    lease->chunk_seq = chunk->seq;
    if (extra && extra->credit_total > 0 && chunk->seq > extra->credit_total)
        refuse_chunk(broker, lease, "seq", "the part is beyond what its reader allows (CREDIT)");
    else if (task && (task->is_streamed || task->wants_progress) && task->client->peer > 0)
        forward(broker, lease, chunk);
}
