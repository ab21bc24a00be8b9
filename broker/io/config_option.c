/* config_option.c - single options; see config_option.h. */
#include "broker/io/config_option.h"

#include "broker/core/broker.h"
#include "broker/io/config_describe.h"
#include "broker/io/config_endpoint.h"
#include "broker/io/config_field.h"
#include "broker/io/config_value.h"
#include "wire/err.h"
#include "wire/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTION_BYTES = 160 };

static void *
field_of(const struct option *option, void *record)
{
    return (char *)record + option->offset;
}

static void
store_number(const struct option *option, void *record, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    bool flag = value != 0;

    if (option->size == sizeof(value))
        memcpy(field_of(option, record), &value, sizeof(value));
    else if (option->size == sizeof(narrow))
        memcpy(field_of(option, record), &narrow, sizeof(narrow));
    else
        memcpy(field_of(option, record), &flag, sizeof(flag));
}

static void
store_text(const struct option *option, void *record, const char *text)
{
    char **field = field_of(option, record);

    free(*field);
    *field = NULL;
    if (option->type == OPTION_ENDPOINT_OR_NONE && text[0] == '\0')
        return;
    *field = strdup(text);
    if (*field == NULL)
        abort();
}

static void
store_rate(const struct option *option, void *record, struct rate rate)
{
    static_assert(sizeof rate == sizeof(int64_t), "config_field.c compares rates as numbers");
    memcpy(field_of(option, record), &rate, sizeof rate);
}

/* The index of the word among the option's choices, or -1. */
static int64_t
find_choice(const struct option *option, const char *word)
{
    for (int i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], word) == 0)
            return i;
    return -1;
}

static void
set_default(const struct option *option, void *record)
{
    const char *text = option->default_text;
    char unquoted[64];
    int64_t value = 0;

    memset(field_of(option, record), 0, option->size);
    if (option_is_list(option)) {
        char **empty = calloc(1, sizeof(*empty));
        if (empty == NULL)
            abort();
        memcpy(field_of(option, record), &empty, sizeof(empty));
        return;
    }
    if (text == NULL)
        return;
    snprintf(unquoted, sizeof(unquoted), "%.*s", (int)strcspn(text + (text[0] == '"'), "\""), text + (text[0] == '"'));
    if (option_is_text(option)) {
        store_text(option, record, unquoted);
        return;
    }
    if (option->type == OPTION_RATE)
        return; /* none */
    if (option->type == OPTION_CHOICE)
        value = find_choice(option, unquoted);
    else if (option->type == OPTION_DURATION)
        duration_parse(unquoted, &value);
    else if (option->type == OPTION_SIZE)
        size_parse(unquoted, &value);
    else if (option->type == OPTION_COUNT)
        value = strtoll(unquoted, NULL, 10);
    else
        value = strcmp(unquoted, "true") == 0;
    store_number(option, record, value);
}

void
options_set_defaults(const char *section, void *record)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0)
            set_default(option, record);
}

static void
free_strings(char **strings)
{
    for (char **string = strings; string != NULL && *string != NULL; string++)
        free(*string);
    free(strings);
}

void
options_free(const char *section, void *record)
{
    for (const struct option *option = config_options; option->name != NULL; option++) {
        if (strcmp(option->section, section) != 0)
            continue;
        if (option_is_text(option))
            free(*(char **)field_of(option, record));
        else if (option_is_list(option))
            free_strings(*(char ***)field_of(option, record));
    }
}

void
setting_format(const config_setting_t *setting, char ret_text[SETTING_TEXT_BYTES])
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(ret_text, SETTING_TEXT_BYTES, "%lld", config_setting_get_int64(setting));
        return;
    case CONFIG_TYPE_FLOAT:
        snprintf(ret_text, SETTING_TEXT_BYTES, "%g", config_setting_get_float(setting));
        return;
    case CONFIG_TYPE_BOOL:
        snprintf(ret_text, SETTING_TEXT_BYTES, "%s", config_setting_get_bool(setting) ? "true" : "false");
        return;
    case CONFIG_TYPE_STRING:
        snprintf(ret_text, SETTING_TEXT_BYTES, "\"%.64s\"", config_setting_get_string(setting));
        return;
    case CONFIG_TYPE_GROUP:
        snprintf(ret_text, SETTING_TEXT_BYTES, "a group { ... }");
        return;
    case CONFIG_TYPE_ARRAY:
        snprintf(ret_text, SETTING_TEXT_BYTES, "an array [ ... ]");
        return;
    default:
        snprintf(ret_text, SETTING_TEXT_BYTES, "a list ( ... )");
    }
}

/* "given X; allowed: Y", and a hint when there is one. */
static void
refuse(const struct option *option, const config_setting_t *setting, const char *path, const char *hint,
       struct config_report *report)
{
    char given[SETTING_TEXT_BYTES];
    char allowed[DESCRIPTION_BYTES];

    setting_format(setting, given);
    option_describe(option, allowed, sizeof(allowed));
    report_problem(report, config_setting_source_line(setting), path, "given %s; allowed: %s%s%s", given, allowed,
                   hint == NULL ? "" : "; ", hint == NULL ? "" : hint);
}

