/* json_text.h - MessagePack to JSON text, appended to a buffer. Does no I/O.
 *
 * What JSON cannot say becomes an object with one key that begins with "$" (docs/cli.md, "Values"): bytes, text that is
 * not UTF-8, nan and the infinities, extension types, and maps with other keys than strings. A Python int beyond 64 bits,
 * which MessagePack cannot say, becomes a number again. */
#ifndef SNAKEPIT_CLI_JSON_TEXT_H
#define SNAKEPIT_CLI_JSON_TEXT_H

#include "client/cli/array_value.h"
#include "wire/writer.h"

/* Text as it is. */
void
json_text_raw(struct wire_buffer *out, const char *text);

void
json_text_format(struct wire_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A quoted string; bytes that are not UTF-8 become U+FFFD. */
void
json_text_string(struct wire_buffer *out, const char *text);

/* {"$bytes": base64} */
void
json_text_bytes(struct wire_buffer *out, struct bytes bytes);

/* The one MessagePack value that `encoded` is, on one line. OK; ERR_INVALID: it is not one value, or deeper than
 * JSON_DEPTH_MAX; then *out is as it was. */
int
json_text_value(struct wire_buffer *out, struct bytes encoded);

/* The same for a value with attachment frames. Numeric arrays are lists. */
int
json_text_framed(struct wire_buffer *out, struct bytes encoded, const struct value_frames *frames);

#endif
