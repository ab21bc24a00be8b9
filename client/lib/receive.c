/* receive.c - takes the broker's messages apart and tells the tasks' owners. Trusts nothing that it reads. */
#include "client/lib/client.h"
#include "client/lib/session.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* Messages in one turn; then timers and output have their turn too. */
#define MESSAGES_PER_TURN 64
#define RETRY_US INT64_C(50000)        /* after the first `busy`, unless the broker says more */
#define RETRY_MAX_US INT64_C(5000000)

/* One message while it is taken apart. */
struct arrival {
    struct snakepit_client *client;
    zmq_msg_t *frames; /* of the client: control frame, attachments */
    size_t frame_count;
    size_t frames_used;
    struct snakepit_bytes parts[TASK_FRAMES_MAX];
};

/* Hand out the payload's bytes as parts. Their number, or -1: attachment frames are missing. */
static int
take_parts(struct arrival *arrival, const struct payload *payload)
{
    if (payload->frames == 0) {
        arrival->parts[0] = (struct snakepit_bytes){payload->data.data, payload->data.size};
        return 1;
    }
    if (payload->frames > TASK_FRAMES_MAX || payload->frames > arrival->frame_count - arrival->frames_used)
        return -1;
    for (int i = 0; i < payload->frames; i++) {
        zmq_msg_t *frame = &arrival->frames[arrival->frames_used++];

        arrival->parts[i] = (struct snakepit_bytes){zmq_msg_data(frame), zmq_msg_size(frame)};
    }
    return payload->frames;
}

static struct pending_task *
find_task(const struct arrival *arrival, const struct ref *ref)
{
    return ref->kind == REF_NUMBER ? pending_find(&arrival->client->pending, ref->number) : NULL;
}

/* Make room for texts of `size` bytes. Without memory for them the result stays without texts. */
static bool
reserve_text(struct snakepit_client *client, size_t size)
{
    char *text;

    if (size <= client->text_capacity)
        return true;
    text = realloc(client->text, size);
    if (!text)
        return false;
    client->text = text;
    client->text_capacity = size;
    return true;
}

/* Copy a text to *at, end it with NUL, move *at behind it. */
static const char *
put_text(char **at, struct bytes text)
{
    char *start = *at;

    if (text.size)
        memcpy(start, text.data, text.size);
    start[text.size] = '\0';
    *at += text.size + 1;
    return start;
}

static const char *
content_type_text(struct snakepit_client *client, struct bytes content_type)
{
    char *at;

    if (content_type.size == 0)
        return "msgpack";
    if (!reserve_text(client, content_type.size + 1))
        return "?";
    at = client->text;
    return put_text(&at, content_type);
}

static void
fill_info(struct snakepit_client *client, struct snakepit_result *result, const struct info *info)
{
    result->content_type = content_type_text(client, info->content_type);
    result->attempt = info->attempt ? info->attempt : 1;
    result->chunks = info->chunks;
    result->is_timed = info->timed;
    result->worker = info->worker;
    result->queue_us = info->queue_us;
    result->run_us = info->run_us;
}

static int
take_result(struct arrival *arrival, const struct result *message)
{
    struct pending_task *task = find_task(arrival, &message->ref);
    int parts = take_parts(arrival, &message->payload);
    struct snakepit_result result;

    if (parts < 0)
        return ERR_INVALID;
    if (!task || !task->is_admin)
        session_count_final(arrival->client);
    if (!task)
        return OK; /* sent again after a reconnect; its end was told before */
    result = finish_result(task->id, SNAKEPIT_STATE_OK, "ok");
    fill_info(arrival->client, &result, &message->info);
    result.parts = arrival->parts;
    result.part_count = (size_t)parts;
    finish_task(arrival->client, task, &result);
    return OK;
}

static bool
is_progress(struct bytes content_type)
{
    static const char name[] = "progress";

    return content_type.size == sizeof name - 1 && memcmp(content_type.data, name, sizeof name - 1) == 0;
}

