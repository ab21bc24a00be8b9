/* draft.c - checks and encodes tasks, and takes their payload over; see draft.h. */
#include "client/lib/draft.h"
#include "wire/text.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a caller hands over. It outlives the task, because libzmq may still be sending them. Until the submit can
 * no longer fail they are the caller's: `is_taken` is false, and the handover is in the draft's list. */
struct handover {
    void (*release)(void *data, void *hint);
    void *hint;
    bool is_taken;
    struct handover *next;
};

/* libzmq calls this, on either thread, with the last reference. */
static void
end_handover(void *data, void *handover_v)
{
    struct handover *handover = handover_v;

    if (handover->is_taken)
        handover->release(data, handover->hint);
    free(handover);
}

static bool
is_within(const char *text, size_t bytes_min, size_t bytes_max)
{
    size_t size = text ? strlen(text) : 0;

    return size >= bytes_min && size <= bytes_max;
}

static bool
parts_are_sound(const struct snakepit_task *task)
{
    if (task->part_count > TASK_FRAMES_MAX || (task->part_count && !task->parts))
        return false;
    for (size_t i = 0; i < task->part_count; i++)
        if (task->parts[i].size > UINT32_MAX || (task->parts[i].size && !task->parts[i].data))
            return false;
    return true;
}

static bool
is_key(const char *text, size_t bytes_max)
{
    return !text || is_within(text, 1, bytes_max);
}

static bool
retry_types_are_sound(const char *const *types)
{
    size_t count = 0;

    while (types && types[count]) {
        if (count == RETRY_TYPES_MAX || !is_within(types[count], 1, ERROR_TYPE_BYTES_MAX))
            return false;
        count++;
    }
    return true;
}

/* Whether the caller asks for anything of how the task is to be tried again, ordered and shared. Most do not, and are spared
 * the checks. */
static bool
has_delivery(const struct snakepit_task *task)
{
    return task->retries || task->kills_max || task->retry_on || task->backoff_ms || task->dedup_ms || task->run_ms ||
           task->dedup_key || task->group || task->fair_key || task->session || task->session_mode || task->credit;
}

/* What is wrong with it; NULL: nothing. */
static const char *
delivery_fault(const struct snakepit_task *task)
{
    const uint64_t ms_max = (uint64_t)DURATION_MS_MAX;

    if (task->retries > RETRIES_MAX || task->kills_max > KILLS_MAX)
        return "retries, kills_max: at most 1000";
    if (!retry_types_are_sound(task->retry_on))
        return "retry_on: at most 16 types of 1 to 128 bytes, and NULL";
    if (task->backoff_ms > ms_max || task->dedup_ms > ms_max || task->run_ms > ms_max)
        return "backoff_ms, dedup_ms, run_ms: at most ten years";
    if (!is_key(task->dedup_key, DEDUP_KEY_BYTES_MAX))
        return "dedup_key: 1 to 128 bytes";
    if (!is_key(task->group, LABEL_BYTES_MAX) || !is_key(task->fair_key, LABEL_BYTES_MAX) ||
        !is_key(task->session, LABEL_BYTES_MAX))
        return "group, fair_key, session: 1 to 64 bytes";
    if (task->session_mode > SNAKEPIT_SESSION_STRICT_FAIL_FAST)
        return "session_mode: one of enum snakepit_session_mode";
    return task->credit > CREDIT_MAX ? "credit: at most 1000000" : NULL;
}

/* What is wrong with a task, in words; NULL: nothing. */
static const char *
task_fault(const struct snakepit_task *task)
{
    const char *fault = has_delivery(task) ? delivery_fault(task) : NULL;

    if (task->pool && task->pool[0] && !text_is_name(text_bytes(task->pool)) && strcmp(task->pool, ADMIN_POOL) != 0)
        return "pool: 1 to 64 of A-Z a-z 0-9 _ . -";
    if (!is_within(task->function, 1, FUNCTION_BYTES_MAX))
        return "function: 1 to 255 bytes";
    if (!is_within(task->content_type, 0, CONTENT_TYPE_BYTES_MAX))
        return "content_type: at most 32 bytes";
    if (task->args_bytes && !task->args)
        return "args: NULL, but args_bytes is not 0";
    if (task->args_bytes && task->part_count)
        return "args and parts: only one of them";
    if (task->args_bytes > UINT32_MAX || !parts_are_sound(task))
        return "parts: at most 64, each less than 4 GiB and not NULL";
    if (task->priority > PRIORITIES)
        return "priority: SNAKEPIT_PRIORITY(0) to SNAKEPIT_PRIORITY(9)";
    if (task->max_attempts > ATTEMPTS_MAX)
        return "max_attempts: at most 1000";
    if (task->delay_ms > (uint64_t)DURATION_MS_MAX || task->deadline_ms > (uint64_t)DURATION_MS_MAX)
        return "delay_ms, deadline_ms: at most ten years";
    if (fault)
        return fault;
    if (task->header_count && !task->headers)
        return "headers: NULL, but header_count is not 0";
    return NULL;
}

