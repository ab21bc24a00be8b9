/* units.c - numbers for people; see units.h. */
#include "client/cli/units.h"

#include "wire/err.h"
#include "wire/message.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
units_format_bytes(char text[static UNITS_TEXT_BYTES], uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    /* 1023.96 would be printed as 1024.0: it is time for the next unit a little before 1024. */
    while (value >= 1023.95 && unit + 1 < sizeof names / sizeof *names) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(text, UNITS_TEXT_BYTES, "%llu B", (unsigned long long)bytes);
    else
        snprintf(text, UNITS_TEXT_BYTES, value < 9.95 ? "%.1f %s" : "%.0f %s", value, names[unit]);
    return text;
}

char *
units_format_count(char text[static UNITS_TEXT_BYTES], uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *at = text;

    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

char *
units_format_duration(char text[static UNITS_TEXT_BYTES], double seconds)
{
    if (!(seconds > 0))
        return strcpy(text, "0 s");
    if (seconds < 0.0009995) {
        snprintf(text, UNITS_TEXT_BYTES, "%.0f us", seconds * 1e6);
        return text;
    }
    if (seconds < 0.9995) {
        double ms = seconds * 1000;

        snprintf(text, UNITS_TEXT_BYTES, ms < 9.95 ? "%.1f ms" : "%.0f ms", ms);
        return text;
    }
    if (seconds < 59.95) {
        snprintf(text, UNITS_TEXT_BYTES, "%.1f s", seconds);
        return text;
    }

    unsigned long long whole = seconds < 1e15 ? (unsigned long long)llround(seconds) : 1000000000000000ULL;

    if (whole < 3600)
        snprintf(text, UNITS_TEXT_BYTES, "%llum %02llus", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(text, UNITS_TEXT_BYTES, "%lluh %02llum", whole / 3600, whole / 60 % 60);
    else
        snprintf(text, UNITS_TEXT_BYTES, "%llud %02lluh", whole / 86400, whole / 3600 % 24);
    return text;
}

char *
units_format_rate(char text[static UNITS_TEXT_BYTES], double per_second)
{
    if (per_second < 99.95) {
        snprintf(text, UNITS_TEXT_BYTES, "%.1f/s", per_second > 0 ? per_second : 0.0);
        return text;
    }
    units_format_count(text, per_second < 1e15 ? (uint64_t)llround(per_second) : UINT64_C(1000000000000000));
    return strcat(text, "/s");
}

int
units_parse_duration(const char *text, int64_t *ret_us)
{
    static const struct {
        const char *name;
        double us;
    } units[] = {{"", 1e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}};
    char *end;

    /* strtod takes more than we do: blanks, signs, hexadecimal, "inf". */
    if (!strchr("0123456789.", text[0]) || strpbrk(text, "xXpPnN"))
        return ERR_INVALID;

    double number = strtod(text, &end);

    if (end == text)
        return ERR_INVALID;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        if (!(number * units[i].us <= (double)DURATION_MS_MAX * 1e3))
            return ERR_INVALID;
        *ret_us = (int64_t)llround(number * units[i].us);
        return OK;
    }
    return ERR_INVALID;
}

int
units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret_count)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return ERR_INVALID;
    errno = 0;

    unsigned long long count = strtoull(text, &end, 10);

    if (errno != 0 || *end != '\0' || count < min || count > max)
        return ERR_INVALID;
    *ret_count = count;
    return OK;
}
