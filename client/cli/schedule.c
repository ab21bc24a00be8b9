/* schedule.c - snakepit schedule: tasks that the broker runs every so often, shown, set and removed. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line says. */
struct schedule_words {
    const char *action, *name, *pool, *function;
    struct wire_buffer args; /* the JSON array, without its end */
    bool has_args;
    const char *overlap;
    int64_t every_us, delay_us; /* -1: not given */
};

static const struct table_column columns[] = {
    {.title = "NAME", .is_elastic = true},  {.title = "POOL", .is_elastic = true}, {.title = "FUNCTION", .is_elastic = true},
    {.title = "EVERY", .is_right = true},   {.title = "DUE IN", .is_right = true}, {.title = "RUNNING", .is_right = true, .drop = 2},
    {.title = "RUNS", .is_right = true},    {.title = "OK", .is_right = true},     {.title = "FAILED", .is_right = true},
    {.title = "SKIPPED", .is_right = true, .drop = 1}, {.title = "REFUSED", .is_right = true, .drop = 1}, {.title = "LAST"},
};

static void
add_row(struct table *table, const struct snakepit_value *schedule)
{
    view_add_text(table, schedule, "name");
    view_add_text(table, schedule, "pool");
    view_add_text(table, schedule, "function");
    view_add_seconds(table, schedule, "every_seconds");
    view_add_seconds(table, schedule, "due_seconds");
    view_add_count(table, schedule, "running", CELL_PLAIN);
    view_add_count(table, schedule, "runs", CELL_PLAIN);
    view_add_count(table, schedule, "succeeded", CELL_PLAIN);
    view_add_count(table, schedule, "failed", CELL_BAD);
    view_add_count(table, schedule, "skipped", CELL_WARN);
    view_add_count(table, schedule, "refused", CELL_WARN);
    view_add_text(table, schedule, "last");
}

static int
list(struct cli *cli)
{
    struct snakepit_result *result;
    struct snakepit_value schedules, schedule;
    int exit_code = view_ask(cli, "schedules", NULL, NULL, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &schedules)) {
        struct table *table = table_new(columns, sizeof columns / sizeof *columns);
        struct snakepit_iter iter = snakepit_iter_of(&schedules);

        while (snakepit_iter_next(&iter, NULL, &schedule))
            add_row(table, &schedule);
        view_print_table(&table);
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static void
add_text(struct snakepit_args *args, const char *name, const char *text)
{
    snakepit_args_name(args, name);
    snakepit_args_str(args, text);
}

static void
add_milliseconds(struct snakepit_args *args, const char *name, int64_t us)
{
    snakepit_args_name(args, name);
    snakepit_args_uint(args, (uint64_t)(us + 999) / 1000);
}

/* Make the call, and say what became of the schedule. */
static int
change(struct cli *cli, const char *function, struct snakepit_args *args, const char *name)
{
    struct snakepit_result *result;
    struct snakepit_value value;
    char state[32] = "";
    int exit_code = cli_admin(cli, function, args, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (snakepit_result_value(result, &value) == SNAKEPIT_OK)
        field_text(&value, "state", state, sizeof state);
    snakepit_result_destroy(&result);
    if (cli->is_json)
        printf("{\"schedule\": \"%s\", \"state\": \"%s\"}\n", name, state);
    else
        printf("schedule %s: %s\n", name, state);
    return EXIT_DONE;
}

static int
set(struct cli *cli, struct schedule_words *words)
{
    struct snakepit_args *args;
    int exit_code;

    if (!words->function)
        return cli_usage(cli, "schedule set wants NAME POOL FUNCTION, and perhaps its arguments as JSON");
    if (words->every_us <= 0)
        return cli_usage(cli, "how often? Give --every TIME, for instance --every 1h");
    args = snakepit_args_new();
    add_text(args, "name", words->name);
    add_text(args, "pool", words->pool);
    add_text(args, "function", words->function);
    add_milliseconds(args, "every_ms", words->every_us);
    if (words->delay_us >= 0)
        add_milliseconds(args, "delay_ms", words->delay_us);
    if (words->overlap)
        add_text(args, "overlap", words->overlap);
    if (words->has_args) {
        wire_write_raw(&words->args, (struct bytes){(const uint8_t *)"]", 2}); /* and a NUL */
        add_text(args, "args", (const char *)words->args.data);
    }
    exit_code = change(cli, "schedule_set", args, words->name);
    snakepit_args_destroy(&args);
    return exit_code;
}

static int
take_off(struct cli *cli, const struct schedule_words *words)
{
    struct snakepit_args *args;
    int exit_code;

    if (!words->name || words->pool)
        return cli_usage(cli, "schedule rm wants one NAME; `snakepit schedule ls` shows them");
    args = snakepit_args_new();
    add_text(args, "name", words->name);
    exit_code = change(cli, "schedule_remove", args, words->name);
    snakepit_args_destroy(&args);
    return exit_code;
}

/* Words in order: the action, the three names, then arguments. */
static void
take_word(struct schedule_words *words, const char *word)
{
    const char **places[] = {&words->action, &words->name, &words->pool, &words->function};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!*places[i]) {
            *places[i] = word;
            return;
        }
    json_text_raw(&words->args, words->has_args ? ", " : "[");
    json_text_raw(&words->args, word);
    words->has_args = true;
}

/* OK, or ERR_INVALID with cli->exit_code. */
static int
read_words(struct cli *cli, struct args *args, struct schedule_words *words)
{
    const char *value;
    int key, rc = OK;

    while (rc == OK && (key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        if (key == KEY_EVERY)
            rc = cli_take_duration(cli, "--every", value, &words->every_us);
        else if (key == KEY_DELAY)
            rc = cli_take_duration(cli, "--delay", value, &words->delay_us);
        else if (key == KEY_OVERLAP)
            words->overlap = value;
        else
            take_word(words, value);
    }
    if (rc != OK)
        cli->exit_code = EXIT_USAGE;
    return rc;
}

static int
run(struct cli *cli, struct schedule_words *words)
{
    if (!words->action || strcmp(words->action, "ls") == 0)
        return words->name ? cli_usage(cli, "schedule ls takes no name; it shows all") : list(cli);
    if (strcmp(words->action, "set") == 0)
        return set(cli, words);
    if (strcmp(words->action, "rm") == 0)
        return take_off(cli, words);
    return cli_usage(cli, "schedule ls, set or rm; \"%.40s\" is none of them", words->action);
}

int
command_schedule(struct cli *cli, struct args *args)
{
    struct schedule_words words = {.every_us = -1, .delay_us = -1};
    int exit_code;

    wire_buffer_init(&words.args, false);
    exit_code = read_words(cli, args, &words) == OK ? run(cli, &words) : cli->exit_code;
    wire_buffer_fini(&words.args);
    return exit_code;
}
