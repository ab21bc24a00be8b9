/* recycle.c - snakepit recycle, await and ready: replacing workers, waiting for them. */
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "client/cli/wait_line.h"
#include "wire/err.h"

#include <stdio.h>
#include <string.h>

enum { READY_TIMEOUT_US = 30 * 1000 * 1000, LOOK_INTERVAL_MS = 200, NAME_BYTES = 65 };

#define DAY_US INT64_C(86400000000)

/* --- recycle -------------------------------------------------------------------------------------------------- */

struct recycling {
    const char *word;      /* as the user wrote it */
    char pool[NAME_BYTES]; /* where it happens */
    bool is_worker;
    uint64_t worker;
    bool waits;
    uint64_t workers; /* that are to be replaced */
};

/* Numbers of sessions only grow: whoever is to be replaced has one up to the highest of now. Count the pool's workers up to
 * `last`, or the one that is meant; *ret_highest is that of all. */
static int
look(struct cli *cli, const struct recycling *recycling, uint64_t last, uint64_t *ret_left, uint64_t *ret_highest)
{
    struct snakepit_result *result;
    struct snakepit_value workers, worker;
    int exit_code = view_ask(cli, "workers", recycling->pool, NULL, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    *ret_left = *ret_highest = 0;
    if (snakepit_result_value(result, &workers) == SNAKEPIT_OK) {
        struct snakepit_iter iter = snakepit_iter_of(&workers);

        while (snakepit_iter_next(&iter, NULL, &worker)) {
            uint64_t id = field_uint(&worker, "id");

            *ret_left += recycling->is_worker ? id == recycling->worker : id <= last;
            *ret_highest = id > *ret_highest ? id : *ret_highest;
        }
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

/* Wait until the workers are gone, whatever becomes of the new ones: a pool that always recycles for other reasons never
 * rests. EXIT_DONE, or an exit code after saying why. */
static int
wait_for_recycling(struct cli *cli, const struct recycling *recycling, uint64_t last)
{
    int64_t until_us = cli->timeout_us < 0 ? INT64_MAX : cli_now_us() + cli->timeout_us;
    uint64_t left = 0, highest;
    struct wait_line line;
    int exit_code;

    wait_line_init(&line);
    for (;;) {
        exit_code = look(cli, recycling, last, &left, &highest);
        if (exit_code != EXIT_DONE || left == 0 || cli_now_us() >= until_us)
            break;
        wait_line_draw(&line, "recycling %s: %llu of %llu workers replaced", recycling->pool,
                       (unsigned long long)(left < recycling->workers ? recycling->workers - left : 0),
                       (unsigned long long)recycling->workers);
        snakepit_process(cli->client, LOOK_INTERVAL_MS);
    }
    wait_line_clear(&line);
    if (exit_code == EXIT_DONE && left > 0) {
        cli_say(cli, "%llu workers of pool %s are not replaced yet; it goes on", (unsigned long long)left, recycling->pool);
        return EXIT_UNREACHABLE;
    }
    return exit_code;
}

/* A number is a worker; find its pool. EXIT_DONE, or an exit code after saying why. */
static int
find_pool(struct cli *cli, struct recycling *recycling, bool is_pool)
{
    struct snakepit_result *result;
    struct snakepit_value worker;
    int exit_code;

    recycling->is_worker = !is_pool && units_parse_count(recycling->word, 1, UINT64_MAX, &recycling->worker) == OK;
    if (!recycling->is_worker) {
        snprintf(recycling->pool, sizeof recycling->pool, "%s", recycling->word);
        return EXIT_DONE;
    }
    exit_code = view_ask(cli, "worker", NULL, "worker", recycling->worker, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (snakepit_result_value(result, &worker) == SNAKEPIT_OK)
        field_text(&worker, "pool", recycling->pool, sizeof recycling->pool);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static int
order(struct cli *cli, struct recycling *recycling)
{
    struct snakepit_result *result;
    struct snakepit_value answer;
    int exit_code = view_ask(cli, "recycle", recycling->is_worker ? NULL : recycling->word,
                             recycling->is_worker ? "worker" : NULL, recycling->worker, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (snakepit_result_value(result, &answer) == SNAKEPIT_OK)
        recycling->workers = field_uint(&answer, "workers");
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static void
report(struct cli *cli, const struct recycling *recycling)
{
    const char *done = recycling->waits ? "replaced" : "will be replaced";
    struct wire_buffer out;

    if (!cli->is_json) {
        printf("%s %s: %llu worker%s %s\n", recycling->is_worker ? "worker" : "pool", recycling->word,
               (unsigned long long)recycling->workers, recycling->workers == 1 ? "" : "s", done);
        return;
    }
    wire_buffer_init(&out, false);
    json_text_raw(&out, "{\"pool\": ");
    json_text_string(&out, recycling->pool);
    json_text_format(&out, ", \"workers\": %llu, \"done\": %s}\n", (unsigned long long)recycling->workers,
                     recycling->waits ? "true" : "false");
    cli_print(cli, out.data, out.size);
    wire_buffer_fini(&out);
}

static int
recycle(struct cli *cli, struct recycling *recycling, bool is_pool)
{
    uint64_t last = 0, left;
    int exit_code = find_pool(cli, recycling, is_pool);

    if (exit_code == EXIT_DONE && recycling->waits)
        exit_code = look(cli, recycling, 0, &left, &last);
    if (exit_code == EXIT_DONE)
        exit_code = order(cli, recycling);
    if (exit_code == EXIT_DONE && recycling->waits)
        exit_code = wait_for_recycling(cli, recycling, last);
    if (exit_code == EXIT_DONE)
        report(cli, recycling);
    return exit_code;
}

int
command_recycle(struct cli *cli, struct args *args)
{
    struct recycling recycling = {0};
    const char *value;
    bool is_pool = false;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == KEY_WAIT)
            recycling.waits = true;
        else if (key == KEY_POOL)
            is_pool = true;
        else if (recycling.word)
            return cli_usage(cli, "one pool or worker at a time; \"%s\" is too much", value);
        else
            recycling.word = value;
    }
    if (!recycling.word)
        return cli_usage(cli, "recycle what? Name a pool, or the id of a worker that `snakepit workers` shows");
    return recycle(cli, &recycling, is_pool);
}

/* --- await and ready ------------------------------------------------------------------------------------------ */

struct wish {
    const char *pool; /* NULL: all that have a wanted number */
    uint64_t workers; /* 0: as many as are wanted */
    int64_t until_us;
};

/* One call that the broker answers when the workers are ready. EXIT_DONE, or an exit code after saying why. */
static int
await_ready(struct cli *cli, const struct wish *wish)
{
    struct snakepit_args *args = snakepit_args_new();
    int64_t left_us = wish->until_us - cli_now_us();
    uint64_t left_ms = left_us > 0 ? (uint64_t)left_us / 1000 : 0;
    struct snakepit_result *result;
    int exit_code;

    if (wish->pool) {
        snakepit_args_name(args, "pool");
        snakepit_args_str(args, wish->pool);
    }
    if (wish->workers > 0) {
        snakepit_args_name(args, "workers");
        snakepit_args_uint(args, wish->workers);
    }
    snakepit_args_name(args, "timeout_ms");
    snakepit_args_uint(args, left_ms);
    /* The broker's answer says what is missing, so it gets a moment longer than we give the workers. */
    exit_code = cli_admin(cli, "await_ready", args, (int)left_ms + 2000, &result);
    snakepit_args_destroy(&args);
    if (exit_code == EXIT_DONE)
        snakepit_result_destroy(&result);
    return exit_code;
}

/* How many workers are ready, and how many are waited for. */
static int
count_ready(struct cli *cli, const struct wish *wish, uint64_t *ret_ready, uint64_t *ret_wanted)
{
    struct snakepit_result *result;
    struct snakepit_value pools, pool;
    int exit_code = view_ask(cli, "pools", wish->pool, NULL, 0, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    *ret_ready = *ret_wanted = 0;
    if (snakepit_result_value(result, &pools) == SNAKEPIT_OK) {
        struct snakepit_iter iter = snakepit_iter_of(&pools);

        while (snakepit_iter_next(&iter, NULL, &pool)) {
            uint64_t ready = field_uint(&pool, "workers_ready"), wanted = field_uint(&pool, "workers_wanted");

            if (wish->pool)
                wanted = wish->workers > 0 ? wish->workers : wanted > 0 ? wanted : 1;
            else if (wanted > 0 && wish->workers > 0)
                wanted = wish->workers;
            *ret_wanted += wanted;
            *ret_ready += ready < wanted ? ready : wanted;
        }
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

/* On a terminal, say how far it is until it is done or time is nearly up: the call then says what is missing. */
static int
watch_ready(struct cli *cli, const struct wish *wish)
{
    uint64_t ready = 0, wanted = 0;
    struct wait_line line;
    int exit_code = EXIT_DONE;

    wait_line_init(&line);
    while (line.is_on && wish->until_us - cli_now_us() > 2 * LOOK_INTERVAL_MS * 1000) {
        exit_code = count_ready(cli, wish, &ready, &wanted);
        if (exit_code != EXIT_DONE || ready >= wanted)
            break;
        wait_line_draw(&line, "%s: %llu of %llu workers ready", wish->pool ? wish->pool : "all pools",
                       (unsigned long long)ready, (unsigned long long)wanted);
        snakepit_process(cli->client, LOOK_INTERVAL_MS);
    }
    wait_line_clear(&line);
    return exit_code;
}

int
command_ready(struct cli *cli, struct args *args)
{
    struct wish wish = {0};
    const char *value;
    int key, exit_code;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == KEY_WORKERS && cli_take_count(cli, "--workers", value, 1, 1000000, &wish.workers) != OK)
            return EXIT_USAGE;
        if (key == ARG_POSITIONAL && wish.pool)
            return cli_usage(cli, "one pool at most; \"%s\" is too much", value);
        if (key == ARG_POSITIONAL)
            wish.pool = value;
    }
    if (cli->timeout_us < 0 || cli->timeout_us > DAY_US)
        cli->timeout_us = cli->timeout_us < 0 ? READY_TIMEOUT_US : DAY_US;
    wish.until_us = cli_now_us() + cli->timeout_us;
    exit_code = cli_connect(cli, NULL);
    if (exit_code == EXIT_DONE)
        exit_code = watch_ready(cli, &wish);
    if (exit_code == EXIT_DONE)
        exit_code = await_ready(cli, &wish);
    if (exit_code == EXIT_DONE)
        puts(cli->is_json ? "{\"ready\": true}" : "ready");
    return exit_code;
}
