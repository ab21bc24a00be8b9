/* json_check.c - a cursor over a text; see json_check.h. */
#include "broker/io/json_check.h"

#include <stddef.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/* Each of these takes what it names from *at, or says that it is not there. */
static bool
take_value(const char **at, int depth);

static void
skip_blanks(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static bool
take_char(const char **at, char wanted)
{
    skip_blanks(at);
    if (**at != wanted)
        return false;
    ++*at;
    return true;
}

static bool
take_word(const char **at, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(*at, word, size) != 0)
        return false;
    *at += size;
    return true;
}

static bool
take_digits(const char **at)
{
    size_t size = strspn(*at, "0123456789");

    *at += size;
    return size > 0;
}

static bool
take_number(const char **at)
{
    *at += **at == '-';
    if (**at == '0')
        ++*at;
    else if (!take_digits(at))
        return false;
    if (**at == '.' && (++*at, !take_digits(at)))
        return false;
    if (**at != 'e' && **at != 'E')
        return true;
    ++*at;
    *at += **at == '+' || **at == '-';
    return take_digits(at);
}

static bool
take_escape(const char **at)
{
    if (**at == 'u') {
        if (strspn(++*at, "0123456789abcdefABCDEF") < 4)
            return false;
        *at += 4;
        return true;
    }
    if (**at == '\0' || strchr("\"\\/bfnrt", **at) == NULL)
        return false;
    ++*at;
    return true;
}

static bool
take_string(const char **at)
{
    if (!take_char(at, '"'))
        return false;
    while (**at != '"') {
        if ((unsigned char)**at < ' ')
            return false;
        if (*(*at)++ == '\\' && !take_escape(at))
            return false;
    }
    ++*at;
    return true;
}

static bool
take_members(const char **at, char end, bool has_names, int depth)
{
    if (depth > DEPTH_MAX)
        return false;
    if (take_char(at, end))
        return true;
    do
        if ((has_names && (!take_string(at) || !take_char(at, ':'))) || !take_value(at, depth))
            return false;
    while (take_char(at, ','));
    return take_char(at, end);
}

static bool
take_value(const char **at, int depth)
{
    skip_blanks(at);
    switch (**at) {
    case '[':
        ++*at;
        return take_members(at, ']', false, depth + 1);
    case '{':
        ++*at;
        return take_members(at, '}', true, depth + 1);
    case '"':
        return take_string(at);
    case 't':
        return take_word(at, "true");
    case 'f':
        return take_word(at, "false");
    case 'n':
        return take_word(at, "null");
    default:
        return take_number(at);
    }
}

bool
json_is_array(const char *text)
{
    skip_blanks(&text);
    if (*text != '[' || !take_value(&text, 0))
        return false;
    skip_blanks(&text);
    return *text == '\0';
}
