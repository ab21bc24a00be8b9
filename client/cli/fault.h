/* fault.h - shows people where a text is not JSON: the line, and a caret below the place. */
#ifndef SNAKEPIT_CLI_FAULT_H
#define SNAKEPIT_CLI_FAULT_H

#include "client/cli/json_value.h"

#include <stddef.h>

/* The line of `text` in which the fault is, a caret below its column, and for a bare word the advice to quote it;
 * indented, each line with its end. At most `width` columns are shown around the place. Empty when the fault has no place.
 * Caller frees; aborts when memory ends. */
char *
fault_format(const struct json_fault *fault, const char *text, size_t size, size_t width);

#endif
