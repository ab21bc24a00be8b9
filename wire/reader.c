/* reader.c - a bounds-checked cursor over MessagePack; see reader.h.
 *
 * Written by hand and not with msgpack-c's unpacker: that one allocates for what a header claims (155 bytes can reserve
 * 130 GB), reports too much depth as lack of memory, and copies what a view can show. */
#include "wire/reader.h"

#include "wire/err.h"

#include <string.h>

enum { SKIP_DEPTH_MAX = 32 };

/* What follows the lead bytes 0xc0 to 0xdf. */
static const struct form {
    uint8_t kind;
    uint8_t length_bytes; /* of the big-endian length behind the lead byte; 0: none */
    uint8_t fixed_bytes;  /* that always follow */
} forms[32] = {
    /* c0 */ {VALUE_NIL, 0, 0},   {VALUE_NONE, 0, 0},  {VALUE_BOOL, 0, 0},  {VALUE_BOOL, 0, 0},
    /* c4 */ {VALUE_BIN, 1, 0},   {VALUE_BIN, 2, 0},   {VALUE_BIN, 4, 0},   {VALUE_EXT, 1, 1},
    /* c8 */ {VALUE_EXT, 2, 1},   {VALUE_EXT, 4, 1},   {VALUE_FLOAT, 0, 4}, {VALUE_FLOAT, 0, 8},
    /* cc */ {VALUE_UINT, 0, 1},  {VALUE_UINT, 0, 2},  {VALUE_UINT, 0, 4},  {VALUE_UINT, 0, 8},
    /* d0 */ {VALUE_INT, 0, 1},   {VALUE_INT, 0, 2},   {VALUE_INT, 0, 4},   {VALUE_INT, 0, 8},
    /* d4 */ {VALUE_EXT, 0, 2},   {VALUE_EXT, 0, 3},   {VALUE_EXT, 0, 5},   {VALUE_EXT, 0, 9},
    /* d8 */ {VALUE_EXT, 0, 17},  {VALUE_STR, 1, 0},   {VALUE_STR, 2, 0},   {VALUE_STR, 4, 0},
    /* dc */ {VALUE_ARRAY, 2, 0}, {VALUE_ARRAY, 4, 0}, {VALUE_MAP, 2, 0},   {VALUE_MAP, 4, 0},
};

/* A value, measured and known to lie within the bytes (of an array or a map: its head). */
struct measured {
    enum value_kind kind;
    uint32_t head_bytes; /* lead byte and length */
    uint32_t size;       /* head and what belongs to the value itself, without children */
    uint32_t children;   /* values that follow: elements of an array, keys and values of a map */
};

static uint32_t
left(const struct reader *reader)
{
    return reader->size - reader->at;
}

static uint32_t
load_32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* A big-endian number of 0, 1, 2, 4 or 8 bytes. The compiler makes one instruction of each case. */
static uint64_t
load_big_endian(const uint8_t *from, unsigned size)
{
    switch (size) {
    case 0:
        return 0;
    case 1:
        return from[0];
    case 2:
        return (uint64_t)from[0] << 8 | from[1];
    case 4:
        return load_32(from);
    default:
        return (uint64_t)load_32(from) << 32 | load_32(from + 4);
    }
}

/* Fill in what is common to containers: false when more children are claimed than bytes are left. */
static bool
measure_children(struct measured *measured, uint64_t children, uint32_t bytes_left)
{
    measured->size = measured->head_bytes;
    measured->children = (uint32_t)children;
    return children <= bytes_left - measured->head_bytes;
}

static bool
measure_form(const struct reader *reader, struct measured *measured)
{
    const uint8_t *lead = reader->data + reader->at;
    const struct form *form = &forms[*lead - 0xc0];
    uint64_t length;

    measured->kind = (enum value_kind)form->kind;
    measured->head_bytes = 1u + form->length_bytes;
    if (form->kind == VALUE_NONE || left(reader) < measured->head_bytes)
        return false;
    length = load_big_endian(lead + 1, form->length_bytes);
    if (form->kind == VALUE_ARRAY || form->kind == VALUE_MAP)
        return measure_children(measured, form->kind == VALUE_MAP ? 2 * length : length, left(reader));
    if (length + form->fixed_bytes > left(reader) - measured->head_bytes)
        return false;
    measured->size = measured->head_bytes + form->fixed_bytes + (uint32_t)length;
    measured->children = 0;
    if (form->kind == VALUE_INT && lead[1] < 0x80)
        measured->kind = VALUE_UINT; /* a signed form, but not negative */
    return true;
}

/* Look at the next value: false when it is not whole or not MessagePack. */
static bool
measure(const struct reader *reader, struct measured *measured)
{
    uint8_t lead;

    if (left(reader) == 0)
        return false;
    lead = reader->data[reader->at];
    if (lead >= 0xc0 && lead < 0xe0)
        return measure_form(reader, measured);
    measured->head_bytes = 1;
    measured->size = 1;
    measured->children = 0;
    if (lead < 0x80 || lead >= 0xe0) {
        measured->kind = lead < 0x80 ? VALUE_UINT : VALUE_INT;
        return true;
    }
    if (lead < 0xa0) {
        measured->kind = lead < 0x90 ? VALUE_MAP : VALUE_ARRAY;
        return measure_children(measured, lead < 0x90 ? 2u * (lead & 0x0f) : lead & 0x0fu, left(reader));
    }
    measured->kind = VALUE_STR;
    measured->size = 1 + (lead & 0x1fu);
    return measured->size <= left(reader);
}

/* Measure a value of one kind. */
static bool
expect(const struct reader *reader, enum value_kind kind, struct measured *measured)
{
    return measure(reader, measured) && measured->kind == kind;
}

