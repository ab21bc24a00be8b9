/* top.c - snakepit top: pools and workers, live on a terminal, or as text or JSON again and again. */
#include "client/cli/top_view.h"

#include "client/cli/interrupt.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"
#include "client/cli/terminal.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INTERVAL_DEFAULT_US = 2000000, INTERVAL_MIN_US = 100000 };

struct top {
    struct top_view *view;
    int64_t interval_us;
    uint64_t count; /* pictures that are wanted; 0: without end */
    bool is_batch;
    struct snakepit_result *answers[3]; /* of status, inspect, workers */
};

static const char *const calls[] = {"status", "inspect", "workers"};

enum { CALL_COUNT = sizeof calls / sizeof *calls };

/* --- asking --------------------------------------------------------------------------------------------------- */

static void
drop_answers(struct top *top)
{
    for (size_t i = 0; i < CALL_COUNT; i++)
        snakepit_result_destroy(&top->answers[i]);
}

/* EXIT_DONE: there is an answer to each call, for drop_answers. */
static int
ask_all(struct cli *cli, struct top *top)
{
    drop_answers(top);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        int exit_code = view_ask(cli, calls[i], NULL, NULL, 0, &top->answers[i]);

        if (exit_code != EXIT_DONE)
            return exit_code;
    }
    return EXIT_DONE;
}

static void
take_sample(const struct top *top, struct top_sample *sample)
{
    struct snakepit_value *values[CALL_COUNT] = {&sample->status, &sample->pools, &sample->workers};

    for (size_t i = 0; i < CALL_COUNT; i++)
        if (snakepit_result_value(top->answers[i], values[i]) != SNAKEPIT_OK)
            *values[i] = (struct snakepit_value){.kind = SNAKEPIT_NIL};
    sample->now_seconds = (double)cli_now_us() / 1e6;
}

/* --- as text or JSON ------------------------------------------------------------------------------------------ */

static void
print_json(struct cli *cli, const struct top *top)
{
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        const struct snakepit_result *answer = top->answers[i];

        json_text_format(&out, "%s\"%s\": ", i > 0 ? ", " : "{", calls[i]);
        outcome_put_payload(&out, answer->content_type, answer->parts, answer->part_count);
    }
    json_text_raw(&out, "}\n");
    cli_print(cli, out.data, out.size);
    wire_buffer_fini(&out);
}

static void
print_text(struct cli *cli, const struct top *top, bool is_first)
{
    struct top_layout layout = {.columns = cli_terminal_width(STDOUT_FILENO), .with_colour = view_wants_colour()};
    struct top_sample sample;
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    if (!is_first)
        json_text_raw(&out, "\n");
    take_sample(top, &sample);
    top_view_draw(top->view, &sample, cli->endpoint, &layout, &out);
    cli_print(cli, out.data, out.size);
    wire_buffer_fini(&out);
}

/* Answer the broker's heartbeats until then. The number of a signal that came, or 0. */
static int
idle_until(struct cli *cli, int64_t until_us, int interrupt_fd)
{
    struct pollfd fds[] = {{interrupt_fd, POLLIN, 0}, {snakepit_fd(cli->client), POLLIN, 0}};
    int64_t left_us;

    while ((left_us = until_us - cli_now_us()) > 0) {
        int number = interrupt_take(interrupt_fd);

        if (number != 0)
            return number;
        poll(fds, 2, (int)((left_us < 1000000 ? left_us : 1000000) + 999) / 1000);
        snakepit_process(cli->client, 0);
    }
    return interrupt_take(interrupt_fd);
}

static int
run_batch(struct cli *cli, struct top *top)
{
    int interrupt_fd = interrupt_open(), number = 0, exit_code = EXIT_DONE;
    int64_t next_us = cli_now_us();

    for (uint64_t done = 0; number == 0 && cli->write_error == 0 && (top->count == 0 || done < top->count); done++) {
        if (done > 0)
            number = idle_until(cli, next_us, interrupt_fd);
        if (number != 0)
            break;
        exit_code = ask_all(cli, top);
        if (exit_code != EXIT_DONE)
            break;
        if (cli->is_json)
            print_json(cli, top);
        else
            print_text(cli, top, done == 0);
        next_us = cli_now_us() + top->interval_us;
    }
    if (interrupt_fd >= 0)
        close(interrupt_fd);
    return number != 0 ? EXIT_SIGNALLED + number : exit_code;
}

