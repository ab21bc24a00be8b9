/* keys_encode.c - writes a struct as a map by its table; see keys.h. */
#include "wire/keys.h"
#include "wire/text.h"

#include <string.h>

static uint64_t
load_number(enum key_kind kind, const void *field)
{
    if (kind == KEY_UINT8)
        return *(const uint8_t *)field;
    return kind == KEY_UINT32 ? *(const uint32_t *)field : *(const uint64_t *)field;
}

/* Whether the key must be written. */
static bool
is_said(const struct keys *keys, uint32_t i, const uint8_t *source)
{
    const struct key *key = &keys->list[i];
    const void *field = source + key->at;

    if (keys->required & 1u << i)
        return true;
    if (key->said_at > 0)
        return *(const bool *)(source + key->said_at);
    switch (key->kind) {
    case KEY_UINT8:
    case KEY_UINT32:
    case KEY_UINT64:
        return load_number(key->kind, field) != key->initial;
    case KEY_BOOL:
    case KEY_PROTOCOLS:
        return *(const bool *)field != (key->initial != 0);
    case KEY_TRISTATE:
        return *(const int *)field >= 0;
    case KEY_WORD:
        return *(const unsigned *)field != 0;
    case KEY_FENCES:
        return ((const struct fences *)field)->count > 0;
    case KEY_AGENT_POOLS:
        return ((const struct agent_pools *)field)->count > 0;
    case KEY_TEXTS:
        return ((const struct texts *)field)->count > 0;
    case KEY_HOLDS:
        return ((const struct holds *)field)->count > 0;
    default:
        return ((const struct bytes *)field)->size > 0;
    }
}

static int
write_number(struct wire_buffer *buffer, const struct key *key, const void *field)
{
    uint64_t value = load_number(key->kind, field);

    if (value < key->min || value > key->max)
        return ERR_INVALID;
    wire_write_uint(buffer, value);
    return OK;
}

static int
write_word(struct wire_buffer *buffer, const struct key *key, unsigned word)
{
    for (unsigned i = 0; i <= word; i++)
        if (!key->words[i])
            return ERR_INVALID;
    wire_write_text(buffer, key->words[word]);
    return OK;
}

static int
write_bytes(struct wire_buffer *buffer, const struct key *key, struct bytes bytes)
{
    if (key->kind == KEY_TEXT)
        bytes = text_head(bytes, (uint32_t)key->max);
    else if (bytes.size < key->min || bytes.size > key->max)
        return ERR_INVALID;
    if (key->kind == KEY_BIN)
        wire_write_bin(buffer, bytes);
    else
        wire_write_str(buffer, bytes);
    return OK;
}

static int
write_pool(struct wire_buffer *buffer, struct bytes name)
{
    if (!text_is_name(name))
        return ERR_INVALID;
    wire_write_str(buffer, name);
    return OK;
}

static int
write_fences(struct wire_buffer *buffer, const struct fences *fences)
{
    if (fences->count > LEASES_MAX)
        return ERR_INVALID;
    wire_write_array(buffer, fences->count);
    if (!fences->list)
        wire_write_raw(buffer, fences->encoded);
    else
        for (uint32_t i = 0; i < fences->count; i++)
            wire_write_uint(buffer, fences->list[i]);
    return OK;
}

static int
write_agent_pools(struct wire_buffer *buffer, const struct agent_pools *pools)
{
    if (pools->count > AGENT_POOLS_MAX)
        return ERR_INVALID;
    wire_write_array(buffer, pools->count);
    if (!pools->list)
        wire_write_raw(buffer, pools->encoded);
    for (uint32_t i = 0; pools->list && i < pools->count; i++) {
        wire_write_array(buffer, 2);
        if (write_pool(buffer, pools->list[i].name) != OK)
            return ERR_INVALID;
        wire_write_uint(buffer, pools->list[i].wanted);
    }
    return OK;
}

static int
write_texts(struct wire_buffer *buffer, const struct key *key, const struct texts *texts)
{
    if (texts->count > RETRY_TYPES_MAX)
        return ERR_INVALID;
    wire_write_array(buffer, texts->count);
    if (!texts->list)
        wire_write_raw(buffer, texts->encoded);
    for (uint32_t i = 0; texts->list && i < texts->count; i++) {
        if (texts->list[i].size < key->min || texts->list[i].size > key->max)
            return ERR_INVALID;
        wire_write_str(buffer, texts->list[i]);
    }
    return OK;
}

