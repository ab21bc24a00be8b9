/* config_field.c - one option's field of a record: printed and compared; see config_field.h. */
#include "broker/io/config_field.h"

#include "broker/core/broker.h"
#include "broker/io/config_value.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

static const void *
field_of(const struct option *option, const void *record)
{
    return (const char *)record + option->offset;
}

static const char *
text_of(const struct option *option, const void *record)
{
    return *(const char *const *)field_of(option, record);
}

bool
option_is_text(const struct option *option)
{
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_APP:
    case OPTION_ENDPOINT:
    case OPTION_ENDPOINT_OR_NONE:
        return true;
    default:
        return false;
    }
}

bool
option_is_list(const struct option *option)
{
    return option->type == OPTION_STRINGS || option->type == OPTION_TYPES;
}

bool
option_has_value(const struct option *option, const void *record)
{
    return !option_is_text(option) || option->type == OPTION_ENDPOINT_OR_NONE || text_of(option, record) != NULL;
}

/* As config_option.c stores it: 8 bytes (a rate's two numbers, too), 4 bytes, or a bool. */
static int64_t
number_of(const struct option *option, const void *record)
{
    int64_t value;
    uint32_t narrow;
    bool flag;

    if (option->size == sizeof value) {
        memcpy(&value, field_of(option, record), sizeof value);
        return value;
    }
    if (option->size == sizeof narrow) {
        memcpy(&narrow, field_of(option, record), sizeof narrow);
        return narrow;
    }
    memcpy(&flag, field_of(option, record), sizeof flag);
    return flag;
}

static void
print_string(const char *text, FILE *stream)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(stream, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(stream, "\\x%02x", (unsigned char)*text);
        else
            fputc(*text, stream);
    }
    fputc('"', stream);
}

static void
print_strings(char *const *strings, FILE *stream)
{
    fputs("( ", stream);
    for (size_t i = 0; strings[i] != NULL; i++) {
        fputs(i > 0 ? ", " : "", stream);
        print_string(strings[i], stream);
    }
    fputs(strings[0] == NULL ? ")" : " )", stream);
}

static void
print_number(const struct option *option, int64_t value, FILE *stream)
{
    char text[UNIT_TEXT_BYTES];

    if (option->type == OPTION_CHOICE) {
        fprintf(stream, "\"%s\"", option->choices[value]);
    } else if (option->type == OPTION_BOOL) {
        fputs(value != 0 ? "true" : "false", stream);
    } else if (option->type == OPTION_COUNT) {
        fprintf(stream, "%" PRId64, value);
    } else if (option->type == OPTION_RATE) {
        struct rate rate;
        memcpy(&rate, &value, sizeof rate);
        rate_format(rate.count, rate.period_s, text);
        fprintf(stream, "\"%s\"", text);
    } else if (option->type == OPTION_DURATION) {
        duration_format(value, text);
        fprintf(stream, "\"%s\"", text);
    } else {
        size_format(value, text);
        fprintf(stream, "\"%s\"", text);
    }
}

void
option_print(const struct option *option, const void *record, FILE *stream)
{
    if (option_is_list(option))
        print_strings(*(char *const *const *)field_of(option, record), stream);
    else if (!option_is_text(option))
        print_number(option, number_of(option, record), stream);
    else if (text_of(option, record) != NULL)
        print_string(text_of(option, record), stream);
    else if (option->type == OPTION_ENDPOINT_OR_NONE)
        fputs("\"\"", stream);
}

static bool
strings_are_equal(char *const *a, char *const *b)
{
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == NULL && *b == NULL;
}

bool
option_is_equal(const struct option *option, const void *record, const void *other)
{
    const char *a, *b;

    if (option_is_list(option))
        return strings_are_equal(*(char *const *const *)field_of(option, record),
                                 *(char *const *const *)field_of(option, other));
    if (!option_is_text(option))
        return number_of(option, record) == number_of(option, other);
    a = text_of(option, record);
    b = text_of(option, other);
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}
