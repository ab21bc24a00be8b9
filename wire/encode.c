/* encode.c - one command of each verb to bytes, shortest form, defaults left out; see verbs.h. */
#include "wire/keys.h"
#include "wire/text.h"
#include "wire/verbs.h"
#include "wire/writer_quick.h"

/* Begin a command with `fields` fields behind its verb; returns where it stands, for keys_encode. */
static size_t
begin(struct wire_buffer *buffer, enum verb verb, uint32_t fields)
{
    size_t command_at = buffer->size;

    quick_write_array(buffer, 1 + fields);
    quick_write_uint(buffer, verb);
    return command_at;
}

static int
write_ref(struct wire_buffer *buffer, enum side side, const struct ref *ref)
{
    if (ref->kind == REF_NUMBER) {
        quick_write_uint(buffer, ref->number);
        return OK;
    }
    if (ref->kind != REF_BYTES || side == SIDE_WORKER || ref->size < 1 || ref->size > ID_BYTES_MAX)
        return ERR_INVALID;
    quick_write_bin(buffer, (struct bytes){ref->bytes, ref->size});
    return OK;
}

static int
write_function(struct wire_buffer *buffer, struct bytes function)
{
    if (function.size < 1 || function.size > FUNCTION_BYTES_MAX)
        return ERR_INVALID;
    quick_write_str(buffer, function);
    return OK;
}

static int
write_payload(struct wire_buffer *buffer, const struct payload *payload)
{
    if (payload->frames > TASK_FRAMES_MAX)
        return ERR_INVALID;
    if (payload->frames > 0)
        quick_write_uint(buffer, payload->frames);
    else
        quick_write_bin(buffer, payload->data);
    return OK;
}

/* Tasks and results mostly have no options; to see that at a glance saves a third of the work of encoding one. What is new in
 * the table of keys belongs here, too: a test sets each key alone. */
static bool
submit_has_options(const struct submit *submit)
{
    return submit->content_type.size > 0 || submit->headers.size > 0 || submit->delay_ms > 0 || submit->has_deadline ||
           submit->max_attempts > 0 || submit->priority != PRIORITY_DEFAULT || submit->ack || submit->stream ||
           submit->info || submit->progress || submit->on_loss != LOSS_REQUEUE || submit->again || submit->has_retries ||
           submit->retry_on.count > 0 || submit->has_backoff || submit->kills_max > 0 || submit->dedup_key.size > 0 ||
           submit->has_dedup_ms || submit->group.size > 0 || submit->fair_key.size > 0 || submit->session.size > 0 ||
           submit->session_mode != SESSION_HINT || submit->run_ms > 0 || submit->credit > 0;
}

/* The origin is left out here. */
static bool
task_has_options(const struct task_command *task)
{
    return task->content_type.size > 0 || task->headers.size > 0 || task->stream || task->progress || task->has_deadline ||
           task->session.size > 0 || task->credit > 0 || task->run_ms > 0;
}

/* Nearly all tasks have an origin and nothing else to say. */
static int
write_origin_map(struct wire_buffer *buffer, struct bytes origin)
{
    uint8_t *at = quick_room(buffer, sizeof origin_map_head + HEAD_BYTES_MAX + (size_t)origin.size);

    if (origin.size > ORIGIN_BYTES_MAX)
        return ERR_INVALID;
    if (!at)
        return OK;
    memcpy(at, origin_map_head, sizeof origin_map_head);
    at += sizeof origin_map_head;
    msgpack_pack_bin(&at, origin.size);
    quick_end_bytes(buffer, at, origin);
    return OK;
}

static bool
info_is_said(const struct info *info)
{
    return info->content_type.size > 0 || info->attempt > 0 || info->chunks > 0 || info->timed;
}

int
encode_hello(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct hello *hello = &message->hello;
    size_t command_at = begin(buffer, VERB_HELLO, 3);

    if ((hello->is_worker || hello->is_agent) != (side == SIDE_WORKER))
        return ERR_INVALID;
    wire_write_text(buffer, PROTOCOL_NAME);
    wire_write_text(buffer, hello->is_agent ? "agent" : hello->is_worker ? "worker" : "client");
    if (hello->is_agent)
        return keys_encode(buffer, command_at, &agent_keys, hello);
    return keys_encode(buffer, command_at, hello->is_worker ? &worker_keys : &client_keys, hello);
}

int
encode_welcome(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    size_t command_at = begin(buffer, VERB_WELCOME, 2);

    (void)side;
    wire_write_uint(buffer, message->welcome.session);
    return keys_encode(buffer, command_at, &welcome_keys, &message->welcome);
}

int
encode_error(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct error *error = &message->error;
    bool is_refuse = message->verb == VERB_REFUSE;
    size_t command_at = begin(buffer, message->verb, is_refuse ? 3 : 4);

    if (error->code <= ERROR_NONE || error->code >= ERROR_CODES)
        return ERR_INVALID;
    if (!is_refuse && error->ref.kind == REF_NONE)
        wire_write_nil(buffer);
    else if (!is_refuse && write_ref(buffer, side, &error->ref) != OK)
        return ERR_INVALID;
    wire_write_text(buffer, error_code_name(error->code));
    wire_write_str(buffer, text_head(error->text, ERROR_TEXT_BYTES_MAX));
    return keys_encode(buffer, command_at, &details_keys, error);
}

