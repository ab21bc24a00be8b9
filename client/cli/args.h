/* args.h - a command line, read word by word against tables of options. Prints nothing.
 *
 * Not argp, because a value may begin with '-' here: `snakepit call numbers add -1 2` means numbers, and only
 * `-` followed by a letter is an option. */
#ifndef SNAKEPIT_CLI_ARGS_H
#define SNAKEPIT_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ARG_END = 0,      /* no more words */
    ARG_POSITIONAL = -1,
    ARG_WRONG = -2,   /* args->error says what */
};

/* A table of options ends with one whose key is 0. */
struct option_spec {
    int key;           /* what args_next answers, > 0; if it is a letter or digit, also the short form */
    const char *name;  /* the long form, without "--" */
    const char *value; /* name of its value in the help; NULL: it has none */
    const char *help;
};

struct args {
    char **words;
    int count;
    int at;
    bool options_ended; /* "--" was seen */
    char error[256];
};

/* `words` without the program's name; they must outlive `args`. */
void
args_init(struct args *args, int count, char **words);

/* Take the next word: an option's key (*ret_value: its value, or NULL), ARG_POSITIONAL (*ret_value: the word), ARG_END or
 * ARG_WRONG. `--name=value`, `--name value`, `-n value` and `-nvalue` are understood; after `--` nothing is an option.
 * Options are looked for in both tables; `more` may be NULL. */
int
args_next(struct args *args, const struct option_spec *options, const struct option_spec *more,
          const char **ret_value);

#endif
