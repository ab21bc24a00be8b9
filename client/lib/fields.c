/* fields.c - fills records from maps; see fields.h. */
#include "client/lib/fields.h"

#include <string.h>

/* Every str has a header of a byte at least in the answer, so there is room for its NUL here. */
static const char *
keep_text(const struct snakepit_value *value, char **text_at)
{
    char *text = *text_at;

    memcpy(text, value->data, value->size);
    text[value->size] = '\0';
    *text_at += value->size + 1;
    return text;
}

static void
fill(const struct field *field, const struct snakepit_value *value, void *record, char **text_at)
{
    void *place = (char *)record + field->at;

    switch (field->kind) {
    case FIELD_UINT:
        if (value->kind == SNAKEPIT_UINT)
            *(uint64_t *)place = value->uint;
        break;
    case FIELD_REAL:
        snakepit_value_double(value, place);
        break;
    case FIELD_BOOL:
        if (value->kind == SNAKEPIT_BOOL)
            *(bool *)place = value->boolean;
        break;
    case FIELD_TEXT:
        if (value->kind == SNAKEPIT_STR)
            *(const char **)place = keep_text(value, text_at);
        break;
    case FIELD_MAP:
        fields_fill(field->inner, value, place, text_at);
        break;
    }
}

void
fields_fill(const struct field *fields, const struct snakepit_value *map, void *record, char **text_at)
{
    struct snakepit_iter iter = snakepit_iter_of(map);
    struct snakepit_value key, value;

    if (map->kind != SNAKEPIT_MAP)
        return;
    while (snakepit_iter_next(&iter, &key, &value))
        for (const struct field *field = fields; field->key; field++)
            if (snakepit_value_is_text(&key, field->key))
                fill(field, &value, record, text_at);
}