/* Parse a number of any kind. Returns NULL and the value, or a hint ("" when there is nothing to add). */
static const char *
parse_number(const struct option *option, const config_setting_t *setting, int64_t *ret_value)
{
    int type = config_setting_type(setting);
    const char *text = type == CONFIG_TYPE_STRING ? config_setting_get_string(setting) : NULL;

    if (option->type == OPTION_COUNT) {
        if (text != NULL)
            return "write the number without quotes";
        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
            return "";
        *ret_value = config_setting_get_int64(setting);
    } else {
        if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64 || type == CONFIG_TYPE_FLOAT)
            return option->type == OPTION_SIZE ? "write it in quotes with its unit: B, KiB, MiB, GiB, TiB"
                                               : "write it in quotes with its unit: us, ms, s, m, h, d";
        if (text == NULL)
            return "";
        if (option->type == OPTION_SIZE && size_parse(text, ret_value) != OK)
            return "a size is a whole number and a unit: B, KiB, MiB, GiB, TiB";
        if (option->type == OPTION_DURATION && duration_parse(text, ret_value) != OK)
            return "a duration is a whole number and a unit: us, ms, s, m, h, d";
    }
    if (*ret_value == 0 && option->zero != NULL)
        return NULL;
    return *ret_value < option->min || *ret_value > option->max ? "" : NULL;
}

static void
read_number(const struct option *option, const config_setting_t *setting, void *record, const char *path,
            struct config_report *report)
{
    int64_t value = 0;
    const char *hint = parse_number(option, setting, &value);

    if (hint == NULL)
        store_number(option, record, value);
    else
        refuse(option, setting, path, hint[0] == '\0' ? NULL : hint, report);
}

static void
read_rate(const struct option *option, const config_setting_t *setting, void *record, const char *path,
          struct config_report *report)
{
    const char *text = config_setting_get_string(setting);
    struct rate rate;

    if (text == NULL || rate_parse(text, &rate.count, &rate.period_s) != OK)
        refuse(option, setting, path, "write it in quotes: a whole number, and /s, /m, /h or /d", report);
    else if (rate.count > option->max)
        refuse(option, setting, path, NULL, report);
    else
        store_rate(option, record, rate);
}

static void
read_choice(const struct option *option, const config_setting_t *setting, void *record, const char *path,
            struct config_report *report)
{
    const char *word = config_setting_get_string(setting);
    int64_t index = word == NULL ? -1 : find_choice(option, word);

    if (index >= 0)
        store_number(option, record, index);
    else
        refuse(option, setting, path, NULL, report);
}

/* Why the text is not allowed, "" when the description says it all, or NULL when it is allowed. */
static const char *
find_fault_in_text(const struct option *option, const char *text)
{
    struct endpoint endpoint;
    const char *reason;

    if (option->type == OPTION_NAME)
        return text_is_name(text_bytes(text)) ? NULL : "";
    if (option->type == OPTION_APP && strstr(text, ".py:") != NULL)
        return "give the module's name, not its file: leave out \".py\"";
    if (option->type == OPTION_APP)
        return app_is_valid(text) ? NULL : "";
    if (option->type == OPTION_ENDPOINT_OR_NONE && text[0] == '\0')
        return NULL;
    if (option->type == OPTION_ENDPOINT || option->type == OPTION_ENDPOINT_OR_NONE)
        return endpoint_parse(text, &endpoint, &reason) == OK ? NULL : reason;
    return text[0] != '\0' ? NULL : "";
}

static void
read_text(const struct option *option, const config_setting_t *setting, void *record, const char *path,
          struct config_report *report)
{
    const char *text = config_setting_get_string(setting);
    const char *fault = text == NULL ? "" : find_fault_in_text(option, text);

    if (fault == NULL)
        store_text(option, record, text);
    else
        refuse(option, setting, path, fault[0] == '\0' ? NULL : fault, report);
}

/* Whether it reads NAME=value, with a name that a shell could have set. */
static bool
is_assignment(const char *text)
{
    size_t name_size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    return name_size > 0 && text[name_size] == '=' && (text[0] < '0' || text[0] > '9');
}

/* Something that may be the name of a type, with or without its module. */
static bool
is_type_name(const char *text)
{
    size_t size = strlen(text);

    return size > 0 && size <= ERROR_TYPE_BYTES_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.") == size;
}

static bool
is_allowed(const struct option *option, const char *text)
{
    return option->type == OPTION_TYPES ? is_type_name(text) : is_assignment(text);
}

static void
read_strings(const struct option *option, const config_setting_t *setting, void *record, const char *path,
             struct config_report *report)
{
    int type = config_setting_type(setting);
    size_t count = 0;

    if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY) {
        refuse(option, setting, path, NULL, report);
        return;
    }
    char **strings = calloc((size_t)config_setting_length(setting) + 1, sizeof(*strings));
    if (strings == NULL)
        abort();
    for (unsigned i = 0; i < (unsigned)config_setting_length(setting); i++) {
        const config_setting_t *element = config_setting_get_elem(setting, i);
        const char *text = config_setting_get_string(element);
        if (text == NULL || !is_allowed(option, text) || (option->type == OPTION_TYPES && count == RETRY_TYPES_MAX))
            refuse(option, element, path, NULL, report);
        else if ((strings[count++] = strdup(text)) == NULL)
            abort();
    }
    free_strings(*(char ***)field_of(option, record));
    memcpy(field_of(option, record), &strings, sizeof(strings));
}

void
option_read(const struct option *option, const config_setting_t *setting, void *record, const char *path,
            struct config_report *report)
{
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_APP:
    case OPTION_ENDPOINT:
    case OPTION_ENDPOINT_OR_NONE:
        read_text(option, setting, record, path, report);
        return;
    case OPTION_CHOICE:
        read_choice(option, setting, record, path, report);
        return;
    case OPTION_BOOL:
        if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
            store_number(option, record, config_setting_get_bool(setting));
        else
            refuse(option, setting, path, NULL, report);
        return;
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        read_number(option, setting, record, path, report);
        return;
    case OPTION_RATE:
        read_rate(option, setting, record, path, report);
        return;
    case OPTION_STRINGS:
    case OPTION_TYPES:
        read_strings(option, setting, record, path, report);
        return;
    }
}
