/* json_text.c - MessagePack to JSON text; see json_text.h. */
#include "client/cli/json_text.h"

#include "client/cli/array_value.h"
#include "client/cli/base64.h"
#include "client/cli/json_number.h"
#include "client/cli/json_value.h"
#include "wire/err.h"
#include "wire/reader.h"
#include "wire/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
put_value(struct wire_buffer *out, struct reader *reader, const struct value_frames *frames, unsigned depth);

static void
put(struct wire_buffer *out, const void *data, size_t size)
{
    wire_write_raw(out, (struct bytes){data, (uint32_t)size});
}

void
json_text_raw(struct wire_buffer *out, const char *text)
{
    put(out, text, strlen(text));
}

void
json_text_format(struct wire_buffer *out, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_text_raw(out, text);
}

/* The two characters of \n and the like, or NULL. */
static const char *
short_escape(uint32_t code)
{
    switch (code) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return NULL;
    }
}

static void
put_string(struct wire_buffer *out, struct bytes text)
{
    const char *data = (const char *)text.data;
    size_t plain = 0; /* where the run begins that needs no escape */

    put(out, "\"", 1);
    for (size_t at = 0; at < text.size;) {
        uint32_t code = 0;
        size_t length = text_decode(data + at, text.size - at, &code);
        const char *escape = length > 0 ? short_escape(code) : "\xef\xbf\xbd";

        /* JSON may hold unsafe ones as they are; a terminal would obey them. */
        if (escape || text_is_unsafe(code)) {
            put(out, data + plain, at - plain);
            if (escape)
                json_text_raw(out, escape);
            else
                json_text_format(out, "\\u%04x", code);
            plain = at + (length > 0 ? length : 1);
        }
        at += length > 0 ? length : 1;
    }
    put(out, data + plain, text.size - plain);
    put(out, "\"", 1);
}

void
json_text_string(struct wire_buffer *out, const char *text)
{
    put_string(out, (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)});
}

static bool
is_utf8(struct bytes text)
{
    for (size_t at = 0, length; at < text.size; at += length) {
        uint32_t code;

        length = text_decode((const char *)text.data + at, text.size - at, &code);
        if (length == 0)
            return false;
    }
    return true;
}

static void
put_base64(struct wire_buffer *out, const char *type, struct bytes bytes)
{
    json_text_format(out, "{\"%s\": \"", type);
    base64_encode(bytes, out);
    json_text_raw(out, "\"}");
}

void
json_text_bytes(struct wire_buffer *out, struct bytes bytes)
{
    put_base64(out, "$bytes", bytes);
}

