/* worker.c - snakepit worker: everything that is known of one worker. */
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS = 16 };

static const struct table_column lease_columns[] = {
    {.title = "TASK", .is_right = true}, {.title = "FUNCTION", .is_elastic = true},
    {.title = "ATTEMPT", .is_right = true}, {.title = "RUNS FOR", .is_right = true}, {.title = "CANCEL"},
};

static void
print_leases(const struct snakepit_value *leases)
{
    struct snakepit_iter iter = snakepit_iter_of(leases);
    struct snakepit_value lease;
    struct table *table;

    if (!snakepit_iter_next(&iter, NULL, &lease))
        return;
    putchar('\n');
    table = table_new(lease_columns, sizeof lease_columns / sizeof *lease_columns);
    do {
        view_add_id(table, &lease, "task");
        view_add_text(table, &lease, "function");
        view_add_uint(table, &lease, "attempt");
        view_add_seconds(table, &lease, "running_seconds");
        table_add(table, CELL_PLAIN, field_bool(&lease, "cancel_asked") ? "asked" : "-");
    } while (snakepit_iter_next(&iter, NULL, &lease));
    view_print_table(&table);
}

/* Does the name end so? */
static bool
ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* A number by its name's unit. */
static void
print_number(const struct snakepit_value *worker, const char *name)
{
    char text[UNITS_TEXT_BYTES];

    if (ends_with(name, "_seconds"))
        puts(units_format_duration(text, field_double(worker, name)));
    else if (ends_with(name, "_bytes"))
        puts(units_format_bytes(text, field_uint(worker, name)));
    else if (ends_with(name, "_us"))
        puts(units_format_duration(text, (double)field_uint(worker, name) / 1e6));
    else
        printf("%llu\n", (unsigned long long)field_uint(worker, name));
}

/* Maps and lists as JSON on one line. */
static void
print_other(const struct snakepit_value *value)
{
    struct wire_buffer text;
    char *safe;

    wire_buffer_init(&text, false);
    if (json_text_value(&text, (struct bytes){value->encoded.data, (uint32_t)value->encoded.size}) == OK) {
        safe = text_make_safe((const char *)text.data, text.size, 0);
        puts(safe ? safe : "");
        free(safe);
    } else {
        puts("-");
    }
    wire_buffer_fini(&text);
}

static void
print_field(const struct snakepit_value *worker, const char *name, const struct snakepit_value *value)
{
    char *safe;

    printf("%-*s ", NAME_COLUMNS, name);
    switch (value->kind) {
    case SNAKEPIT_STR:
        safe = text_make_safe((const char *)value->data, value->size, 0);
        puts(safe && safe[0] ? safe : "-");
        free(safe);
        return;
    case SNAKEPIT_BOOL:
        puts(value->boolean ? "yes" : "no");
        return;
    case SNAKEPIT_NIL:
        puts("-");
        return;
    case SNAKEPIT_ARRAY:
    case SNAKEPIT_MAP:
        print_other(value);
        return;
    default:
        print_number(worker, name);
    }
}

static void
print_worker(const struct snakepit_value *worker)
{
    struct snakepit_iter iter = snakepit_iter_of(worker);
    struct snakepit_value key, value, leases = view_map(worker, "leases");
    char name[64];

    while (snakepit_iter_next(&iter, &key, &value)) {
        if (key.kind != SNAKEPIT_STR || key.size >= sizeof name)
            continue;
        memcpy(name, key.data, key.size);
        name[key.size] = '\0';
        if (strcmp(name, "leases") != 0)
            print_field(worker, name, &value);
    }
    print_leases(&leases);
}

int
command_worker(struct cli *cli, struct args *args)
{
    struct snakepit_result *result;
    struct snakepit_value worker;
    const char *value, *word = NULL;
    uint64_t id;
    int key, exit_code;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (word)
            return cli_usage(cli, "one worker at a time; \"%s\" is too much", value);
        word = value;
    }
    if (!word)
        return cli_usage(cli, "which worker? `snakepit workers` shows their ids");
    if (cli_take_count(cli, "WORKER", word, 0, UINT64_MAX, &id) != OK)
        return EXIT_USAGE;
    exit_code = view_ask(cli, "worker", NULL, "worker", id, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &worker))
        print_worker(&worker);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}
