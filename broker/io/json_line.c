/* json_line.c - writes a JSON object; see json_line.h. */
#include "broker/io/json_line.h"

#include "wire/err.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void
put_value(struct wire_buffer *line, struct reader *reader);

static void
put(struct wire_buffer *line, const void *data, size_t size)
{
    wire_write_raw(line, (struct bytes){data, (uint32_t)size});
}

static void
put_word(struct wire_buffer *line, const char *word)
{
    put(line, word, strlen(word));
}

static void
put_escape(struct wire_buffer *line, uint32_t code)
{
    char text[16];

    if (code == '"' || code == '\\')
        snprintf(text, sizeof text, "\\%c", (char)code);
    else if (code > 0xFFFF) /* two halves, as UTF-16 has them */
        snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
    else
        snprintf(text, sizeof text, "\\u%04x", code);
    put_word(line, text);
}

/* What a terminal would obey is escaped: these lines are often looked at raw. */
static void
put_string(struct wire_buffer *line, struct bytes text)
{
    const char *data = (const char *)text.data;
    size_t plain = 0; /* where the run begins that needs no escape */

    put(line, "\"", 1);
    for (size_t at = 0; at < text.size;) {
        uint32_t code = 0xFFFD;
        size_t length = text_decode(data + at, text.size - at, &code);

        if (length == 0 || code == '"' || code == '\\' || text_is_unsafe(code)) {
            put(line, data + plain, at - plain);
            put_escape(line, length == 0 ? 0xFFFD : code);
            plain = at + (length > 0 ? length : 1);
        }
        at += length > 0 ? length : 1;
    }
    put(line, data + plain, text.size - plain);
    put(line, "\"", 1);
}

static void
put_key(struct wire_buffer *line, struct bytes key)
{
    if (line->size > 0 && line->data[line->size - 1] != '{')
        put(line, ",", 1);
    put_string(line, key);
    put(line, ":", 1);
}

void
json_line_begin(struct wire_buffer *line)
{
    line->size = 0;
    put(line, "{", 1);
}

void
json_line_text(struct wire_buffer *line, const char *key, const char *value)
{
    put_key(line, text_bytes(key));
    put_string(line, text_bytes(value));
}

void
json_line_uint(struct wire_buffer *line, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    put_key(line, text_bytes(key));
    put_word(line, text);
}

void
json_line_seconds(struct wire_buffer *line, const char *key, int64_t duration_us)
{
    uint64_t us = duration_us > 0 ? (uint64_t)duration_us : 0;
    char text[32];

    snprintf(text, sizeof text, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    put_key(line, text_bytes(key));
    put_word(line, text);
}

void
json_line_end(struct wire_buffer *line)
{
    put(line, "}", 1);
}

/* --- values of applications: the reader has been all over them before, so nothing can fail -------------------- */

static void
put_number(struct wire_buffer *line, struct reader *reader)
{
    enum value_kind kind = reader_peek(reader);
    char text[40] = "null";
    uint64_t natural = 0;
    int64_t negative = 0;
    double number = 0;

    if (kind == VALUE_UINT && reader_uint(reader, &natural) == OK)
        snprintf(text, sizeof text, "%" PRIu64, natural);
    else if (kind == VALUE_INT && reader_int(reader, &negative) == OK)
        snprintf(text, sizeof text, "%" PRId64, negative);
    else if (kind == VALUE_FLOAT && reader_float(reader, &number) == OK && isfinite(number))
        snprintf(text, sizeof text, "%.17g", number);
    put_word(line, text);
}

static void
put_array(struct wire_buffer *line, struct reader *reader)
{
    uint32_t count = 0;

    reader_array(reader, &count);
    put(line, "[", 1);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            put(line, ",", 1);
        put_value(line, reader);
    }
    put(line, "]", 1);
}

static void
put_pairs(struct wire_buffer *line, struct reader *reader)
{
    uint32_t pairs = 0;

    reader_map(reader, &pairs);
    while (pairs-- > 0) {
        struct bytes key;

        if (reader_str(reader, &key) == OK) {
            put_key(line, key);
            put_value(line, reader);
            continue;
        }
        reader_skip(reader, NESTING_MAX, NULL);
        reader_skip(reader, NESTING_MAX, NULL);
    }
}

static void
put_value(struct wire_buffer *line, struct reader *reader)
{
    struct bytes text;
    bool truth = false;

    switch (reader_peek(reader)) {
    case VALUE_UINT:
    case VALUE_INT:
    case VALUE_FLOAT:
        put_number(line, reader);
        return;
    case VALUE_BOOL:
        reader_bool(reader, &truth);
        put_word(line, truth ? "true" : "false");
        return;
    case VALUE_STR:
        reader_str(reader, &text);
        put_string(line, text);
        return;
    case VALUE_ARRAY:
        put_array(line, reader);
        return;
    case VALUE_MAP:
        put(line, "{", 1);
        put_pairs(line, reader);
        put(line, "}", 1);
        return;
    default:
        reader_skip(reader, NESTING_MAX, NULL);
        put_word(line, "null");
    }
}

int
json_line_map(struct wire_buffer *line, const char *key, struct bytes map)
{
    struct reader reader;

    reader_init(&reader, map);
    if (reader_peek(&reader) != VALUE_MAP || reader_skip(&reader, NESTING_MAX, NULL) != OK || !reader_is_at_end(&reader))
        return ERR_INVALID;
    reader_init(&reader, map);
    put_key(line, text_bytes(key));
    put_value(line, &reader);
    return OK;
}
