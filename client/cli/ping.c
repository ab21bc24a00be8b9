/* ping.c - snakepit ping: round trips to the broker. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_DEFAULT = 3, COUNT_MAX = 100000 };

struct ping {
    uint64_t count; /* how many are wanted */
    double *times_ms;
    uint64_t done;
    char version[64], protocol[64];
};

/* One round trip. EXIT_DONE, or an exit code after saying why. */
static int
ping_once(struct cli *cli, struct ping *ping)
{
    struct snakepit_result *result;
    struct snakepit_value value;
    char took[UNITS_TEXT_BYTES];
    int64_t start_us = cli_now_us();
    int exit_code = cli_admin(cli, "ping", NULL, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    ping->times_ms[ping->done] = (double)(cli_now_us() - start_us) / 1e3;
    if (snakepit_result_value(result, &value) == SNAKEPIT_OK) {
        field_text(&value, "version", ping->version, sizeof ping->version);
        field_text(&value, "protocol", ping->protocol, sizeof ping->protocol);
    }
    snakepit_result_destroy(&result);
    if (!cli->is_json) {
        printf("%s: snakepitd %s, %s, %s\n", cli->endpoint, ping->version, ping->protocol,
               units_format_duration(took, ping->times_ms[ping->done] / 1e3));
        fflush(stdout);
    }
    ping->done++;
    return EXIT_DONE;
}

static void
print_report(struct cli *cli, const struct ping *ping)
{
    double least = ping->times_ms[0], most = least, sum = 0;
    char texts[3][UNITS_TEXT_BYTES];
    struct wire_buffer out;

    for (uint64_t i = 0; i < ping->done; i++) {
        least = ping->times_ms[i] < least ? ping->times_ms[i] : least;
        most = ping->times_ms[i] > most ? ping->times_ms[i] : most;
        sum += ping->times_ms[i];
    }
    if (!cli->is_json) {
        printf("%llu round trips: least %s, mean %s, most %s\n", (unsigned long long)ping->done,
               units_format_duration(texts[0], least / 1e3),
               units_format_duration(texts[1], sum / (double)ping->done / 1e3),
               units_format_duration(texts[2], most / 1e3));
        return;
    }
    wire_buffer_init(&out, false);
    json_text_raw(&out, "{\"endpoint\": ");
    json_text_string(&out, cli->endpoint);
    json_text_raw(&out, ", \"version\": ");
    json_text_string(&out, ping->version);
    json_text_raw(&out, ", \"protocol\": ");
    json_text_string(&out, ping->protocol);
    json_text_format(&out, ", \"count\": %llu, \"min_ms\": %.3f, \"mean_ms\": %.3f, \"max_ms\": %.3f, \"times_ms\": [",
                     (unsigned long long)ping->done, least, sum / (double)ping->done, most);
    for (uint64_t i = 0; i < ping->done; i++)
        json_text_format(&out, "%s%.3f", i > 0 ? ", " : "", ping->times_ms[i]);
    json_text_raw(&out, "]}\n");
    cli_print(cli, out.data, out.size);
    wire_buffer_fini(&out);
}

int
command_ping(struct cli *cli, struct args *args)
{
    struct ping ping = {.count = COUNT_DEFAULT};
    const char *value;
    int key, exit_code;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == ARG_POSITIONAL)
            return cli_usage(cli, "no argument is expected, and \"%s\" is one", value);
        if (cli_take_count(cli, "--count", value, 1, COUNT_MAX, &ping.count) != OK)
            return EXIT_USAGE;
    }
    exit_code = cli_connect(cli, NULL); /* first, so that connecting counts for no round trip */
    if (exit_code != EXIT_DONE)
        return exit_code;
    ping.times_ms = calloc(ping.count, sizeof *ping.times_ms);
    if (!ping.times_ms)
        abort();
    while (exit_code == EXIT_DONE && ping.done < ping.count)
        exit_code = ping_once(cli, &ping);
    if (ping.done > 0)
        print_report(cli, &ping);
    free(ping.times_ms);
    return exit_code;
}
