/* reader_quick.h - the short forms of MessagePack, inline: nearly all of a small command. Private to wire/.
 *
 * Each does what the function of reader.h does that it ends in; inlined they halve the time to decode a SUBMIT. */
#ifndef SNAKEPIT_WIRE_READER_QUICK_H
#define SNAKEPIT_WIRE_READER_QUICK_H

#include "err.h"
#include "reader.h"

/* Eight bytes, big-endian. The compiler makes one instruction of it. */
static inline uint64_t
quick_load_64(const uint8_t *from)
{
    return (uint64_t)from[0] << 56 | (uint64_t)from[1] << 48 | (uint64_t)from[2] << 40 | (uint64_t)from[3] << 32 |
           (uint64_t)from[4] << 24 | (uint64_t)from[5] << 16 | (uint64_t)from[6] << 8 | from[7];
}

static inline int
quick_uint(struct reader *reader, uint64_t *ret_value)
{
    uint32_t left = reader->size - reader->at;
    const uint8_t *lead = reader->data + reader->at;

    if (left > 0 && *lead < 0x80) {
        *ret_value = *lead;
        reader->at++;
        return OK;
    }
    /* 0xcc to 0xcf: 1, 2, 4 or 8 bytes follow, big-endian. Eight are loaded, and those that are too many shifted out. */
    if (left > 8 && (*lead & 0xfc) == 0xcc) {
        unsigned bytes = 1u << (*lead & 3);

        *ret_value = quick_load_64(lead + 1) >> (64 - 8 * bytes);
        reader->at += 1 + bytes;
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
