/* text.c - names and texts; see text.h. */
#include "broker/core/text.h"

#include <string.h>

struct bytes
text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

bool
text_is_name(struct bytes text)
{
    if (text.size == 0 || text.size > NAME_BYTES_MAX)
        return false;
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
              c == '-'))
            return false;
    }
    return true;
}

struct bytes
text_cut(struct bytes text, uint32_t bytes_max)
{
    if (text.size <= bytes_max)
        return text;
    text.size = bytes_max;
    /* data[size] is the first byte left out: when it continues a character, that character goes, too. */
    while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80)
        text.size--;
    return text;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Optimal string alignment, three rows at a time. */
unsigned
text_distance(struct bytes a, struct bytes b)
{
    unsigned rows[3][NAME_BYTES_MAX + 1];

    if (a.size > NAME_BYTES_MAX || b.size > NAME_BYTES_MAX)
        return NAME_BYTES_MAX;
    for (unsigned j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_two = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            row[j] = least(row[j - 1] + 1, above[j] + 1, above[j - 1] + (a.data[i - 1] != b.data[j - 1]));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = least(row[j], above_two[j - 2] + 1, row[j]);
        }
    }
    return rows[a.size % 3][b.size];
}
