/* compat.c - snakepit compat: what is known of libraries and threads. */
#include "client/cli/cli.h"
#include "client/cli/compat_table.h"
#include "client/cli/embedded.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct compat {
    struct compat_table table;
    const struct compat_library **chosen;
    size_t count;
    bool is_thread; /* --profile thread: only what matters there */
};

static const struct table_column columns[] = {
    {.title = "LIBRARY"}, {.title = "THREADS"}, {.title = "FREE-THREADING"}, {.title = "IN THE THREAD PROFILE", .is_elastic = true},
};

static enum cell_style
safety_style(enum thread_safety safety)
{
    static const enum cell_style styles[] = {[THREAD_SAFETY_SAFE] = CELL_GOOD, [THREAD_SAFETY_CONDITIONAL] = CELL_WARN,
                                             [THREAD_SAFETY_UNSAFE] = CELL_BAD, [THREAD_SAFETY_UNKNOWN] = CELL_FAINT};

    return styles[safety];
}

static enum cell_style
free_style(enum free_threading free_threading)
{
    static const enum cell_style styles[] = {[FREE_THREADING_YES] = CELL_GOOD, [FREE_THREADING_SOURCE] = CELL_WARN,
                                             [FREE_THREADING_NO] = CELL_BAD, [FREE_THREADING_PURE] = CELL_GOOD,
                                             [FREE_THREADING_UNKNOWN] = CELL_FAINT};

    return styles[free_threading];
}

/* "since 2.1.0", "no", "Python only", ... */
static const char *
free_text(const struct compat_library *library, char text[static 64])
{
    static const char *const texts[] = {[FREE_THREADING_YES] = "yes", [FREE_THREADING_SOURCE] = "built from source",
                                        [FREE_THREADING_NO] = "no, GIL goes on", [FREE_THREADING_PURE] = "no extension",
                                        [FREE_THREADING_UNKNOWN] = "unknown"};

    snprintf(text, 64, "%s", texts[library->free_threading]);
    if (library->since)
        snprintf(text, 64, "since %.50s", library->since);
    return text;
}

static void
print_table(const struct compat *compat)
{
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    char cell[64], *text;

    for (size_t i = 0; i < compat->count; i++) {
        const struct compat_library *library = compat->chosen[i];

        table_add(table, CELL_PLAIN, library->name);
        table_add(table, safety_style(library->thread_safety), thread_safety_name(library->thread_safety));
        table_add(table, free_style(library->free_threading), free_text(library, cell));
        table_add(table, CELL_PLAIN, library->advice);
    }
    text = table_format(table, cli_terminal_width(STDOUT_FILENO), cli_wants_colour());
    fputs(text, stdout);
    free(text);
    table_destroy(&table);
}

/* Everything about one library, sources too. */
static void
print_library(const struct compat_library *library)
{
    const json_t *sources = json_object_get(library->json, "sources");
    char text[64];

    printf("%s\n  thread safety:   %s\n  free-threading:  %s\n  advice:          %s\n", library->name,
           thread_safety_name(library->thread_safety), free_text(library, text), library->advice);
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);

        printf("  %s%s\n                   %s\n", i == 0 ? "sources:         " : "                 ",
               json_string_value(json_object_get(source, "title")), json_string_value(json_object_get(source, "url")));
    }
    printf("  checked:         %s\n", json_string_value(json_object_get(library->json, "checked")));
}

static void
print_json(struct cli *cli, const struct compat *compat)
{
    json_t *array = json_array();
    char *text;

    for (size_t i = 0; i < compat->count; i++)
        json_array_append(array, (json_t *)compat->chosen[i]->json);
    text = json_dumps(array, JSON_INDENT(2));
    if (!text)
        abort();
    cli_print(cli, text, strlen(text));
    cli_print(cli, "\n", 1);
    free(text);
    json_decref(array);
}

static void
print(struct cli *cli, const struct compat *compat, bool is_all)
{
    if (cli->is_json)
        print_json(cli, compat);
    else if (is_all)
        print_table(compat);
    for (size_t i = 0; !cli->is_json && !is_all && i < compat->count; i++) {
        if (i > 0)
            putchar('\n');
        print_library(compat->chosen[i]);
    }
}

/* Anything but: safe, and free-threaded for every version that is in use. */
static bool
needs_care(const struct compat_library *library)
{
    return library->thread_safety != THREAD_SAFETY_SAFE || library->free_threading == FREE_THREADING_SOURCE ||
           library->free_threading == FREE_THREADING_NO || library->free_threading == FREE_THREADING_UNKNOWN;
}

static void
choose_all(struct compat *compat)
{
    for (size_t i = 0; i < compat->table.count; i++)
        if (!compat->is_thread || needs_care(&compat->table.libraries[i]))
            compat->chosen[compat->count++] = &compat->table.libraries[i];
}

/* EXIT_DONE, or EXIT_NOT_FOUND after saying so. */
static int
choose(struct cli *cli, struct compat *compat, const char *name)
{
    const struct compat_library *library = compat_find(&compat->table, name), *near;

    if (library) {
        compat->chosen[compat->count++] = library;
        return EXIT_DONE;
    }
    near = compat_suggest(&compat->table, name);
    if (near)
        cli_say(cli, "\"%s\" is not in the matrix; did you mean \"%s\"?", name, near->name);
    else
        cli_say(cli, "\"%s\" is not in the matrix; a worker's report tells what it does: snakepit workers", name);
    return EXIT_NOT_FOUND;
}

/* Takes the words; EXIT_DONE, or the exit code to end with. */
static int
take_words(struct cli *cli, struct args *args, struct compat *compat, bool *ret_is_all)
{
    int key, exit_code = EXIT_DONE;
    const char *value;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == KEY_PROFILE && strcmp(value, "thread") != 0 && strcmp(value, "process") != 0)
            return cli_usage(cli, "--profile: \"%s\" is neither thread nor process", value);
        if (key == KEY_PROFILE)
            compat->is_thread = strcmp(value, "thread") == 0;
        else if (choose(cli, compat, value) != OK)
            exit_code = EXIT_NOT_FOUND;
    }
    *ret_is_all = compat->count == 0 && exit_code == EXIT_DONE;
    return exit_code;
}

int
command_compat(struct cli *cli, struct args *args)
{
    struct compat compat = {0};
    bool is_all = false;
    int exit_code;

    if (compat_table_init(&compat.table, embedded_compat) != OK)
        abort();
    compat.chosen = calloc(compat.table.count + (size_t)args->count + 1, sizeof *compat.chosen);
    if (!compat.chosen)
        abort();
    exit_code = take_words(cli, args, &compat, &is_all);
    if (is_all)
        choose_all(&compat);
    if (exit_code == EXIT_DONE || exit_code == EXIT_NOT_FOUND)
        print(cli, &compat, is_all);
    free(compat.chosen);
    compat_table_fini(&compat.table);
    return exit_code;
}
