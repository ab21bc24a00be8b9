/* suggest.h - which known word did the user mean? Pure. */
#ifndef SNAKEPIT_CLI_SUGGEST_H
#define SNAKEPIT_CLI_SUGGEST_H

#include <stdbool.h>

/* Is `known` near enough to `word` to be worth a question? A prefix of three letters or more always is. */
bool
suggest_is_near(const char *word, const char *known);

#endif
