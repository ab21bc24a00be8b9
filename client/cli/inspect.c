/* inspect.c - snakepit inspect, stats, worker and explain: how busy pools are, what to change, why something waits. */
#include "client/cli/field.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

/* --- pieces --------------------------------------------------------------------------------------------------- */

/* Words of strangers must not move the cursor. */
static void
print_safe(const char *text)
{
    char *safe = text_make_safe(text, strlen(text), 0);

    fputs(safe ? safe : "", stdout);
    free(safe);
}

static void
print_share(const struct snakepit_value *load, const char *key)
{
    struct snakepit_value share = view_map(load, key);

    if (share.kind == SNAKEPIT_NIL)
        printf("-");
    else
        printf("%.0f %%", field_double(load, key) * 100);
}

static void
print_latency(const char *title, const struct snakepit_value *load, const char *key)
{
    static const struct {
        const char *name, *key;
    } quantiles[] = {{"p50", "p50_seconds"}, {"p90", "p90_seconds"}, {"p99", "p99_seconds"},
                     {"p99.9", "p999_seconds"}, {"max", "max_seconds"}};
    struct snakepit_value latency = view_map(load, key);
    char text[UNITS_TEXT_BYTES];

    printf("  %-11s", title);
    if (field_uint(&latency, "count") == 0) {
        puts("-");
        return;
    }
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        printf("%s%s %s", i > 0 ? ", " : "", quantiles[i].name,
               units_format_duration(text, field_double(&latency, quantiles[i].key)));
    putchar('\n');
}

/* --- inspect -------------------------------------------------------------------------------------------------- */

static void
print_workers(const struct snakepit_value *pool)
{
    static const char *const states[] = {"ready", "stalled", "draining", "detached"};
    char key[64];
    uint64_t wanted = field_uint(pool, "workers_wanted");

    printf("  workers    %llu", (unsigned long long)field_uint(pool, "workers"));
    if (wanted > 0)
        printf(" of %llu configured", (unsigned long long)wanted);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        snprintf(key, sizeof key, "workers_%s", states[i]);
        if (field_uint(pool, key) > 0)
            printf(", %llu %s", (unsigned long long)field_uint(pool, key), states[i]);
    }
    putchar('\n');
}

static void
print_use(const struct snakepit_value *pool, const struct snakepit_value *recent, const struct snakepit_value *total)
{
    char span[UNITS_TEXT_BYTES];

    printf("  slots      %llu of %llu busy; utilisation ", (unsigned long long)field_uint(pool, "slots_busy"),
           (unsigned long long)field_uint(pool, "slots"));
    print_share(recent, "utilisation");
    printf(" in the last %s, ", units_format_duration(span, field_double(recent, "span_seconds")));
    print_share(total, "utilisation");
    printf(" since the start; saturation ");
    print_share(recent, "saturation");
    putchar('\n');
}

static void
print_flow(const struct snakepit_value *pool, const struct snakepit_value *recent)
{
    char accepted[UNITS_TEXT_BYTES], answered[UNITS_TEXT_BYTES], queued[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES],
        limit[UNITS_TEXT_BYTES];

    printf("  queue      %s wait, %s at most lately, %s allowed; %llu delayed\n",
           units_format_count(queued, field_uint(pool, "queued")),
           units_format_count(most, field_uint(recent, "queued_max")),
           units_format_count(limit, field_uint(pool, "queued_max")), (unsigned long long)field_uint(pool, "delayed"));
    printf("  rates      %s accepted, %s answered\n",
           units_format_rate(accepted, field_double(recent, "accepted_per_second")),
           units_format_rate(answered, field_double(recent, "answered_per_second")));
}

