/* events.c - snakepit events: what the broker publishes, one JSON object on each line. */
#include "client/cli/field.h"
#include "client/cli/interrupt.h"
#include "client/cli/text.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>
#include <zmq.h>

enum { ENDPOINT_BYTES = 512, NAME_BYTES = 64 };

/* How many events of one name there were: a gap says that some were lost. */
struct tally {
    char name[NAME_BYTES + 1];
    uint64_t seq;
    UT_hash_handle hh;
};

struct events {
    const char *prefixes[64];
    size_t prefix_count;
    char endpoint[ENDPOINT_BYTES];
    uint64_t wanted; /* 0: without end */
    uint64_t printed;
    uint64_t lost;
    int64_t until_us; /* INT64_MAX: without end */
    void *context, *socket;
    struct tally *tallies;
};

/* --- where ---------------------------------------------------------------------------------------------------- */

/* "tcp://HOST" of the endpoint that we are connected to, for a broker that listens on every address of its host. */
static void
replace_wildcard(struct events *events, const char *connected)
{
    static const char *const wildcards[] = {"tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"};
    const char *colon = strrchr(connected, ':');
    char port[32];

    for (size_t i = 0; i < sizeof wildcards / sizeof *wildcards; i++) {
        size_t size = strlen(wildcards[i]);

        if (strncmp(events->endpoint, wildcards[i], size) != 0 || strncmp(connected, "tcp://", 6) != 0 || !colon)
            continue;
        snprintf(port, sizeof port, "%s", events->endpoint + size);
        snprintf(events->endpoint, sizeof events->endpoint, "%.*s:%s", (int)(colon - connected), connected, port);
        return;
    }
}

