/* show.c - snakepit status, pools, workers and tasks: what the broker says of itself, as tables or as it is. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

/* --- pools ---------------------------------------------------------------------------------------------------- */

static const struct table_column status_columns[] = {
    {.title = "POOL", .is_elastic = true}, {.title = "STATE"},
    {.title = "QUEUED", .is_right = true}, {.title = "DELAYED", .is_right = true, .drop = 2},
    {.title = "RUNNING", .is_right = true}, {.title = "WORKERS", .is_right = true},
    {.title = "SLOTS", .is_right = true}, {.title = "OK", .is_right = true},
    {.title = "FAILED", .is_right = true}, {.title = "REQUEUED", .is_right = true, .drop = 1},
};

static void
add_pool(struct table *table, const struct snakepit_value *pool)
{
    view_add_text(table, pool, "name");
    view_add_pool_state(table, pool);
    view_add_count(table, pool, "queued", CELL_PLAIN);
    view_add_count(table, pool, "delayed", CELL_PLAIN);
    view_add_count(table, pool, "running", CELL_PLAIN);
    view_add_workers(table, field_uint(pool, "workers"), field_uint(pool, "workers_wanted"));
    view_add_part(table, field_uint(pool, "slots_busy"), field_uint(pool, "slots"));
    view_add_count(table, pool, "succeeded", CELL_PLAIN);
    view_add_count(table, pool, "failed", CELL_BAD);
    view_add_count(table, pool, "requeued", CELL_WARN);
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
    view_add_text(table, pool, "name");
    view_add_count(table, pool, "cancelled", CELL_PLAIN);
    view_add_count(table, pool, "expired", CELL_WARN);
    view_add_count(table, pool, "dead", CELL_BAD);
    view_add_count(table, pool, "lost", CELL_BAD);
    view_add_count(table, pool, "refused", CELL_WARN);
    view_add_count(table, pool, "queued_max", CELL_PLAIN);
    view_add_bytes(table, pool, "queued_bytes");
    view_add_bytes(table, pool, "queued_bytes_max");
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
    view_add_uint(table, worker, "id");
    view_add_text(table, worker, "name");
    view_add_text(table, worker, "pool");
    view_add_text(table, worker, "host");
    view_add_uint(table, worker, "pid");
    view_add_text(table, worker, "profile");
    view_add_state(table, worker);
    view_add_part(table, field_uint(worker, "busy"), field_uint(worker, "slots"));
    view_add_count(table, worker, "tasks_done", CELL_PLAIN);
    view_add_bytes(table, worker, "rss_bytes");
    view_add_text(table, worker, "python");
    table_add(table, CELL_PLAIN, field_bool(worker, "gil_enabled") ? "on" : "off");
    view_add_seconds(table, worker, "uptime_seconds");
}

static const struct table_column task_columns[] = {
    {.title = "TASK", .is_right = true}, {.title = "POOL", .is_elastic = true},
    {.title = "FUNCTION", .is_elastic = true}, {.title = "STATE"}, {.title = "PRIORITY", .is_right = true, .drop = 2},
    {.title = "ATTEMPT", .is_right = true, .drop = 1}, {.title = "WORKER", .is_right = true}, {.title = "AGE", .is_right = true},
};

static void
add_task(struct table *table, const struct snakepit_value *task)
{
    view_add_uint(table, task, "task");
    view_add_text(table, task, "pool");
    view_add_text(table, task, "function");
    view_add_state(table, task);
    view_add_uint(table, task, "priority");
    view_add_uint(table, task, "attempt");
    view_add_id(table, task, "worker");
    view_add_seconds(table, task, "age_seconds");
}

static const struct table_column agent_columns[] = {
    {.title = "ID", .is_right = true}, {.title = "NAME", .is_elastic = true}, {.title = "HOST", .is_elastic = true},
    {.title = "PID", .is_right = true}, {.title = "STATE"}, {.title = "POOLS", .is_right = true},
    {.title = "FAILED", .is_right = true}, {.title = "WORKERS", .is_right = true}, {.title = "HEARD", .is_right = true, .drop = 1},
    {.title = "UPTIME", .is_right = true},
};

static void
add_agent(struct table *table, const struct snakepit_value *agent)
{
    view_add_uint(table, agent, "id");
    view_add_text(table, agent, "name");
    view_add_text(table, agent, "host");
    view_add_uint(table, agent, "pid");
    view_add_state(table, agent);
    view_add_uint(table, agent, "pools");
    view_add_count(table, agent, "pools_failed", CELL_BAD);
    view_add_uint(table, agent, "workers_wanted");
    view_add_seconds(table, agent, "heard_seconds");
    view_add_seconds(table, agent, "uptime_seconds");
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
    view_print_table(&table);
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
    exit_code = view_ask(cli, "status", NULL, NULL, 0, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &status)) {
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
    int exit_code = view_ask(cli, "pools", pool, NULL, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &pools)) {
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
    int exit_code = view_ask(cli, function, pool, limit > 0 ? "limit" : NULL, limit, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &rows))
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
command_agents(struct cli *cli, struct args *args)
{
    const char *surplus;

    if (cli_take_pool(cli, args, &surplus) != OK)
        return cli->exit_code;
    if (surplus)
        return cli_usage(cli, "no argument is expected, and \"%s\" is one", surplus);
    return print_list(cli, "agents", NULL, 0, agent_columns, COUNT(agent_columns), add_agent);
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
