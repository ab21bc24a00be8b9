/* json_value.c - JSON text to MessagePack; see json_value.h. */
#include "client/cli/json_value.h"

#include "client/cli/base64.h"
#include "client/cli/json_number.h"
#include "client/cli/text.h"
#include "wire/err.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
blame(struct json_fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int
blame(struct json_fault *fault, const char *format, ...)
{
    va_list arguments;

    fault->line = fault->column = 0;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return ERR_INVALID;
}

/* --- parsing -------------------------------------------------------------------------------------------------- */

/* Jansson points behind the token that it did not like; people want to see its beginning. */
static size_t
token_start(const json_error_t *error, size_t offset)
{
    const char *near = strstr(error->text, " near '");
    size_t size = near ? strlen(near + strlen(" near '")) - 1 : 0;

    return size <= offset ? offset - size : offset;
}

static void
set_place(struct json_fault *fault, const char *text, size_t offset)
{
    fault->line = fault->column = 1;
    for (size_t at = 0; at < offset; at++) {
        if (text[at] == '\n') {
            fault->line++;
            fault->column = 1;
        } else if (((unsigned char)text[at] & 0xc0) != 0x80) {
            fault->column++;
        }
    }
}

static void
set_fault(struct json_fault *fault, const char *text, size_t size, const json_error_t *error, size_t offset)
{
    char *safe;

    offset = token_start(error, offset <= size ? offset : size);
    if (size == 0 || strspn(text, " \t\r\n") >= size)
        snprintf(fault->text, sizeof fault->text, "there is no value");
    else if ((safe = text_make_safe(error->text, strlen(error->text), 0)))
        snprintf(fault->text, sizeof fault->text, "%s", safe), free(safe);
    set_place(fault, text, offset);
}

int
json_value_parse(const char *text, size_t size, json_t **ret_value, struct json_fault *fault)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    struct wire_buffer marked;
    json_error_t error;

    *ret_value = json_loadb(text, size, flags, &error);
    if (*ret_value)
        return OK;

    size_t offset = (size_t)error.position;

    /* Integers from 2^63 on are JSON, and MessagePack has them up to 2^64; only Jansson has not. */
    if (json_error_code(&error) == json_error_numeric_overflow && strncmp(error.text, "too big", 7) == 0) {
        wire_buffer_init(&marked, false);
        json_number_mark(text, size, &marked);
        *ret_value = json_loadb((const char *)marked.data, marked.size, flags, &error);
        offset = json_number_unmark_offset(text, size, (size_t)error.position);
        wire_buffer_fini(&marked);
        if (*ret_value)
            return OK;
    }
    set_fault(fault, text, size, &error, offset);
    return ERR_INVALID;
}

/* --- typed objects -------------------------------------------------------------------------------------------- */

static struct bytes
string_bytes(const json_t *string)
{
    return (struct bytes){(const uint8_t *)json_string_value(string), (uint32_t)json_string_length(string)};
}

/* Decode the base64 of `value` into a buffer that the caller frees, also after an error. */
static int
decode_base64(const char *key, const json_t *value, struct wire_buffer *ret_bytes, struct json_fault *fault)
{
    wire_buffer_init(ret_bytes, false);
    if (!json_is_string(value) || base64_decode(string_bytes(value), ret_bytes) != OK)
        return blame(fault, "the value of \"%s\" must be a string in base64", key);
    return OK;
}

static int
encode_bytes(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    struct wire_buffer raw;
    int status = decode_base64(key, value, &raw, fault);

    if (status == OK && strcmp(key, "$bytes") == 0)
        wire_write_bin(out, (struct bytes){raw.data, (uint32_t)raw.size});
    else if (status == OK)
        wire_write_str(out, (struct bytes){raw.data, (uint32_t)raw.size});
    wire_buffer_fini(&raw);
    return status;
}

static int
encode_ext(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    json_t *type = json_array_get(value, 0);
    struct wire_buffer raw;

    if (json_array_size(value) != 2 || !json_is_integer(type) || json_integer_value(type) < -128 ||
        json_integer_value(type) > 127)
        return blame(fault, "the value of \"%s\" must be [type, base64] with a type from -128 to 127", key);

    int status = decode_base64(key, json_array_get(value, 1), &raw, fault);

    if (status == OK) {
        uint32_t size = (uint32_t)raw.size;
        uint8_t head[] = {0xc9, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size,
                          (uint8_t)json_integer_value(type)};

        wire_write_raw(out, (struct bytes){head, sizeof head});
        wire_write_raw(out, (struct bytes){raw.data, size});
    }
    wire_buffer_fini(&raw);
    return status;
}

