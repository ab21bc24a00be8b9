/* cli.c - what all commands share; see cli.h. */
#include "client/cli/cli.h"

#include "client/cli/help.h"
#include "client/cli/outcome.h"
#include "client/cli/probe.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "wire/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

const struct option_spec global_options[] = {
    {KEY_CONNECT, "connect", "ENDPOINT", "the broker's endpoint for clients; default: $SNAKEPIT_ENDPOINT, else\n"
                                       SNAKEPIT_ENDPOINT_DEFAULT},
    {'t', "timeout", "TIME", "give up after this time: seconds, or with a unit (500ms, 2m)"},
    {'o', "output", "FORMAT", "table (for people, the default) or json (for programs)"},
    {'h', "help", NULL, "show this help"},
    {'V', "version", NULL, "show the version"},
    {0},
};

/* --- saying things -------------------------------------------------------------------------------------------- */

/* Words of the user and of the broker may stand in a message, so it is made safe. */
static void
say(const struct cli *cli, bool with_command, const char *format, va_list arguments)
{
    char text[8192], *safe;

    vsnprintf(text, sizeof text, format, arguments);
    safe = text_make_safe(text, strlen(text), 1);
    fprintf(stderr, with_command && cli->command ? "snakepit %s: %s\n" : "snakepit%.0s: %s\n",
            cli->command ? cli->command->name : "", safe ? safe : "out of memory");
    free(safe);
}

void
cli_say(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(cli, false, format, arguments);
    va_end(arguments);
}

int
cli_usage(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(cli, true, format, arguments);
    va_end(arguments);
    fprintf(stderr, cli->command ? "Try 'snakepit %s --help'.\n" : "Try 'snakepit%.0s --help'.\n",
            cli->command ? cli->command->name : "");
    return EXIT_USAGE;
}

/* --- options -------------------------------------------------------------------------------------------------- */

int
cli_take_duration(const struct cli *cli, const char *option, const char *value, int64_t *ret_us)
{
    if (units_parse_duration(value, ret_us) == OK)
        return OK;
    cli_usage(cli, "%s: \"%s\" is not a time; write seconds (2.5), or a number with us, ms, s, m, h or d", option, value);
    return ERR_INVALID;
}

int
cli_take_count(const struct cli *cli, const char *option, const char *value, uint64_t min, uint64_t max,
               uint64_t *ret_count)
{
    if (units_parse_count(value, min, max, ret_count) == OK)
        return OK;
    cli_usage(cli, "%s: \"%s\" is not a whole number from %llu to %llu", option, value, (unsigned long long)min,
              (unsigned long long)max);
    return ERR_INVALID;
}

static int
take_output(struct cli *cli, const char *value)
{
    cli->is_json = strcmp(value, "json") == 0;
    if (cli->is_json || strcmp(value, "table") == 0)
        return OK;
    cli_usage(cli, "--output: \"%s\" is neither table nor json", value);
    return ERR_INVALID;
}

/* A global option. OK, or ARG_STOP with the exit code set. */
static int
take_global(struct cli *cli, int key, const char *value)
{
    int status = OK;

    cli->exit_code = EXIT_USAGE;
    switch (key) {
    case KEY_CONNECT:
        cli->endpoint = value;
        return OK;
    case 't':
        status = cli_take_duration(cli, "--timeout", value, &cli->timeout_us);
        break;
    case 'o':
        status = take_output(cli, value);
        break;
    case 'V':
        printf("snakepit %s\n", SNAKEPIT_VERSION);
        cli->exit_code = EXIT_DONE;
        return ARG_STOP;
    default:
        help_print(cli->command);
        cli->exit_code = EXIT_DONE;
        return ARG_STOP;
    }
    return status == OK ? OK : ARG_STOP;
}

static bool
is_global(int key)
{
    for (const struct option_spec *option = global_options; option->key != 0; option++)
        if (option->key == key)
            return true;
    return false;
}

int
cli_next(struct cli *cli, struct args *args, const char **ret_value)
{
    const struct option_spec *options = cli->command ? cli->command->options : NULL;

    for (;;) {
        int key = args_next(args, options, global_options, ret_value);

        if (key == ARG_WRONG) {
            cli->exit_code = cli_usage(cli, "%s", args->error);
            return ARG_STOP;
        }
        if (!is_global(key))
            return key;
        if (take_global(cli, key, *ret_value) != OK)
            return ARG_STOP;
    }
}

int
cli_take_pool(struct cli *cli, struct args *args, const char **ret_pool)
{
    const char *value;
    int key;

    *ret_pool = NULL;
    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ARG_STOP;
        if (*ret_pool) {
            cli->exit_code = cli_usage(cli, "one pool at most; \"%s\" is too much", value);
            return ARG_STOP;
        }
        *ret_pool = value;
    }
    return OK;
}

/* --- the connection ------------------------------------------------------------------------------------------- */

