/* writer_quick.h - the writers of writer.h that small commands consist of, inline. Private to wire/.
 *
 * The only file that knows msgpack-c. Its packers are a template over "append these bytes". Its own instance calls a
 * function pointer for each head and each body; this one stores them where room was made before, in a few instructions. */
#ifndef SNAKEPIT_WIRE_WRITER_QUICK_H
#define SNAKEPIT_WIRE_WRITER_QUICK_H

#include "wire/writer.h"

#include <limits.h> /* for msgpack-c */
#include <string.h>

#include <msgpack/timestamp.h>
#define msgpack_pack_inline_func(name) static inline int msgpack_pack##name
#define msgpack_pack_user uint8_t **
#define msgpack_pack_append_buffer(at, from, size) return (memcpy(*(at), from, size), *(at) += (size), 0)
#include <msgpack/pack_template.h>

/* The longest head: a lead byte and a number of 64 bits. */
enum { HEAD_BYTES_MAX = 9 };

/* Make room for `wanted` bytes more, when there is less than that. False: memory ended. */
bool
wire_buffer_grow(struct wire_buffer *buffer, size_t wanted);

/* Where `wanted` bytes may be written, or NULL when memory ended. quick_end takes them in. */
static inline uint8_t *
quick_room(struct wire_buffer *buffer, size_t wanted)
{
    if (wanted > buffer->capacity - buffer->size && !wire_buffer_grow(buffer, wanted))
        return NULL;
    return buffer->data + buffer->size;
}

static inline void
quick_end(struct wire_buffer *buffer, const uint8_t *end)
{
    buffer->size = (size_t)(end - buffer->data);
}

static inline void
quick_write_uint(struct wire_buffer *buffer, uint64_t value)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_uint64(&at, value);
    quick_end(buffer, at);
}

static inline void
quick_write_array(struct wire_buffer *buffer, uint32_t count)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX);

    if (!at)
        return;
    msgpack_pack_array(&at, count);
    quick_end(buffer, at);
}

/* Put bytes behind their head, at which `at` ends, and take both in. */
static inline void
quick_end_bytes(struct wire_buffer *buffer, uint8_t *at, struct bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    quick_end(buffer, at + bytes.size);
}

static inline void
quick_write_str(struct wire_buffer *buffer, struct bytes text)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX + (size_t)text.size);

    if (!at)
        return;
    msgpack_pack_str(&at, text.size);
    quick_end_bytes(buffer, at, text);
}

static inline void
quick_write_bin(struct wire_buffer *buffer, struct bytes bytes)
{
    uint8_t *at = quick_room(buffer, HEAD_BYTES_MAX + (size_t)bytes.size);

    if (!at)
        return;
    msgpack_pack_bin(&at, bytes.size);
    quick_end_bytes(buffer, at, bytes);
}

#endif