/* --- on the whole screen -------------------------------------------------------------------------------------- */

static void
draw(struct cli *cli, struct top *top)
{
    static const char keys[] = "q quit   space now";
    struct terminal_size size = terminal_size();
    struct top_layout layout = {.columns = size.columns, .lines = size.lines, .with_colour = view_wants_colour()};
    struct top_sample sample;
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    take_sample(top, &sample);
    top_view_draw(top->view, &sample, cli->endpoint, &layout, &out);
    json_text_raw(&out, "\n");
    json_text_raw(&out, view_escape(CELL_FAINT, layout.with_colour));
    json_text_raw(&out, keys);
    wire_write_raw(&out, (struct bytes){(const uint8_t *)"", 1});
    terminal_draw((const char *)out.data);
    wire_buffer_fini(&out);
}

/* Wait for the next picture. EXIT_DONE: it is time; ERR_INVALID: it is to end, with *ret_exit. */
static int
attend(struct cli *cli, const struct top *top, int64_t until_us, int *ret_exit)
{
    int64_t left_us;
    int value = 0;

    (void)top;
    while ((left_us = until_us - cli_now_us()) > 0) {
        enum terminal_news news = terminal_wait((int)(left_us + 999) / 1000, snakepit_fd(cli->client), &value);

        snakepit_process(cli->client, 0);
        if (news == TERMINAL_RESIZED || (news == TERMINAL_KEY && value == ' '))
            return OK;
        *ret_exit = news == TERMINAL_SIGNAL ? EXIT_SIGNALLED + value : EXIT_DONE;
        if (news == TERMINAL_SIGNAL || news == TERMINAL_GONE || (news == TERMINAL_KEY && (value == 'q' || value == 'Q')))
            return ERR_INVALID;
    }
    return OK;
}

static int
run_screen(struct cli *cli, struct top *top)
{
    int exit_code = cli_connect(cli, NULL); /* what goes wrong here is said on the old screen */

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (terminal_open() != OK)
        return cli_usage(cli, "standard input and output are no terminal; use --batch");
    for (uint64_t done = 0; top->count == 0 || done < top->count; done++) {
        int64_t next_us;

        exit_code = ask_all(cli, top);
        if (exit_code != EXIT_DONE)
            break;
        draw(cli, top);
        next_us = cli_now_us() + top->interval_us;
        if (attend(cli, top, next_us, &exit_code) != OK)
            break;
    }
    terminal_close();
    return exit_code;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

static int
take_words(struct cli *cli, struct args *args, struct top *top)
{
    const char *value;
    int key, status = OK;

    while (status == OK && (key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        cli->exit_code = EXIT_USAGE;
        if (key == KEY_BATCH) {
            top->is_batch = true;
        } else if (key == 'n') {
            status = cli_take_count(cli, "--count", value, 1, UINT64_MAX, &top->count);
        } else if (key == 'd') {
            status = cli_take_duration(cli, "--delay", value, &top->interval_us);
        } else {
            cli_usage(cli, "no argument is expected, and \"%s\" is one", value);
            return ERR_INVALID;
        }
    }
    if (top->interval_us < INTERVAL_MIN_US)
        top->interval_us = INTERVAL_MIN_US;
    return status;
}

int
command_top(struct cli *cli, struct args *args)
{
    struct top top = {.interval_us = INTERVAL_DEFAULT_US};
    int exit_code;

    if (take_words(cli, args, &top) != OK)
        return cli->exit_code;
    top.view = top_view_new();
    exit_code = top.is_batch || cli->is_json ? run_batch(cli, &top) : run_screen(cli, &top);
    drop_answers(&top);
    top_view_destroy(&top.view);
    return exit_code;
}
