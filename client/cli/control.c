/* control.c - snakepit cancel, drain and resume: commands that change something, or wait for it. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/wait_line.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_INTERVAL_MS = 200 };

/* Make an admin call with at most a pool and a number as arguments, and take the string `key` of its answer.
 * EXIT_DONE, or an exit code after saying why. */
static int
ask_state(struct cli *cli, const char *function, struct snakepit_args *args, char *state, size_t state_bytes)
{
    struct snakepit_result *result;
    struct snakepit_value value;
    int exit_code = cli_admin(cli, function, args, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    state[0] = '\0';
    if (snakepit_result_value(result, &value) == SNAKEPIT_OK)
        field_text(&value, "state", state, state_bytes);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static void
add_named_text(struct snakepit_args *args, const char *name, const char *text)
{
    if (!text)
        return;
    snakepit_args_name(args, name);
    snakepit_args_str(args, text);
}

static void
add_named_uint(struct snakepit_args *args, const char *name, uint64_t number)
{
    snakepit_args_name(args, name);
    snakepit_args_uint(args, number);
}

/* --- cancel --------------------------------------------------------------------------------------------------- */

/* Cancel one task and tell what became of it. */
static int
cancel_one(struct cli *cli, uint64_t task)
{
    struct snakepit_args *args = snakepit_args_new();
    char state[32];
    int exit_code;

    add_named_uint(args, "task", task);
    exit_code = ask_state(cli, "cancel", args, state, sizeof state);
    snakepit_args_destroy(&args);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (cli->is_json)
        printf("{\"task\": %llu, \"state\": \"%s\"}\n", (unsigned long long)task, state);
    else if (strcmp(state, "asked") == 0)
        printf("task %llu runs; its worker is asked to end it\n", (unsigned long long)task);
    else
        printf("task %llu: %s\n", (unsigned long long)task, state);
    return EXIT_DONE;
}

int
command_cancel(struct cli *cli, struct args *args)
{
    uint64_t *tasks = calloc((size_t)args->count + 1, sizeof *tasks);
    size_t count = 0;
    const char *value;
    int key, exit_code = EXIT_DONE;

    if (!tasks)
        abort();
    /* All words are read before the first task is cancelled. */
    while (exit_code == EXIT_DONE && (key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP) {
            free(tasks);
            return cli->exit_code;
        }
        if (cli_take_count(cli, "TASK", value, 0, UINT64_MAX, &tasks[count++]) != OK)
            exit_code = EXIT_USAGE;
    }
    if (exit_code == EXIT_DONE && count == 0)
        exit_code = cli_usage(cli, "the number of a task is missing; `snakepit tasks` shows them");
    if (exit_code == EXIT_DONE)
        exit_code = cli_connect(cli, NULL);
    for (size_t i = 0; i < count && (exit_code == EXIT_DONE || exit_code == EXIT_NOT_FOUND); i++) {
        int one = cancel_one(cli, tasks[i]);

        exit_code = one != EXIT_DONE ? one : exit_code;
    }
    free(tasks);
    return exit_code;
}

/* --- drain and resume ----------------------------------------------------------------------------------------- */

struct drain {
    const char *pool; /* NULL: all */
    bool is_all, waits;
};

static int
take_drain(struct cli *cli, struct args *args, struct drain *drain)
{
    const char *value;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        if (key == KEY_ALL) {
            drain->is_all = true;
        } else if (key == KEY_WAIT) {
            drain->waits = true;
        } else if (!drain->pool) {
            drain->pool = value;
        } else {
            cli->exit_code = cli_usage(cli, "one pool at a time; \"%s\" is too much", value);
            return ERR_INVALID;
        }
    }
    if ((drain->pool != NULL) != drain->is_all)
        return OK;
    cli->exit_code = cli_usage(cli, drain->pool ? "either a pool or --all" : "which pool? Name one, or give --all");
    return ERR_INVALID;
}

/* Tasks that the pool (NULL: all) still has. EXIT_DONE, or an exit code. */
static int
count_left(struct cli *cli, const char *pool, uint64_t *ret_left)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_result *result;
    struct snakepit_value pools, one;
    int exit_code;

    add_named_text(args, "pool", pool);
    exit_code = cli_admin(cli, "pools", args, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), &result);
    snakepit_args_destroy(&args);
    if (exit_code != EXIT_DONE)
        return exit_code;
    *ret_left = 0;
    if (snakepit_result_value(result, &pools) == SNAKEPIT_OK) {
        struct snakepit_iter iter = snakepit_iter_of(&pools);

        while (snakepit_iter_next(&iter, NULL, &one))
            *ret_left += field_uint(&one, "queued") + field_uint(&one, "delayed") + field_uint(&one, "running");
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

static int
wait_for_drain(struct cli *cli, const char *pool)
{
    int64_t until_us = cli->timeout_us < 0 ? INT64_MAX : cli_now_us() + cli->timeout_us;
    uint64_t left = 0;
    struct wait_line line;
    int exit_code;

    wait_line_init(&line);
    for (;;) {
        exit_code = count_left(cli, pool, &left);
        if (exit_code != EXIT_DONE || left == 0 || cli_now_us() >= until_us)
            break;
        wait_line_draw(&line, "draining %s: %llu tasks left", pool ? pool : "all pools", (unsigned long long)left);
        snakepit_process(cli->client, WAIT_INTERVAL_MS);
    }
    wait_line_clear(&line);
    if (exit_code == EXIT_DONE && left > 0) {
        cli_say(cli, "%llu tasks have not ended yet", (unsigned long long)left);
        return EXIT_UNREACHABLE;
    }
    return exit_code;
}

static int
change_state(struct cli *cli, const char *function, const struct drain *drain)
{
    struct snakepit_args *args = snakepit_args_new();
    char state[32];
    int exit_code;

    add_named_text(args, "pool", drain->pool);
    exit_code = ask_state(cli, function, args, state, sizeof state);
    snakepit_args_destroy(&args);
    if (exit_code == EXIT_DONE && drain->waits) {
        exit_code = wait_for_drain(cli, drain->pool);
        snprintf(state, sizeof state, "drained");
    }
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (!cli->is_json)
        printf("%s: %s\n", drain->pool ? drain->pool : "all pools", state);
    else if (drain->pool)
        printf("{\"pool\": \"%s\", \"state\": \"%s\"}\n", drain->pool, state);
    else
        printf("{\"pool\": null, \"state\": \"%s\"}\n", state);
    return EXIT_DONE;
}

int
command_drain(struct cli *cli, struct args *args)
{
    struct drain drain = {0};

    return take_drain(cli, args, &drain) == OK ? change_state(cli, "drain", &drain) : cli->exit_code;
}

int
command_resume(struct cli *cli, struct args *args)
{
    struct drain drain = {0};

    return take_drain(cli, args, &drain) == OK ? change_state(cli, "resume", &drain) : cli->exit_code;
}