/* MessagePack ends at 64 bits; beyond them a number travels as the map that Python workers make an int of again. */
static int
encode_int(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    const char *digits = json_is_string(value) ? json_string_value(value) : "";
    int64_t number;
    uint64_t large;

    if (!json_number_is_whole(digits, strlen(digits)))
        return blame(fault, "the value of \"%s\" must be a whole number in quotes", key);
    if (json_number_parse(digits, &number, &large) != OK) {
        wire_write_map(out, 2);
        wire_write_text(out, "$type");
        wire_write_text(out, BIG_INT_TYPE);
        wire_write_text(out, "$repr");
        wire_write_text(out, digits);
    } else if (number < 0) {
        wire_write_int(out, number);
    } else {
        wire_write_uint(out, large);
    }
    return OK;
}

static int
encode_float(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    const char *name = json_is_string(value) ? json_string_value(value) : "";

    if (strcmp(name, "nan") == 0)
        wire_write_float(out, (double)NAN);
    else if (strcmp(name, "inf") == 0)
        wire_write_float(out, (double)INFINITY);
    else if (strcmp(name, "-inf") == 0)
        wire_write_float(out, -(double)INFINITY);
    else
        return blame(fault, "the value of \"%s\" must be \"nan\", \"inf\" or \"-inf\"", key);
    return OK;
}

static int
encode_map(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    size_t index;
    json_t *pair;

    if (!json_is_array(value))
        return blame(fault, "the value of \"%s\" must be an array of [key, value]", key);
    wire_write_map(out, (uint32_t)json_array_size(value));
    json_array_foreach (value, index, pair) {
        if (!json_is_array(pair) || json_array_size(pair) != 2)
            return blame(fault, "the value of \"%s\" must be an array of [key, value]", key);
        for (size_t i = 0; i < 2; i++) {
            int status = json_value_encode(json_array_get(pair, i), out, fault);

            if (status != OK)
                return status;
        }
    }
    return OK;
}

static int
encode_typed(const json_t *object, struct wire_buffer *out, struct json_fault *fault)
{
    static const struct {
        const char *key;
        int (*encode)(const char *key, const json_t *value, struct wire_buffer *out, struct json_fault *fault);
    } types[] = {{"$bytes", encode_bytes}, {"$str", encode_bytes}, {"$int", encode_int},
                 {"$float", encode_float}, {"$ext", encode_ext},   {"$map", encode_map}};
    void *iter = json_object_iter((json_t *)object);
    const char *key = json_object_iter_key(iter);

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].key, key) == 0)
            return types[i].encode(key, json_object_iter_value(iter), out, fault);
    return blame(fault, "\"%.40s\" is no typed object; an object with only this key is written {\"$map\": "
                 "[[\"%.40s\", ...]]}", key, key);
}

/* --- encoding ------------------------------------------------------------------------------------------------- */

bool
json_value_is_typed(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) == 1 &&
           json_object_iter_key(json_object_iter((json_t *)value))[0] == '$';
}

static int
encode_object(const json_t *object, struct wire_buffer *out, struct json_fault *fault)
{
    json_t *mutable_object = (json_t *)object; /* Jansson's iterators change nothing, but want it so */

    if (json_value_is_typed(object))
        return encode_typed(object, out, fault);
    wire_write_map(out, (uint32_t)json_object_size(object));
    for (void *iter = json_object_iter(mutable_object); iter; iter = json_object_iter_next(mutable_object, iter)) {
        wire_write_text(out, json_object_iter_key(iter));

        int status = json_value_encode(json_object_iter_value(iter), out, fault);

        if (status != OK)
            return status;
    }
    return OK;
}

static int
encode_array(const json_t *array, struct wire_buffer *out, struct json_fault *fault)
{
    size_t index;
    json_t *item;

    wire_write_array(out, (uint32_t)json_array_size(array));
    json_array_foreach (array, index, item) {
        int status = json_value_encode(item, out, fault);

        if (status != OK)
            return status;
    }
    return OK;
}

/* As deep as Jansson's parser lets a text be (2048), so the recursion is bounded. */
int
json_value_encode(const json_t *value, struct wire_buffer *out, struct json_fault *fault)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return encode_object(value, out, fault);
    case JSON_ARRAY:
        return encode_array(value, out, fault);
    case JSON_STRING:
        wire_write_str(out, string_bytes(value));
        return OK;
    case JSON_INTEGER:
        if (json_integer_value(value) < 0)
            wire_write_int(out, json_integer_value(value));
        else
            wire_write_uint(out, (uint64_t)json_integer_value(value));
        return OK;
    case JSON_REAL:
        wire_write_float(out, json_real_value(value));
        return OK;
    case JSON_NULL:
        wire_write_nil(out);
        return OK;
    default:
        wire_write_bool(out, json_is_true(value));
        return OK;
    }
}