int
encode_heartbeat(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    size_t command_at = begin(buffer, VERB_HEARTBEAT, message->heartbeat.has_facts ? 1 : 0);

    (void)side;
    return message->heartbeat.has_facts ? keys_encode(buffer, command_at, &heartbeat_keys, &message->heartbeat) : OK;
}

int
encode_reason(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    (void)side;
    begin(buffer, message->verb, message->reason.size > 0 ? 1 : 0);
    if (message->reason.size > 0)
        wire_write_str(buffer, text_head(message->reason, ERROR_TEXT_BYTES_MAX));
    return OK;
}

int
encode_nothing(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    (void)side;
    begin(buffer, message->verb, 0);
    return OK;
}

int
encode_submit(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct submit *submit = &message->submit;
    bool has_options = submit_has_options(submit);
    size_t command_at = begin(buffer, VERB_SUBMIT, has_options ? 5 : 4);

    if (submit->pool.size > 0 && !text_is_name(submit->pool) && !text_is(submit->pool, ADMIN_POOL))
        return ERR_INVALID;
    if (write_ref(buffer, side, &submit->id) != OK)
        return ERR_INVALID;
    quick_write_str(buffer, submit->pool);
    if (write_function(buffer, submit->function) != OK || write_payload(buffer, &submit->payload) != OK)
        return ERR_INVALID;
    return has_options ? keys_encode(buffer, command_at, &submit_keys, submit) : OK;
}

int
encode_accepted(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    begin(buffer, VERB_ACCEPTED, 2);
    if (write_ref(buffer, side, &message->accepted.id) != OK)
        return ERR_INVALID;
    quick_write_uint(buffer, message->accepted.task);
    return OK;
}

int
encode_cancel(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct cancel *cancel = &message->cancel;
    size_t command_at = begin(buffer, VERB_CANCEL, cancel->raise ? 2 : 1);

    if (write_ref(buffer, side, &cancel->ref) != OK)
        return ERR_INVALID;
    return cancel->raise ? keys_encode(buffer, command_at, &cancel_keys, cancel) : OK;
}

int
encode_credit(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct credit *credit = &message->credit;
    size_t command_at = begin(buffer, VERB_CREDIT, credit->attempt > 0 ? 3 : 2);

    if (write_ref(buffer, side, &credit->ref) != OK)
        return ERR_INVALID;
    quick_write_uint(buffer, credit->count);
    return credit->attempt > 0 ? keys_encode(buffer, command_at, &credit_keys, credit) : OK;
}

int
encode_result(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct result *result = &message->result;
    bool has_info = info_is_said(&result->info);
    size_t command_at = begin(buffer, VERB_RESULT, has_info ? 3 : 2);

    if (write_ref(buffer, side, &result->ref) != OK || write_payload(buffer, &result->payload) != OK)
        return ERR_INVALID;
    return has_info ? keys_encode(buffer, command_at, &info_keys, &result->info) : OK;
}

int
encode_chunk(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct chunk *chunk = &message->chunk;
    size_t command_at = begin(buffer, VERB_CHUNK, 4);

    if (chunk->seq < 1 || write_ref(buffer, side, &chunk->ref) != OK)
        return ERR_INVALID;
    wire_write_uint(buffer, chunk->seq);
    if (write_payload(buffer, &chunk->payload) != OK)
        return ERR_INVALID;
    return keys_encode(buffer, command_at, &info_keys, &chunk->info);
}

int
encode_seen(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    (void)side;
    begin(buffer, VERB_SEEN, 1);
    quick_write_uint(buffer, message->seen_count);
    return OK;
}

int
encode_task(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct task_command *task = &message->task;
    bool has_options = task_has_options(task);
    size_t command_at = begin(buffer, VERB_TASK, has_options || task->origin.size > 0 ? 5 : 4);

    (void)side;
    if (task->attempt < 1)
        return ERR_INVALID;
    quick_write_uint(buffer, task->fence);
    quick_write_uint(buffer, task->attempt);
    if (write_function(buffer, task->function) != OK || write_payload(buffer, &task->payload) != OK)
        return ERR_INVALID;
    if (has_options)
        return keys_encode(buffer, command_at, &task_keys, task);
    return task->origin.size > 0 ? write_origin_map(buffer, task->origin) : OK;
}

int
encode_fence(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    (void)side;
    begin(buffer, message->verb, 1);
    quick_write_uint(buffer, message->fence);
    return OK;
}

int
encode_nack(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    struct bytes reason = text_head(message->nack.reason, ERROR_TEXT_BYTES_MAX);

    (void)side;
    begin(buffer, VERB_NACK, reason.size > 0 ? 2 : 1);
    wire_write_uint(buffer, message->nack.fence);
    if (reason.size > 0)
        wire_write_str(buffer, reason);
    return OK;
}

int
encode_stop(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    size_t command_at = begin(buffer, VERB_STOP, 1);

    (void)side;
    return keys_encode(buffer, command_at, &stop_keys, &message->stop);
}
