/* json_value.h - JSON text to MessagePack. Does no I/O.
 *
 * JSON has no bytes, no NaN and no keys but strings. An object with one key that begins with "$" stands for what JSON
 * cannot say (docs/cli.md, "Values"); json_text.h writes the same forms, so that what was printed can be sent again. */
#ifndef SNAKEPIT_CLI_JSON_VALUE_H
#define SNAKEPIT_CLI_JSON_VALUE_H

#include "wire/writer.h"

#include <jansson.h>

enum { JSON_DEPTH_MAX = 512 };

/* What is wrong with a text, and where. */
struct json_fault {
    size_t line;   /* from 1; 0: the text is JSON, but its meaning is wrong */
    size_t column; /* from 1, in characters */
    char text[240];
};

/* Parse one JSON value of any kind. OK: the caller frees *ret_value with json_decref. ERR_INVALID: *fault says why. */
int
json_value_parse(const char *text, size_t size, json_t **ret_value, struct json_fault *fault);

/* Append the value as MessagePack. OK, or ERR_INVALID: a typed object is wrong, *fault says why (no place), and *out may
 * have grown. */
int
json_value_encode(const json_t *value, struct wire_buffer *out, struct json_fault *fault);

/* Is it an object with one key that begins with "$"? */
bool
json_value_is_typed(const json_t *value);

#endif