/* A limit such as "8 run at most, 100/s", or that there is none. */
static void
print_limit(const struct snakepit_value *pool, const char *running_key, const char *rate_key)
{
    uint64_t running_max = field_uint(pool, running_key);
    char rate[32];
    bool has_rate = field_text(pool, rate_key, rate, sizeof rate)[0] != '\0' && strcmp(rate, "0/s") != 0;

    if (running_max > 0)
        printf("%llu run at most", (unsigned long long)running_max);
    if (running_max > 0 && has_rate)
        printf(", ");
    print_safe(has_rate ? rate : running_max > 0 ? "" : "no limit");
}

static void
print_sharing(const struct snakepit_value *pool)
{
    char fairness[32];
    bool is_to_clients = strcmp(field_text(pool, "fairness", fairness, sizeof fairness), "client") == 0;

    printf("  shares     ");
    print_limit(pool, "running_max", "rate");
    printf("; each of %llu keys%s ", (unsigned long long)field_uint(pool, "keys"), is_to_clients ? " and clients" : "");
    print_limit(pool, "key_running_max", "key_rate");
    putchar('\n');
}

static void
print_counters(const struct snakepit_value *pool)
{
    static const char *const keys[] = {"failed", "cancelled", "expired", "dead", "lost", "requeued", "refused"};
    char text[UNITS_TEXT_BYTES];

    printf("  tasks      %s ok", units_format_count(text, field_uint(pool, "succeeded")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (field_uint(pool, keys[i]) > 0)
            printf(", %s %s", units_format_count(text, field_uint(pool, keys[i])), keys[i]);
    putchar('\n');
}

static void
print_memory(const struct snakepit_value *pool)
{
    struct snakepit_value memory = view_map(pool, "memory");
    char total[UNITS_TEXT_BYTES], least[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES], limit[UNITS_TEXT_BYTES];

    if (field_uint(&memory, "workers") == 0) {
        puts("  memory     -");
        return;
    }
    printf("  memory     %s in %llu workers, %s to %s each", units_format_bytes(total, field_uint(&memory, "total_bytes")),
           (unsigned long long)field_uint(&memory, "workers"),
           units_format_bytes(least, field_uint(&memory, "min_bytes")),
           units_format_bytes(most, field_uint(&memory, "max_bytes")));
    if (field_uint(&memory, "limit_bytes") > 0)
        printf("; replaced at %s", units_format_bytes(limit, field_uint(&memory, "limit_bytes")));
    putchar('\n');
}

static void
print_advice(const struct snakepit_value *pool)
{
    struct snakepit_value list = view_map(pool, "recommendations"), advice;
    struct snakepit_iter iter = snakepit_iter_of(&list);
    bool with_colour = view_wants_colour();
    char text[LINE_BYTES], severity[32];

    while (snakepit_iter_next(&iter, NULL, &advice)) {
        field_text(&advice, "severity", severity, sizeof severity);
        printf("  %s%-10s%s ", view_escape(view_style(severity), with_colour), severity,
               view_escape(CELL_PLAIN, with_colour));
        print_safe(field_text(&advice, "action", text, sizeof text));
        printf("\n             why: ");
        print_safe(field_text(&advice, "reason", text, sizeof text));
        putchar('\n');
    }
}

static void
print_pool(const struct snakepit_value *pool)
{
    struct snakepit_value recent = view_map(pool, "recent"), total = view_map(pool, "total");
    char name[LINE_BYTES], state[32];

    printf("Pool %s, %s\n", field_text(pool, "name", name, sizeof name), field_text(pool, "state", state, sizeof state));
    print_workers(pool);
    print_use(pool, &recent, &total);
    print_flow(pool, &recent);
    print_sharing(pool);
    print_latency("wait", &recent, "wait");
    print_latency("run", &recent, "run");
    print_memory(pool);
    print_counters(pool);
    print_advice(pool);
}

static int
show_pools(struct cli *cli, const char *function, const char *pool, void (*show)(const struct snakepit_value *pools))
{
    struct snakepit_result *result;
    struct snakepit_value pools;
    int exit_code = view_ask(cli, function, pool, NULL, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &pools))
        show(&pools);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static void
print_pools(const struct snakepit_value *pools)
{
    struct snakepit_iter iter = snakepit_iter_of(pools);
    struct snakepit_value pool;

    for (bool is_first = true; snakepit_iter_next(&iter, NULL, &pool); is_first = false) {
        if (!is_first)
            putchar('\n');
        print_pool(&pool);
    }
}

int
command_inspect(struct cli *cli, struct args *args)
{
    const char *pool;

    return cli_take_pool(cli, args, &pool) == OK ? show_pools(cli, "inspect", pool, print_pools) : cli->exit_code;
}

/* --- stats ---------------------------------------------------------------------------------------------------- */

static const struct table_column stats_columns[] = {
    {.title = "POOL", .is_elastic = true}, {.title = "SPAN", .is_right = true, .drop = 1},
    {.title = "ACCEPTED", .is_right = true}, {.title = "ANSWERED", .is_right = true},
    {.title = "UTIL", .is_right = true}, {.title = "SAT", .is_right = true, .drop = 3},
    {.title = "WAIT P50", .is_right = true, .drop = 2}, {.title = "WAIT P99", .is_right = true},
    {.title = "RUN P50", .is_right = true, .drop = 2}, {.title = "RUN P99", .is_right = true},
};

static void
add_stats(struct table *table, const struct snakepit_value *pool, const char *key)
{
    struct snakepit_value load = view_map(pool, key), wait = view_map(&load, "wait"), run = view_map(&load, "run");

    view_add_text(table, pool, "name");
    view_add_seconds(table, &load, "span_seconds");
    view_add_rate(table, &load, "accepted_per_second");
    view_add_rate(table, &load, "answered_per_second");
    view_add_share(table, &load, "utilisation");
    view_add_share(table, &load, "saturation");
    view_add_quantile(table, &wait, "p50_seconds");
    view_add_quantile(table, &wait, "p99_seconds");
    view_add_quantile(table, &run, "p50_seconds");
    view_add_quantile(table, &run, "p99_seconds");
}

static void
print_stats(const struct snakepit_value *pools)
{
    static const char *const keys[] = {"recent", "total"};

    for (size_t i = 0; i < 2; i++) {
        struct table *table = table_new(stats_columns, sizeof stats_columns / sizeof *stats_columns);
        struct snakepit_iter iter = snakepit_iter_of(pools);
        struct snakepit_value pool;

        printf(i == 0 ? "Lately\n" : "\nSince the start\n");
        while (snakepit_iter_next(&iter, NULL, &pool))
            add_stats(table, &pool, keys[i]);
        view_print_table(&table);
    }
}

int
command_stats(struct cli *cli, struct args *args)
{
    const char *pool;

    return cli_take_pool(cli, args, &pool) == OK ? show_pools(cli, "stats", pool, print_stats) : cli->exit_code;
}

/* --- explain -------------------------------------------------------------------------------------------------- */

/* Pools whose names are numbers can be asked for with --pool. */
static int
explain(struct cli *cli, const char *what, bool is_pool)
{
    struct snakepit_result *result;
    struct snakepit_value why;
    char text[LINE_BYTES];
    uint64_t task = 0;
    bool is_task = !is_pool && units_parse_count(what, 0, UINT64_MAX, &task) == OK;
    int exit_code = view_ask(cli, "explain", is_task ? NULL : what, is_task ? "task" : NULL, task, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &why)) {
        printf(is_task ? "task %s: " : "pool %s: ", what);
        print_safe(field_text(&why, "text", text, sizeof text));
        putchar('\n');
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

int
command_explain(struct cli *cli, struct args *args)
{
    const char *value, *what = NULL;
    bool is_pool = false;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == KEY_POOL)
            is_pool = true;
        else if (what)
            return cli_usage(cli, "one task or pool at a time; \"%s\" is too much", value);
        else
            what = value;
    }
    if (!what)
        return cli_usage(cli, "explain what? Name a pool, or the number of a task that `snakepit tasks` shows");
    return explain(cli, what, is_pool);
}
