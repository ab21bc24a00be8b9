/* show.c - snakepit status, pools, workers and tasks: what the broker says of itself, as tables or as it is. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/outcome.h"
#include "client/cli/json_text.h"
#include "client/cli/table.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

/* --- printing ------------------------------------------------------------------------------------------------- */

static void
print_json(struct cli *cli, const struct snakepit_result *result)
{
    struct wire_buffer text;

    wire_buffer_init(&text, false);
    outcome_put_payload(&text, result->content_type, result->parts, result->part_count);
    json_text_raw(&text, "\n");
    cli_print(cli, text.data, text.size);
    wire_buffer_fini(&text);
}

static void
print_table(struct table **table_p)
{
    char *text = table_format(*table_p, cli_terminal_width(STDOUT_FILENO), cli_wants_colour());

    fputs(text, stdout);
    free(text);
    table_destroy(table_p);
}

static enum cell_style
state_style(const char *state)
{
    static const struct {
        const char *state;
        enum cell_style style;
    } styles[] = {{"open", CELL_GOOD},      {"ready", CELL_GOOD},   {"running", CELL_GOOD}, {"draining", CELL_WARN},
                  {"removing", CELL_WARN},
                  {"detached", CELL_WARN},  {"stalled", CELL_BAD},  {"delayed", CELL_FAINT}};

    for (size_t i = 0; i < COUNT(styles); i++)
        if (strcmp(styles[i].state, state) == 0)
            return styles[i].style;
    return CELL_PLAIN;
}

static void
add_text(struct table *table, const struct snakepit_value *map, const char *key)
{
    char text[512];

    field_text(map, key, text, sizeof text);
    table_add(table, CELL_PLAIN, text[0] ? text : "-");
}

static void
add_state(struct table *table, const struct snakepit_value *map)
{
    char text[64];

    field_text(map, "state", text, sizeof text);
    table_add(table, state_style(text), text);
}

/* A counter; `style` when it is not zero, for zero is what nobody looks for. */
static void
add_count(struct table *table, const struct snakepit_value *map, const char *key, enum cell_style style)
{
    char text[UNITS_TEXT_BYTES];
    uint64_t count = field_uint(map, key);

    table_add(table, count > 0 ? style : CELL_FAINT, units_format_count(text, count));
}

/* --- pools ---------------------------------------------------------------------------------------------------- */

static const struct table_column status_columns[] = {
    {.title = "POOL", .is_elastic = true}, {.title = "STATE"},
    {.title = "QUEUED", .is_right = true}, {.title = "DELAYED", .is_right = true, .drop = 2},
    {.title = "RUNNING", .is_right = true}, {.title = "WORKERS", .is_right = true},
    {.title = "SLOTS", .is_right = true}, {.title = "OK", .is_right = true},
    {.title = "FAILED", .is_right = true}, {.title = "REQUEUED", .is_right = true, .drop = 1},
};

/* "1/2": one of the two that the configuration asks for. */
static void
add_workers(struct table *table, uint64_t workers, uint64_t wanted)
{
    enum cell_style style = workers == 0 ? CELL_BAD : workers < wanted ? CELL_WARN : CELL_PLAIN;

    table_add_format(table, style, wanted > 0 ? "%llu/%llu" : "%llu", (unsigned long long)workers,
                     (unsigned long long)wanted);
}

static void
add_pool(struct table *table, const struct snakepit_value *pool)
{
    add_text(table, pool, "name");
    add_state(table, pool);
    add_count(table, pool, "queued", CELL_PLAIN);
    add_count(table, pool, "delayed", CELL_PLAIN);
    add_count(table, pool, "running", CELL_PLAIN);
    add_workers(table, field_uint(pool, "workers"), field_uint(pool, "workers_wanted"));
    table_add_format(table, CELL_PLAIN, "%llu/%llu", (unsigned long long)field_uint(pool, "slots_busy"),
                     (unsigned long long)field_uint(pool, "slots"));
    add_count(table, pool, "succeeded", CELL_PLAIN);
    add_count(table, pool, "failed", CELL_BAD);
    add_count(table, pool, "requeued", CELL_WARN);
}

