/* wire.c - the table of verbs, and the walk over the commands of a control frame; see wire.h. */
#include "wire/wire.h"

#include "wire/decoder.h"
#include "wire/reader_quick.h"
#include "wire/verbs.h"

#include <limits.h>

/* Where a verb is allowed: one bit for each side and direction. */
enum {
    CLIENT_TO_BROKER = 1 << 0,
    BROKER_TO_CLIENT = 1 << 1,
    WORKER_TO_BROKER = 1 << 2,
    BROKER_TO_WORKER = 1 << 3,
    TO_BROKER_BOTH = CLIENT_TO_BROKER | WORKER_TO_BROKER,
    FROM_BROKER_BOTH = BROKER_TO_CLIENT | BROKER_TO_WORKER,
};

struct rule {
    uint8_t allowed;
    bool has_ref;          /* field 1 stands for a task */
    uint8_t payload_field; /* 0: none */
    int (*decode)(struct decoder *, struct message *);
    int (*encode)(struct wire_buffer *, enum side, const struct message *);
};

static const struct rule rules[] = {
    [VERB_HELLO] = {TO_BROKER_BOTH, false, 0, decode_hello, encode_hello},
    [VERB_WELCOME] = {FROM_BROKER_BOTH, false, 0, decode_welcome, encode_welcome},
    [VERB_REFUSE] = {FROM_BROKER_BOTH, false, 0, decode_error, encode_error},
    [VERB_HEARTBEAT] = {TO_BROKER_BOTH | FROM_BROKER_BOTH, false, 0, decode_heartbeat, encode_heartbeat},
    [VERB_BYE] = {TO_BROKER_BOTH, false, 0, decode_reason, encode_reason},
    [VERB_REHELLO] = {FROM_BROKER_BOTH, false, 0, decode_nothing, encode_nothing},
    [VERB_SUBMIT] = {CLIENT_TO_BROKER, true, 4, decode_submit, encode_submit},
    [VERB_ACCEPTED] = {BROKER_TO_CLIENT, true, 0, decode_accepted, encode_accepted},
    [VERB_CANCEL] = {CLIENT_TO_BROKER | BROKER_TO_WORKER, true, 0, decode_cancel, encode_cancel},
    [VERB_RESULT] = {BROKER_TO_CLIENT | WORKER_TO_BROKER, true, 2, decode_result, encode_result},
    [VERB_ERROR] = {BROKER_TO_CLIENT | WORKER_TO_BROKER | BROKER_TO_WORKER, true, 0, decode_error, encode_error},
    [VERB_CHUNK] = {BROKER_TO_CLIENT | WORKER_TO_BROKER, true, 3, decode_chunk, encode_chunk},
    [VERB_SEEN] = {CLIENT_TO_BROKER, false, 0, decode_seen, encode_seen},
    [VERB_CREDIT] = {CLIENT_TO_BROKER | BROKER_TO_WORKER, true, 0, decode_credit, encode_credit},
    [VERB_TASK] = {BROKER_TO_WORKER, true, 4, decode_task, encode_task},
    [VERB_STARTED] = {WORKER_TO_BROKER, true, 0, decode_fence, encode_fence},
    [VERB_RECALL] = {BROKER_TO_WORKER, true, 0, decode_fence, encode_fence},
    [VERB_NACK] = {WORKER_TO_BROKER, true, 0, decode_nack, encode_nack},
    [VERB_DRAINING] = {WORKER_TO_BROKER, false, 0, decode_nothing, encode_nothing},
    [VERB_STOP] = {BROKER_TO_WORKER, false, 0, decode_stop, encode_stop},
    [VERB_REPLACE] = {BROKER_TO_WORKER, false, 0, decode_replace, encode_replace},
    [VERB_RETIRE] = {BROKER_TO_WORKER, false, 0, decode_retire, encode_retire},
    [VERB_PROCESSES] = {WORKER_TO_BROKER, false, 0, decode_processes, encode_processes},
    [VERB_EXITED] = {WORKER_TO_BROKER, false, 0, decode_exited, encode_exited},
    [VERB_POOL] = {WORKER_TO_BROKER, false, 0, decode_pool, encode_pool},
    [VERB_EVENT] = {WORKER_TO_BROKER, false, 0, decode_event, encode_event},
};

/* The rule of a verb, or NULL when there is no such verb. */
static const struct rule *
find_rule(uint64_t verb)
{
    return verb < sizeof rules / sizeof *rules && rules[verb].decode ? &rules[verb] : NULL;
}

static unsigned
place(enum side side, enum direction direction)
{
    return 1u << (side == SIDE_WORKER ? 2 : 0) << (direction == FROM_BROKER ? 1 : 0);
}

int
wire_encode(struct wire_buffer *buffer, enum side side, const struct message *message)
{
    const struct rule *rule = find_rule(message->verb);
    size_t size = buffer->size;

    if (!rule || !(rule->allowed & (place(side, TO_BROKER) | place(side, FROM_BROKER))))
        return ERR_INVALID;
    if (rule->encode(buffer, side, message) != OK) {
        buffer->size = size;
        return ERR_INVALID;
    }
    if (!buffer->failed)
        return OK;
    /* Half a command must not be sent; and nothing may be appended where it was. */
    buffer->size = size;
    buffer->capacity = size;
    return ERR_MEMORY;
}

