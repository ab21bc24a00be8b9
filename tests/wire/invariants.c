/* invariants.c - see invariants.h. */
#include "tests/wire/invariants.h"

#include "wire/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            give_up(#condition, frame);                                                                                \
    } while (0)

static _Noreturn void
give_up(const char *condition, struct bytes frame)
{
    fprintf(stderr, "does not hold: %s\nframe: ", condition);
    for (uint32_t i = 0; i < frame.size; i++)
        fprintf(stderr, "%02x", frame.data[i]);
    fputc('\n', stderr);
    abort();
}

static bool
is_within(struct bytes frame, struct bytes view)
{
    if (view.size == 0)
        return true;
    return view.data >= frame.data && view.size <= frame.size &&
           (size_t)(view.data - frame.data) <= frame.size - view.size;
}

static bool
all_within(struct bytes frame, const struct bytes *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_within(frame, views[i]))
            return false;
    return true;
}

#define ALL_WITHIN(...)                                                                                                \
    all_within(frame, (const struct bytes[]){__VA_ARGS__},                                                             \
               sizeof(const struct bytes[]){__VA_ARGS__} / sizeof(struct bytes))

/* The walk over a list that was accepted ends after as many records as it has. */
static bool
processes_walk_within(struct bytes frame, struct processes processes)
{
    uint32_t count = processes.count;
    struct process_usage usage;

    while (wire_processes_next(&processes, &usage) == OK && is_within(frame, processes.encoded))
        count--;
    return count == 0 && processes.count == 0 && processes.encoded.size == 0;
}

/* The same for the pools of an agent. */
static bool
pools_walk_within(struct bytes frame, struct agent_pools pools)
{
    uint32_t count = pools.count;
    struct agent_pool pool;

    while (wire_agent_pools_next(&pools, &pool) == OK && is_within(frame, pool.name))
        count--;
    return count == 0 && pools.count == 0 && pools.encoded.size == 0;
}

/* The same for the lists that came later. */
static bool
texts_walk_within(struct bytes frame, struct texts texts)
{
    uint32_t count = texts.count;
    struct bytes text;

    while (wire_texts_next(&texts, &text) == OK && is_within(frame, text))
        count--;
    return count == 0 && texts.count == 0 && texts.encoded.size == 0;
}

static bool
holds_walk_within(struct bytes frame, struct holds holds)
{
    uint32_t count = holds.count;
    struct hold hold;

    while (wire_holds_next(&holds, &hold) == OK && is_within(frame, hold.origin))
        count--;
    return count == 0 && holds.count == 0 && holds.encoded.size == 0;
}

static bool
fences_walk(struct fences fences)
{
    uint32_t count = fences.count;
    uint64_t fence;

    while (wire_fences_next(&fences, &fence) == OK)
        count--;
    return count == 0 && fences.count == 0 && fences.encoded.size == 0;
}

/* One field of a map, in the struct that its table says. */
static bool
field_is_within(struct bytes frame, const struct key *key, const void *field)
{
    switch (key->kind) {
    case KEY_STR:
    case KEY_TEXT:
    case KEY_CONTENT_TYPE:
    case KEY_BIN:
    case KEY_POOL:
    case KEY_HEADERS:
    case KEY_MAP:
        return is_within(frame, *(const struct bytes *)field);
    case KEY_FENCES:
        return is_within(frame, ((const struct fences *)field)->encoded) && fences_walk(*(const struct fences *)field);
    case KEY_AGENT_POOLS:
        return is_within(frame, ((const struct agent_pools *)field)->encoded) &&
               pools_walk_within(frame, *(const struct agent_pools *)field);
    case KEY_TEXTS:
        return is_within(frame, ((const struct texts *)field)->encoded) &&
               texts_walk_within(frame, *(const struct texts *)field);
    case KEY_HOLDS:
        return is_within(frame, ((const struct holds *)field)->encoded) &&
               holds_walk_within(frame, *(const struct holds *)field);
    default:
        return true; /* numbers */
    }
}

/* All fields of a map, as its table has them: a new key is looked at by being in the table. */
static bool
map_is_within(struct bytes frame, const struct keys *keys, const void *record)
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (!field_is_within(frame, &keys->list[i], (const char *)record + keys->list[i].at))
            return false;
    return true;
}

static bool
hello_is_within(struct bytes frame, const struct hello *hello)
{
    const struct keys *keys = hello->is_agent ? &agent_keys : hello->is_worker ? &worker_keys : &client_keys;

    return is_within(frame, hello->protocol) && map_is_within(frame, keys, hello);
}