/* A report of another shape than docs/protocol.md, section 6.2, is passed over. */
static void
take_progress(struct arrival *arrival, struct pending_task *task, int parts)
{
    struct snakepit_client *client = arrival->client;
    struct snakepit_progress progress = {.id = task->id, .total = -1, .note = ""};
    struct snakepit_value report, done, total, note;
    char *at;

    if (parts != 1 || snakepit_value_parse(arrival->parts[0].data, arrival->parts[0].size, &report)
        || snakepit_value_at(&report, 0, &done) || snakepit_value_at(&report, 1, &total)
        || snakepit_value_at(&report, 2, &note) || snakepit_value_double(&done, &progress.done)
        || note.kind != SNAKEPIT_STR)
        return;
    if (total.kind != SNAKEPIT_NIL && snakepit_value_double(&total, &progress.total))
        return;
    if (reserve_text(client, note.size + 1)) {
        at = client->text;
        progress.note = put_text(&at, (struct bytes){(const uint8_t *)note.data, (uint32_t)note.size});
    }
    client->callbacks++;
    client->depth++;
    task->on_progress(client, &progress, task->user);
    client->depth--;
}

/* The chunk was read, and so all before it. Said when half of the credit is used: not each chunk is worth a command. Without
 * memory for it the next one says it. */
static void
allow_more(struct snakepit_client *client, uint64_t id, uint64_t seq, uint32_t attempt)
{
    struct pending_task *task = pending_find(&client->pending, id); /* what was called may have ended it */
    struct message message = {.verb = VERB_CREDIT};
    size_t size = client->commands.size;

    if (!task || task->credit == 0 || task->state != PENDING_OFFERED)
        return;
    if (attempt != task->credit_attempt) {
        task->credit_attempt = attempt;
        task->credit_told = task->credit;
    }
    if (seq + task->credit < task->credit_told + (task->credit + 1) / 2)
        return;
    message.credit = (struct credit){ref_number(id), seq + task->credit, attempt};
    if (wire_encode(&client->commands, SIDE_CLIENT, &message)) {
        client->commands.size = size;
        client->commands.failed = false;
        return;
    }
    task->credit_told = message.credit.count;
}

static void
take_part(struct arrival *arrival, const struct pending_task *task, const struct chunk *message, int parts)
{
    struct snakepit_client *client = arrival->client;
    struct snakepit_chunk chunk = {
        .id = task->id,
        .seq = message->seq,
        .attempt = message->info.attempt ? message->info.attempt : 1,
        .content_type = content_type_text(client, message->info.content_type),
        .parts = arrival->parts,
        .part_count = (size_t)parts,
    };

    client->callbacks++;
    client->depth++;
    task->on_chunk(client, &chunk, task->user);
    client->depth--;
}

static int
take_chunk(struct arrival *arrival, const struct chunk *message)
{
    struct pending_task *task = find_task(arrival, &message->ref);
    int parts = take_parts(arrival, &message->payload);
    uint64_t id = task ? task->id : 0;

    if (parts < 0)
        return ERR_INVALID;
    if (!task)
        return OK;
    if (is_progress(message->info.content_type) && task->on_progress)
        take_progress(arrival, task, parts);
    else if (!is_progress(message->info.content_type) && task->on_chunk)
        take_part(arrival, task, message, parts);
    allow_more(arrival->client, id, message->seq, message->info.attempt ? message->info.attempt : 1);
    return OK;
}

static void
take_accepted(struct arrival *arrival, const struct accepted *message)
{
    struct snakepit_client *client = arrival->client;
    struct pending_task *task = find_task(arrival, &message->id);
    snakepit_accepted_fn *on_accepted = task ? task->on_accepted : NULL;

    if (!on_accepted)
        return;
    task->on_accepted = NULL; /* the answers to offering it again are of no interest */
    client->callbacks++;
    client->depth++;
    on_accepted(client, task->id, message->task, task->user);
    client->depth--;
}

