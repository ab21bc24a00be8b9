/* field.c - reads the broker's maps; see field.h. */
#include "client/cli/field.h"

#include <string.h>

uint64_t
field_uint(const struct snakepit_value *map, const char *key)
{
    struct snakepit_value value;
    uint64_t number;

    if (snakepit_value_get(map, key, &value) != SNAKEPIT_OK || snakepit_value_uint(&value, &number) != SNAKEPIT_OK)
        return 0;
    return number;
}

double
field_double(const struct snakepit_value *map, const char *key)
{
    struct snakepit_value value;
    double number;

    if (snakepit_value_get(map, key, &value) != SNAKEPIT_OK || snakepit_value_double(&value, &number) != SNAKEPIT_OK)
        return 0;
    return number;
}

bool
field_bool(const struct snakepit_value *map, const char *key)
{
    struct snakepit_value value;

    return snakepit_value_get(map, key, &value) == SNAKEPIT_OK && value.kind == SNAKEPIT_BOOL && value.boolean;
}

char *
field_text(const struct snakepit_value *map, const char *key, char *text, size_t size)
{
    struct snakepit_value value;
    size_t length = 0;

    if (snakepit_value_get(map, key, &value) == SNAKEPIT_OK && value.kind == SNAKEPIT_STR) {
        length = value.size < size - 1 ? value.size : size - 1;
        memcpy(text, value.data, length);
    }
    text[length] = '\0';
    return text;
}