static bool
views_are_within(struct bytes frame, struct message *message)
{
    const struct payload *payload = message_payload(message);

    if (payload && (!is_within(frame, payload->data) || payload->frames > TASK_FRAMES_MAX || payload->attachments))
        return false;
    switch (message->verb) {
    case VERB_HELLO:
        return hello_is_within(frame, &message->hello);
    case VERB_WELCOME:
        return map_is_within(frame, &welcome_keys, &message->welcome);
    case VERB_HEARTBEAT:
        return map_is_within(frame, &heartbeat_keys, &message->heartbeat);
    case VERB_SUBMIT:
        return ALL_WITHIN(message->submit.pool, message->submit.function) &&
               map_is_within(frame, &submit_keys, &message->submit);
    case VERB_TASK:
        return is_within(frame, message->task.function) && map_is_within(frame, &task_keys, &message->task);
    case VERB_RESULT:
        return map_is_within(frame, &info_keys, &message->result.info);
    case VERB_CHUNK:
        return map_is_within(frame, &info_keys, &message->chunk.info);
    case VERB_ERROR:
    case VERB_REFUSE:
        return is_within(frame, message->error.text) && map_is_within(frame, &details_keys, &message->error);
    case VERB_BYE:
        return is_within(frame, message->reason);
    case VERB_NACK:
        return is_within(frame, message->nack.reason);
    case VERB_STOP:
        return map_is_within(frame, &stop_keys, &message->stop);
    case VERB_REPLACE:
        return is_within(frame, message->replace.pool) && map_is_within(frame, &replace_keys, &message->replace);
    case VERB_RETIRE:
        return map_is_within(frame, &retire_keys, &message->retire);
    case VERB_PROCESSES:
        return is_within(frame, message->processes.encoded) && processes_walk_within(frame, message->processes);
    case VERB_EXITED:
        return is_within(frame, message->exited.pool) && map_is_within(frame, &exited_keys, &message->exited);
    case VERB_POOL:
        return is_within(frame, message->pool.pool) && map_is_within(frame, &pool_keys, &message->pool);
    case VERB_EVENT:
        return ALL_WITHIN(message->event.name, message->event.fields);
    default:
        return true;
    }
}

static void
check_fault(struct bytes frame, const struct wire_fault *fault, bool is_broken)
{
    HOLDS(fault->code == ERROR_BAD_MESSAGE || fault->code == ERROR_BAD_FIELD || fault->code == ERROR_UNSUPPORTED ||
          fault->code == ERROR_TOO_LARGE || fault->code == ERROR_UNKNOWN_VERB);
    HOLDS(!is_broken || (fault->code == ERROR_BAD_MESSAGE && fault->frames == 0));
    HOLDS(fault->text && fault->text[0]);
    HOLDS(fault->offset <= frame.size);
    HOLDS(memchr(fault->unknown, '\0', sizeof fault->unknown));
    for (const char *c = fault->unknown; *c; c++)
        HOLDS(*c > ' ' && *c < 0x7f);
}

/* Whether a command that the peer sent may have no encoding: a HELLO of another protocol is known by its name only. */
static bool
is_foreign(const struct message *message)
{
    return message->verb == VERB_HELLO && (message->hello.protocol.size != sizeof PROTOCOL_NAME - 1 ||
                                           memcmp(message->hello.protocol.data, PROTOCOL_NAME,
                                                  sizeof PROTOCOL_NAME - 1) != 0);
}

/* Encode, decode, encode: both encodings are the same bytes. */
static void
check_encoding(struct bytes frame, const struct message *message, enum side side, enum direction direction)
{
    struct wire_buffer first, second;
    struct wire_reader reader;
    struct message again;
    struct wire_fault fault;

    if (is_foreign(message))
        return;
    wire_buffer_init(&first, false);
    wire_buffer_init(&second, false);
    HOLDS(wire_encode(&first, side, message) == OK);
    wire_reader_init(&reader, (struct bytes){first.data, (uint32_t)first.size}, side, direction);
    HOLDS(wire_next(&reader, &again, &fault) == WIRE_COMMAND);
    HOLDS(again.verb == message->verb);
    HOLDS(wire_encode(&second, side, &again) == OK);
    HOLDS(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    HOLDS(wire_next(&reader, &again, &fault) == WIRE_END);
    wire_buffer_fini(&first);
    wire_buffer_fini(&second);
}

void
invariants_check(struct bytes frame, enum side side, enum direction direction, struct tally *tally)
{
    struct wire_reader reader;
    uint32_t steps = 0;

    tally->frames++;
    wire_reader_init(&reader, frame, side, direction);
    for (;;) {
        uint32_t at = reader.at;
        struct message message;
        struct wire_fault fault;
        enum wire_next next = wire_next(&reader, &message, &fault);

        if (next == WIRE_END)
            break;
        HOLDS(reader.at > at && (reader.at <= frame.size || frame.size == 0));
        HOLDS(++steps <= frame.size + 1);
        if (next == WIRE_COMMAND) {
            tally->commands++;
            HOLDS(views_are_within(frame, &message));
            check_encoding(frame, &message, side, direction);
            continue;
        }
        check_fault(frame, &fault, next == WIRE_BROKEN);
        if (next == WIRE_FAULT) {
            tally->faults++;
            continue;
        }
        tally->broken++;
        HOLDS(wire_next(&reader, &message, &fault) == WIRE_END);
    }
}