/* Counters that the table of status has no room for. */
static const struct table_column more_columns[] = {
    {.title = "POOL", .is_elastic = true}, {.title = "CANCELLED", .is_right = true},
    {.title = "EXPIRED", .is_right = true}, {.title = "DEAD", .is_right = true},
    {.title = "LOST", .is_right = true}, {.title = "REFUSED", .is_right = true},
    {.title = "QUEUED MAX", .is_right = true}, {.title = "BYTES", .is_right = true},
    {.title = "BYTES MAX", .is_right = true, .drop = 1},
};

static void
add_more(struct table *table, const struct snakepit_value *pool)
{
    char text[UNITS_TEXT_BYTES];

    add_text(table, pool, "name");
    add_count(table, pool, "cancelled", CELL_PLAIN);
    add_count(table, pool, "expired", CELL_WARN);
    add_count(table, pool, "dead", CELL_BAD);
    add_count(table, pool, "lost", CELL_BAD);
    add_count(table, pool, "refused", CELL_WARN);
    add_count(table, pool, "queued_max", CELL_PLAIN);
    table_add(table, CELL_PLAIN, units_format_bytes(text, field_uint(pool, "queued_bytes")));
    table_add(table, CELL_PLAIN, units_format_bytes(text, field_uint(pool, "queued_bytes_max")));
}

/* --- workers and tasks ---------------------------------------------------------------------------------------- */

static const struct table_column worker_columns[] = {
    {.title = "ID", .is_right = true}, {.title = "NAME", .is_elastic = true}, {.title = "POOL", .is_elastic = true},
    {.title = "HOST", .is_elastic = true, .drop = 2}, {.title = "PID", .is_right = true, .drop = 1},
    {.title = "PROFILE", .drop = 4},
    {.title = "STATE"}, {.title = "BUSY", .is_right = true}, {.title = "DONE", .is_right = true},
    {.title = "RSS", .is_right = true}, {.title = "PYTHON", .drop = 3}, {.title = "GIL", .drop = 5}, {.title = "UPTIME", .is_right = true},
};

static void
add_worker(struct table *table, const struct snakepit_value *worker)
{
    char text[UNITS_TEXT_BYTES];

    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(worker, "id"));
    add_text(table, worker, "name");
    add_text(table, worker, "pool");
    add_text(table, worker, "host");
    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(worker, "pid"));
    add_text(table, worker, "profile");
    add_state(table, worker);
    table_add_format(table, CELL_PLAIN, "%llu/%llu", (unsigned long long)field_uint(worker, "busy"),
                     (unsigned long long)field_uint(worker, "slots"));
    add_count(table, worker, "tasks_done", CELL_PLAIN);
    table_add(table, CELL_PLAIN, units_format_bytes(text, field_uint(worker, "rss_bytes")));
    add_text(table, worker, "python");
    table_add(table, CELL_PLAIN, field_bool(worker, "gil_enabled") ? "on" : "off");
    table_add(table, CELL_PLAIN, units_format_duration(text, field_double(worker, "uptime_seconds")));
}

static const struct table_column task_columns[] = {
    {.title = "TASK", .is_right = true}, {.title = "POOL", .is_elastic = true},
    {.title = "FUNCTION", .is_elastic = true}, {.title = "STATE"}, {.title = "PRIORITY", .is_right = true, .drop = 2},
    {.title = "ATTEMPT", .is_right = true, .drop = 1}, {.title = "WORKER", .is_right = true}, {.title = "AGE", .is_right = true},
};

static void
add_task(struct table *table, const struct snakepit_value *task)
{
    char text[UNITS_TEXT_BYTES];
    uint64_t worker = field_uint(task, "worker");

    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(task, "task"));
    add_text(table, task, "pool");
    add_text(table, task, "function");
    add_state(table, task);
    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(task, "priority"));
    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(task, "attempt"));
    table_add_format(table, CELL_PLAIN, worker ? "%llu" : "-", (unsigned long long)worker);
    table_add(table, CELL_PLAIN, units_format_duration(text, field_double(task, "age_seconds")));
}

/* --- the commands --------------------------------------------------------------------------------------------- */

typedef void
add_row_fn(struct table *table, const struct snakepit_value *row);

static void
print_rows(const struct snakepit_value *rows, const struct table_column *columns, size_t count, add_row_fn *add_row)
{
    struct table *table = table_new(columns, count);
    struct snakepit_iter iter = snakepit_iter_of(rows);
    struct snakepit_value row;

    while (snakepit_iter_next(&iter, NULL, &row))
        add_row(table, &row);
    print_table(&table);
}

