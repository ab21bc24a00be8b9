/* broker_reply.c - short answers that several parts of the broker give; see broker_state.h. */
#include "broker/core/broker_state.h"
#include "wire/text.h"

#include <string.h>

static struct peers *
peers_of(struct broker *broker, enum side side)
{
    return side == SIDE_CLIENT ? &broker->client_peers : &broker->worker_peers;
}

struct error *
broker_send_error(struct broker *broker, enum side side, uint32_t peer, const struct ref *ref, enum error_code code,
                  const char *text)
{
    struct error *error = &outbox_send(broker->outbox, side, peer, VERB_ERROR, NULL)->error;

    if (ref)
        error->ref = *ref;
    error->code = code;
    error->text = text_bytes(text);
    return error;
}

struct error *
broker_refuse(struct broker *broker, enum side side, uint32_t peer, enum error_code code, const char *text)
{
    struct error *error = &outbox_send(broker->outbox, side, peer, VERB_REFUSE, NULL)->error;

    error->code = code;
    error->text = text_bytes(text);
    return error;
}

bool
broker_accepts_hello(struct broker *broker, enum side side, uint32_t peer, const struct hello *hello)
{
    if (!text_is(hello->protocol, PROTOCOL_NAME)) {
        broker_refuse(broker, side, peer, ERROR_UNSUPPORTED, "this broker does not speak that protocol")
            ->lists_protocols = true;
        return false;
    }
    if ((hello->is_worker || hello->is_agent) != (side == SIDE_WORKER)) {
        broker_refuse(broker, side, peer, ERROR_BAD_FIELD, "this endpoint is for peers of the other role")->field =
            text_bytes("role");
        return false;
    }
    return true;
}

struct welcome *
broker_welcome(struct broker *broker, enum side side, uint32_t peer, uint64_t session, bool is_resumed)
{
    struct welcome *welcome = &outbox_send(broker->outbox, side, peer, VERB_WELCOME, NULL)->welcome;

    welcome->session = session;
    welcome->broker = text_bytes(broker->settings.version);
    welcome->epoch = broker->settings.epoch;
    welcome->resumed = is_resumed;
    welcome->heartbeat_ms = (uint64_t)broker->settings.heartbeat_us / 1000;
    welcome->inline_max_bytes = broker->settings.inline_bytes_max;
    welcome->control_max_bytes = broker->settings.control_bytes_max;
    welcome->frame_max_bytes = broker->settings.frame_bytes_max;
    welcome->attachments_max = TASK_FRAMES_MAX;
    if (side == SIDE_WORKER)
        welcome->clients = text_bytes(broker->clients_endpoint);
    return welcome;
}

void
broker_set_clients_endpoint(struct broker *broker, const char *endpoint)
{
    size_t size = strlen(endpoint) + 1;

    if (size <= sizeof broker->clients_endpoint)
        memcpy(broker->clients_endpoint, endpoint, size);
}

void
broker_ask_hello(struct broker *broker, enum side side, uint32_t number, bool always)
{
    struct peer *peer = peers_get(peers_of(broker, side), number);

    if (peer->is_asked && !always)
        return;
    peer->is_asked = true;
    outbox_send(broker->outbox, side, number, VERB_REHELLO, NULL);
}

void
broker_send_no_such_pool(struct broker *broker, uint32_t peer, const struct ref *ref, struct bytes name)
{
    struct bytes text = broker_say_no_such_pool(broker, name);

    broker_send_error(broker, SIDE_CLIENT, peer, ref, ERROR_NO_SUCH_POOL, "")->text = text;
}

void
broker_refuse_no_such_pool(struct broker *broker, uint32_t peer, struct bytes name)
{
    struct bytes text = broker_say_no_such_pool(broker, name);

    broker_refuse(broker, SIDE_WORKER, peer, ERROR_NO_SUCH_POOL, "")->text = text;
}

struct note *
broker_note_worker(struct broker *broker, enum note_kind kind, const struct worker *worker)
{
    const char *name = worker->name[0] ? outbox_copy(broker->outbox, worker->name, strlen(worker->name)) : NULL;
    struct note *note = outbox_note(broker->outbox, kind);

    note->worker = worker->session;
    note->worker_name = name;
    note->pool = worker->pool->name;
    return note;
}
