/* json_number.h - whole numbers of a JSON text that are beyond 63 bits, which Jansson does not read. Pure.
 *
 * Each of them is marked: 18446744073709551615 becomes {"$int":"18446744073709551615"}, which json_value.h knows. */
#ifndef SNAKEPIT_CLI_JSON_NUMBER_H
#define SNAKEPIT_CLI_JSON_NUMBER_H

#include "wire/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a Python worker marks an int beyond 64 bits: {"$type": BIG_INT_TYPE, "$repr": "digits"}. */
#define BIG_INT_TYPE "builtins.int"

/* Is it a whole number as JSON writes it, of any size? */
bool
json_number_is_whole(const char *text, size_t size);

/* Append the text to `out` with each such number marked. */
void
json_number_mark(const char *text, size_t size, struct wire_buffer *out);

/* Which byte of `text` stands at `marked_offset` of the marked text? */
size_t
json_number_unmark_offset(const char *text, size_t size, size_t marked_offset);

/* Read a decimal number from -2^63 to 2^64-1: *ret_number when it is negative, else it is 0 and *ret_large is the number.
 * OK or ERR_INVALID. */
int
json_number_parse(const char *text, int64_t *ret_number, uint64_t *ret_large);

#endif
