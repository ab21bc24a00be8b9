/* config_value.c - durations, sizes, apps and near words; see config_value.h. */
#include "broker/io/config_value.h"

#include "wire/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"d", INT64_C(86400000000)}, {"h", INT64_C(3600000000)}, {"m", 60000000},
    {"s", 1000000}, {"ms", 1000}, {"us", 1}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0},
};

static const struct unit rate_periods[] = {{"/d", 86400}, {"/h", 3600}, {"/m", 60}, {"/s", 1}, {NULL, 0}};

static int
parse_with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return ERR_INVALID;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    if (errno != 0)
        return ERR_INVALID;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(end, unit->name) != 0)
            continue;
        if (number > INT64_MAX / unit->factor)
            return ERR_INVALID;
        *ret_value = number * unit->factor;
        return OK;
    }
    return ERR_INVALID;
}

/* The largest unit that divides the value; the last one divides every value. */
static void
format_with_unit(int64_t value, const struct unit *units, char *ret_text)
{
    while (value % units->factor != 0)
        units++;
    snprintf(ret_text, UNIT_TEXT_BYTES, "%" PRId64 "%s", value / units->factor, units->name);
}

int
duration_parse(const char *text, int64_t *ret_us)
{
    return parse_with_unit(text, duration_units, ret_us);
}

void
duration_format(int64_t us, char ret_text[UNIT_TEXT_BYTES])
{
    if (us == 0)
        snprintf(ret_text, UNIT_TEXT_BYTES, "0s");
    else
        format_with_unit(us, duration_units, ret_text);
}

int
size_parse(const char *text, int64_t *ret_bytes)
{
    return parse_with_unit(text, size_units, ret_bytes);
}

void
size_format(int64_t bytes, char ret_text[UNIT_TEXT_BYTES])
{
    if (bytes == 0)
        snprintf(ret_text, UNIT_TEXT_BYTES, "0B");
    else
        format_with_unit(bytes, size_units, ret_text);
}

int
rate_parse(const char *text, uint32_t *ret_count, uint32_t *ret_period_s)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return ERR_INVALID;
    errno = 0;
    unsigned long long count = strtoull(text, &end, 10);
    if (errno != 0 || count > UINT32_MAX)
        return ERR_INVALID;
    for (const struct unit *period = rate_periods; period->name; period++) {
        if (strcmp(end, period->name) != 0)
            continue;
        *ret_count = (uint32_t)count;
        *ret_period_s = count > 0 ? (uint32_t)period->factor : 0;
        return OK;
    }
    return ERR_INVALID;
}

void
rate_format(uint32_t count, uint32_t period_s, char ret_text[UNIT_TEXT_BYTES])
{
    const struct unit *period = rate_periods;

    while (period->factor != period_s && period->factor > 1)
        period++;
    snprintf(ret_text, UNIT_TEXT_BYTES, "%" PRIu32 "%s", count, period->name);
}

/* The bytes of a dotted identifier at the start of the text, 0 when there is none. Python allows any letter of
 * Unicode. */
static size_t
dotted_identifier_bytes(const char *text)
{
    size_t at = 0;

    for (;;) {
        unsigned char first = (unsigned char)text[at];
        if (!isalpha(first) && first != '_' && first < 0x80)
            return 0;
        while (isalnum((unsigned char)text[at]) || text[at] == '_' || (unsigned char)text[at] >= 0x80)
            at++;
        if (text[at] != '.')
            return at;
        at++;
    }
}

bool
app_is_valid(const char *app)
{
    size_t module_bytes = dotted_identifier_bytes(app);

    if (module_bytes == 0 || app[module_bytes] != ':')
        return false;
    const char *attribute = app + module_bytes + 1;
    size_t attribute_bytes = dotted_identifier_bytes(attribute);
    return attribute_bytes > 0 && attribute[attribute_bytes] == '\0';
}

const char *
word_nearest(const char *given, const char *const *words, size_t count)
{
    char lower[NAME_BYTES_MAX + 1];
    const char *nearest = NULL;
    size_t given_size = strlen(given);
    /* A third of the letters may be wrong; more than that is a guess that misleads. */
    unsigned distance_min = (unsigned)(given_size / 3 + 2);

    if (given_size > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i <= given_size; i++)
        lower[i] = (char)tolower((unsigned char)given[i]);
    for (size_t i = 0; i < count; i++) {
        unsigned distance = text_distance(text_bytes(lower), text_bytes(words[i]));
        if (distance < distance_min && distance < strlen(words[i])) {
            distance_min = distance;
            nearest = words[i];
        }
    }
    return nearest;
}
