/* config_describe.c - options and what they allow, in words for people; see config_describe.h. */
#include "broker/io/config_describe.h"

#include "broker/io/config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct option *
option_find(const char *section, const char *name)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0 && strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

static void
describe_choice(const struct option *option, char *ret_text, size_t size)
{
    size_t at = (size_t)snprintf(ret_text, size, "one of");

    for (const char *const *choice = option->choices; *choice != NULL && at < size; choice++)
        at += (size_t)snprintf(ret_text + at, size - at, "%s \"%s\"", choice == option->choices ? "" : ",", *choice);
}

static void
describe_range(const struct option *option, char *ret_text, size_t size)
{
    char min[UNIT_TEXT_BYTES];
    char max[UNIT_TEXT_BYTES];

    if (option->type == OPTION_DURATION) {
        duration_format(option->min, min);
        duration_format(option->max, max);
    } else if (option->type == OPTION_SIZE) {
        size_format(option->min, min);
        size_format(option->max, max);
    } else {
        snprintf(min, sizeof(min), "%" PRId64, option->min);
        snprintf(max, sizeof(max), "%" PRId64, option->max);
    }
    const char *kind = option->type == OPTION_DURATION ? "duration" : "size";
    const char *zero = option->type == OPTION_DURATION ? "\"0s\"" : "\"0B\"";
    if (option->type == OPTION_COUNT && option->zero != NULL)
        snprintf(ret_text, size, "a whole number from %s to %s, or 0 for %s", min, max, option->zero);
    else if (option->type == OPTION_COUNT)
        snprintf(ret_text, size, "a whole number from %s to %s", min, max);
    else if (option->zero != NULL)
        snprintf(ret_text, size, "a %s such as %s, from %s to %s, or %s for %s", kind,
                 option->type == OPTION_DURATION ? "\"5m\"" : "\"1GiB\"", min, max, zero, option->zero);
    else
        snprintf(ret_text, size, "a %s such as %s, from %s to %s", kind,
                 option->default_text == NULL ? "\"1h\"" : option->default_text, min, max);
}

static void
describe_list(const struct option *option, char *ret_text, size_t size)
{
    if (option->type == OPTION_TYPES)
        snprintf(ret_text, size, "a list of at most 16 types ( \"ConnectionError\", \"module.Class\", ... )");
    else
        snprintf(ret_text, size, "a list of strings ( \"NAME=value\", ... )");
}

void
option_describe(const struct option *option, char *ret_text, size_t size)
{
    switch (option->type) {
    case OPTION_TEXT:
        snprintf(ret_text, size, "a string that is not empty");
        return;
    case OPTION_NAME:
        snprintf(ret_text, size, "a name of 1 to 64 of the characters A-Z a-z 0-9 _ . -");
        return;
    case OPTION_APP:
        snprintf(ret_text, size, "a string \"module:app\"");
        return;
    case OPTION_ENDPOINT:
        snprintf(ret_text, size, "a string \"tcp://ADDRESS:PORT\" or \"ipc:///ABSOLUTE/PATH\"");
        return;
    case OPTION_ENDPOINT_OR_NONE:
        snprintf(ret_text, size, "a string \"tcp://ADDRESS:PORT\" or \"ipc:///ABSOLUTE/PATH\", or \"\" for none");
        return;
    case OPTION_CHOICE:
        describe_choice(option, ret_text, size);
        return;
    case OPTION_BOOL:
        snprintf(ret_text, size, "true or false");
        return;
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        describe_range(option, ret_text, size);
        return;
    case OPTION_RATE:
        snprintf(ret_text, size, "a rate such as \"100/s\", of %" PRId64 " to %" PRId64 " in /s, /m, /h or /d, or \"0/s\" for %s",
                 option->min, option->max, option->zero);
        return;
    case OPTION_STRINGS:
    case OPTION_TYPES:
        describe_list(option, ret_text, size);
        return;
    }
}