/* Append the map of headers to scratch. OK, ERR_MEMORY, or ERR_INVALID: too large, or without a name or value. */
static int
encode_headers(struct wire_buffer *buffer, const struct snakepit_task *task)
{
    wire_write_map(buffer, (uint32_t)task->header_count);
    for (size_t i = 0; i < task->header_count; i++) {
        if (!task->headers[i].name || !task->headers[i].value || buffer->size > HEADERS_BYTES_MAX)
            return ERR_INVALID;
        wire_write_text(buffer, task->headers[i].name);
        wire_write_text(buffer, task->headers[i].value);
    }
    if (buffer->failed)
        return ERR_MEMORY;
    return buffer->size <= HEADERS_BYTES_MAX ? OK : ERR_INVALID;
}

static bool
is_msgpack(const char *content_type)
{
    return !content_type || strcmp(content_type, "msgpack") == 0;
}

static struct bytes
text_or_none(const char *text)
{
    return text_bytes(text ? text : "");
}

static void
fill_delivery(struct submit *submit, const struct snakepit_task *task)
{
    submit->has_retries = task->retries > 0;
    submit->retries = task->retries;
    submit->has_backoff = task->backoff_ms > 0;
    submit->backoff_ms = task->backoff_ms;
    submit->kills_max = task->kills_max;
    submit->dedup_key = text_or_none(task->dedup_key);
    submit->has_dedup_ms = task->dedup_ms > 0;
    submit->dedup_ms = task->dedup_ms;
    submit->group = text_or_none(task->group);
    submit->fair_key = text_or_none(task->fair_key);
    submit->session = text_or_none(task->session);
    submit->session_mode = (enum session_mode)task->session_mode;
    submit->run_ms = task->run_ms;
    submit->credit = task->credit;
}

/* Point the submit's list at `types`, which has room for RETRY_TYPES_MAX. */
static void
fill_retry_types(struct submit *submit, const struct snakepit_task *task, struct bytes *types)
{
    while (task->retry_on && task->retry_on[submit->retry_on.count]) {
        types[submit->retry_on.count] = text_bytes(task->retry_on[submit->retry_on.count]);
        submit->retry_on.count++;
    }
    submit->retry_on.list = types;
}

static void
fill_options(struct submit *submit, const struct snakepit_task *task)
{
    submit->pool = text_bytes(task->pool ? task->pool : "");
    submit->function = text_bytes(task->function);
    if (!is_msgpack(task->content_type))
        submit->content_type = text_bytes(task->content_type);
    submit->priority = task->priority ? (uint8_t)(task->priority - 1) : PRIORITY_DEFAULT;
    submit->max_attempts = task->max_attempts;
    submit->delay_ms = task->delay_ms;
    submit->deadline_ms = task->deadline_ms;
    submit->has_deadline = task->deadline_ms > 0;
    submit->on_loss = task->at_most_once ? LOSS_FINAL : LOSS_REQUEUE;
    submit->stream = task->on_chunk != NULL;
    submit->progress = task->on_progress != NULL;
    submit->ack = task->on_accepted != NULL;
    submit->info = task->want_info;
    if (has_delivery(task))
        fill_delivery(submit, task);
}

/* Encode the SUBMIT into the scratch buffer, behind its headers; *ret_command is where. OK or a wire error. */
static int
encode_submit(struct wire_buffer *buffer, const struct snakepit_task *task, struct message *message,
              struct bytes *ret_command)
{
    uint8_t headers[HEADERS_BYTES_MAX];
    struct bytes retry_types[RETRY_TYPES_MAX];
    size_t headers_bytes = 0;
    int status;

    fill_retry_types(&message->submit, task, retry_types);
    buffer->size = 0;
    buffer->failed = false;
    if (task->header_count) {
        status = encode_headers(buffer, task);
        if (status)
            return status;
        /* Copied, because the buffer may move while the command grows behind it. */
        headers_bytes = buffer->size;
        memcpy(headers, buffer->data, headers_bytes);
        message->submit.headers = (struct bytes){headers, (uint32_t)headers_bytes};
    }
    status = wire_encode(buffer, SIDE_CLIENT, message);
    if (status)
        return status;
    *ret_command = (struct bytes){buffer->data + headers_bytes, (uint32_t)(buffer->size - headers_bytes)};
    return OK;
}

