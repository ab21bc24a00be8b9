/* model_peers.c - the oracle's own books: clients and workers; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct model_client *
model_add_client(struct model *model, uint32_t peer, const uint8_t *instance)
{
    struct model_client *client = calloc(1, sizeof *client);

    if (!client)
        abort();
    client->serial = ++model->serials;
    client->peer = peer;
    client->is_anonymous = !instance;
    model->client_of[peer] = client;
    DL_APPEND(model->all_clients, client);
    if (instance)
        model_introduce(model, client, instance);
    return client;
}

void
model_introduce(struct model *model, struct model_client *client, const uint8_t *instance)
{
    client->is_anonymous = false;
    memcpy(client->instance, instance, INSTANCE_BYTES);
    HASH_ADD(hh, model->clients, instance, INSTANCE_BYTES, client);
}

bool
model_cancel(struct model *model, struct model_task *task, int64_t now_us)
{
    if (task->state == MODEL_LEASED) {
        task->cancel_asked = true;
        return true;
    }
    model->tally->sometimes[task->state == MODEL_QUEUED      ? SOMETIMES_CANCELLED_QUEUED
                            : task->state == MODEL_FOLLOWING ? SOMETIMES_CANCELLED_FOLLOWING
                                                             : SOMETIMES_CANCELLED_DELAYED]++;
    model_finish(model, task, ERROR_CANCELLED, now_us);
    return false;
}

void
model_end_client(struct model *model, struct model_client *client)
{
    if (client->peer)
        model->client_of[client->peer] = NULL;
    client->peer = 0;
    if (!client->is_anonymous)
        HASH_DEL(model->clients, client);
    client->is_gone = true;
    while (client->kept)
        model_unkeep(model, client->kept);
}

struct model_worker *
model_add_worker(struct model *model, uint32_t peer, uint64_t session, struct model_pool *pool, uint32_t slots)
{
    struct model_worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        abort();
    worker->session = session;
    worker->peer = peer;
    worker->pool = pool;
    worker->slots = slots;
    worker->is_unwelcomed = true;
    model->worker_of[peer] = worker;
    DL_APPEND(pool->workers, worker);
    HASH_ADD(hh, model->workers, session, sizeof worker->session, worker);
    return worker;
}

/* A worker that came in another one's place has gone before that: there is none in its place any more. */
static void
reopen_place(const struct model_worker *gone)
{
    struct model_worker *old;

    DL_FOREACH(gone->pool->workers, old)
        if (old->replaced_by == gone->session)
            old->replaced_by = 0;
}

void
model_end_worker(struct model *model, struct model_worker *worker, enum model_end end, int64_t now_us)
{
    if (worker->peer)
        model->worker_of[worker->peer] = NULL;
    while (worker->leases)
        model_end_lease(model, worker->leases->prev, end, now_us); /* the newest first, as the broker does */
    reopen_place(worker);
    DL_DELETE(worker->pool->workers, worker);
    HASH_DEL(model->workers, worker);
    free(worker);
}

bool
model_worker_is_ready(const struct model_worker *worker)
{
    return worker->peer && !worker->is_draining && !worker->is_stalled;
}
