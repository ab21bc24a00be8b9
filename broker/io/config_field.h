/* config_field.h - the field of a record that an option of the schema fills: printed and compared. Changes nothing. */
#ifndef SNAKEPIT_IO_CONFIG_FIELD_H
#define SNAKEPIT_IO_CONFIG_FIELD_H

#include "broker/io/config_schema.h"

#include <stdio.h>

/* Whether the field is a char *. */
bool
option_is_text(const struct option *option);

/* Whether it is a char **, a list that ends in NULL. */
bool
option_is_list(const struct option *option);

/* Whether a file can say the value: not for a text that is not set. */
bool
option_has_value(const struct option *option, const void *record);

/* The value in `record` as it stands in a file. Nothing when it has none. */
void
option_print(const struct option *option, const void *record, FILE *stream);

/* Whether both records have the same value. */
bool
option_is_equal(const struct option *option, const void *record, const void *other);

#endif
