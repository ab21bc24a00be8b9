/* fault.c - shows people where a text is not JSON; see fault.h. */
#include "client/cli/fault.h"

#include "client/cli/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2 };

/* A word that the shell has freed of its quotes: starts with a letter, holds nothing that JSON or the shell quotes, and
 * is not the beginning of one of JSON's own words. */
static bool
is_bare_word(const char *text, size_t size)
{
    if (size == 0 || size > 60 || !(isalpha((unsigned char)text[0]) || text[0] == '/' || text[0] == '.' ||
                                    ((unsigned char)text[0] & 0x80)))
        return false;
    for (size_t i = 0; i < size; i++)
        if (strchr("\"'\\", text[i]) || (unsigned char)text[i] < 0x20)
            return false;
    return true;
}

/* Where the line begins that the fault is in. */
static const char *
find_line(const char *text, const char *end, size_t line)
{
    for (size_t i = 1; i < line; i++) {
        const char *next = memchr(text, '\n', (size_t)(end - text));

        if (!next)
            break;
        text = next + 1;
    }
    return text;
}

/* The byte that begins the `column`th character, from 1. */
static const char *
find_column(const char *line, const char *end, size_t column)
{
    const char *at = line;

    while (at < end && column > 1) {
        at++;
        if (at == end || ((unsigned char)*at & 0xc0) != 0x80)
            column--;
    }
    return at;
}

/* Copy from..to, safe for a terminal. */
static char *
safe_copy(const char *from, const char *to)
{
    char *copy = text_make_safe(from, (size_t)(to - from), 0);

    if (!copy)
        abort();
    return copy;
}

/* The line around the place, with "…" where it is cut, and the caret. */
static void
put_place(FILE *out, const char *line, const char *end, const char *place, size_t width)
{
    const char *from = (size_t)(place - line) > width / 2 ? place - width / 2 : line;
    const char *to = (size_t)(end - place) > width / 2 ? place + width / 2 : end;
    char *before, *after;

    while (from > line && from < place && ((unsigned char)*from & 0xc0) == 0x80)
        from++;
    while (to < end && to > place && ((unsigned char)*to & 0xc0) == 0x80)
        to--;
    before = safe_copy(from, place);
    after = safe_copy(place, to);
    fprintf(out, "%*s%s%s%s%s\n", INDENT, "", from > line ? "…" : "", before, after, to < end ? "…" : "");
    fprintf(out, "%*s^\n", (int)(INDENT + (from > line) + text_width(before)), "");
    free(before);
    free(after);
}

char *
fault_format(const struct json_fault *fault, const char *text, size_t size, size_t width)
{
    char *formatted = NULL;
    size_t formatted_bytes;
    FILE *out = open_memstream(&formatted, &formatted_bytes);

    if (!out)
        abort();
    if (fault->line > 0) {
        const char *line = find_line(text, text + size, fault->line);
        const char *end = memchr(line, '\n', (size_t)(text + size - line));

        if (!end)
            end = text + size;
        put_place(out, line, end, find_column(line, end, fault->column), width);
        if (is_bare_word(text, size))
            fprintf(out, "%*sa string needs quotes of its own: '\"%.*s\"'\n", INDENT, "", (int)size, text);
    }
    fclose(out);
    return formatted;
}
