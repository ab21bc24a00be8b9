/* client.c - life of a client's session; see client.h. */
#include "broker/core/client.h"

#include "broker/core/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The legal moves, docs/protocol.md section 5. */
static const bool moves[CLIENT_STATES][CLIENT_STATES] = {
    [CLIENT_NEW] = {[CLIENT_ATTACHED] = true},
    [CLIENT_ATTACHED] = {[CLIENT_DETACHED] = true, [CLIENT_GONE] = true},
    [CLIENT_DETACHED] = {[CLIENT_ATTACHED] = true, [CLIENT_GONE] = true},
};

struct client *
client_new(uint64_t session, const struct hello *hello)
{
    struct client *client = calloc(1, sizeof *client);

    if (!client)
        abort();
    client->session = session;
    client->is_anonymous = true;
    if (hello)
        client_introduce(client, hello);
    return client;
}

void
client_introduce(struct client *client, const struct hello *hello)
{
    size_t size = hello->name.size < LABEL_BYTES_MAX ? hello->name.size : LABEL_BYTES_MAX;

    assert(hello->instance.size == INSTANCE_BYTES);
    client->is_anonymous = false;
    client->is_cancelling = hello->on_disconnect == DISCONNECT_CANCEL;
    memcpy(client->instance, hello->instance.data, INSTANCE_BYTES);
    memset(client->name, 0, sizeof client->name);
    if (size > 0)
        memcpy(client->name, hello->name.data, size);
}

void
client_destroy(struct client **client_p)
{
    struct client *client = *client_p;

    if (!client)
        return;
    assert(client_holds_nothing(client) && !client->live && !client->sent && !client->unsent);
    assert(!client->is_vacant && !heap_node_is_in(&client->timer));
    free(client);
    *client_p = NULL;
}

void
client_become(struct client *client, enum client_state state)
{
    assert(moves[client->state][state]);
    assert((client->peer != 0) == (state == CLIENT_ATTACHED));
    assert(!client->is_vacant && !heap_node_is_in(&client->timer));
    assert(state != CLIENT_DETACHED || !client->is_anonymous);
    client->state = (uint8_t)state;
}

/* --- its tasks ------------------------------------------------------------------------------------------------ */

static void
link_task(struct task **list, struct task *task)
{
    assert(!task->older);
    DL_APPEND2(*list, task, older, younger);
}

static void
unlink_task(struct task **list, struct task *task)
{
    assert(task->older);
    DL_DELETE2(*list, task, older, younger);
    task->older = task->younger = NULL;
}

void
client_add_live(struct client *client, struct task *task)
{
    assert(task->state != TASK_FINAL);
    task->client = client;
    link_task(&client->live, task);
    client->live_count++;
    client->live_bytes += body_bytes(task->body);
}

void
client_remove_live(struct client *client, struct task *task)
{
    assert(task->client == client);
    unlink_task(&client->live, task);
    client->live_count--;
    client->live_bytes -= body_bytes(task->body);
}

void
client_keep(struct client *client, struct task *task)
{
    bool is_attached = client->state == CLIENT_ATTACHED;

    assert(task->client == client && task->state == TASK_FINAL);
    task->final.position = is_attached ? ++client->finals_sent : 0;
    link_task(is_attached ? &client->sent : &client->unsent, task);
    client->kept_count++;
    client->kept_bytes += body_bytes(task->body);
}

void
client_unkeep(struct client *client, struct task *task)
{
    assert(task->client == client && task->state == TASK_FINAL);
    unlink_task(task->final.position > 0 ? &client->sent : &client->unsent, task);
    client->kept_count--;
    client->kept_bytes -= body_bytes(task->body);
}

void
client_forget_sent(struct client *client)
{
    struct task *task;

    DL_FOREACH2(client->sent, task, younger)
        task->final.position = 0;
    /* What is unsent was ended before this connection began, so the order by age holds. */
    DL_CONCAT2(client->unsent, client->sent, older, younger);
    client->sent = NULL;
    client->finals_sent = 0;
}

struct task *
client_oldest_kept(const struct client *client)
{
    if (!client->sent || !client->unsent)
        return client->sent ? client->sent : client->unsent;
    return client->sent->final.kept_us < client->unsent->final.kept_us ? client->sent : client->unsent;
}

static void
check_kept(const struct client *client, const struct task *list, bool is_sent, uint64_t *count, uint64_t *bytes)
{
    uint64_t position = 0;
    const struct task *task;

    DL_FOREACH2(list, task, younger) {
        assert(task->client == client && task->state == TASK_FINAL);
        assert(is_sent ? task->final.position > position : task->final.position == 0);
        position = task->final.position;
        *bytes += body_bytes(task->body);
        ++*count;
    }
    assert(position <= client->finals_sent);
}

void
client_check(const struct client *client)
{
    uint64_t count = 0, bytes = 0;
    const struct task *task;

    DL_FOREACH2(client->live, task, younger) {
        assert(task->client == client && task->state != TASK_FINAL && task->state != TASK_NEW);
        bytes += body_bytes(task->body);
        count++;
    }
    assert(count == client->live_count && bytes == client->live_bytes);
    count = bytes = 0;
    check_kept(client, client->sent, true, &count, &bytes);
    check_kept(client, client->unsent, false, &count, &bytes);
    assert(count == client->kept_count && bytes == client->kept_bytes);
    assert(client->state != CLIENT_GONE || client->kept_count == 0);
    assert((client->peer != 0) == (client->state == CLIENT_ATTACHED));
    assert(!client->is_anonymous || client->kept_count == 0);
}
