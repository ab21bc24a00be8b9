/* oracle_stream.c - parts of streamed results, and their credit; see oracle.h.
 *
 * What is promised: no more chunks of an attempt reach a client than it allowed; what it allows reaches the worker; and no
 * worker waits for a reader who is gone. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

/* The CREDIT of this step about this lease, or NULL. */
static const struct credit *
find_credit(const struct oracle *oracle, const struct model_lease *lease)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_SEND && action->side == SIDE_WORKER && action->message.verb == VERB_CREDIT &&
            action->message.credit.ref.number == lease->fence)
            return &action->message.credit;
    }
    return NULL;
}

static void
expect(struct oracle *oracle, const struct model_lease *lease, uint64_t count)
{
    struct expected *expected;

    if (!lease->worker->peer)
        return;
    expected = oracle_expect(oracle, SIDE_WORKER, lease->worker->peer, VERB_CREDIT, ERROR_NONE);
    expected->ref = ref_number(lease->fence);
    expected->hash = count;
}

/* --- readers who are gone ---------------------------------------------------------------------------------------------- */

static bool
is_gone_for_good(const struct oracle *oracle, const struct model_client *client)
{
    return client->is_gone ||
           (!client->peer && client->detached_us + oracle->model.settings.client_retention_us <= oracle->now_us);
}

void
oracle_client_is_back(struct oracle *oracle, const struct model_client *client)
{
    struct model_task *task;

    if (!is_gone_for_good(oracle, client))
        return;
    DL_FOREACH2(oracle->model.live, task, live_next)
        task->maybe_open |= task->client == client;
}

static bool
may_open(const struct oracle *oracle, const struct model_task *task)
{
    return task->credit > 0 && (task->maybe_open || is_gone_for_good(oracle, task->client));
}

static void
open_stream(struct oracle *oracle, struct model_task *task)
{
    oracle->tally->sometimes[SOMETIMES_STREAM_OPENED]++;
    task->credit = 0;
    if (task->lease)
        task->lease->credit_total = UINT64_MAX;
}

void
oracle_check_credit(struct oracle *oracle, const struct credit *credit)
{
    struct model_lease *lease = model_find_lease(&oracle->model, credit->ref.number);

    if (credit->count != UINT64_MAX || !lease || !lease->task || !may_open(oracle, lease->task))
        return;
    open_stream(oracle, lease->task);
    expect(oracle, lease, UINT64_MAX);
}

void
oracle_check_task_credit(struct oracle *oracle, struct model_task *task, uint32_t credit)
{
    if (credit == 0 && may_open(oracle, task))
        open_stream(oracle, task);
    if (credit != task->credit)
        BREAK(oracle, "credit", "task %" PRIu64 " was dispatched with credit %u, and it has %u", task->number, credit,
              task->credit);
}

void
oracle_check_streams(struct oracle *oracle)
{
    const struct model_task *task;

    DL_FOREACH2(oracle->model.live, task, live_next) {
        const struct model_client *client = task->client;
        int64_t since_us = oracle->now_us - client->detached_us - !oracle->is_tick;

        if (task->credit == 0 || !task->lease || !task->lease->worker->peer || task->cancel_asked || client->peer)
            continue;
        if (client->is_gone || since_us >= oracle->model.settings.client_retention_us)
            BREAK(oracle, "credit", "task %" PRIu64 " may have to wait for a client that is gone", task->number);
    }
}

/* --- credit ---------------------------------------------------------------------------------------------------------------- */

void
oracle_take_credit(struct oracle *oracle, struct model_task *task, const struct credit *credit)
{
    struct model_lease *lease = task ? task->lease : NULL;

    if (task && task->credit > 0 && credit->count == UINT64_MAX) {
        open_stream(oracle, task);
        oracle->tally->sometimes[SOMETIMES_CREDIT_LIFTED]++;
        if (lease)
            expect(oracle, lease, UINT64_MAX);
        return;
    }
    if (!lease || task->credit == 0)
        return;
    if (credit->count <= lease->credit_total || (credit->attempt > 0 && credit->attempt != task->attempt)) {
        oracle->tally->sometimes[SOMETIMES_CREDIT_STALE]++;
        return;
    }
    if (task->maybe_open && lease->worker->peer && !find_credit(oracle, lease)) {
        open_stream(oracle, task);
        return;
    }
    lease->credit_total = credit->count;
    oracle->tally->sometimes[SOMETIMES_CREDIT_PASSED]++;
    expect(oracle, lease, credit->count);
}

static void
renew(struct oracle *oracle, struct model_lease *lease, uint64_t total)
{
    lease->credit_total = total;
    oracle->tally->sometimes[SOMETIMES_CREDIT_RENEWED]++;
    expect(oracle, lease, total);
}

void
oracle_renew_lease_credit(struct oracle *oracle, struct model_lease *lease)
{
    const struct credit *sent = find_credit(oracle, lease);

    if (!lease->task || lease->credit_total == 0)
        return;
    if (may_open(oracle, lease->task) && sent && sent->count == UINT64_MAX)
        open_stream(oracle, lease->task);
    renew(oracle, lease, lease->task->credit > 0 ? lease->credit_total + lease->task->credit : UINT64_MAX);
}

void
oracle_renew_credit(struct oracle *oracle, struct model_task *task)
{
    struct model_lease *lease = task->lease;

    if (!lease || task->credit == 0 || lease->chunk_seq + task->credit <= lease->credit_total)
        return;
    if (may_open(oracle, task) && lease->worker->peer && !find_credit(oracle, lease))
        open_stream(oracle, task);
    else
        renew(oracle, lease, lease->chunk_seq + task->credit);
}

/* --- chunks ---------------------------------------------------------------------------------------------------------------- */

static bool
is_beyond_credit(struct oracle *oracle, const struct model_worker *worker, struct model_lease *lease, uint64_t seq)
{
    struct model_task *task = lease->task;

    if (!task || task->credit == 0)
        return false;
    if (may_open(oracle, task) && seq > lease->credit_total && !oracle_find_sent(oracle, SIDE_WORKER, worker->peer, VERB_ERROR))
        open_stream(oracle, task);
    oracle->tally->sometimes[SOMETIMES_CREDIT_USED_UP] += task->credit > 0 && seq == lease->credit_total;
    return task->credit > 0 && seq > lease->credit_total;
}

void
oracle_take_chunk(struct oracle *oracle, struct model_worker *worker, struct model_lease *lease,
                  const struct chunk *chunk)
{
    struct expected *expected;
    bool is_beyond = chunk->seq > lease->chunk_seq && is_beyond_credit(oracle, worker, lease, chunk->seq);

    if (chunk->seq <= lease->chunk_seq || is_beyond) {
        oracle_expect(oracle, SIDE_WORKER, worker->peer, VERB_ERROR, ERROR_BAD_FIELD)->ref = chunk->ref;
        oracle->tally->sometimes[SOMETIMES_CHUNK_BEYOND_CREDIT] += is_beyond;
        if (is_beyond)
            lease->chunk_seq = chunk->seq;
        return;
    }
    lease->chunk_seq = chunk->seq;
    if (!lease->task || !lease->task->stream || !lease->task->client->peer)
        return;
    expected = oracle_expect(oracle, SIDE_CLIENT, lease->task->client->peer, VERB_CHUNK, ERROR_NONE);
    expected->ref = lease->task->key.id;
    expected->hash = hash_payload(chunk->seq, &chunk->payload);
    oracle->tally->sometimes[SOMETIMES_CHUNK_PASSED]++;
}