void
wire_reader_init(struct wire_reader *reader, struct bytes control, enum side side, enum direction direction)
{
    *reader = (struct wire_reader){
        .data = control.data,
        .size = control.size,
        .side = side,
        .direction = direction,
        /* The broker may allow more than the default; whoever reads from it need not know how much. */
        .inline_bytes_max = direction == TO_BROKER ? INLINE_BYTES_MAX : UINT32_MAX,
    };
}

/* Decode one command as far as it goes. */
static int
decode(struct decoder *decoder, struct message *message)
{
    const struct rule *rule;
    uint32_t verb_at;
    uint64_t verb;

    if (quick_array(&decoder->reader, &decoder->values_left) != OK)
        return decoder_fail(decoder, ERROR_BAD_MESSAGE, NULL, "a command is an array");
    verb_at = decoder->reader.at;
    if (decoder->values_left == 0 || quick_uint(&decoder->reader, &verb) != OK)
        return decoder_fail(decoder, ERROR_BAD_MESSAGE, "verb", "a command begins with its verb, an unsigned integer");
    decoder->values_left--;
    rule = find_rule(verb);
    if (!rule || !(rule->allowed & place(decoder->side, decoder->direction))) {
        decoder->reader.at = verb_at;
        return decoder_fail(decoder, ERROR_UNKNOWN_VERB, "verb", "there is no such verb here");
    }
    message->verb = (enum verb)verb;
    if (rule->decode(decoder, message) != OK)
        return ERR_INVALID;
    while (decoder->values_left > 0) /* fields of a later version */
        if (take_anything(decoder, 1) != OK)
            return ERR_INVALID;
    return OK;
}

/* Attachment frames that a wrong command claims, so that those of later commands are still found. `reader` stands
 * before field 1. */
static uint16_t
claimed_frames(struct reader *reader, uint32_t fields, const struct rule *rule)
{
    uint64_t frames;

    if (rule->payload_field == 0 || rule->payload_field > fields)
        return 0;
    for (unsigned i = 1; i < rule->payload_field; i++)
        if (reader_skip(reader, NESTING_MAX, NULL) != OK)
            return 0;
    if (reader_uint(reader, &frames) != OK)
        return 0;
    return frames < UINT16_MAX ? (uint16_t)frames : UINT16_MAX;
}

/* Fill in what can be read of a wrong command, at which `decoder` stands: verb, ref, and frames when it `is_whole`. */
static void
examine(const struct decoder *decoder, bool is_whole)
{
    struct wire_fault *fault = decoder->fault;
    struct wire_fault ignored;
    struct decoder again = *decoder;
    struct reader fields;
    const struct rule *rule;
    uint64_t verb;

    again.fault = &ignored;
    if (reader_array(&again.reader, &again.values_left) != OK || again.values_left == 0 ||
        reader_uint(&again.reader, &verb) != OK)
        return;
    again.values_left--;
    fault->verb = verb < UINT_MAX ? (unsigned)verb : UINT_MAX;
    rule = find_rule(verb);
    if (!rule)
        return;
    fields = again.reader;
    if (is_whole)
        fault->frames = claimed_frames(&fields, again.values_left, rule);
    if (rule->has_ref)
        take_ref(&again, "ref", &fault->ref);
}

/* Settle what becomes of a wrong command: whole MessagePack is skipped, anything else ends the frame. */
static enum wire_next
give_fault(struct wire_reader *reader, struct decoder *decoder)
{
    struct reader after = {reader->data, reader->size, reader->at};
    int err = reader_skip(&after, NESTING_MAX, NULL);

    decoder->reader.at = reader->at;
    if (err != OK)
        decoder_fail(decoder, ERROR_BAD_MESSAGE, NULL,
                     err == ERR_FULL ? "nested too deep" : "not MessagePack, or cut short");
    examine(decoder, err == OK);
    reader->at = after.at;
    if (err == OK)
        return WIRE_FAULT;
    reader->at = reader->size > 0 ? reader->size : 1; /* so that the next call finds the end */
    return WIRE_BROKEN;
}

enum wire_next
wire_next(struct wire_reader *reader, struct message *ret_message, struct wire_fault *ret_fault)
{
    struct decoder decoder = {
        .reader = {reader->data, reader->size, reader->at},
        .side = reader->side,
        .direction = reader->direction,
        .inline_bytes_max = reader->inline_bytes_max,
        .fault = ret_fault,
    };
    bool is_empty = reader->size == 0 && reader->at == 0; /* not one command: that is wrong, too */

    if (reader->at >= reader->size && !is_empty)
        return WIRE_END;
    if (decode(&decoder, ret_message) != OK)
        return give_fault(reader, &decoder);
    reader->at = decoder.reader.at;
    return WIRE_COMMAND;
}
