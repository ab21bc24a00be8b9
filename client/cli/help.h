/* help.h - prints what --help shows. */
#ifndef SNAKEPIT_CLI_HELP_H
#define SNAKEPIT_CLI_HELP_H

struct command;

/* Help for a command, or with NULL for the program, on stdout. */
void
help_print(const struct command *command);

#endif