/* Ask the broker where it publishes. EXIT_DONE, or an exit code after saying why. */
static int
find_endpoint(struct cli *cli, struct events *events)
{
    struct snakepit_value status, about;
    struct snakepit_result *result;
    int exit_code = cli_admin(cli, "status", NULL, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (snakepit_result_value(result, &status) == SNAKEPIT_OK) {
        about = view_map(&status, "events");
        field_text(&about, "endpoint", events->endpoint, sizeof events->endpoint);
    }
    snakepit_result_destroy(&result);
    replace_wildcard(events, cli->endpoint);
    if (events->endpoint[0])
        return EXIT_DONE;
    cli_say(cli, "the broker publishes no events: its endpoints.events is empty");
    return EXIT_NOT_FOUND;
}

static int
subscribe(struct cli *cli, struct events *events)
{
    int linger_ms = 0, ipv6 = strchr(events->endpoint, '[') != NULL;

    events->context = zmq_ctx_new();
    events->socket = events->context ? zmq_socket(events->context, ZMQ_SUB) : NULL;
    if (!events->socket) {
        cli_say(cli, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
        return EXIT_UNREACHABLE;
    }
    zmq_setsockopt(events->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt(events->socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
    for (size_t i = 0; i < events->prefix_count; i++)
        zmq_setsockopt(events->socket, ZMQ_SUBSCRIBE, events->prefixes[i], strlen(events->prefixes[i]));
    if (events->prefix_count == 0)
        zmq_setsockopt(events->socket, ZMQ_SUBSCRIBE, "", 0);
    if (zmq_connect(events->socket, events->endpoint) == 0)
        return EXIT_DONE;
    return cli_usage(cli, "\"%s\" is not an endpoint; write tcp://HOST:PORT or ipc://PATH", events->endpoint);
}

static void
leave(struct events *events)
{
    struct tally *tally, *next;

    if (events->socket)
        zmq_close(events->socket);
    if (events->context)
        zmq_ctx_term(events->context);
    HASH_ITER(hh, events->tallies, tally, next) {
        HASH_DEL(events->tallies, tally);
        free(tally);
    }
}

/* --- what ----------------------------------------------------------------------------------------------------- */

static struct tally *
find_tally(struct events *events, const char *name, size_t size)
{
    struct tally *tally;

    HASH_FIND(hh, events->tallies, name, size, tally);
    if (tally)
        return tally;
    tally = calloc(1, sizeof *tally);
    if (!tally)
        abort();
    memcpy(tally->name, name, size);
    HASH_ADD_KEYPTR(hh, events->tallies, tally->name, size, tally);
    return tally;
}

/* The `seq` of an event, 0 when it has none. The broker writes it near the front, before anything that a stranger wrote. */
static uint64_t
find_seq(const char *text, size_t size)
{
    static const char key[] = "\"seq\":";
    char head[192];
    const char *at;

    snprintf(head, sizeof head, "%.*s", (int)(size < sizeof head ? size : sizeof head - 1), text);
    at = strstr(head, key);
    return at ? strtoull(at + sizeof key - 1, NULL, 10) : 0;
}

/* Events that this program was too slow for. A broker that was restarted counts from 1 again. */
static void
count_lost(struct events *events, const char *name, size_t name_size, uint64_t seq)
{
    struct tally *tally;

    if (seq == 0 || name_size > NAME_BYTES)
        return;
    tally = find_tally(events, name, name_size);
    if (tally->seq > 0 && seq > tally->seq + 1)
        events->lost += seq - tally->seq - 1;
    tally->seq = seq;
}

/* Take one event, if there is one. OK, or ERR_AGAIN. */
static int
take_event(struct cli *cli, struct events *events)
{
    zmq_msg_t name, text;
    char *line;

    zmq_msg_init(&name);
    zmq_msg_init(&text);
    if (zmq_msg_recv(&name, events->socket, ZMQ_DONTWAIT) < 0)
        return ERR_AGAIN;
    if (zmq_msg_more(&name) && zmq_msg_recv(&text, events->socket, ZMQ_DONTWAIT) >= 0) {
        count_lost(events, zmq_msg_data(&name), zmq_msg_size(&name), find_seq(zmq_msg_data(&text), zmq_msg_size(&text)));
        line = text_make_safe(zmq_msg_data(&text), zmq_msg_size(&text), 0);
        if (line) {
            size_t size = strlen(line);

            line[size] = '\n'; /* in the place of its NUL */
            cli_print(cli, line, size + 1);
            free(line);
        }
        events->printed++;
    }
    while (zmq_msg_more(&text) && zmq_msg_recv(&text, events->socket, ZMQ_DONTWAIT) >= 0)
        ; /* no event of ours has more frames */
    zmq_msg_close(&name);
    zmq_msg_close(&text);
    return OK;
}

static bool
is_complete(const struct cli *cli, const struct events *events)
{
    return cli->write_error != 0 || (events->wanted > 0 && events->printed >= events->wanted);
}

/* Until there were enough, time is up, or a signal comes. The exit code. */
static int
follow(struct cli *cli, struct events *events, int interrupt_fd)
{
    zmq_pollitem_t items[] = {{.socket = events->socket, .events = ZMQ_POLLIN}, {.fd = interrupt_fd, .events = ZMQ_POLLIN}};
    int number, count = interrupt_fd >= 0 ? 2 : 1;

    while (!is_complete(cli, events)) {
        int64_t left_us = events->until_us == INT64_MAX ? 1000000 : events->until_us - cli_now_us();

        if (left_us <= 0)
            return events->wanted > 0 ? EXIT_UNREACHABLE : EXIT_DONE;
        if (zmq_poll(items, count, (long)((left_us < 1000000 ? left_us : 1000000) + 999) / 1000) < 0 && zmq_errno() != EINTR)
            return EXIT_UNREACHABLE;
        while (!is_complete(cli, events) && take_event(cli, events) == OK)
            ;
        number = interrupt_take(interrupt_fd);
        if (number != 0)
            return EXIT_SIGNALLED + number;
    }
    return EXIT_DONE;
}

static int
take_words(struct cli *cli, struct args *args, struct events *events)
{
    const char *value;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        if (key == 'n') {
            if (cli_take_count(cli, "--count", value, 1, UINT64_MAX, &events->wanted) != OK) {
                cli->exit_code = EXIT_USAGE;
                return ERR_INVALID;
            }
        } else if (key == KEY_EVENTS) {
            snprintf(events->endpoint, sizeof events->endpoint, "%s", value);
        } else if (events->prefix_count < sizeof events->prefixes / sizeof *events->prefixes) {
            events->prefixes[events->prefix_count++] = value;
        } else {
            cli->exit_code = cli_usage(cli, "too many prefixes");
            return ERR_INVALID;
        }
    }
    return OK;
}

int
command_events(struct cli *cli, struct args *args)
{
    struct events events = {.until_us = INT64_MAX};
    int interrupt_fd, exit_code = EXIT_DONE;

    if (take_words(cli, args, &events) != OK)
        return cli->exit_code;
    interrupt_fd = interrupt_open(); /* before the first thread is made */
    if (!events.endpoint[0])
        exit_code = find_endpoint(cli, &events);
    if (exit_code == EXIT_DONE)
        exit_code = subscribe(cli, &events);
    if (cli->timeout_us >= 0)
        events.until_us = cli_now_us() + cli->timeout_us;
    if (exit_code == EXIT_DONE)
        exit_code = follow(cli, &events, interrupt_fd);
    if (events.lost > 0)
        cli_say(cli, "%llu events were lost: they came faster than they could be printed", (unsigned long long)events.lost);
    if (interrupt_fd >= 0)
        close(interrupt_fd);
    leave(&events);
    return exit_code;
}
