/* snakepit_value.h - arguments and results in MessagePack: builds and reads them. Part of snakepit.h; include that. */
#ifndef SNAKEPIT_VALUE_H
#define SNAKEPIT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SNAKEPIT_API __attribute__((visibility("default")))
#else
#define SNAKEPIT_API
#endif

struct snakepit_bytes {
    const void *data; /* may be NULL when size is 0 */
    size_t size;
};

struct snakepit_result;

/* --- arguments in MessagePack --------------------------------------------------------------------------------- */

/* Builds the arguments of one call. The functions that add return OK, or the first thing that went wrong since the last
 * reset (MEMORY, INVALID, FULL), and do nothing after it: checking snakepit_args_finish alone is enough. */
struct snakepit_args;

/* NULL when memory ends. */
SNAKEPIT_API struct snakepit_args *
snakepit_args_new(void);

SNAKEPIT_API void
snakepit_args_destroy(struct snakepit_args **args_p);

/* Empty it for the next call; keeps its memory. */
SNAKEPIT_API void
snakepit_args_reset(struct snakepit_args *args);

/* Positional arguments, or elements of the array or map that was begun last. */
SNAKEPIT_API int
snakepit_args_nil(struct snakepit_args *args);
SNAKEPIT_API int
snakepit_args_bool(struct snakepit_args *args, bool value);
SNAKEPIT_API int
snakepit_args_int(struct snakepit_args *args, int64_t value);
SNAKEPIT_API int
snakepit_args_uint(struct snakepit_args *args, uint64_t value);
SNAKEPIT_API int
snakepit_args_double(struct snakepit_args *args, double value);
SNAKEPIT_API int
snakepit_args_str(struct snakepit_args *args, const char *text);
SNAKEPIT_API int
snakepit_args_strn(struct snakepit_args *args, const char *text, size_t size);
SNAKEPIT_API int
snakepit_args_bin(struct snakepit_args *args, const void *data, size_t size);

/* One value that is encoded already. */
SNAKEPIT_API int
snakepit_args_encoded(struct snakepit_args *args, const void *data, size_t size);

/* What is added until the matching end belongs to it; in a map, key and value in turn. At most 16 deep. */
SNAKEPIT_API int
snakepit_args_begin_array(struct snakepit_args *args);
SNAKEPIT_API int
snakepit_args_begin_map(struct snakepit_args *args);
SNAKEPIT_API int
snakepit_args_end(struct snakepit_args *args);

/* The next value is the named argument `name`. */
SNAKEPIT_API int
snakepit_args_name(struct snakepit_args *args, const char *name);

/* The encoded arguments, [[positional...], {named...}]; valid until the next change of `args`.
 * INVALID: an array or map is not ended, or a name or key has no value. */
SNAKEPIT_API int
snakepit_args_finish(struct snakepit_args *args, struct snakepit_bytes *ret_bytes);

/* --- reading MessagePack -------------------------------------------------------------------------------------- */

enum snakepit_kind {
    SNAKEPIT_NIL = 1,
    SNAKEPIT_BOOL,
    SNAKEPIT_UINT, /* an integer >= 0 */
    SNAKEPIT_INT,  /* an integer < 0 */
    SNAKEPIT_DOUBLE,
    SNAKEPIT_STR,
    SNAKEPIT_BIN,
    SNAKEPIT_ARRAY,
    SNAKEPIT_MAP,
    SNAKEPIT_EXT,
};

/* One value: a view, valid as long as the bytes that it was read from. Copy it freely; nothing is to be freed. */
struct snakepit_value {
    enum snakepit_kind kind;
    bool boolean;
    uint64_t uint;
    int64_t sint;
    double real;
    const char *data; /* STR, BIN: not ended by NUL */
    size_t size;      /* STR, BIN: bytes; ARRAY: elements; MAP: pairs */
    struct snakepit_bytes encoded; /* the whole value */
};

/* Read the value at the start of `size` bytes. OK, or MISMATCH: they are not MessagePack, or are deeper than 64. */
SNAKEPIT_API int
snakepit_value_parse(const void *data, size_t size, struct snakepit_value *ret_value);

/* The value of a result whose content type is "msgpack"; MISMATCH when it has none. */
SNAKEPIT_API int
snakepit_result_value(const struct snakepit_result *result, struct snakepit_value *ret_value);

/* Whole numbers in range; a double from any number. MISMATCH otherwise. */
SNAKEPIT_API int
snakepit_value_int(const struct snakepit_value *value, int64_t *ret_number);
SNAKEPIT_API int
snakepit_value_uint(const struct snakepit_value *value, uint64_t *ret_number);
SNAKEPIT_API int
snakepit_value_double(const struct snakepit_value *value, double *ret_number);

/* Whether it is a STR of exactly this text. */
SNAKEPIT_API bool
snakepit_value_is_text(const struct snakepit_value *value, const char *text);

/* The value of a map's key. NOT_FOUND; MISMATCH: not a map. Walks the map: for a few keys of a small one. */
SNAKEPIT_API int
snakepit_value_get(const struct snakepit_value *map, const char *key, struct snakepit_value *ret_value);

/* The element of an array, from 0. NOT_FOUND; MISMATCH: not an array. Walks the array: to see all, iterate. */
SNAKEPIT_API int
snakepit_value_at(const struct snakepit_value *array, size_t index, struct snakepit_value *ret_value);

/* Walks an array or a map:
 *
 *     struct snakepit_iter iter = snakepit_iter_of(&value);
 *     while (snakepit_iter_next(&iter, NULL, &item)) ...
 */
struct snakepit_iter {
    const unsigned char *at;
    size_t left_bytes;
    size_t left;
    bool is_map;
};

/* Of a value that is neither array nor map: an iterator that is at its end. */
SNAKEPIT_API struct snakepit_iter
snakepit_iter_of(const struct snakepit_value *value);

/* The next element, or the next pair: *ret_key (may be NULL) is its key. False at the end. */
SNAKEPIT_API bool
snakepit_iter_next(struct snakepit_iter *iter, struct snakepit_value *ret_key, struct snakepit_value *ret_value);

#ifdef __cplusplus
}
#endif

#endif