/* Ask for a list, of one pool if one is named (and at most `limit` rows, 0: as the broker likes). EXIT_DONE with the
 * result, or an exit code after saying why. */
static int
ask(struct cli *cli, const char *function, const char *pool, uint64_t limit, struct snakepit_result **ret_result)
{
    struct snakepit_args *args = snakepit_args_new();
    int exit_code;

    if (pool) {
        snakepit_args_name(args, "pool");
        snakepit_args_str(args, pool);
    }
    if (limit > 0) {
        snakepit_args_name(args, "limit");
        snakepit_args_uint(args, limit);
    }
    exit_code = cli_admin(cli, function, args, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), ret_result);
    snakepit_args_destroy(&args);
    return exit_code;
}

/* The result as a value; JSON is printed at once. EXIT_DONE: print a table of *ret_value. */
static bool
take_value(struct cli *cli, const struct snakepit_result *result, struct snakepit_value *ret_value)
{
    if (cli->is_json) {
        print_json(cli, result);
        return false;
    }
    if (snakepit_result_value(result, ret_value) == SNAKEPIT_OK)
        return true;
    cli_say(cli, "the broker's answer cannot be read");
    return false;
}

static void
print_broker(const struct cli *cli, const struct snakepit_value *status)
{
    char version[64], state[32], uptime[UNITS_TEXT_BYTES];
    uint64_t clients = field_uint(status, "clients"), workers = field_uint(status, "workers");

    printf("Broker %s at %s, %s, up %s, %llu client%s, %llu worker%s\n\n",
           field_text(status, "version", version, sizeof version), cli->endpoint,
           field_text(status, "state", state, sizeof state),
           units_format_duration(uptime, field_double(status, "uptime_seconds")), (unsigned long long)clients,
           clients == 1 ? "" : "s", (unsigned long long)workers, workers == 1 ? "" : "s");
}

int
command_status(struct cli *cli, struct args *args)
{
    struct snakepit_result *result;
    struct snakepit_value status, pools;
    const char *surplus;
    int exit_code;

    if (cli_take_pool(cli, args, &surplus) != OK)
        return cli->exit_code;
    if (surplus)
        return cli_usage(cli, "no argument is expected; for one pool: snakepit pools %s", surplus);
    exit_code = ask(cli, "status", NULL, 0, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (take_value(cli, result, &status)) {
        print_broker(cli, &status);
        if (snakepit_value_get(&status, "pools", &pools) == SNAKEPIT_OK)
            print_rows(&pools, status_columns, COUNT(status_columns), add_pool);
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static int
print_pools(struct cli *cli, const char *pool)
{
    struct snakepit_result *result;
    struct snakepit_value pools;
    int exit_code = ask(cli, "pools", pool, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (take_value(cli, result, &pools)) {
        print_rows(&pools, status_columns, COUNT(status_columns), add_pool);
        putchar('\n');
        print_rows(&pools, more_columns, COUNT(more_columns), add_more);
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static int
print_list(struct cli *cli, const char *function, const char *pool, uint64_t limit, const struct table_column *columns,
           size_t count, add_row_fn *add_row)
{
    struct snakepit_result *result;
    struct snakepit_value rows;
    int exit_code = ask(cli, function, pool, limit, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (take_value(cli, result, &rows))
        print_rows(&rows, columns, count, add_row);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

int
command_pools(struct cli *cli, struct args *args)
{
    const char *pool;

    return cli_take_pool(cli, args, &pool) == OK ? print_pools(cli, pool) : cli->exit_code;
}

int
command_workers(struct cli *cli, struct args *args)
{
    const char *pool;

    if (cli_take_pool(cli, args, &pool) != OK)
        return cli->exit_code;
    return print_list(cli, "workers", pool, 0, worker_columns, COUNT(worker_columns), add_worker);
}

int
command_tasks(struct cli *cli, struct args *args)
{
    const char *value, *pool = NULL;
    uint64_t limit = 0;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == KEY_LIMIT && cli_take_count(cli, "--limit", value, 1, 1000, &limit) != OK)
            return EXIT_USAGE;
        if (key == ARG_POSITIONAL && pool)
            return cli_usage(cli, "one pool at most; \"%s\" is too much", value);
        if (key == ARG_POSITIONAL)
            pool = value;
    }
    return print_list(cli, "tasks", pool, limit, task_columns, COUNT(task_columns), add_task);
}
