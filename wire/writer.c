/* writer.c - MessagePack into a growing buffer; see writer.h. */
#include "wire/writer_quick.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

/* On failure the buffer takes nothing any more, as its capacity ends at its size. */
bool
wire_buffer_grow(struct wire_buffer *buffer, size_t wanted)
{
    size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
    uint8_t *data = NULL;

    if (buffer->failed)
        return false;
    while (capacity - buffer->size < wanted && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    if (capacity - buffer->size >= wanted)
        data = realloc(buffer->data, capacity);
    if (data) {
        buffer->data = data;
        buffer->capacity = capacity;
        return true;
    }
    if (!buffer->is_fallible)
        abort();
    buffer->failed = true;
    buffer->capacity = buffer->size;
    return false;
}

void
wire_buffer_init(struct wire_buffer *buffer, bool is_fallible)
{
    *buffer = (struct wire_buffer){.is_fallible = is_fallible};
}

void
wire_buffer_fini(struct wire_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct wire_buffer){.is_fallible = buffer->is_fallible};
}

void
wire_set_count(struct wire_buffer *buffer, size_t at, unsigned count)
{
    if (!buffer->failed)
        buffer->data[at] = (uint8_t)((buffer->data[at] & 0xf0) | count);
}

void
wire_write_raw(struct wire_buffer *buffer, struct bytes bytes)
{
    uint8_t *at = quick_room(buffer, bytes.size);

    if (at)
        quick_end_bytes(buffer, at, bytes);
}

void
wire_write_array(struct wire_buffer *buffer, uint32_t count)
{
    quick_write_array(buffer, count);
}

void
wire_write_map(struct wire_buffer *buffer, uint32_t pairs)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_map(&at, pairs);
    quick_end(buffer, at);
}

void
wire_write_nil(struct wire_buffer *buffer)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_nil(&at);
    quick_end(buffer, at);
}

void
wire_write_bool(struct wire_buffer *buffer, bool value)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    if (value)
        msgpack_pack_true(&at);
    else
        msgpack_pack_false(&at);
    quick_end(buffer, at);
}

void
wire_write_uint(struct wire_buffer *buffer, uint64_t value)
{
    quick_write_uint(buffer, value);
}

void
wire_write_int(struct wire_buffer *buffer, int64_t value)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_int64(&at, value);
    quick_end(buffer, at);
}

void
wire_write_float(struct wire_buffer *buffer, double value)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_double(&at, value);
    quick_end(buffer, at);
}

void
wire_write_str(struct wire_buffer *buffer, struct bytes text)
{
    quick_write_str(buffer, text);
}

void
wire_write_text(struct wire_buffer *buffer, const char *text)
{
    quick_write_str(buffer, (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)});
}

void
wire_write_bin(struct wire_buffer *buffer, struct bytes bytes)
{
    quick_write_bin(buffer, bytes);
}
