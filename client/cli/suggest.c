/* suggest.c - which known word did the user mean?; see suggest.h. */
#include "client/cli/suggest.h"

#include <string.h>

enum { WORD_MAX = 63 };

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

size_t
suggest_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    size_t rows[3][WORD_MAX + 1]; /* optimal string alignment needs the present row and two before */

    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[a_size % 3][b_size];
}

int
suggest_is_near(const char *word, const char *known)
{
    size_t size = strlen(word);

    if (size >= 3 && strncmp(word, known, size) == 0)
        return 1;
    return suggest_distance(word, known) <= (size < 4 ? 1 : size < 8 ? 2 : 3);
}
