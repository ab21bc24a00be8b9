/* field.h - reads the maps with which the broker answers admin calls. Missing fields read as nothing: an older broker is
 * no reason to fail. */
#ifndef SNAKEPIT_CLI_FIELD_H
#define SNAKEPIT_CLI_FIELD_H

#include "client/include/snakepit.h"

uint64_t
field_uint(const struct snakepit_value *map, const char *key);

double
field_double(const struct snakepit_value *map, const char *key);

bool
field_bool(const struct snakepit_value *map, const char *key);

/* Copy a string, cut to `size` with its NUL, as the broker sent it (make it safe before a terminal sees it). Returns
 * `text`. */
char *
field_text(const struct snakepit_value *map, const char *key, char *text, size_t size);

#endif