static int
write_holds(struct wire_buffer *buffer, const struct holds *holds)
{
    if (holds->count > LEASES_MAX)
        return ERR_INVALID;
    wire_write_array(buffer, holds->count);
    if (!holds->list)
        wire_write_raw(buffer, holds->encoded);
    for (uint32_t i = 0; holds->list && i < holds->count; i++) {
        const struct hold *hold = &holds->list[i];

        if (hold->attempt < 1 || hold->origin.size < 1 || hold->origin.size > ORIGIN_BYTES_MAX)
            return ERR_INVALID;
        wire_write_array(buffer, 3);
        wire_write_uint(buffer, hold->fence);
        wire_write_uint(buffer, hold->attempt);
        wire_write_bin(buffer, hold->origin);
    }
    return OK;
}

/* A map that is encoded already. */
static int
write_map(struct wire_buffer *buffer, struct bytes map, uint64_t bytes_max)
{
    if (map.size > bytes_max)
        return ERR_INVALID;
    wire_write_raw(buffer, map);
    return OK;
}

static int
write_value(struct wire_buffer *buffer, const struct key *key, const void *field)
{
    switch (key->kind) {
    case KEY_UINT8:
    case KEY_UINT32:
    case KEY_UINT64:
        return write_number(buffer, key, field);
    case KEY_BOOL:
        wire_write_bool(buffer, *(const bool *)field);
        return OK;
    case KEY_TRISTATE:
        wire_write_bool(buffer, *(const int *)field > 0);
        return OK;
    case KEY_WORD:
        return write_word(buffer, key, *(const unsigned *)field);
    case KEY_STR:
    case KEY_TEXT:
    case KEY_CONTENT_TYPE:
    case KEY_BIN:
        return write_bytes(buffer, key, *(const struct bytes *)field);
    case KEY_POOL:
        return write_pool(buffer, *(const struct bytes *)field);
    case KEY_FENCES:
        return write_fences(buffer, field);
    case KEY_HEADERS:
        return write_map(buffer, *(const struct bytes *)field, HEADERS_BYTES_MAX);
    case KEY_MAP:
        return write_map(buffer, *(const struct bytes *)field, key->max);
    case KEY_AGENT_POOLS:
        return write_agent_pools(buffer, field);
    case KEY_TEXTS:
        return write_texts(buffer, key, field);
    case KEY_HOLDS:
        return write_holds(buffer, field);
    case KEY_PROTOCOLS:
        wire_write_array(buffer, 1);
        wire_write_text(buffer, PROTOCOL_NAME);
        return OK;
    }
    return ERR_INVALID;
}

/* The map has more pairs than the one byte of its head can say: it gets a head of three. */
static void
widen_map(struct wire_buffer *buffer, size_t map_at, unsigned pairs)
{
    static const uint8_t more[2];

    wire_write_raw(buffer, (struct bytes){more, sizeof more});
    if (buffer->failed)
        return;
    memmove(buffer->data + map_at + 3, buffer->data + map_at + 1, buffer->size - map_at - 3);
    buffer->data[map_at] = 0xde;
    buffer->data[map_at + 1] = (uint8_t)(pairs >> 8);
    buffer->data[map_at + 2] = (uint8_t)pairs;
}

int
keys_encode(struct wire_buffer *buffer, size_t command_at, const struct keys *keys, const void *source)
{
    size_t map_at = buffer->size;
    unsigned pairs = 0;

    wire_write_map(buffer, 0);
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->list[i];

        if (!is_said(keys, i, source))
            continue;
        wire_write_str(buffer, (struct bytes){(const uint8_t *)key->name, key->name_size});
        if (write_value(buffer, key, (const uint8_t *)source + key->at) != OK)
            return ERR_INVALID;
        pairs++;
    }
    if (pairs > 15) {
        widen_map(buffer, map_at, pairs);
    } else if (pairs > 0) {
        wire_set_count(buffer, map_at, pairs);
    } else if (!buffer->failed) {
        buffer->size = map_at;
        wire_set_count(buffer, command_at, (buffer->data[command_at] & 0x0fu) - 1);
    }
    return OK;
}
