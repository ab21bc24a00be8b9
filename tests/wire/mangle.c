/* mangle.c - ways to spoil a frame; see mangle.h.
 * Random numbers are drawn one per statement: C leaves the order within an expression open, and a seed must always
 * give the same frames. */
#include "tests/wire/mangle.h"

#include <string.h>

/* Put bytes in at `at`. */
static void
insert(struct wire_buffer *frame, size_t at, const uint8_t *bytes, size_t size)
{
    size_t behind = frame->size - at;
    uint8_t gap[512] = {0};

    wire_write_raw(frame, (struct bytes){gap, (uint32_t)size}); /* makes the room */
    memmove(frame->data + at + size, frame->data + at, behind);
    memcpy(frame->data + at, bytes, size);
}

static size_t
somewhere(struct random *random, const struct wire_buffer *frame)
{
    return random_below(random, (uint32_t)frame->size + 1);
}

static void
flip_bits(struct random *random, struct wire_buffer *frame)
{
    for (uint32_t i = 1 + random_below(random, 4); i > 0 && frame->size > 0; i--) {
        uint32_t at = random_below(random, (uint32_t)frame->size);

        frame->data[at] ^= (uint8_t)(1u << random_below(random, 8));
    }
}

static void
cut(struct random *random, struct wire_buffer *frame)
{
    size_t at = somewhere(random, frame);
    size_t size = random_below(random, (uint32_t)(frame->size - at) + 1);

    if (random_below(random, 2) == 0)
        size = frame->size - at;
    memmove(frame->data + at, frame->data + at + size, frame->size - at - size);
    frame->size -= size;
}

static void
insert_noise(struct random *random, struct wire_buffer *frame)
{
    uint8_t noise[16];
    uint32_t size = 1 + random_below(random, sizeof noise);

    for (uint32_t i = 0; i < size; i++)
        noise[i] = (uint8_t)random_next(random);
    insert(frame, somewhere(random, frame), noise, size);
}

/* Put a piece of another frame in, at a place or over what is there. */
static void
splice(struct random *random, struct wire_buffer *frame, struct bytes other)
{
    uint32_t from = random_below(random, other.size + 1);
    uint32_t size = random_below(random, (other.size - from < 200 ? other.size - from : 200) + 1);

    insert(frame, somewhere(random, frame), other.data + from, size);
}

/* Put a head with a wrong length over a byte or between two. */
static void
lie(struct random *random, struct wire_buffer *frame)
{
    static const uint8_t heads[] = {0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf};
    static const uint32_t lengths[] = {0,     1,     2,          15,         255,        256,
                                       65535, 65536, 0x40000000, 0x7fffffff, 0x80000000, UINT32_MAX};
    uint32_t length = lengths[random_below(random, sizeof lengths / sizeof *lengths)];
    uint8_t head[5] = {heads[random_below(random, sizeof heads)]};
    uint32_t size;

    for (int i = 1; i < 5; i++)
        head[i] = (uint8_t)(length >> (32 - 8 * i));
    if (random_below(random, 2) == 0)
        memmove(head + 1, head + 3, 2); /* the length of a 16-bit form */
    size = 1 + random_below(random, sizeof head);
    insert(frame, somewhere(random, frame), head, size);
}

/* Change a short head by one: one element more or less than there is. */
static void
miscount(struct random *random, struct wire_buffer *frame)
{
    size_t start = somewhere(random, frame);

    for (size_t i = start; i < frame->size; i++) {
        if (frame->data[i] < 0x80 || frame->data[i] >= 0xc0)
            continue;
        frame->data[i] = (uint8_t)(frame->data[i] + (random_below(random, 2) == 0 ? 1 : -1));
        return;
    }
}

static void
bomb(struct random *random, struct wire_buffer *frame)
{
    uint8_t arrays[300];
    uint32_t depth = 1 + random_below(random, random_below(random, 2) == 0 ? 20 : sizeof arrays);

    memset(arrays, random_below(random, 2) == 0 ? 0x91 : 0x81, depth);
    insert(frame, somewhere(random, frame), arrays, depth);
}

static void
replace_by_noise(struct random *random, struct wire_buffer *frame)
{
    frame->size = 0;
    for (uint32_t i = random_below(random, 60); i > 0; i--) {
        uint8_t byte = (uint8_t)random_next(random);

        wire_write_raw(frame, (struct bytes){&byte, 1});
    }
}

void
mangle(struct random *random, struct wire_buffer *frame, struct bytes other)
{
    for (uint32_t i = 1 + random_below(random, 4); i > 0; i--) {
        switch (random_below(random, 16)) {
        case 0:
            cut(random, frame);
            break;
        case 1:
        case 2:
            insert_noise(random, frame);
            break;
        case 3:
        case 4:
            splice(random, frame, other);
            break;
        case 5:
        case 6:
            lie(random, frame);
            break;
        case 7:
        case 8:
        case 9:
            miscount(random, frame);
            break;
        case 10:
            bomb(random, frame);
            break;
        case 11:
            replace_by_noise(random, frame);
            break;
        default:
            flip_bits(random, frame);
        }
    }
}
