/* reader_quick.h - the short forms of MessagePack, inline: nearly all of a small command. Private to wire/.
 *
 * Each does what the function of reader.h does that it ends in; inlined they halve the time to decode a SUBMIT. */
#ifndef SNAKEPIT_WIRE_READER_QUICK_H
#define SNAKEPIT_WIRE_READER_QUICK_H

#include "err.h"
#include "reader.h"

static inline int
quick_uint(struct reader *reader, uint64_t *ret_value)
{
    if (reader->at < reader->size && reader->data[reader->at] < 0x80) {
        *ret_value = reader->data[reader->at++];
        return OK;
    }
    return reader_uint(reader, ret_value);
}

/* Give `size` bytes that begin `head` bytes ahead, which the caller found to be there. */
static inline int
quick_view(struct reader *reader, uint32_t head, uint32_t size, struct bytes *ret_bytes)
{
    ret_bytes->data = reader->data + reader->at + head;
    ret_bytes->size = size;
    reader->at += head + size;
    return OK;
}

static inline int
quick_str(struct reader *reader, struct bytes *ret_text)
{
    uint32_t left = reader->size - reader->at;
    uint32_t size;

    if (left > 0 && (reader->data[reader->at] & 0xe0) == 0xa0) {
        size = reader->data[reader->at] & 0x1f;
        if (size < left)
            return quick_view(reader, 1, size, ret_text);
    }
    return reader_str(reader, ret_text);
}

static inline int
quick_bin(struct reader *reader, struct bytes *ret_bytes)
{
    uint32_t left = reader->size - reader->at;
    uint32_t size;

    if (left > 1 && reader->data[reader->at] == 0xc4) {
        size = reader->data[reader->at + 1];
        if (size <= left - 2)
            return quick_view(reader, 2, size, ret_bytes);
    }
    return reader_bin(reader, ret_bytes);
}

static inline int
quick_array(struct reader *reader, uint32_t *ret_count)
{
    uint32_t left = reader->size - reader->at;
    uint32_t count;

    if (left > 0 && (reader->data[reader->at] & 0xf0) == 0x90) {
        count = reader->data[reader->at] & 0x0f;
        if (count < left) {
            *ret_count = count;
            reader->at++;
            return OK;
        }
    }
    return reader_array(reader, ret_count);
}

#endif