void
reader_init(struct reader *reader, struct bytes bytes)
{
    *reader = (struct reader){bytes.data, bytes.size, 0};
}

bool
reader_is_at_end(const struct reader *reader)
{
    return reader->at >= reader->size;
}

enum value_kind
reader_peek(const struct reader *reader)
{
    struct measured measured;

    return measure(reader, &measured) ? measured.kind : VALUE_NONE;
}

int
reader_nil(struct reader *reader)
{
    if (left(reader) == 0 || reader->data[reader->at] != 0xc0)
        return ERR_INVALID;
    reader->at++;
    return OK;
}

int
reader_bool(struct reader *reader, bool *ret_value)
{
    if (left(reader) == 0 || (reader->data[reader->at] & 0xfe) != 0xc2)
        return ERR_INVALID;
    *ret_value = reader->data[reader->at++] == 0xc3;
    return OK;
}

int
reader_uint(struct reader *reader, uint64_t *ret_value)
{
    struct measured measured;

    if (left(reader) > 0 && reader->data[reader->at] < 0x80) {
        *ret_value = reader->data[reader->at++];
        return OK;
    }
    if (!expect(reader, VALUE_UINT, &measured))
        return ERR_INVALID;
    *ret_value = load_big_endian(reader->data + reader->at + 1, measured.size - 1);
    reader->at += measured.size;
    return OK;
}

int
reader_int(struct reader *reader, int64_t *ret_value)
{
    struct measured measured;
    uint64_t value;

    if (reader_uint(reader, &value) == OK) {
        if (value <= INT64_MAX) {
            *ret_value = (int64_t)value;
            return OK;
        }
        reader->at -= 9; /* only the 9-byte form holds such a number */
        return ERR_INVALID;
    }
    if (!expect(reader, VALUE_INT, &measured))
        return ERR_INVALID;
    if (measured.size == 1) {
        *ret_value = (int8_t)reader->data[reader->at++];
        return OK;
    }
    /* Fill the upper bytes with ones, as the value is negative. */
    value = load_big_endian(reader->data + reader->at + 1, measured.size - 1);
    if (measured.size < 9)
        value |= UINT64_MAX << 8 * (measured.size - 1);
    memcpy(ret_value, &value, sizeof value);
    reader->at += measured.size;
    return OK;
}

int
reader_float(struct reader *reader, double *ret_value)
{
    struct measured measured;
    uint64_t bits;

    if (!expect(reader, VALUE_FLOAT, &measured))
        return ERR_INVALID;
    bits = load_big_endian(reader->data + reader->at + 1, measured.size - 1);
    if (measured.size == 5) {
        uint32_t single_bits = (uint32_t)bits;
        float single;

        memcpy(&single, &single_bits, sizeof single);
        *ret_value = (double)single;
    } else {
        memcpy(ret_value, &bits, sizeof bits);
    }
    reader->at += measured.size;
    return OK;
}

/* Give the bytes behind the head of a str or bin, and move on. */
static int
take_bytes(struct reader *reader, const struct measured *measured, struct bytes *ret_bytes)
{
    ret_bytes->data = reader->data + reader->at + measured->head_bytes;
    ret_bytes->size = measured->size - measured->head_bytes;
    reader->at += measured->size;
    return OK;
}

int
reader_str(struct reader *reader, struct bytes *ret_text)
{
    struct measured measured;

    return expect(reader, VALUE_STR, &measured) ? take_bytes(reader, &measured, ret_text) : ERR_INVALID;
}

int
reader_bin(struct reader *reader, struct bytes *ret_bytes)
{
    struct measured measured;

    return expect(reader, VALUE_BIN, &measured) ? take_bytes(reader, &measured, ret_bytes) : ERR_INVALID;
}

int
reader_text(struct reader *reader, struct bytes *ret_bytes)
{
    struct measured measured;

    if (!measure(reader, &measured) || (measured.kind != VALUE_STR && measured.kind != VALUE_BIN))
        return ERR_INVALID;
    return take_bytes(reader, &measured, ret_bytes);
}

int
reader_array(struct reader *reader, uint32_t *ret_count)
{
    struct measured measured;

    if (!expect(reader, VALUE_ARRAY, &measured))
        return ERR_INVALID;
    *ret_count = measured.children;
    reader->at += measured.size;
    return OK;
}

int
reader_map(struct reader *reader, uint32_t *ret_pairs)
{
    struct measured measured;

    if (!expect(reader, VALUE_MAP, &measured))
        return ERR_INVALID;
    *ret_pairs = measured.children / 2;
    reader->at += measured.size;
    return OK;
}

int
reader_skip(struct reader *reader, unsigned depth_max, struct bytes *ret_value)
{
    struct reader ahead = *reader;
    uint32_t waiting[SKIP_DEPTH_MAX + 1] = {1}; /* values still to pass at each depth */
    unsigned depth = 0;
    struct measured measured;

    if (depth_max > SKIP_DEPTH_MAX)
        depth_max = SKIP_DEPTH_MAX;
    while (depth > 0 || waiting[0] > 0) {
        if (waiting[depth] == 0) {
            depth--;
            continue;
        }
        if (!measure(&ahead, &measured))
            return ERR_INVALID;
        waiting[depth]--;
        ahead.at += measured.size;
        if (measured.kind != VALUE_ARRAY && measured.kind != VALUE_MAP)
            continue;
        if (depth == depth_max)
            return ERR_FULL;
        waiting[++depth] = measured.children;
    }
    if (ret_value)
        *ret_value = (struct bytes){reader->data + reader->at, ahead.at - reader->at};
    reader->at = ahead.at;
    return OK;
}
