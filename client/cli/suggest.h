/* suggest.h - which known word did the user mean? Pure. */
#ifndef SNAKEPIT_CLI_SUGGEST_H
#define SNAKEPIT_CLI_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours between two words; words over 63 bytes count as far. */
size_t
suggest_distance(const char *a, const char *b);

/* Is `known` near enough to `word` to be worth a question? A prefix of three letters or more always is. */
int
suggest_is_near(const char *word, const char *known);

#endif
