/* agent_verbs.c - what the broker and the agents say to each other, and telemetry of applications, to bytes and back; see
 * verbs.h. */
#include "wire/keys.h"
#include "wire/text.h"
#include "wire/verbs.h"

#include <string.h>

#define APP_PREFIX "app."

/* --- decoding --- */

int
decode_replace(struct decoder *decoder, struct message *message)
{
    struct replace *replace = &message->replace;

    *replace = (struct replace){0};
    if (take_uint(decoder, "session", 0, UINT64_MAX, &replace->session) != OK ||
        take_uint(decoder, "pid", 0, UINT64_MAX, &replace->pid) != OK ||
        take_pool(decoder, false, &replace->pool) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &replace_keys, "facts", replace);
}

int
decode_retire(struct decoder *decoder, struct message *message)
{
    struct retire *retire = &message->retire;

    *retire = (struct retire){0};
    if (take_uint(decoder, "pid", 0, UINT64_MAX, &retire->pid) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &retire_keys, "facts", retire);
}

int
decode_processes(struct decoder *decoder, struct message *message)
{
    return take_processes(decoder, &message->processes);
}

int
decode_exited(struct decoder *decoder, struct message *message)
{
    struct exited *exited = &message->exited;

    *exited = (struct exited){0};
    if (take_pool(decoder, false, &exited->pool) != OK ||
        take_uint(decoder, "pid", 0, UINT64_MAX, &exited->pid) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &exited_keys, "facts", exited);
}

int
decode_pool(struct decoder *decoder, struct message *message)
{
    struct pool_report *report = &message->pool;

    *report = (struct pool_report){0};
    if (take_pool(decoder, false, &report->pool) != OK)
        return ERR_INVALID;
    return keys_decode(decoder, &pool_keys, "facts", report);
}

/* An application's events cannot be taken for the broker's: their names begin with "app.". */
static bool
is_app_name(struct bytes name)
{
    uint32_t prefix = sizeof APP_PREFIX - 1;

    return text_is_name(name) && name.size > prefix && memcmp(name.data, APP_PREFIX, prefix) == 0;
}

int
decode_event(struct decoder *decoder, struct message *message)
{
    struct app_event *event = &message->event;
    uint32_t at = decoder->reader.at;

    *event = (struct app_event){0};
    if (take_str(decoder, "name", 1, NAME_BYTES_MAX, &event->name) != OK)
        return ERR_INVALID;
    if (!is_app_name(event->name)) {
        decoder->reader.at = at;
        return decoder_fail(decoder, ERROR_BAD_FIELD, "name", "must begin with app. and consist of A-Z a-z 0-9 _ . -");
    }
    return decoder->values_left == 0 ? OK : take_map(decoder, "fields", EVENT_BYTES_MAX, 2, &event->fields);
}

/* --- encoding --- */

/* Begin a command with `fields` fields behind its verb; returns where it stands, for keys_encode. */
static size_t
begin(struct wire_buffer *buffer, enum verb verb, uint32_t fields)
{
    size_t command_at = buffer->size;

    wire_write_array(buffer, 1 + fields);
    wire_write_uint(buffer, verb);
    return command_at;
}

static int
write_pool(struct wire_buffer *buffer, struct bytes pool)
{
    if (!text_is_name(pool))
        return ERR_INVALID;
    wire_write_str(buffer, pool);
    return OK;
}

int
encode_replace(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct replace *replace = &message->replace;
    size_t command_at = begin(buffer, VERB_REPLACE, 4);

    (void)side;
    wire_write_uint(buffer, replace->session);
    wire_write_uint(buffer, replace->pid);
    if (write_pool(buffer, replace->pool) != OK)
        return ERR_INVALID;
    return keys_encode(buffer, command_at, &replace_keys, replace);
}

int
encode_retire(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    size_t command_at = begin(buffer, VERB_RETIRE, 2);

    (void)side;
    wire_write_uint(buffer, message->retire.pid);
    return keys_encode(buffer, command_at, &retire_keys, &message->retire);
}

int
encode_processes(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct processes *processes = &message->processes;

    (void)side;
    if (processes->count > PROCESSES_MAX)
        return ERR_INVALID;
    begin(buffer, VERB_PROCESSES, 1);
    wire_write_array(buffer, processes->count);
    if (!processes->list)
        wire_write_raw(buffer, processes->encoded);
    for (uint32_t i = 0; processes->list && i < processes->count; i++) {
        wire_write_array(buffer, 3);
        wire_write_uint(buffer, processes->list[i].pid);
        wire_write_uint(buffer, processes->list[i].rss_bytes);
        wire_write_uint(buffer, processes->list[i].cpu_us);
    }
    return OK;
}

int
encode_exited(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct exited *exited = &message->exited;
    size_t command_at = begin(buffer, VERB_EXITED, 3);

    (void)side;
    if (write_pool(buffer, exited->pool) != OK)
        return ERR_INVALID;
    wire_write_uint(buffer, exited->pid);
    return keys_encode(buffer, command_at, &exited_keys, exited);
}

int
encode_pool(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    size_t command_at = begin(buffer, VERB_POOL, 2);

    (void)side;
    if (write_pool(buffer, message->pool.pool) != OK)
        return ERR_INVALID;
    return keys_encode(buffer, command_at, &pool_keys, &message->pool);
}

int
encode_event(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct app_event *event = &message->event;

    (void)side;
    if (!is_app_name(event->name) || event->fields.size > EVENT_BYTES_MAX)
        return ERR_INVALID;
    begin(buffer, VERB_EVENT, event->fields.size > 0 ? 2 : 1);
    wire_write_str(buffer, event->name);
    wire_write_raw(buffer, event->fields);
    return OK;
}
