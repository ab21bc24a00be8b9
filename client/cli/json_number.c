/* json_number.c - whole numbers beyond 63 bits; see json_number.h. */
#include "client/cli/json_number.h"

#include "wire/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MARK_HEAD "{\"$int\":\""
#define MARK_TAIL "\"}"

enum { MARK_BYTES = sizeof MARK_HEAD - 1 + sizeof MARK_TAIL - 1, INT64_DIGITS = 19 };

/* Bytes of the string that begins at text[0], its quotes included. */
static size_t
string_size(const char *text, size_t size)
{
    for (size_t at = 1; at < size; at++) {
        if (text[at] == '\\')
            at++;
        else if (text[at] == '"')
            return at + 1;
    }
    return size;
}

static size_t
number_size(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size && text[at] != '\0' && strchr("+-.0123456789eE", text[at]))
        at++;
    return at;
}

bool
json_number_is_whole(const char *text, size_t size)
{
    bool is_negative = size > 0 && text[0] == '-';

    text += is_negative;
    size -= is_negative;
    if (size == 0 || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* Would Jansson say "too big integer"? */
static bool
is_too_big(const char *number, size_t size)
{
    bool is_negative = number[0] == '-';
    const char *limit = is_negative ? "9223372036854775808" : "9223372036854775807";

    if (!json_number_is_whole(number, size))
        return false;
    number += is_negative;
    size -= is_negative;
    return size > INT64_DIGITS || (size == INT64_DIGITS && memcmp(number, limit, INT64_DIGITS) > 0);
}

/* Length of the token at text[0]: a string, a number, or one byte of anything else. */
static size_t
next_token(const char *text, size_t size, bool *ret_marked)
{
    size_t length = 1;

    *ret_marked = false;
    if (text[0] == '"') {
        length = string_size(text, size);
    } else if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) {
        length = number_size(text, size);
        *ret_marked = is_too_big(text, length);
    }
    return length;
}

void
json_number_mark(const char *text, size_t size, struct wire_buffer *out)
{
    bool is_marked;

    for (size_t at = 0, length; at < size; at += length) {
        length = next_token(text + at, size - at, &is_marked);
        if (is_marked)
            wire_write_raw(out, (struct bytes){(const uint8_t *)MARK_HEAD, sizeof MARK_HEAD - 1});
        wire_write_raw(out, (struct bytes){(const uint8_t *)text + at, (uint32_t)length});
        if (is_marked)
            wire_write_raw(out, (struct bytes){(const uint8_t *)MARK_TAIL, sizeof MARK_TAIL - 1});
    }
}

size_t
json_number_unmark_offset(const char *text, size_t size, size_t marked_offset)
{
    size_t shift = 0;
    bool is_marked;

    for (size_t at = 0, length; at < size; at += length) {
        length = next_token(text + at, size - at, &is_marked);
        if (at + shift + length + (is_marked ? MARK_BYTES : 0) > marked_offset)
            return is_marked ? at : marked_offset - shift;
        shift += is_marked ? MARK_BYTES : 0;
    }
    return size;
}

int
json_number_parse(const char *text, int64_t *ret_number, uint64_t *ret_large)
{
    const char *digits = text + (text[0] == '-');
    size_t size = strlen(digits);

    if (size == 0 || size > 20 || strspn(digits, "0123456789") != size)
        return ERR_INVALID;
    errno = 0;
    *ret_number = text[0] == '-' ? strtoll(text, NULL, 10) : 0;
    *ret_large = text[0] == '-' ? 0 : strtoull(text, NULL, 10);
    return errno == 0 ? OK : ERR_INVALID;
}
