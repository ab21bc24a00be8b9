/* config_describe.h - options of the schema in words for people. Only text. */
#ifndef SNAKEPIT_IO_CONFIG_DESCRIBE_H
#define SNAKEPIT_IO_CONFIG_DESCRIBE_H

#include "broker/io/config_schema.h"

/* The option, or NULL. */
const struct option *
option_find(const char *section, const char *name);

/* What the option takes: "a duration such as \"10s\", from 0s to 1h". Cut at `size`. */
void
option_describe(const struct option *option, char *ret_text, size_t size);

#endif