/* Make one attachment frame: a copy of the caller's bytes, or these themselves. OK or ERR_MEMORY. */
static int
fill_frame(struct draft *draft, zmq_msg_t *frame, const struct snakepit_part *part)
{
    struct handover *handover;

    if (!part->release) {
        if (zmq_msg_init_size(frame, part->size))
            return ERR_MEMORY;
        if (part->size)
            memcpy(zmq_msg_data(frame), part->data, part->size);
        return OK;
    }
    handover = calloc(1, sizeof *handover);
    if (!handover)
        return ERR_MEMORY;
    handover->release = part->release;
    handover->hint = part->hint;
    if (zmq_msg_init_data(frame, part->data, part->size, end_handover, handover)) {
        free(handover);
        return ERR_MEMORY;
    }
    handover->next = draft->handovers;
    draft->handovers = handover;
    return OK;
}

static int
fill_frames(struct draft *draft, struct pending_task *pending, const struct snakepit_part *parts)
{
    for (uint32_t i = 0; i < pending->frame_count; i++) {
        if (fill_frame(draft, &pending->frames[i], &parts[i])) {
            zmq_msg_init(&pending->frames[i]);
            return ERR_MEMORY;
        }
        pending->cost_bytes += parts[i].size;
        if (parts[i].size > pending->frame_bytes_max)
            pending->frame_bytes_max = parts[i].size;
    }
    return OK;
}

static struct pending_task *
make_pending(struct draft *draft, const struct snakepit_task *task, uint64_t id, struct bytes command,
             const struct snakepit_part *parts, uint16_t frame_count)
{
    struct pending_task *pending = pending_task_new(command.size, frame_count);

    if (!pending)
        return NULL;
    memcpy(pending->command, command.data, command.size);
    pending->id = id;
    pending->on_done = task->on_done;
    pending->on_chunk = task->on_chunk;
    pending->credit = task->on_chunk ? task->credit : 0;
    pending->on_accepted = task->on_accepted;
    pending->on_progress = task->on_progress;
    pending->user = task->user;
    pending->is_admin = task->pool && task->pool[0] == ADMIN_POOL[0];
    pending->cost_bytes = command.size;
    if (fill_frames(draft, pending, parts))
        pending_task_destroy(&pending);
    return pending;
}

int
draft_task(struct draft *draft, const struct snakepit_task *task, uint64_t id, struct pending_task **ret_pending)
{
    /* Plain arguments are a payload of one part. libzmq wants a pointer that is not const; nothing writes there. */
    struct snakepit_part args = {.data = (void *)(uintptr_t)task->args, .size = task->args_bytes};
    static const uint8_t no_arguments[] = {0x90}; /* an empty array: no bytes at all are no MessagePack */
    const struct snakepit_part *parts = task->part_count ? task->parts : &args;
    uint16_t part_count = task->part_count ? (uint16_t)task->part_count : 1;
    bool is_inline = part_count == 1 && !parts->release && parts->size <= draft->inline_bytes_max;
    struct message message;
    struct bytes command;
    int status;

    draft->fault = task_fault(task);
    if (draft->fault)
        return ERR_INVALID;
    if (parts == &args && args.size == 0 && is_msgpack(task->content_type))
        args = (struct snakepit_part){.data = (void *)(uintptr_t)no_arguments, .size = sizeof no_arguments};
    message.verb = VERB_SUBMIT;
    memset(&message.submit, 0, sizeof message.submit);
    message.submit.id = ref_number(id);
    fill_options(&message.submit, task);
    if (is_inline)
        message.submit.payload.data = (struct bytes){parts->data, (uint32_t)parts->size};
    else
        message.submit.payload.frames = part_count;
    status = encode_submit(draft->scratch, task, &message, &command);
    if (status == ERR_INVALID)
        draft->fault = "headers: at most 4096 bytes encoded, each with name and value";
    if (status)
        return status;
    *ret_pending = make_pending(draft, task, id, command, parts, is_inline ? 0 : part_count);
    return *ret_pending ? OK : ERR_MEMORY;
}

void
draft_commit(struct draft *draft)
{
    while (draft->handovers) {
        struct handover *handover = draft->handovers;

        draft->handovers = handover->next;
        handover->is_taken = true;
    }
}
