/* writer.c - MessagePack into a growing buffer; see writer.h. The only file that knows msgpack-c. */
#include "wire/writer.h"

#include <limits.h> /* for msgpack-c */
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 256 };

/* Make room for `wanted` bytes more. On failure the buffer takes nothing any more, as its capacity ends at its size. */
static bool
grow(struct wire_buffer *buffer, size_t wanted)
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

static inline int
append(struct wire_buffer *buffer, const void *from, size_t size)
{
    if (size > buffer->capacity - buffer->size && !grow(buffer, size))
        return -1;
    memcpy(buffer->data + buffer->size, from, size);
    buffer->size += size;
    return 0;
}

/* msgpack-c's packers are a template over "append these bytes". Its own instance calls a function pointer for each
 * head and each body; this one is inlined into the functions below and costs a third of that. */
#include <msgpack/timestamp.h>
#define msgpack_pack_inline_func(name) static inline int msgpack_pack##name
#define msgpack_pack_user struct wire_buffer *
#define msgpack_pack_append_buffer(buffer, from, size) return append(buffer, from, size)
#include <msgpack/pack_template.h>

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
    if (bytes.size > 0)
        append(buffer, bytes.data, bytes.size);
}

void
wire_write_array(struct wire_buffer *buffer, uint32_t count)
{
    msgpack_pack_array(buffer, count);
}

void
wire_write_map(struct wire_buffer *buffer, uint32_t pairs)
{
    msgpack_pack_map(buffer, pairs);
}

void
wire_write_nil(struct wire_buffer *buffer)
{
    msgpack_pack_nil(buffer);
}

void
wire_write_bool(struct wire_buffer *buffer, bool value)
{
    if (value)
        msgpack_pack_true(buffer);
    else
        msgpack_pack_false(buffer);
}

void
wire_write_uint(struct wire_buffer *buffer, uint64_t value)
{
    msgpack_pack_uint64(buffer, value);
}

void
wire_write_int(struct wire_buffer *buffer, int64_t value)
{
    msgpack_pack_int64(buffer, value);
}

void
wire_write_float(struct wire_buffer *buffer, double value)
{
    msgpack_pack_double(buffer, value);
}

void
wire_write_str(struct wire_buffer *buffer, struct bytes text)
{
    msgpack_pack_str(buffer, text.size);
    wire_write_raw(buffer, text);
}

void
wire_write_text(struct wire_buffer *buffer, const char *text)
{
    wire_write_str(buffer, (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)});
}

void
wire_write_bin(struct wire_buffer *buffer, struct bytes bytes)
{
    msgpack_pack_bin(buffer, bytes.size);
    wire_write_raw(buffer, bytes);
}
