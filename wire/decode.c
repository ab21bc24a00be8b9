/* decode.c - the fields of each verb, in their order; see verbs.h and docs/protocol.md, section 4. */
#include "wire/keys.h"
#include "wire/text.h"
#include "wire/verbs.h"

#include <string.h>

/* Take a str for people at the end of a command; empty where the command has ended. */
static int
take_last_text(struct decoder *decoder, const char *field, struct bytes *ret_text)
{
    *ret_text = (struct bytes){0};
    return decoder->values_left == 0 ? OK : take_text(decoder, field, ERROR_TEXT_BYTES_MAX, ret_text);
}

int
decode_hello(struct decoder *decoder, struct message *message)
{
    struct hello *hello = &message->hello;
    uint32_t role_at;
    struct bytes role;

    *hello = (struct hello){.is_worker = decoder->side == SIDE_WORKER, .slots = 1, .gil_enabled = true};
    if (take_str(decoder, "protocol", 1, LABEL_BYTES_MAX, &hello->protocol) != OK)
        return ERR_INVALID;
    /* Another protocol's HELLO may go on in another way; its name is all that the broker needs to refuse it. */
    if (!text_is(hello->protocol, PROTOCOL_NAME))
        return OK;
    role_at = decoder->reader.at;
    if (take_str(decoder, "role", 1, LABEL_BYTES_MAX, &role) != OK)
        return ERR_INVALID;
    hello->is_agent = hello->is_worker && text_is(role, "agent");
    hello->is_worker = hello->is_worker && !hello->is_agent;
    if (!hello->is_agent && !text_is(role, hello->is_worker ? "worker" : "client")) {
        decoder->reader.at = role_at;
        return decoder_fail(decoder, ERROR_BAD_FIELD, "role", hello->is_worker
                            ? "this endpoint is for workers; clients connect to another one"
                            : "this endpoint is for clients; workers connect to another one");
    }
    if (hello->is_agent)
        return keys_decode(decoder, &agent_keys, "facts", hello);
    return keys_decode(decoder, hello->is_worker ? &worker_keys : &client_keys, "facts", hello);
}

int
decode_welcome(struct decoder *decoder, struct message *message)
{
    struct welcome *welcome = &message->welcome;

    *welcome = (struct welcome){0};
    if (take_uint(decoder, "session", 0, UINT64_MAX, &welcome->session) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &welcome_keys, "facts", welcome);
}

/* What an ERROR of this name means here. A worker has four codes to choose from, and a code that is newer than this
 * program ends a task all the same. */
static enum error_code
known_code(enum direction direction, struct bytes name)
{
    enum error_code code = error_code_find((const char *)name.data, name.size);

    if (direction == FROM_BROKER)
        return code == ERROR_NONE ? ERROR_INTERNAL : code;
    if (code == ERROR_CANCELLED || code == ERROR_NO_SUCH_FUNCTION || code == ERROR_BAD_PAYLOAD)
        return code;
    return ERROR_FAILED;
}

int
decode_error(struct decoder *decoder, struct message *message)
{
    struct error *error = &message->error;
    struct bytes name;

    *error = (struct error){0};
    if (message->verb == VERB_ERROR) {
        if (decoder->values_left > 0 && reader_nil(&decoder->reader) == OK)
            decoder->values_left--;
        else if (take_ref(decoder, "ref", &error->ref) != OK)
            return ERR_INVALID;
    }
    if (take_str(decoder, "code", 1, LABEL_BYTES_MAX, &name) != OK ||
        take_last_text(decoder, "message", &error->text) != OK)
        return ERR_INVALID;
    error->code = known_code(decoder->direction, name);
    return keys_decode(decoder, &details_keys, "details", error);
}

int
decode_heartbeat(struct decoder *decoder, struct message *message)
{
    struct heartbeat *heartbeat = &message->heartbeat;

    *heartbeat = (struct heartbeat){.has_facts = decoder->values_left > 0, .gil_enabled = -1};
    return keys_decode(decoder, &heartbeat_keys, "facts", heartbeat);
}

int
decode_reason(struct decoder *decoder, struct message *message)
{
    return take_last_text(decoder, "reason", &message->reason);
}

int
decode_nothing(struct decoder *decoder, struct message *message)
{
    (void)decoder;
    (void)message;
    return OK;
}

int
decode_submit(struct decoder *decoder, struct message *message)
{
    struct submit *submit = &message->submit;

    *submit = (struct submit){.priority = PRIORITY_DEFAULT};
    if (take_ref(decoder, "id", &submit->id) != OK || take_pool(decoder, true, &submit->pool) != OK ||
        take_str(decoder, "function", 1, FUNCTION_BYTES_MAX, &submit->function) != OK ||
        take_payload(decoder, &submit->payload) != OK)
        return ERR_INVALID;
    return decoder->values_left == 0 ? OK : keys_decode(decoder, &submit_keys, "options", submit);
}

