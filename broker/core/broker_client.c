/* broker_client.c - sessions of clients: HELLO, reconnects, SEEN, BYE; see broker_state.h. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_running.h"
#include "wire/text.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

static void
note_client(struct broker *broker, enum note_kind kind, const struct client *client, const char *reason)
{
    const char *name = client->name[0] ? outbox_copy(broker->outbox, client->name, strlen(client->name)) : NULL;
    struct note *note = outbox_note(broker->outbox, kind);

    note->client = client->session;
    note->client_name = name;
    note->reason = reason;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* The one place where a client changes its state: lists, timer and connection follow. `number` is its connection, or 0. */
static void
move(struct broker *broker, struct client *client, enum client_state state, uint32_t number)
{
    if (client->peer > 0)
        peers_get(&broker->client_peers, client->peer)->session = NULL;
    if (number > 0)
        *peers_get(&broker->client_peers, number) = (struct peer){.session = client};
    if (client->is_vacant) {
        DL_DELETE2(broker->vacant, client, vacant_prev, vacant_next);
        client->is_vacant = false;
    }
    heap_remove(&broker->timers, &client->timer);
    client->peer = number;
    client_become(client, state);
    if (state != CLIENT_DETACHED)
        return;
    client_forget_sent(client);
    heap_put(&broker->timers, &client->timer, broker->now_us + broker->settings.client_retention_us);
    if (client_holds_nothing(client)) {
        client->is_vacant = true;
        DL_APPEND2(broker->vacant, client, vacant_prev, vacant_next);
    }
}

static void
cancel_all(struct broker *broker, struct client *client)
{
    struct task *task, *next;

    DL_FOREACH_SAFE2(client->live, task, next, younger)
        broker_cancel_task(broker, task);
}

/* The session is over: nothing is kept, tasks go on or are cancelled, and the record stays only until they have ended. */
static void
end_session(struct broker *broker, struct client *client, const char *reason)
{
    move(broker, client, CLIENT_GONE, 0);
    broker->clients_count--;
    if (!client->is_anonymous) {
        HASH_DELETE(hh, broker->clients_by_instance, client);
        note_client(broker, NOTE_CLIENT_GONE, client, reason);
    }
    broker_forget_all(broker, client);
    if (client->is_cancelling)
        cancel_all(broker, client);
    else
        broker_open_streams(broker, client);
    broker_review_client(broker, client);
}

void
broker_review_client(struct broker *broker, struct client *client)
{
    if (client->is_departed || !client_holds_nothing(client))
        return;
    if (client->state == CLIENT_DETACHED && !heap_node_is_in(&client->timer)) {
        end_session(broker, client, "stayed away");
        return;
    }
    if (client->state != CLIENT_GONE)
        return;
    client->is_departed = true;
    DL_DELETE(broker->clients, client);
    DL_APPEND(broker->departed_clients, client);
}

void
broker_client_overdue(struct broker *broker, struct client *client)
{
    if (client->is_cancelling) {
        end_session(broker, client, "stayed away");
        return;
    }
    broker_open_streams(broker, client);
    broker_review_client(broker, client);
}

void
broker_client_peer_gone(struct broker *broker, uint32_t number)
{
    struct client *client = peers_get(&broker->client_peers, number)->session;

    if (client && client->is_anonymous)
        end_session(broker, client, "disconnected");
    else if (client)
        move(broker, client, CLIENT_DETACHED, 0);
    *peers_get(&broker->client_peers, number) = (struct peer){0};
}

/* Is there room for one more? If not, the oldest session that nobody would miss has to go. */
static bool
make_room(struct broker *broker)
{
    if (broker->clients_count < broker->settings.peers_max)
        return true;
    if (!broker->vacant)
        return false;
    end_session(broker, broker->vacant, "made room");
    return true;
}

static struct client *
create(struct broker *broker, uint32_t number, const struct hello *hello)
{
    struct client *client = client_new(broker->session_next++, hello);

    client->timer.tag = TIMER_CLIENT;
    DL_APPEND(broker->clients, client);
    broker->clients_count++;
    move(broker, client, CLIENT_ATTACHED, number);
    return client;
}

