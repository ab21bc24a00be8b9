/* config_reference.c - prints docs/configuration.md from the table of options; with a file, only says whether it is the
 * same: `config_reference > docs/configuration.md`, `config_reference docs/configuration.md`. */
#include "broker/io/config_describe.h"
#include "broker/io/config_schedule.h"
#include "broker/io/config_schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTION_BYTES = 256, FILE_BYTES_MAX = 1 << 20 };

static const char HEAD[] =
    "# Configuration reference\n\n"
    "Every option of the configuration, from the table that the programs themselves check files with. This page is made by\n"
    "`build/tools/config_reference > docs/configuration.md`, and a test compares them. `conf/snakepit.conf` is a file with\n"
    "all of them, `man 5 snakepit.conf` the manual, docs/migration.md the way here from the old form.\n\n"
    "A duration is a string of a whole number and a unit (us, ms, s, m, h, d), a size likewise (B, KiB, MiB, GiB, TiB);\n"
    "numbers without a unit have no quotes. *Reload* says whether SIGHUP can change the option, or only a restart.\n"
    "`snakepitd --check-config -c FILE` says what is wrong with a file, `snakepitd --print-config -c FILE` prints it with all\n"
    "defaults.\n";

static const char *
title_of(const char *section)
{
    return section[0] == '\0' ? "Top of the file" : section;
}

static const char *
intro_of(const char *section)
{
    if (strcmp(section, POOLS_SECTION) == 0)
        return "A list of groups, `pools = ( { name = \"a\"; ... }, { ... } );`, each of which is a pool. The options that say\n"
               "*local* matter only to workers that snakepit-agent starts.\n\n";
    if (strcmp(section, SCHEDULES_SECTION) == 0)
        return "A list of groups, `schedules = ( { name = \"a\"; ... }, { ... } );`, each of which is a task that the broker runs from\n"
               "time to time. `snakepit schedule set` makes one that lasts until the broker ends.\n\n";
    return "";
}

/* A cell must not end the row. */
static void
print_cell(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', stream);
        fputc(*text, stream);
    }
}

static const char *
unit_of(const struct option *option)
{
    if (option->unit != NULL)
        return option->unit;
    if (option->type == OPTION_DURATION)
        return "duration";
    if (option->type == OPTION_SIZE)
        return "size";
    if (option->type == OPTION_RATE)
        return "rate";
    return option->type == OPTION_COUNT ? "count" : "";
}

static void
print_option(const struct option *option, FILE *stream)
{
    char allowed[DESCRIPTION_BYTES];

    option_describe(option, allowed, sizeof allowed);
    fprintf(stream, "| `%s` | %s | ", option->name, unit_of(option));
    if (option->default_text != NULL)
        fprintf(stream, "`%s`", option->default_text);
    else
        fprintf(stream, "none");
    fprintf(stream, " | ");
    print_cell(allowed, stream);
    fprintf(stream, " | %s | ", option->needs_restart ? "restart" : "yes");
    print_cell(option->help, stream);
    fprintf(stream, "%s |\n", option->is_local ? " *Local.*" : "");
}

static void
print_section(const char *section, const struct option *options, FILE *stream)
{
    fprintf(stream, "\n## %s\n\n%s| option | unit | default | allowed | reload | |\n|---|---|---|---|---|---|\n", title_of(section),
           intro_of(section));
    for (const struct option *option = options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0)
            print_option(option, stream);
}

static void
print_all(FILE *stream)
{
    fputs(HEAD, stream);
    print_section("", config_options, stream);
    for (size_t i = 0; config_sections[i] != NULL; i++)
        print_section(config_sections[i], config_options, stream);
    print_section(SCHEDULES_SECTION, schedule_options, stream);
}

static bool
is_same(const char *path, const char *text, size_t size)
{
    char *found = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "r");
    size_t got = file != NULL && found != NULL ? fread(found, 1, FILE_BYTES_MAX, file) : 0;
    bool same = got == size && memcmp(found, text, size) == 0;

    if (file != NULL)
        fclose(file);
    free(found);
    return same;
}

int
main(int argc, char **argv)
{
    char *text = NULL;
    size_t size = 0;

    if (argc < 2) {
        print_all(stdout);
        return EXIT_SUCCESS;
    }
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return EXIT_FAILURE;
    print_all(stream);
    fclose(stream);
    bool same = is_same(argv[1], text, size);
    free(text);
    if (!same)
        fprintf(stderr, "%s is not what the options say; make it anew: %s > %s\n", argv[1], argv[0], argv[1]);
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
