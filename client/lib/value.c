/* value.c - reads MessagePack, in place and without memory of its own. See snakepit.h. */
#include "client/include/snakepit.h"
#include "wire/err.h"
#include "wire/reader.h"

#include <string.h>

#define VALUE_DEPTH_MAX 64

static int
read_text(struct reader *reader, struct snakepit_value *value, enum snakepit_kind kind)
{
    struct bytes text;

    if (reader_text(reader, &text) != OK)
        return ERR_INVALID;
    value->kind = kind;
    value->data = (const char *)text.data;
    value->size = text.size;
    return OK;
}

static int
read_count(struct reader *reader, struct snakepit_value *value, enum snakepit_kind kind)
{
    uint32_t count;

    if ((kind == SNAKEPIT_MAP ? reader_map(reader, &count) : reader_array(reader, &count)) != OK)
        return ERR_INVALID;
    value->kind = kind;
    value->size = count;
    return OK;
}

/* Read one value, of an array or a map its head only. OK or ERR_INVALID. */
static int
read_head(struct reader *reader, struct snakepit_value *value)
{
    switch (reader_peek(reader)) {
    case VALUE_NIL:
        value->kind = SNAKEPIT_NIL;
        return reader_nil(reader);
    case VALUE_BOOL:
        value->kind = SNAKEPIT_BOOL;
        return reader_bool(reader, &value->boolean);
    case VALUE_UINT:
        value->kind = SNAKEPIT_UINT;
        return reader_uint(reader, &value->uint);
    case VALUE_INT:
        value->kind = SNAKEPIT_INT;
        return reader_int(reader, &value->sint);
    case VALUE_FLOAT:
        value->kind = SNAKEPIT_DOUBLE;
        return reader_float(reader, &value->real);
    case VALUE_STR:
        return read_text(reader, value, SNAKEPIT_STR);
    case VALUE_BIN:
        return read_text(reader, value, SNAKEPIT_BIN);
    case VALUE_ARRAY:
        return read_count(reader, value, SNAKEPIT_ARRAY);
    case VALUE_MAP:
        return read_count(reader, value, SNAKEPIT_MAP);
    case VALUE_EXT:
        value->kind = SNAKEPIT_EXT;
        return reader_skip(reader, 1, NULL);
    case VALUE_NONE:
        break;
    }
    return ERR_INVALID;
}

int
snakepit_value_parse(const void *data, size_t size, struct snakepit_value *ret_value)
{
    struct snakepit_value value;
    struct reader reader;
    struct bytes whole;

    if (!data || size > UINT32_MAX)
        return SNAKEPIT_MISMATCH;
    memset(&value, 0, sizeof value);
    reader_init(&reader, (struct bytes){data, (uint32_t)size});
    if (reader_skip(&reader, VALUE_DEPTH_MAX, &whole) != OK)
        return SNAKEPIT_MISMATCH;
    reader_init(&reader, whole);
    if (read_head(&reader, &value) != OK)
        return SNAKEPIT_MISMATCH;
    value.encoded = (struct snakepit_bytes){whole.data, whole.size};
    *ret_value = value;
    return SNAKEPIT_OK;
}

int
snakepit_result_value(const struct snakepit_result *result, struct snakepit_value *ret_value)
{
    if (result->part_count == 0 || strcmp(result->content_type, "msgpack") != 0)
        return SNAKEPIT_MISMATCH;
    return snakepit_value_parse(result->parts[0].data, result->parts[0].size, ret_value);
}

int
snakepit_value_int(const struct snakepit_value *value, int64_t *ret_number)
{
    if (value->kind == SNAKEPIT_INT)
        *ret_number = value->sint;
    else if (value->kind == SNAKEPIT_UINT && value->uint <= INT64_MAX)
        *ret_number = (int64_t)value->uint;
    else
        return SNAKEPIT_MISMATCH;
    return SNAKEPIT_OK;
}

int
snakepit_value_uint(const struct snakepit_value *value, uint64_t *ret_number)
{
    if (value->kind != SNAKEPIT_UINT)
        return SNAKEPIT_MISMATCH;
    *ret_number = value->uint;
    return SNAKEPIT_OK;
}

int
snakepit_value_double(const struct snakepit_value *value, double *ret_number)
{
    if (value->kind == SNAKEPIT_DOUBLE)
        *ret_number = value->real;
    else if (value->kind == SNAKEPIT_UINT)
        *ret_number = (double)value->uint;
    else if (value->kind == SNAKEPIT_INT)
        *ret_number = (double)value->sint;
    else
        return SNAKEPIT_MISMATCH;
    return SNAKEPIT_OK;
}

bool
snakepit_value_is_text(const struct snakepit_value *value, const char *text)
{
    return value->kind == SNAKEPIT_STR && value->size == strlen(text) && memcmp(value->data, text, value->size) == 0;
}

int
snakepit_value_get(const struct snakepit_value *map, const char *key, struct snakepit_value *ret_value)
{
    struct snakepit_iter iter = snakepit_iter_of(map);
    struct snakepit_value name, value;

    if (map->kind != SNAKEPIT_MAP)
        return SNAKEPIT_MISMATCH;
    while (snakepit_iter_next(&iter, &name, &value)) {
        if (!snakepit_value_is_text(&name, key))
            continue;
        *ret_value = value;
        return SNAKEPIT_OK;
    }
    return SNAKEPIT_NOT_FOUND;
}

int
snakepit_value_at(const struct snakepit_value *array, size_t index, struct snakepit_value *ret_value)
{
    struct snakepit_iter iter = snakepit_iter_of(array);
    struct snakepit_value value;

    if (array->kind != SNAKEPIT_ARRAY)
        return SNAKEPIT_MISMATCH;
    while (snakepit_iter_next(&iter, NULL, &value)) {
        if (index-- > 0)
            continue;
        *ret_value = value;
        return SNAKEPIT_OK;
    }
    return SNAKEPIT_NOT_FOUND;
}

struct snakepit_iter
snakepit_iter_of(const struct snakepit_value *value)
{
    struct snakepit_iter iter = {.is_map = value->kind == SNAKEPIT_MAP};
    struct bytes whole = {value->encoded.data, (uint32_t)value->encoded.size};
    struct reader reader;
    uint32_t count;

    if (value->kind != SNAKEPIT_ARRAY && value->kind != SNAKEPIT_MAP)
        return iter;
    reader_init(&reader, whole);
    if ((iter.is_map ? reader_map(&reader, &count) : reader_array(&reader, &count)) != OK)
        return iter;
    iter.at = whole.data + reader.at;
    iter.left_bytes = whole.size - reader.at;
    iter.left = count;
    return iter;
}

/* Take the value that stands next. */
static bool
take(struct snakepit_iter *iter, struct snakepit_value *ret_value)
{
    if (snakepit_value_parse(iter->at, iter->left_bytes, ret_value))
        return false;
    iter->at += ret_value->encoded.size;
    iter->left_bytes -= ret_value->encoded.size;
    return true;
}

bool
snakepit_iter_next(struct snakepit_iter *iter, struct snakepit_value *ret_key, struct snakepit_value *ret_value)
{
    struct snakepit_value key;

    if (iter->left == 0)
        return false;
    iter->left--;
    if (iter->is_map && !take(iter, ret_key ? ret_key : &key))
        return false;
    return take(iter, ret_value);
}