struct client *
broker_admit_anonymous(struct broker *broker, uint32_t number)
{
    return make_room(broker) ? create(broker, number, NULL) : NULL;
}

/* --- HELLO ------------------------------------------------------------------------------------------------------ */

static void
remember_instance(struct broker *broker, struct client *client)
{
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, broker->clients_by_instance, client->instance, INSTANCE_BYTES,
                                hash_bytes(client->instance, INSTANCE_BYTES), client);
    note_client(broker, NOTE_CLIENT_CONNECTED, client, NULL);
}

struct client *
broker_find_instance(const struct broker *broker, struct bytes instance)
{
    struct client *client;

    HASH_FIND_BYHASHVALUE(hh, broker->clients_by_instance, instance.data, INSTANCE_BYTES,
                          hash_bytes(instance.data, INSTANCE_BYTES), client);
    return client;
}

/* What came over the new connection before its HELLO belongs to the same client: were it left apart, offering it again
 * would run it twice. A copy of what the session has already stays with the anonymous session, which is about to end, and
 * is cancelled with it. */
static void
absorb(struct broker *broker, struct client *client, struct client *anonymous)
{
    struct task *task, *next;

    DL_FOREACH_SAFE2(anonymous->live, task, next, younger)
        if (!broker_find_task(broker, client, &task->key.id))
            broker_move_task(broker, task, client);
    anonymous->is_cancelling = true;
}

/* A known instance speaks over connection `number`, where `current` (or nobody) had a session. */
static void
resume(struct broker *broker, uint32_t number, struct client *client, struct client *current,
       const struct hello *hello)
{
    uint32_t old_number = client->peer;

    if (old_number > 0)
        move(broker, client, CLIENT_DETACHED, 0);
    if (old_number > 0 && old_number != number)
        peers_get(&broker->client_peers, old_number)->is_replaced = true;
    if (current && current != client) {
        if (current->is_anonymous)
            absorb(broker, client, current);
        end_session(broker, current, "said HELLO again");
    }
    client_introduce(client, hello);
    move(broker, client, CLIENT_ATTACHED, number);
    broker_welcome(broker, SIDE_CLIENT, number, client->session, true);
    note_client(broker, NOTE_CLIENT_CONNECTED, client, NULL);
}

/* A client that submitted before its HELLO keeps that session, and its ids. */
static void
introduce(struct broker *broker, uint32_t number, struct client *client, const struct hello *hello)
{
    client_introduce(client, hello);
    broker_welcome(broker, SIDE_CLIENT, number, client->session, false);
    remember_instance(broker, client);
}

static void
handle_hello(struct broker *broker, uint32_t number, struct client *current, const struct hello *hello)
{
    struct client *client;

    if (!broker_accepts_hello(broker, SIDE_CLIENT, number, hello))
        return;
    if (hello->instance.size != INSTANCE_BYTES) {
        broker_refuse(broker, SIDE_CLIENT, number, ERROR_BAD_FIELD, "an instance has 16 bytes")->field =
            text_bytes("instance");
        return;
    }
    client = broker_find_instance(broker, hello->instance);
    if (client) {
        resume(broker, number, client, current, hello);
    } else if (current && current->is_anonymous) {
        introduce(broker, number, current, hello);
    } else if (current || make_room(broker)) {
        if (current)
            end_session(broker, current, "said HELLO again");
        introduce(broker, number, create(broker, number, hello), hello);
    } else {
        broker_refuse(broker, SIDE_CLIENT, number, ERROR_UNAVAILABLE, "too many clients");
    }
}

/* --- other commands --------------------------------------------------------------------------------------------- */

