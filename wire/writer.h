/* writer.h - appends MessagePack values to a buffer. Knows msgpack-c; no sockets. */
#ifndef SNAKEPIT_WIRE_WRITER_H
#define SNAKEPIT_WIRE_WRITER_H

#include "body.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte buffer. When memory ends it aborts, unless `is_fallible`: then `failed` is set and what follows is
 * not written. */
struct wire_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool is_fallible;
    bool failed;
};

void
wire_buffer_init(struct wire_buffer *buffer, bool is_fallible);

void
wire_buffer_fini(struct wire_buffer *buffer);

/* Append bytes as they are (one encoded value, for instance). */
void
wire_write_raw(struct wire_buffer *buffer, struct bytes bytes);

void
wire_write_array(struct wire_buffer *buffer, uint32_t count);

void
wire_write_map(struct wire_buffer *buffer, uint32_t pairs);

/* Correct the number of an array or a map that was written at `at` and has, before and after, at most 15. */
void
wire_set_count(struct wire_buffer *buffer, size_t at, unsigned count);

void
wire_write_nil(struct wire_buffer *buffer);

void
wire_write_bool(struct wire_buffer *buffer, bool value);

void
wire_write_uint(struct wire_buffer *buffer, uint64_t value);

void
wire_write_int(struct wire_buffer *buffer, int64_t value);

void
wire_write_float(struct wire_buffer *buffer, double value);

void
wire_write_str(struct wire_buffer *buffer, struct bytes text);

/* The same for a string that ends in NUL. */
void
wire_write_text(struct wire_buffer *buffer, const char *text);

void
wire_write_bin(struct wire_buffer *buffer, struct bytes bytes);

#endif
