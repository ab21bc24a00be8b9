/* array_value.c - the marker of a numeric array to plain MessagePack; see array_value.h. */
#include "client/cli/array_value.h"

#include "wire/err.h"

#include <stdbool.h>
#include <string.h>

enum { DIMENSIONS_MAX = 32 };

struct array {
    struct bytes type;
    struct bytes dtype;
    struct bytes data;
    bool has_data;
    uint32_t dimensions;
    uint64_t shape[DIMENSIONS_MAX];
};

static bool
is_text(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static int
take_shape(struct reader *reader, struct array *array)
{
    if (reader_array(reader, &array->dimensions) != OK || array->dimensions > DIMENSIONS_MAX)
        return ERR_INVALID;
    for (uint32_t i = 0; i < array->dimensions; i++)
        if (reader_uint(reader, &array->shape[i]) != OK)
            return ERR_INVALID;
    return OK;
}

static int
take_data(struct reader *reader, const struct value_frames *frames, struct array *array)
{
    uint64_t number;

    array->has_data = true;
    if (reader_bin(reader, &array->data) == OK)
        return OK;
    if (reader_uint(reader, &number) != OK || number < 1 || number > frames->count)
        return ERR_INVALID;
    array->data = frames->list[number - 1];
    return OK;
}

static int
take_marker(struct reader *reader, const struct value_frames *frames, struct array *array)
{
    uint32_t pairs;

    if (reader_map(reader, &pairs) != OK || pairs != 4)
        return ERR_INVALID;
    while (pairs-- > 0) {
        struct bytes key;
        int status;

        if (reader_str(reader, &key) != OK)
            return ERR_INVALID;
        if (is_text(key, "$type"))
            status = reader_str(reader, &array->type);
        else if (is_text(key, "dtype"))
            status = reader_str(reader, &array->dtype);
        else if (is_text(key, "shape"))
            status = take_shape(reader, array);
        else
            status = is_text(key, "data") ? take_data(reader, frames, array) : ERR_INVALID;
        if (status != OK)
            return ERR_INVALID;
    }
    return is_text(array->type, "array") && array->dtype.size == 3 && array->has_data ? OK : ERR_INVALID;
}

/* How many elements there are, if the data has exactly those; else ERR_INVALID. */
static int
check_size(const struct array *array, size_t element_bytes)
{
    uint64_t left = array->data.size / element_bytes, count = 1;

    for (uint32_t i = 0; i < array->dimensions; i++) {
        if (array->shape[i] != 0 && count > left / array->shape[i])
            return ERR_INVALID;
        count *= array->shape[i];
    }
    return count * element_bytes == array->data.size ? OK : ERR_INVALID;
}

/* Little-endian bytes as a number. */
static uint64_t
number_of(const uint8_t *data, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = bytes; i-- > 0;)
        number = number << 8 | data[i];
    return number;
}

static void
put_element(struct wire_buffer *out, char kind, const uint8_t *data, size_t bytes)
{
    uint64_t number = number_of(data, bytes);
    uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    float single;
    double real;
    uint32_t half = (uint32_t)number;

    switch (kind) {
    case 'b':
        wire_write_bool(out, number != 0);
        break;
    case 'u':
        wire_write_uint(out, number);
        break;
    case 'i':
        wire_write_int(out, (int64_t)((number ^ sign) - sign));
        break;
    default:
        memcpy(&single, &half, sizeof single);
        memcpy(&real, &number, sizeof real);
        wire_write_float(out, bytes == 4 ? (double)single : real);
        break;
    }
}

/* The elements from *data on, as arrays from this dimension on. */
static void
put_elements(struct wire_buffer *out, const struct array *array, uint32_t dimension, size_t bytes, const uint8_t **data)
{
    if (dimension == array->dimensions) {
        put_element(out, (char)array->dtype.data[1], *data, bytes);
        *data += bytes;
        return;
    }
    wire_write_array(out, (uint32_t)array->shape[dimension]);
    for (uint64_t i = 0; i < array->shape[dimension]; i++)
        put_elements(out, array, dimension + 1, bytes, data);
}

/* The bytes of an element, or 0: it is of a kind that is not read here. */
static size_t
element_size(struct bytes dtype)
{
    char order = (char)dtype.data[0], kind = (char)dtype.data[1];
    size_t bytes = (size_t)(dtype.data[2] - '0');

    if (order != '<' && !(order == '|' && bytes == 1))
        return 0;
    if (kind == 'b')
        return bytes == 1 ? 1 : 0;
    if (kind == 'f')
        return bytes == 4 || bytes == 8 ? bytes : 0;
    if (kind != 'i' && kind != 'u')
        return 0;
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 ? bytes : 0;
}

int
array_value_take(struct reader *reader, const struct value_frames *frames, struct wire_buffer *out)
{
    struct reader ahead = *reader;
    struct array array = {0};
    const uint8_t *data;
    size_t bytes;

    if (take_marker(&ahead, frames, &array) != OK)
        return ERR_INVALID;
    bytes = element_size(array.dtype);
    /* An empty one may say any shape: arrays of nothing, as many as it likes. */
    if (bytes == 0 || check_size(&array, bytes) != OK || (array.data.size == 0 && array.dimensions > 1))
        return ERR_INVALID;
    data = array.data.data;
    put_elements(out, &array, 0, bytes, &data);
    *reader = ahead;
    return OK;
}