/* The final state that an error means; 0: none, the broker did not take the task or answers something else. */
static enum snakepit_state
final_state(enum error_code code)
{
    switch (code) {
    case ERROR_FAILED:
    case ERROR_NO_SUCH_FUNCTION:
    case ERROR_BAD_PAYLOAD:
    case ERROR_POOL_FAILED:
    case ERROR_SESSION_LOST:
    case ERROR_TIMED_OUT:
        return SNAKEPIT_STATE_FAILED;
    case ERROR_CANCELLED:
        return SNAKEPIT_STATE_CANCELLED;
    case ERROR_EXPIRED:
        return SNAKEPIT_STATE_EXPIRED;
    case ERROR_DEAD:
        return SNAKEPIT_STATE_DEAD;
    case ERROR_LOST:
        return SNAKEPIT_STATE_LOST;
    default:
        return 0;
    }
}

static void
fill_texts(struct snakepit_client *client, struct snakepit_result *result, const struct error *error)
{
    size_t size = (size_t)error->text.size + error->type.size + error->traceback.size + 3;
    char *at;

    if (!reserve_text(client, size)) {
        result->message = "(no memory for the message)";
        return;
    }
    at = client->text;
    result->message = put_text(&at, error->text);
    result->type = put_text(&at, error->type);
    result->traceback = put_text(&at, error->traceback);
}

/* Offer a task that was refused as `busy` again later: after what the broker asks for, longer each time. */
static void
retry_later(struct snakepit_client *client, struct pending_task *task, uint64_t retry_after_ms)
{
    int64_t pause_us = retry_after_ms < RETRY_MAX_US / 1000 ? (int64_t)retry_after_ms * 1000 : RETRY_MAX_US;

    if (pause_us < RETRY_US)
        pause_us = RETRY_US;
    pause_us <<= task->refusals < 6 ? task->refusals : 6;
    task->refusals++;
    task->offered_us = 0;
    task->retry_at_us = client->now_us + (pause_us < RETRY_MAX_US ? pause_us : RETRY_MAX_US);
    pending_move(&client->pending, task, PENDING_RETRYING);
}

/* Whether the error leaves the task as it is (docs/protocol.md, section 8). */
static bool
is_about_something_else(const struct pending_task *task, enum error_code code)
{
    /* Not final: the broker goes away, and the next WELCOME offers the task again. */
    if (code == ERROR_SHUTDOWN)
        return true;
    /* Answers to CANCEL; but an admin call may end with them. */
    return (code == ERROR_TOO_LATE || code == ERROR_NOT_FOUND) && !task->is_admin;
}

static void
take_error(struct arrival *arrival, const struct error *error)
{
    struct snakepit_client *client = arrival->client;
    struct pending_task *task = find_task(arrival, &error->ref);
    enum snakepit_state state = final_state(error->code);
    struct snakepit_result result;

    if (error->ref.kind == REF_NONE)
        client_fail(client, SNAKEPIT_SYSTEM, "the broker answers %s: %.*s", error_code_name(error->code),
                    error->text.size < 128 ? (int)error->text.size : 128, (const char *)error->text.data);
    else if (state && (!task || !task->is_admin))
        session_count_final(client);
    if (!task || is_about_something_else(task, error->code))
        return;
    if (error->code == ERROR_BUSY && client->retry_busy && !task->cancel_asked) {
        retry_later(client, task, error->retry_after_ms);
        return;
    }
    result = finish_result(task->id, state ? state : SNAKEPIT_STATE_REFUSED, error_code_name(error->code));
    fill_texts(client, &result, error);
    result.attempt = error->attempt ? error->attempt : 1;
    result.retry_after_ms = error->retry_after_ms;
    finish_task(client, task, &result);
}

