/* submit.c - takes tasks into the table, all or none, and asks for the end of one. See snakepit.h. */
#include "client/lib/client.h"
#include "client/lib/draft.h"
#include "client/lib/session.h"
#include "wire/wire.h"

#include <stdlib.h>

/* Whether `count` more tasks fit; their size is known only after they are encoded. */
static bool
has_room(const struct snakepit_client *client, size_t count)
{
    return count <= client->tasks_max && client->pending.count <= client->tasks_max - count;
}

/* Take the last `count` tasks out again, newest first. */
static void
take_back(struct snakepit_client *client, uint64_t first_id, size_t count)
{
    while (count > 0) {
        struct pending_task *task = pending_find(&client->pending, first_id + --count);

        pending_remove(&client->pending, task);
        pending_task_destroy(&task);
    }
}

/* Encode one task and put it into the table, as a draft. A status; nothing was taken unless it is OK. */
static int
take(struct snakepit_client *client, struct draft *draft, const struct snakepit_task *task, uint64_t id)
{
    struct pending_task *pending = NULL;
    int status = draft_task(draft, task, id, &pending);

    if (status == ERR_INVALID)
        return client_fail(client, SNAKEPIT_INVALID, "%s", draft->fault);
    if (status)
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for a task");
    if (pending->cost_bytes > client->bytes_max - client->pending.cost_bytes) {
        pending_task_destroy(&pending);
        return client_fail(client, SNAKEPIT_FULL, "%zu bytes of unfinished tasks, at most %zu are allowed",
                           client->pending.cost_bytes, client->bytes_max);
    }
    if (pending_add(&client->pending, pending)) {
        pending_task_destroy(&pending);
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for the table of tasks");
    }
    return SNAKEPIT_OK;
}

int
snakepit_submit_many(struct snakepit_client *client, const struct snakepit_task *tasks, size_t count,
                     uint64_t *ret_first_id)
{
    struct draft draft = {.scratch = &client->scratch, .inline_bytes_max = client->inline_bytes_max};
    uint64_t first_id = client->next_id;

    if (client->is_ending)
        return client_fail(client, SNAKEPIT_INVALID, "the client is being destroyed");
    if (client->state == SESSION_REFUSED)
        return session_fail_refused(client);
    if (!has_room(client, count))
        return client_fail(client, SNAKEPIT_FULL, "%zu tasks are unfinished, at most %zu are allowed",
                           client->pending.count, client->tasks_max);
    for (size_t i = 0; i < count; i++) {
        int status = take(client, &draft, &tasks[i], first_id + i);

        if (status) {
            take_back(client, first_id, i);
            return status;
        }
    }
    draft_commit(&draft);
    client->next_id += count;
    if (ret_first_id)
        *ret_first_id = first_id;
    if (client->has_fd)
        link_set_timer(&client->link, LINK_NOW);
    /* They are taken, and a batch that could not be sent yet stays; the next turn reports what stands in its way. */
    if (client->pending.waiting_bytes >= client->batch_bytes_max)
        offer_turn(client);
    return SNAKEPIT_OK;
}

int
snakepit_submit(struct snakepit_client *client, const struct snakepit_task *task, uint64_t *ret_id)
{
    return snakepit_submit_many(client, task, 1, ret_id);
}

int
snakepit_cancel(struct snakepit_client *client, uint64_t id)
{
    struct pending_task *task = pending_find(&client->pending, id);
    struct message cancel = {.verb = VERB_CANCEL, .cancel.ref = ref_number(id)};
    size_t size = client->commands.size;

    if (!task)
        return client_fail(client, SNAKEPIT_NOT_FOUND, "no unfinished task has the id %llu", (unsigned long long)id);
    if (task->cancel_asked || task->state == PENDING_DOOMED)
        return SNAKEPIT_OK;
    if (task->state == PENDING_OFFERED && wire_encode(&client->commands, SIDE_CLIENT, &cancel)) {
        client->commands.size = size;
        client->commands.failed = false;
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for a command");
    }
    task->cancel_asked = true;
    /* The broker does not have it, or not any more: nobody needs to be asked. */
    if (!task->was_sent || task->state == PENDING_RETRYING)
        pending_move(&client->pending, task, PENDING_DOOMED);
    if (client->has_fd)
        link_set_timer(&client->link, LINK_NOW);
    return SNAKEPIT_OK;
}