int
cli_timeout_ms(const struct cli *cli, int64_t default_us)
{
    int64_t us = cli->timeout_us >= 0 ? cli->timeout_us : default_us;

    if (us < 0)
        return -1;
    return us > INT64_C(2000000000) * 1000 ? 2000000000 : (int)((us + 999) / 1000);
}

static int
fail_to_reach(const struct cli *cli, int waited_ms)
{
    char reason[PROBE_TEXT_BYTES], waited[UNITS_TEXT_BYTES];

    probe_endpoint(cli->endpoint, reason);
    cli_say(cli, "no broker answers at %s (waited %s): %s", cli->endpoint,
            units_format_duration(waited, waited_ms / 1e3), reason);
    fputs("  start one with:       snakepitd -c FILE\n"
          "  or name another one:  snakepit --connect ENDPOINT ..., or SNAKEPIT_ENDPOINT in the environment\n", stderr);
    return EXIT_UNREACHABLE;
}

static int
make_client(struct cli *cli, const struct snakepit_client_options *wishes)
{
    struct snakepit_client_options options = wishes ? *wishes : (struct snakepit_client_options){0};

    options.endpoint = cli->endpoint;
    options.name = "snakepit-cli";
    cli->client = snakepit_client_new(&options);
    if (cli->client)
        return EXIT_DONE;
    if (errno == EINVAL || errno == EPROTONOSUPPORT)
        return cli_usage(cli, "\"%s\" is not an endpoint; write tcp://HOST:PORT or ipc://PATH", cli->endpoint);
    cli_say(cli, "cannot make a connection: %s", strerror(errno));
    return EXIT_UNREACHABLE;
}

int
cli_connect(struct cli *cli, const struct snakepit_client_options *wishes)
{
    enum { HINT_MS = 400 };
    int timeout_ms = cli_timeout_ms(cli, CONNECT_TIMEOUT_US);
    int first_ms = timeout_ms < HINT_MS ? timeout_ms : HINT_MS;
    int status;

    if (cli->client)
        return EXIT_DONE;
    status = make_client(cli, wishes);
    if (status != EXIT_DONE)
        return status;
    status = snakepit_connect(cli->client, first_ms);
    if (status == SNAKEPIT_TIMEOUT && timeout_ms > first_ms) {
        if (isatty(STDERR_FILENO))
            cli_say(cli, "waiting for a broker at %s ...", cli->endpoint);
        status = snakepit_connect(cli->client, timeout_ms - first_ms);
    }
    if (status == SNAKEPIT_TIMEOUT)
        return fail_to_reach(cli, timeout_ms);
    if (status != SNAKEPIT_OK)
        cli_say(cli, "%s: %s", cli->endpoint, snakepit_last_error(cli->client));
    return status == SNAKEPIT_OK ? EXIT_DONE : status == SNAKEPIT_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

int
cli_admin(struct cli *cli, const char *function, struct snakepit_args *args, int timeout_ms,
          struct snakepit_result **ret_result)
{
    struct snakepit_bytes encoded = {0};
    struct snakepit_result *result = NULL;
    int status = cli_connect(cli, NULL);

    if (status != EXIT_DONE)
        return status;
    if (args && snakepit_args_finish(args, &encoded) != SNAKEPIT_OK) {
        cli_say(cli, "out of memory");
        return EXIT_TASK_FAILED;
    }
    status = snakepit_admin(cli->client, function, encoded.data, encoded.size, timeout_ms, &result);
    if (status == SNAKEPIT_OK) {
        *ret_result = result;
        return EXIT_DONE;
    }
    if (status == SNAKEPIT_FAILED) {
        int code = outcome_exit_code(result);

        outcome_report(result);
        /* The only task of the broker itself that expires is waiting for something. */
        if (strcmp(result->code, "expired") == 0)
            code = EXIT_UNREACHABLE;
        snakepit_result_destroy(&result);
        return code;
    }
    if (status == SNAKEPIT_TIMEOUT)
        cli_say(cli, "the broker at %s did not answer in time", cli->endpoint);
    else
        cli_say(cli, "%s: %s", snakepit_strerror(status), snakepit_last_error(cli->client));
    return status == SNAKEPIT_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

void
cli_print(struct cli *cli, const void *data, size_t size)
{
    errno = EIO; /* what a write that failed earlier leaves */
    if ((fwrite(data, 1, size, stdout) < size || fflush(stdout) != 0 || ferror(stdout)) && cli->write_error == 0)
        cli->write_error = errno;
}

/* --- the system ----------------------------------------------------------------------------------------------- */

int64_t
cli_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

unsigned
cli_terminal_width(int fd)
{
    struct winsize size;

    if (!isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Colours are for terminals whose owner has not asked for none (https://no-color.org). */
bool
cli_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour) && (!term || strcmp(term, "dumb") != 0);
}