static void
handle_cancel(struct broker *broker, uint32_t number, const struct client *client, const struct ref *id)
{
    struct task *task = client ? broker_find_task(broker, client, id) : NULL;

    if (!task)
        broker_send_error(broker, SIDE_CLIENT, number, id, ERROR_NOT_FOUND, "no task has this id");
    else if (task->state == TASK_FINAL)
        broker_send_error(broker, SIDE_CLIENT, number, id, ERROR_TOO_LATE, "the task has ended")->final =
            text_bytes(task_final_name(task->verdict));
    else
        broker_cancel_task(broker, task);
}

/* A task that has just ended, or waits again, needs none. */
static void
handle_credit(struct broker *broker, const struct client *client, const struct credit *credit)
{
    const struct task *task = client ? broker_find_task(broker, client, &credit->ref) : NULL;

    if (task && task->state != TASK_FINAL)
        broker_take_credit(broker, task, credit);
}

static void
handle_submit(struct broker *broker, uint32_t number, struct client *client, const struct submit *submit)
{
    struct error *error;

    if (!client)
        client = broker_admit_anonymous(broker, number);
    if (client) {
        broker_submit(broker, client, submit);
        return;
    }
    error = broker_send_error(broker, SIDE_CLIENT, number, &submit->id, ERROR_BUSY, "too many clients");
    error->limit = text_bytes("peers_max");
    error->retry_after_ms = 1000;
}

/* A client that sends what goes with a HELLO, but has not said one here, believes in a session that is lost. */
static void
handle_hello_only(struct broker *broker, uint32_t number, struct client *client, const struct message *message)
{
    bool is_known = client && !client->is_anonymous;

    if (!is_known)
        broker_ask_hello(broker, SIDE_CLIENT, number, message->verb == VERB_HEARTBEAT);
    else if (message->verb == VERB_HEARTBEAT)
        outbox_send(broker->outbox, SIDE_CLIENT, number, VERB_HEARTBEAT, NULL);
    else
        broker_seen(broker, client, message->seen_count);
}

void
broker_handle_client(struct broker *broker, uint32_t number, const struct message *message)
{
    struct peer *peer = peers_get(&broker->client_peers, number);
    struct client *client = peer->session;

    /* Two HELLOs of one instance may come in the wrong order, since connections keep none between them. Then this
     * connection is the living one, and its heartbeat is what brings it back. */
    if (peer->is_replaced && message->verb != VERB_HELLO) {
        if (message->verb == VERB_HEARTBEAT)
            broker_ask_hello(broker, SIDE_CLIENT, number, true);
        return;
    }
    switch (message->verb) {
    case VERB_SUBMIT:
        handle_submit(broker, number, client, &message->submit);
        return;
    case VERB_HEARTBEAT:
    case VERB_SEEN:
        handle_hello_only(broker, number, client, message);
        return;
    case VERB_CREDIT:
        handle_credit(broker, client, &message->credit);
        return;
    case VERB_CANCEL:
        handle_cancel(broker, number, client, &message->cancel.ref);
        return;
    case VERB_HELLO:
        peer->is_asked = false;
        handle_hello(broker, number, client, &message->hello);
        return;
    case VERB_BYE:
        if (client)
            end_session(broker, client, "said BYE");
        return;
    default:
        broker_send_error(broker, SIDE_CLIENT, number, NULL, ERROR_UNKNOWN_VERB, "clients do not send this");
    }
}

/* --- its tasks -------------------------------------------------------------------------------------------------- */

struct task *
broker_find_task(const struct broker *broker, const struct client *client, const struct ref *id)
{
    struct task_key key = task_key_make(client->session, id);

    return task_table_find(&broker->tasks, &key, task_key_hash(&key, broker->settings.hash_seed));
}

void
broker_move_task(struct broker *broker, struct task *task, struct client *client)
{
    struct task_key key = task_key_make(client->session, &task->key.id);

    client_remove_live(task->client, task);
    task_table_remove(&broker->tasks, task);
    memcpy(&task->key, &key, sizeof key);
    task->hash = task_key_hash(&key, broker->settings.hash_seed);
    task_table_add(&broker->tasks, task);
    client_add_live(client, task);
}