int
decode_accepted(struct decoder *decoder, struct message *message)
{
    struct accepted *accepted = &message->accepted;

    if (take_ref(decoder, "id", &accepted->id) != OK)
        return ERR_INVALID;
    return take_uint(decoder, "task", 0, UINT64_MAX, &accepted->task);
}

int
decode_cancel(struct decoder *decoder, struct message *message)
{
    message->cancel = (struct cancel){0};
    if (take_ref(decoder, "ref", &message->cancel.ref) != OK)
        return ERR_INVALID;
    /* What a client puts behind it is of a later version. */
    return decoder->direction == FROM_BROKER ? keys_decode(decoder, &cancel_keys, "facts", &message->cancel) : OK;
}

int
decode_credit(struct decoder *decoder, struct message *message)
{
    struct credit *credit = &message->credit;

    *credit = (struct credit){0};
    if (take_ref(decoder, "ref", &credit->ref) != OK || take_uint(decoder, "count", 0, UINT64_MAX, &credit->count) != OK)
        return ERR_INVALID;
    return decoder->direction == TO_BROKER ? keys_decode(decoder, &credit_keys, "facts", credit) : OK;
}

int
decode_result(struct decoder *decoder, struct message *message)
{
    struct result *result = &message->result;

    result->info = (struct info){0};
    if (take_ref(decoder, "ref", &result->ref) != OK || take_payload(decoder, &result->payload) != OK)
        return ERR_INVALID;
    return decoder->values_left == 0 ? OK : keys_decode(decoder, &info_keys, "info", &result->info);
}

int
decode_chunk(struct decoder *decoder, struct message *message)
{
    struct chunk *chunk = &message->chunk;

    chunk->info = (struct info){0};
    if (take_ref(decoder, "ref", &chunk->ref) != OK || take_uint(decoder, "seq", 1, UINT64_MAX, &chunk->seq) != OK ||
        take_payload(decoder, &chunk->payload) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &info_keys, "info", &chunk->info);
}

int
decode_seen(struct decoder *decoder, struct message *message)
{
    return take_uint(decoder, "count", 0, UINT64_MAX, &message->seen_count);
}

/* Take the options that nearly all tasks have, an origin of less than 256 bytes and nothing else. False: they are others, or
 * wrong, and nothing was taken. */
static bool
take_origin_map(struct decoder *decoder, struct bytes *ret_origin)
{
    struct reader *reader = &decoder->reader;
    uint32_t left = reader->size - reader->at;
    uint32_t head_bytes = sizeof origin_map_head + 2;
    const uint8_t *at = reader->data + reader->at;
    uint32_t size;

    if (decoder->values_left == 0 || left < head_bytes || memcmp(at, origin_map_head, sizeof origin_map_head) != 0 ||
        at[sizeof origin_map_head] != 0xc4)
        return false;
    size = at[sizeof origin_map_head + 1];
    if (size < 1 || size > ORIGIN_BYTES_MAX || size > left - head_bytes)
        return false;
    *ret_origin = (struct bytes){at + head_bytes, size};
    reader->at += head_bytes + size;
    decoder->values_left--;
    return true;
}

int
decode_task(struct decoder *decoder, struct message *message)
{
    struct task_command *task = &message->task;
    uint64_t attempt = 0;

    *task = (struct task_command){0};
    if (take_fence(decoder, &task->fence) != OK || take_uint(decoder, "attempt", 1, UINT32_MAX, &attempt) != OK ||
        take_str(decoder, "function", 1, FUNCTION_BYTES_MAX, &task->function) != OK ||
        take_payload(decoder, &task->payload) != OK)
        return ERR_INVALID;
    task->attempt = (uint32_t)attempt;
    if (take_origin_map(decoder, &task->origin))
        return OK;
    return keys_decode(decoder, &task_keys, "options", task);
}

int
decode_fence(struct decoder *decoder, struct message *message)
{
    return take_fence(decoder, &message->fence);
}

int
decode_nack(struct decoder *decoder, struct message *message)
{
    if (take_fence(decoder, &message->nack.fence) != OK)
        return ERR_INVALID;
    return take_last_text(decoder, "reason", &message->nack.reason);
}

int
decode_stop(struct decoder *decoder, struct message *message)
{
    message->stop = (struct stop){0};
    return keys_decode(decoder, &stop_keys, "facts", &message->stop);
}