/* OK, or ERR_INVALID: the message cannot be trusted any further. */
static int
take_command(struct arrival *arrival, const struct message *message)
{
    switch (message->verb) {
    case VERB_RESULT:
        return take_result(arrival, &message->result);
    case VERB_CHUNK:
        return take_chunk(arrival, &message->chunk);
    case VERB_ERROR:
        take_error(arrival, &message->error);
        return OK;
    case VERB_ACCEPTED:
        take_accepted(arrival, &message->accepted);
        return OK;
    case VERB_WELCOME:
        session_welcome(arrival->client, &message->welcome);
        return OK;
    case VERB_REFUSE:
        session_refuse(arrival->client, &message->error);
        return OK;
    case VERB_REHELLO:
        session_rehello(arrival->client);
        return OK;
    default:
        return OK; /* HEARTBEAT has done its work by being here; what is unknown is ignored */
    }
}

/* A command could not be read. If it was the end of a task, then nobody will tell that end again: tell it as it is. */
static int
take_fault(struct arrival *arrival, const struct wire_fault *fault)
{
    struct pending_task *task = find_task(arrival, &fault->ref);
    struct snakepit_result result;

    if (fault->frames > arrival->frame_count - arrival->frames_used)
        return ERR_INVALID;
    arrival->frames_used += fault->frames;
    if (fault->verb != VERB_RESULT && fault->verb != VERB_ERROR)
        return OK;
    if (!task || !task->is_admin)
        session_count_final(arrival->client);
    if (!task)
        return OK;
    result = finish_result(task->id, SNAKEPIT_STATE_FAILED, error_code_name(ERROR_BAD_MESSAGE));
    result.message = fault->text ? fault->text : "the broker's answer cannot be read";
    finish_task(arrival->client, task, &result);
    return OK;
}

/* OK, or ERR_INVALID: bytes that are not SPIT/1. */
static int
take_message(struct arrival *arrival)
{
    zmq_msg_t *control = &arrival->frames[0];
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    if (zmq_msg_size(control) > UINT32_MAX)
        return ERR_INVALID;
    wire_reader_init(&reader, (struct bytes){zmq_msg_data(control), (uint32_t)zmq_msg_size(control)}, SIDE_CLIENT,
                     FROM_BROKER);
    for (;;) {
        switch (wire_next(&reader, &message, &fault)) {
        case WIRE_COMMAND:
            if (take_command(arrival, &message))
                return ERR_INVALID;
            break;
        case WIRE_FAULT:
            if (take_fault(arrival, &fault))
                return ERR_INVALID;
            break;
        case WIRE_BROKEN:
            return ERR_INVALID;
        case WIRE_END:
            return OK;
        }
    }
}

/* Receive all frames of one message. OK, ERR_AGAIN: none is there, ERR_INVALID: too many frames, ERR_SYSTEM. */
static int
receive_message(struct snakepit_client *client, size_t *ret_count)
{
    size_t count = 0;
    int status = link_receive(&client->link, &client->frames[0]);

    if (status)
        return status;
    while (zmq_msg_more(&client->frames[count])) {
        if (++count > MESSAGE_FRAMES_MAX)
            return ERR_INVALID;
        status = link_receive(&client->link, &client->frames[count]);
        if (status)
            return status;
    }
    *ret_count = count + 1;
    return OK;
}

static void
release_frames(struct snakepit_client *client, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        zmq_msg_close(&client->frames[i]);
        zmq_msg_init(&client->frames[i]);
    }
}

int
receive_turn(struct snakepit_client *client)
{
    client->has_input = false;
    for (int i = 0; i < MESSAGES_PER_TURN && client->link.socket; i++) {
        struct arrival arrival = {.client = client, .frames = client->frames, .frames_used = 1};
        int status = receive_message(client, &arrival.frame_count);

        if (status == ERR_AGAIN)
            return SNAKEPIT_OK;
        if (status == OK) {
            client->heartbeats_unanswered = 0;
            status = take_message(&arrival);
            release_frames(client, arrival.frame_count);
        }
        /* What cannot be read may have been the end of a task. On a new connection the broker sends again what it has
         * not been told to be seen. */
        if (status)
            session_drop(client, "the peer does not speak " PROTOCOL_NAME);
    }
    client->has_input = client->link.socket != NULL;
    return SNAKEPIT_OK;
}
