/* help.c - prints what --help shows; see help.h. */
#include "client/cli/help.h"

#include "client/cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 26 };

/* "  -c, --count N            how many"; further lines of the help stand below its first. */
static void
print_option(const struct option_spec *option)
{
    char left[80];
    int size;

    size = option->key < 256 && isalnum(option->key) ? snprintf(left, sizeof left, "  -%c, ", option->key)
                                                     : snprintf(left, sizeof left, "      ");
    snprintf(left + size, sizeof left - (size_t)size, "--%s%s%s", option->name, option->value ? " " : "",
             option->value ? option->value : "");
    printf("%-*s ", HELP_COLUMN, left);
    if (strlen(left) > HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN + 1, "");
    for (const char *line = option->help; line; ) {
        const char *end = strchr(line, '\n');

        printf("%.*s\n", (int)(end ? end - line : (long)strlen(line)), line);
        if (end)
            printf("%*s", HELP_COLUMN + 1, "");
        line = end ? end + 1 : NULL;
    }
}

static void
print_options(const char *title, const struct option_spec *options)
{
    if (!options || options->key == 0)
        return;
    printf("\n%s\n", title);
    for (; options->key != 0; options++)
        print_option(options);
}

static void
print_program(void)
{
    puts("Usage: snakepit [OPTIONS] COMMAND [ARGUMENTS]\n"
         "Talk to a Snakepit broker: run tasks in its pools, see how they are, manage them.\n\nCommands:");
    for (const struct command *command = commands; command->name; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    print_options("Options, before or after the command:", global_options);
    puts("\nExit codes:\n"
         "  0 ok   1 a task failed   2 usage   3 no such pool, function or task\n"
         "  4 the broker cannot be reached, or time is up   5 refused (busy, draining, unavailable)\n\n"
         "'snakepit COMMAND --help' tells more; so does snakepit(1).");
}

void
help_print(const struct command *command)
{
    if (!command) {
        print_program();
        return;
    }
    printf("Usage: snakepit %s%s%s\n%s\n", command->name, command->synopsis[0] ? " " : "", command->synopsis,
           command->summary);
    print_options("Options:", command->options);
    print_options("Options of every command:", global_options);
    if (command->details)
        printf("\n%s", command->details);
}
