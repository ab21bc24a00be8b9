/* call.c - submits one task and waits for its end. See snakepit.h. */
#include "client/lib/client.h"

/* Stands in for the task's owner while it is waited for. Lives on the stack of the call. */
struct waiter {
    const struct snakepit_task *task;
    struct snakepit_result *result;
    bool is_done;
};

static void
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *waiter_v)
{
    struct waiter *waiter = waiter_v;

    waiter->is_done = true;
    waiter->result = snakepit_result_copy(result);
    if (waiter->task->on_done)
        waiter->task->on_done(client, result, waiter->task->user);
}

static void
on_chunk(struct snakepit_client *client, const struct snakepit_chunk *chunk, void *waiter_v)
{
    struct waiter *waiter = waiter_v;

    waiter->task->on_chunk(client, chunk, waiter->task->user);
}

static void
on_accepted(struct snakepit_client *client, uint64_t id, uint64_t number, void *waiter_v)
{
    struct waiter *waiter = waiter_v;

    waiter->task->on_accepted(client, id, number, waiter->task->user);
}

static void
on_progress(struct snakepit_client *client, const struct snakepit_progress *progress, void *waiter_v)
{
    struct waiter *waiter = waiter_v;

    waiter->task->on_progress(client, progress, waiter->task->user);
}

static bool
is_done(const struct snakepit_client *client, const void *waiter_v)
{
    const struct waiter *waiter = waiter_v;

    (void)client;
    return waiter->is_done;
}

/* Nobody waits any more: the task ends with its own callbacks, as soon as it can. */
static void
give_up(struct snakepit_client *client, const struct snakepit_task *task, uint64_t id)
{
    struct pending_task *pending = pending_find(&client->pending, id);

    if (!pending)
        return;
    pending->on_done = task->on_done;
    pending->on_chunk = task->on_chunk;
    if (pending->on_accepted)
        pending->on_accepted = task->on_accepted;
    pending->on_progress = task->on_progress;
    pending->user = task->user;
    snakepit_cancel(client, id);
    snakepit_flush(client);
}

int
snakepit_call_task(struct snakepit_client *client, const struct snakepit_task *task, int timeout_ms,
                   struct snakepit_result **ret_result)
{
    struct waiter waiter = {.task = task};
    struct snakepit_task asked = *task;
    uint64_t id;
    int status;

    *ret_result = NULL;
    if (client->depth > 0)
        return client_fail(client, SNAKEPIT_INVALID, "a callback may not wait");
    asked.on_done = on_done;
    asked.on_chunk = task->on_chunk ? on_chunk : NULL;
    asked.on_accepted = task->on_accepted ? on_accepted : NULL;
    asked.on_progress = task->on_progress ? on_progress : NULL;
    asked.user = &waiter;
    status = snakepit_submit(client, &asked, &id);
    if (status)
        return status;
    status = client_wait_until(client, is_done, &waiter, timeout_ms);
    if (!waiter.is_done) {
        give_up(client, task, id);
        if (status == SNAKEPIT_TIMEOUT)
            client_fail(client, status, "no result of %s within %d ms", task->function, timeout_ms);
        return status;
    }
    if (!waiter.result)
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for the result");
    *ret_result = waiter.result;
    if (waiter.result->state == SNAKEPIT_STATE_OK)
        return SNAKEPIT_OK;
    return client_fail(client, SNAKEPIT_FAILED, "%s: %s%s%s", waiter.result->code, waiter.result->type,
                       waiter.result->type[0] ? ": " : "", waiter.result->message);
}

int
snakepit_call(struct snakepit_client *client, const char *pool, const char *function, const void *args,
              size_t args_bytes, int timeout_ms, struct snakepit_result **ret_result)
{
    struct snakepit_task task = {.pool = pool, .function = function, .args = args, .args_bytes = args_bytes};

    return snakepit_call_task(client, &task, timeout_ms, ret_result);
}

int
snakepit_admin(struct snakepit_client *client, const char *function, const void *args, size_t args_bytes,
               int timeout_ms, struct snakepit_result **ret_result)
{
    return snakepit_call(client, ADMIN_POOL, function, args, args_bytes, timeout_ms, ret_result);
}
