/* reader.h - a cursor over MessagePack values that never reads past its end and allocates nothing. */
#ifndef SNAKEPIT_WIRE_READER_H
#define SNAKEPIT_WIRE_READER_H

#include "body.h"

#include <stdbool.h>
#include <stdint.h>

enum value_kind {
    VALUE_NONE, /* the end, or bytes that are not a whole value */
    VALUE_NIL,
    VALUE_BOOL,
    VALUE_UINT,  /* any non-negative integer */
    VALUE_INT,   /* a negative integer */
    VALUE_FLOAT,
    VALUE_STR,
    VALUE_BIN,
    VALUE_ARRAY,
    VALUE_MAP,
    VALUE_EXT,
};

struct reader {
    const uint8_t *data;
    uint32_t size;
    uint32_t at;
};

void
reader_init(struct reader *reader, struct bytes bytes);

bool
reader_is_at_end(const struct reader *reader);

/* What stands next; moves nothing. */
enum value_kind
reader_peek(const struct reader *reader);

/* Each reads one value of its kind and moves on: OK, or ERR_INVALID and nothing moved.
 * Arrays and maps give the number of elements or pairs that follow; a number that cannot fit into the bytes that are
 * left is ERR_INVALID. */
int
reader_nil(struct reader *reader);

int
reader_bool(struct reader *reader, bool *ret_value);

int
reader_uint(struct reader *reader, uint64_t *ret_value);

int
reader_int(struct reader *reader, int64_t *ret_value);

int
reader_float(struct reader *reader, double *ret_value);

int
reader_str(struct reader *reader, struct bytes *ret_text);

int
reader_bin(struct reader *reader, struct bytes *ret_bytes);

/* A str or a bin. */
int
reader_text(struct reader *reader, struct bytes *ret_bytes);

int
reader_array(struct reader *reader, uint32_t *ret_count);

int
reader_map(struct reader *reader, uint32_t *ret_pairs);

/* Pass over one whole value, in which at most `depth_max` (up to 32) arrays and maps lie in each other; *ret_value (may
 * be NULL) is its bytes. OK; ERR_INVALID: not a whole value; ERR_FULL: deeper than that. Not recursive. */
int
reader_skip(struct reader *reader, unsigned depth_max, struct bytes *ret_value);

#endif
