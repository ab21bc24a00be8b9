/* json_check.h - whether a text is JSON (RFC 8259). Makes no value of it. */
#ifndef SNAKEPIT_IO_JSON_CHECK_H
#define SNAKEPIT_IO_JSON_CHECK_H

#include <stdbool.h>

/* One array, with nothing but blanks around it, at most 64 levels deep. */
bool
json_is_array(const char *text);

#endif
