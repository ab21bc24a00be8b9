/* parcel.c - copies of messages; see parcel.h. */
#include "parcel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS_MAX = 9 };

static size_t
list_hello_views(struct hello *hello, struct bytes **views)
{
    views[0] = &hello->protocol;
    views[1] = &hello->instance;
    views[2] = &hello->pool;
    views[3] = &hello->host;
    views[4] = &hello->python;
    views[5] = &hello->leases.encoded;
    views[6] = &hello->name;
    views[7] = &hello->pools.encoded;
    views[8] = &hello->holds.encoded;
    return 9;
}

static size_t
list_submit_views(struct submit *submit, struct bytes **views)
{
    views[0] = &submit->pool;
    views[1] = &submit->function;
    views[2] = &submit->payload.data;
    views[3] = &submit->content_type;
    views[4] = &submit->headers;
    views[5] = &submit->dedup_key;
    return 6;
}

static size_t
list_error_views(struct error *error, struct bytes **views)
{
    views[0] = &error->text;
    views[1] = &error->type;
    views[2] = &error->traceback;
    views[3] = &error->field;
    views[4] = &error->limit;
    views[5] = &error->final;
    return 6;
}

static size_t
list_task_views(struct task_command *task, struct bytes **views)
{
    views[0] = &task->function;
    views[1] = &task->payload.data;
    views[2] = &task->content_type;
    views[3] = &task->headers;
    views[4] = &task->origin;
    return 5;
}

/* Where the views of this message are. */
static size_t
list_views(struct message *message, struct bytes *views[VIEWS_MAX])
{
    switch (message->verb) {
    case VERB_HELLO:
        return list_hello_views(&message->hello, views);
    case VERB_SUBMIT:
        return list_submit_views(&message->submit, views);
    case VERB_REFUSE:
    case VERB_ERROR:
        return list_error_views(&message->error, views);
    case VERB_TASK:
        return list_task_views(&message->task, views);
    case VERB_RESULT:
        views[0] = &message->result.payload.data;
        views[1] = &message->result.info.content_type;
        return 2;
    case VERB_CHUNK:
        views[0] = &message->chunk.payload.data;
        views[1] = &message->chunk.info.content_type;
        return 2;
    case VERB_WELCOME:
        views[0] = &message->welcome.broker;
        return 1;
    case VERB_HEARTBEAT:
        views[0] = &message->heartbeat.running.encoded;
        return 1;
    case VERB_BYE:
        views[0] = &message->reason;
        return 1;
    case VERB_NACK:
        views[0] = &message->nack.reason;
        return 1;
    case VERB_STOP:
        views[0] = &message->stop.reason;
        return 1;
    case VERB_REPLACE:
        views[0] = &message->replace.pool;
        views[1] = &message->replace.reason;
        return 2;
    case VERB_RETIRE:
        views[0] = &message->retire.reason;
        return 1;
    case VERB_PROCESSES:
        views[0] = &message->processes.encoded;
        return 1;
    case VERB_EXITED:
        views[0] = &message->exited.pool;
        views[1] = &message->exited.text;
        return 2;
    case VERB_POOL:
        views[0] = &message->pool.pool;
        views[1] = &message->pool.reason;
        return 2;
    default:
        return 0;
    }
}

/* The list of a WELCOME is an array of its own; it comes first in the store, where it is aligned. */
static size_t
copy_leases(struct parcel *parcel, const struct message *message)
{
    size_t size = message->welcome.leases.count * sizeof(uint64_t);

    if (size == 0)
        return 0;
    memcpy(parcel->store, message->welcome.leases.list, size);
    parcel->message.welcome.leases.list = (const uint64_t *)(const void *)parcel->store;
    return size;
}

struct parcel *
parcel_new(const struct message *message)
{
    struct message views_of = *message;
    struct bytes *views[VIEWS_MAX];
    size_t count = list_views(&views_of, views);
    size_t size = message->verb == VERB_WELCOME ? message->welcome.leases.count * sizeof(uint64_t) : 0;
    struct parcel *parcel;
    struct payload *payload;

    for (size_t i = 0; i < count; i++)
        size += views[i]->size;
    parcel = malloc(sizeof *parcel + size);
    if (!parcel)
        abort();
    parcel->message = *message;
    size = message->verb == VERB_WELCOME ? copy_leases(parcel, message) : 0;
    list_views(&parcel->message, views);
    for (size_t i = 0; i < count; i++) {
        if (views[i]->size == 0)
            continue;
        memcpy(parcel->store + size, views[i]->data, views[i]->size);
        views[i]->data = parcel->store + size;
        size += views[i]->size;
    }
    payload = message_payload(&parcel->message);
    if (payload && payload->attachments)
        attachments_ref(payload->attachments);
    return parcel;
}

void
parcel_free(struct parcel *parcel)
{
    struct payload *payload;

    if (!parcel)
        return;
    payload = message_payload(&parcel->message);
    if (payload)
        attachments_unref(payload->attachments);
    free(parcel);
}

static void
release_tracked(struct attachments *attachments)
{
    struct tracked *tracked = (struct tracked *)attachments;

    assert(*tracked->alive > 0);
    --*tracked->alive;
    free(tracked);
}

struct attachments *
tracked_new(uint64_t content, uint16_t frames, size_t total_bytes, uint64_t *alive)
{
    struct tracked *tracked = calloc(1, sizeof *tracked);

    if (!tracked)
        abort();
    tracked->base = (struct attachments){1, frames, total_bytes, release_tracked};
    tracked->content = content;
    tracked->alive = alive;
    ++*alive;
    return &tracked->base;
}

/* FNV-1a, eight bytes at a time where there are eight. */
uint64_t
hash_bytes(uint64_t hash, struct bytes bytes)
{
    uint32_t at = 0;
    uint64_t word;

    hash = (hash ^ bytes.size) * UINT64_C(0x100000001b3);
    for (; at + sizeof word <= bytes.size; at += sizeof word) {
        memcpy(&word, bytes.data + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    for (; at < bytes.size; at++)
        hash = (hash ^ bytes.data[at]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t
hash_payload(uint64_t hash, const struct payload *payload)
{
    uint64_t content[2] = {payload->frames, 0};

    if (payload->attachments)
        content[1] = ((const struct tracked *)payload->attachments)->content;
    hash = hash_bytes(hash, payload->data);
    return hash_bytes(hash, (struct bytes){(const uint8_t *)content, sizeof content});
}

struct fences
fences_encode(uint8_t *space, const uint64_t *fences, uint32_t count)
{
    uint8_t *at = space;

    for (uint32_t i = 0; i < count; i++) {
        *at++ = 0xcf;
        for (int shift = 56; shift >= 0; shift -= 8)
            *at++ = (uint8_t)(fences[i] >> shift);
    }
    return (struct fences){.count = count, .encoded = {space, 9 * count}};
}

struct bytes
bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}