/* A number as short as it can be without loss, always with a point or an exponent. */
static void
put_float(struct wire_buffer *out, double number)
{
    char text[40];

    if (isnan(number) || isinf(number)) {
        json_text_format(out, "{\"$float\": \"%s\"}", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    json_text_raw(out, text);
    if (!strpbrk(text, ".e"))
        json_text_raw(out, ".0");
}

/* MessagePack's ext family: 0xd4..0xd8 of 1, 2, 4, 8, 16 bytes, 0xc7..0xc9 with a length of 1, 2, 4 bytes. */
static void
put_ext(struct wire_buffer *out, struct bytes encoded)
{
    uint8_t lead = encoded.data[0];
    uint32_t head = lead >= 0xd4 ? 1 : 1 + (1u << (lead - 0xc7));

    json_text_format(out, "{\"$ext\": [%d, \"", (int8_t)encoded.data[head]);
    base64_encode((struct bytes){encoded.data + head + 1, encoded.size - head - 1}, out);
    json_text_raw(out, "\"]}");
}

static int
put_array(struct wire_buffer *out, struct reader *reader, const struct value_frames *frames, unsigned depth)
{
    uint32_t count;

    if (reader_array(reader, &count) != OK)
        return ERR_INVALID;
    json_text_raw(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            json_text_raw(out, ", ");
        if (put_value(out, reader, frames, depth) != OK)
            return ERR_INVALID;
    }
    json_text_raw(out, "]");
    return OK;
}

/* Pass over one value of any depth; reader_skip has a limit that is meant for messages. */
static int
skip_value(struct reader *reader)
{
    for (uint64_t left = 1; left > 0; left--) {
        uint32_t count = 0;
        int status;

        switch (reader_peek(reader)) {
        case VALUE_ARRAY:
            status = reader_array(reader, &count);
            left += count;
            break;
        case VALUE_MAP:
            status = reader_map(reader, &count);
            left += 2 * (uint64_t)count;
            break;
        default:
            status = reader_skip(reader, 0, NULL);
        }
        if (status != OK)
            return status;
    }
    return OK;
}

/* Is every key a string in UTF-8, and would the object not be taken for a typed one? The reader is a copy. */
static bool
is_object(struct reader reader, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        struct bytes key;

        if (reader_str(&reader, &key) != OK || !is_utf8(key) || skip_value(&reader) != OK)
            return false;
        if (pairs == 1 && key.size > 0 && key.data[0] == '$')
            return false;
    }
    return true;
}

/* Is it the map by which Python workers send an int beyond 64 bits? OK: *ret_digits is the number, and the reader stands
 * behind the map; else it stays. */
static int
take_big_int(struct reader *reader, struct bytes *ret_digits)
{
    struct bytes key, type = {0}, digits = {0};
    struct reader ahead = *reader;
    uint32_t pairs;

    if (reader_map(&ahead, &pairs) != OK || pairs != 2)
        return ERR_INVALID;
    while (pairs-- > 0) {
        struct bytes value;

        if (reader_str(&ahead, &key) != OK || reader_str(&ahead, &value) != OK)
            return ERR_INVALID;
        if (text_is(key, "$type"))
            type = value;
        else if (text_is(key, "$repr"))
            digits = value;
    }
    if (!text_is(type, BIG_INT_TYPE) || !json_number_is_whole((const char *)digits.data, digits.size))
        return ERR_INVALID;
    *ret_digits = digits;
    *reader = ahead;
    return OK;
}

/* Is it a numeric array? Then it is shown as lists, which is what it would have been without numpy. */
static int
put_numbers(struct wire_buffer *out, struct reader *reader, const struct value_frames *frames, unsigned depth)
{
    struct wire_buffer lists;
    struct reader inner;
    int status;

    wire_buffer_init(&lists, false);
    status = array_value_take(reader, frames, &lists);
    reader_init(&inner, (struct bytes){lists.data, (uint32_t)lists.size});
    if (status == OK)
        status = put_value(out, &inner, frames, depth);
    wire_buffer_fini(&lists);
    return status;
}

static int
put_map(struct wire_buffer *out, struct reader *reader, const struct value_frames *frames, unsigned depth)
{
    struct bytes digits;
    uint32_t pairs;

    if (take_big_int(reader, &digits) == OK) {
        wire_write_raw(out, digits);
        return OK;
    }
    if (put_numbers(out, reader, frames, depth) == OK)
        return OK;
    if (reader_map(reader, &pairs) != OK)
        return ERR_INVALID;

    bool as_object = is_object(*reader, pairs);

    json_text_raw(out, as_object ? "{" : "{\"$map\": [");
    for (uint32_t i = 0; i < pairs; i++) {
        json_text_raw(out, i > 0 ? ", " : "");
        json_text_raw(out, as_object ? "" : "[");
        if (put_value(out, reader, frames, depth) != OK)
            return ERR_INVALID;
        json_text_raw(out, as_object ? ": " : ", ");
        if (put_value(out, reader, frames, depth) != OK)
            return ERR_INVALID;
        json_text_raw(out, as_object ? "" : "]");
    }
    json_text_raw(out, as_object ? "}" : "]}");
    return OK;
}

/* A value that has no values in it. */
static int
put_scalar(struct wire_buffer *out, struct reader *reader)
{
    struct bytes bytes;
    uint64_t large;
    int64_t number;
    double real;
    bool is_true;

    if (reader_nil(reader) == OK)
        json_text_raw(out, "null");
    else if (reader_bool(reader, &is_true) == OK)
        json_text_raw(out, is_true ? "true" : "false");
    else if (reader_uint(reader, &large) == OK)
        json_text_format(out, "%llu", (unsigned long long)large);
    else if (reader_int(reader, &number) == OK)
        json_text_format(out, "%lld", (long long)number);
    else if (reader_float(reader, &real) == OK)
        put_float(out, real);
    else if (reader_bin(reader, &bytes) == OK)
        json_text_bytes(out, bytes);
    else if (reader_str(reader, &bytes) == OK && is_utf8(bytes))
        put_string(out, bytes);
    else
        return ERR_INVALID;
    return OK;
}

static int
put_value(struct wire_buffer *out, struct reader *reader, const struct value_frames *frames, unsigned depth)
{
    struct reader before = *reader;
    struct bytes bytes;

    if (depth == JSON_DEPTH_MAX)
        return ERR_INVALID;
    switch (reader_peek(reader)) {
    case VALUE_ARRAY:
        return put_array(out, reader, frames, depth + 1);
    case VALUE_MAP:
        return put_map(out, reader, frames, depth + 1);
    case VALUE_EXT:
        if (reader_skip(reader, 0, &bytes) != OK)
            return ERR_INVALID;
        put_ext(out, bytes);
        return OK;
    default:
        if (put_scalar(out, reader) == OK)
            return OK;
    }
    *reader = before;
    if (reader_str(reader, &bytes) != OK)
        return ERR_INVALID;
    put_base64(out, "$str", bytes);
    return OK;
}

int
json_text_value(struct wire_buffer *out, struct bytes encoded)
{
    return json_text_framed(out, encoded, &(struct value_frames){0});
}

int
json_text_framed(struct wire_buffer *out, struct bytes encoded, const struct value_frames *frames)
{
    size_t size_before = out->size;
    struct reader reader;

    reader_init(&reader, encoded);
    if (put_value(out, &reader, frames, 0) == OK && reader_is_at_end(&reader))
        return OK;
    out->size = size_before;
    return ERR_INVALID;
}
