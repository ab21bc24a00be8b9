/* text.c - UTF-8 text on a terminal; see text.h. */
#include "client/cli/text.h"

#include "wire/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* Unicode 15: combining marks and other code points that take no column. Sorted. */
static const struct range zero_width[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd},   {0x05bf, 0x05bf},   {0x05c1, 0x05c2},
    {0x05c4, 0x05c5},   {0x0610, 0x061a},   {0x064b, 0x065f},   {0x0670, 0x0670},   {0x06d6, 0x06dc},
    {0x06df, 0x06e4},   {0x06e7, 0x06e8},   {0x06ea, 0x06ed},   {0x0711, 0x0711},   {0x0730, 0x074a},
    {0x0900, 0x0902},   {0x093a, 0x093a},   {0x093c, 0x093c},   {0x0941, 0x0948},   {0x094d, 0x094d},
    {0x0e31, 0x0e31},   {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},
    {0x200b, 0x200d},   {0x20d0, 0x20f0},   {0x302a, 0x302d},   {0x3099, 0x309a},   {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},   {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};

/* Unicode 15: East Asian Width W and F, and emoji that are shown wide. Sorted. */
static const struct range double_width[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},
    {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004},
    {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335},
    {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0},
    {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d},
    {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4},
    {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d7},
    {0x1f6dc, 0x1f6df}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f7f0, 0x1f7f0},
    {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static bool
is_in(const struct range *ranges, size_t count, uint32_t code)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (code < ranges[middle].first)
            high = middle;
        else if (code > ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

/* Columns that a code point takes on a terminal: 0 (combining), 1 or 2 (East Asian wide, emoji). */
static unsigned
code_width(uint32_t code)
{
    if (code < 0x300)
        return 1;
    if (is_in(zero_width, sizeof zero_width / sizeof *zero_width, code))
        return 0;
    return is_in(double_width, sizeof double_width / sizeof *double_width, code) ? 2 : 1;
}

size_t
text_width(const char *text)
{
    size_t size = strlen(text), width = 0;

    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = text_decode(text + at, size - at, &code);

        width += length > 0 ? code_width(code) : 1;
        at += length > 0 ? length : 1;
    }
    return width;
}

char *
text_make_safe(const char *text, size_t size, int keep_lines)
{
    /* The longest replacement of one byte is \xNN; the three bytes of \u202e become six. */
    char *safe = malloc(size * 4 + 4);
    char *to = safe;

    if (!safe)
        return NULL;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = text_decode(text + at, size - at, &code);

        if (length == 0)
            to += sprintf(to, "\\x%02x", (uint8_t)text[at]);
        else if (!text_is_unsafe(code) || (keep_lines && (code == '\n' || code == '\t')))
            to = (char *)memcpy(to, text + at, length) + length;
        else if (code == '\n' || code == '\t' || code == '\r')
            to += sprintf(to, "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
        else
            to += sprintf(to, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
        at += length > 0 ? length : 1;
    }
    *to = '\0';
    return safe;
}

void
text_cut(char *text, size_t width)
{
    size_t size = strlen(text), used = 0, at = 0, keep = 0;

    if (text_width(text) <= width)
        return;
    while (at < size) {
        uint32_t code = 0;
        size_t length = text_decode(text + at, size - at, &code);
        size_t columns = length > 0 ? code_width(code) : 1;

        if (used + columns + 1 > width)
            break;
        used += columns;
        at += length > 0 ? length : 1;
        keep = at;
    }
    strcpy(text + keep, width > 0 ? "…" : "");
}
