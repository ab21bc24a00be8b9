/* submit.c - snakepit submit: one task per line of input, one record per line of output. */
#include "client/cli/batch.h"
#include "client/cli/cli.h"
#include "client/cli/feed.h"
#include "client/cli/interrupt.h"
#include "client/cli/meter.h"
#include "client/cli/output.h"
#include "client/cli/task_options.h"
#include "client/cli/units.h"
#include "wire/err.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_DEFAULT = 1000, WINDOW_MAX = 100000, OUTPUT_LEFT_MAX = 1024 * 1024 };

#define DRAW_US INT64_C(100000)
#define HOUR_US INT64_C(3600000000)

/* How long what was cancelled may take to end. */
#define CANCEL_GRACE_US INT64_C(5000000)

struct submit {
    struct cli *cli;
    struct feed feed;
    struct batch batch;
    struct output output;
    struct meter meter;
    uint64_t window;
    bool is_ordered, is_quiet;
    bool is_stop_told;     /* why no further line is read */
    bool has_stopped;      /* no further line is read */
    int exit_code;         /* the first reason to stop; EXIT_DONE: none */
    int64_t cancel_due_us; /* what is cancelled is given up then; 0: nothing is cancelled */
    int64_t down_since_us; /* the connection is gone since; 0: it stands */
    int interrupt_fd;
};

static void
stop(struct submit *submit, int exit_code)
{
    if (submit->exit_code == EXIT_DONE)
        submit->exit_code = exit_code;
    submit->has_stopped = true;
}

/* Stop, and ask for the end of all that is under way. */
static void
cancel(struct submit *submit, int exit_code)
{
    submit->exit_code = exit_code;
    stop(submit, exit_code);
    if (submit->cancel_due_us == 0)
        batch_cancel(&submit->batch, submit->cli->client);
    submit->cancel_due_us = cli_now_us() + CANCEL_GRACE_US;
}

/* --- input ---------------------------------------------------------------------------------------------------- */

static void
stop_at_fault(struct submit *submit)
{
    meter_clear(&submit->meter);
    feed_tell(&submit->feed, submit->cli);
    stop(submit, EXIT_USAGE);
}

static bool
has_room(const struct submit *submit)
{
    return batch_has_room(&submit->batch) && output_left(&submit->output) < OUTPUT_LEFT_MAX;
}

/* Offer tasks as long as there are lines and room. */
static void
offer_tasks(struct submit *submit)
{
    struct feed *feed = &submit->feed;

    batch_offer_again(&submit->batch, submit->cli->client, cli_now_us());
    while (!submit->has_stopped && has_room(submit)) {
        int status = feed_next(feed);

        if (status == ERR_INVALID) {
            stop_at_fault(submit);
            return;
        }
        if (status == ERR_NOT_FOUND) {
            submit->has_stopped = feed->lines.is_at_end;
            return;
        }
        status = batch_offer(&submit->batch, submit->cli->client, feed->lines.number, &feed->encoded);
        feed->is_held = status == SNAKEPIT_FULL && submit->batch.unprinted > 0;
        if (feed->is_held)
            return; /* something must end first */
        if (status != SNAKEPIT_OK) {
            meter_clear(&submit->meter);
            cli_say(submit->cli, "line %llu: %s", (unsigned long long)feed->lines.number,
                    snakepit_last_error(submit->cli->client));
            stop(submit, EXIT_USAGE);
        }
    }
}

/* --- output --------------------------------------------------------------------------------------------------- */

static void
flush_output(struct submit *submit)
{
    if (output_left(&submit->output) > 0 && isatty(submit->output.fd))
        meter_clear(&submit->meter);
    if (output_flush(&submit->output) == OK || submit->exit_code == EXIT_SIGNALLED + SIGPIPE)
        return;
    if (submit->output.error == EPIPE) {
        cancel(submit, EXIT_SIGNALLED + SIGPIPE);
        return;
    }
    meter_clear(&submit->meter);
    cli_say(submit->cli, "cannot write the output: %s", strerror(submit->output.error));
    cancel(submit, EXIT_TASK_FAILED);
}

/* The total is known when the input has ended; before that, a file's size lets us guess. */
static void
update_meter(struct submit *submit)
{
    struct progress *progress = &submit->meter.progress;
    struct stat facts;

    progress->done = submit->batch.done;
    progress->failed = submit->batch.failed;
    progress->is_estimate = !submit->has_stopped;
    if (submit->has_stopped)
        progress->total = submit->batch.offered;
    else if (submit->feed.lines.bytes_read > 0 && fstat(submit->feed.lines.fd, &facts) == 0 && S_ISREG(facts.st_mode))
        progress->total = (uint64_t)((double)submit->batch.offered * (double)facts.st_size /
                                     (double)submit->feed.lines.bytes_read);
    meter_draw(&submit->meter, cli_now_us());
}

static void
print_summary(const struct submit *submit)
{
    char tasks[UNITS_TEXT_BYTES], ok[UNITS_TEXT_BYTES], failed[UNITS_TEXT_BYTES], rate[UNITS_TEXT_BYTES];
    char time[UNITS_TEXT_BYTES];
    const struct batch *batch = &submit->batch;
    struct progress progress = submit->meter.progress;
    int64_t now_us = cli_now_us();

    progress.done = batch->done;
    cli_say(submit->cli, "%s task%s in %s (%s): %s ok, %s failed", units_format_count(tasks, batch->done),
            batch->done == 1 ? "" : "s", units_format_duration(time, (double)(now_us - progress.started_us) / 1e6),
            units_format_rate(rate, progress_rate(&progress, now_us)),
            units_format_count(ok, batch->done - batch->failed), units_format_count(failed, batch->failed));
}

/* --- the loop ------------------------------------------------------------------------------------------------- */

static void
on_link(struct snakepit_client *client, enum snakepit_link link, const char *text, void *user)
{
    struct submit *submit = user;

    (void)client;
    meter_clear(&submit->meter);
    if (link == SNAKEPIT_LINK_DOWN && submit->down_since_us == 0) {
        cli_say(submit->cli, "the connection to %s ended; waiting for the broker, all tasks are kept",
                submit->cli->endpoint);
        submit->down_since_us = cli_now_us();
    } else if (link == SNAKEPIT_LINK_UP) {
        if (submit->down_since_us != 0)
            cli_say(submit->cli, "connected again");
        submit->down_since_us = 0;
    } else if (link == SNAKEPIT_LINK_REFUSED) {
        cli_say(submit->cli, "%s", text);
        stop(submit, EXIT_REFUSED);
    }
}

/* An answer that all further tasks would get ends the input: thousands of them help nobody. */
static void
heed_stop(struct submit *submit)
{
    if (submit->batch.stop_code == 0 || submit->is_stop_told)
        return;
    submit->is_stop_told = true;
    meter_clear(&submit->meter);
    cli_say(submit->cli, "%s", submit->batch.stop_text);
    stop(submit, submit->batch.stop_code);
}

/* Look at signals and timers. False: leave at once. */
static bool
go_on(struct submit *submit, int64_t now_us)
{
    int signal_number = interrupt_take(submit->interrupt_fd);

    if (signal_number != 0) {
        if (submit->cancel_due_us != 0)
            return false; /* the second time: at once */
        meter_clear(&submit->meter);
        cli_say(submit->cli, "cancelling %llu tasks; again to leave at once",
                (unsigned long long)(submit->batch.offered - submit->batch.done));
        cancel(submit, EXIT_SIGNALLED + signal_number);
    }
    if (submit->cancel_due_us != 0 && now_us >= submit->cancel_due_us)
        return false;
    if (submit->down_since_us != 0 && submit->cli->timeout_us >= 0 &&
        now_us - submit->down_since_us >= submit->cli->timeout_us) {
        submit->exit_code = EXIT_UNREACHABLE;
        return false;
    }
    heed_stop(submit);
    return true;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int
poll_timeout_ms(const struct submit *submit, int64_t now_us)
{
    int64_t due_us = submit->batch.retry_at_us;

    if (submit->meter.is_on)
        due_us = least(due_us, now_us + DRAW_US);
    if (submit->cancel_due_us != 0)
        due_us = least(due_us, submit->cancel_due_us);
    if (submit->down_since_us != 0 && submit->cli->timeout_us >= 0)
        due_us = least(due_us, submit->down_since_us + submit->cli->timeout_us);
    if (due_us == INT64_MAX)
        return -1;
    return due_us > now_us ? (int)(least(due_us - now_us, HOUR_US) / 1000 + 1) : 0;
}

/* Sleep until something can be done, and read what is there. */
static void
wait_for_events(struct submit *submit)
{
    enum { CLIENT, INPUT, OUTPUT, SIGNAL, FDS };
    bool reads = !submit->has_stopped && !submit->feed.is_held && !submit->feed.lines.is_at_end && has_room(submit);
    struct pollfd fds[FDS] = {
        [CLIENT] = {.fd = snakepit_fd(submit->cli->client), .events = POLLIN},
        [INPUT] = {.fd = reads ? submit->feed.lines.fd : -1, .events = POLLIN},
        [OUTPUT] = {.fd = submit->output.error == 0 ? submit->output.fd : -1,
                    .events = output_left(&submit->output) > 0 ? POLLOUT : 0},
        [SIGNAL] = {.fd = submit->interrupt_fd, .events = POLLIN},
    };

    if (poll(fds, FDS, poll_timeout_ms(submit, cli_now_us())) > 0 && fds[INPUT].revents != 0 &&
        feed_fill(&submit->feed) != OK)
        stop_at_fault(submit);
}

static bool
is_finished(const struct submit *submit)
{
    return submit->has_stopped && submit->batch.unprinted == 0 && output_left(&submit->output) == 0;
}

static void
run_loop(struct submit *submit)
{
    while (go_on(submit, cli_now_us())) {
        offer_tasks(submit);
        if (snakepit_process(submit->cli->client, 0) < 0) {
            meter_clear(&submit->meter);
            cli_say(submit->cli, "%s", snakepit_last_error(submit->cli->client));
            stop(submit, EXIT_UNREACHABLE);
            return;
        }
        offer_tasks(submit); /* what ended made room: the next tasks go out in this turn */
        flush_output(submit);
        if (is_finished(submit))
            return;
        update_meter(submit);
        snakepit_flush(submit->cli->client);
        wait_for_events(submit);
    }
}

/* What is left when the loop was left early: a reader that waits may be interrupted. */
static void
write_rest(struct submit *submit)
{
    while (output_flush(&submit->output) == OK && output_left(&submit->output) > 0) {
        struct pollfd fds[] = {{.fd = submit->output.fd, .events = POLLOUT},
                               {.fd = submit->interrupt_fd, .events = POLLIN}};

        if (poll(fds, 2, -1) > 0 && interrupt_take(submit->interrupt_fd) != 0)
            return;
    }
}

/* --- the command ---------------------------------------------------------------------------------------------- */

static int
take_words(struct submit *submit, struct args *args, struct snakepit_task *task)
{
    struct cli *cli = submit->cli;
    const char *value;
    int key, status = OK;

    cli->exit_code = EXIT_USAGE;
    while (status == OK && (key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        if (key == ARG_POSITIONAL && !task->pool) {
            task->pool = value;
        } else if (key == ARG_POSITIONAL && !task->function) {
            task->function = value;
        } else if (key == ARG_POSITIONAL) {
            cli_usage(cli, "\"%s\" is too much; arguments are read from standard input, a line for each task", value);
            return ERR_INVALID;
        } else if (key == KEY_WINDOW) {
            status = cli_take_count(cli, "--window", value, 1, WINDOW_MAX, &submit->window);
        } else if (key == KEY_ORDERED) {
            submit->is_ordered = true;
        } else if (key == 'q') {
            submit->is_quiet = true;
        } else {
            status = task_options_take(cli, key, value, task);
        }
    }
    if (status == OK && !task->function) {
        cli_usage(cli, "%s is missing", task->pool ? "the function" : "the pool");
        return ERR_INVALID;
    }
    return status;
}

static int
run_submit(struct submit *submit)
{
    struct cli *cli = submit->cli;
    struct snakepit_client_options wishes = {.on_link = on_link, .user = submit};
    int exit_code = cli_connect(cli, &wishes);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (isatty(submit->feed.lines.fd) && !submit->is_quiet)
        cli_say(cli, "reading tasks from the terminal, one line of JSON each; end with Ctrl-D");
    meter_init(&submit->meter, !submit->is_quiet, cli_now_us());
    run_loop(submit);
    heed_stop(submit);
    meter_clear(&submit->meter);
    snakepit_client_destroy(&cli->client); /* tells of what is left: a record for each line that was offered */
    batch_abandon(&submit->batch);
    write_rest(submit);
    if (!submit->is_quiet && submit->exit_code != EXIT_SIGNALLED + SIGPIPE)
        print_summary(submit);
    if (submit->exit_code != EXIT_DONE)
        return submit->exit_code;
    return submit->batch.failed > 0 ? EXIT_TASK_FAILED : EXIT_DONE;
}

int
command_submit(struct cli *cli, struct args *args)
{
    struct submit submit = {.cli = cli, .window = WINDOW_DEFAULT};
    struct snakepit_task task = {0};
    int exit_code;

    if (take_words(&submit, args, &task) != OK)
        return cli->exit_code;
    signal(SIGPIPE, SIG_IGN);
    submit.interrupt_fd = interrupt_open();
    feed_init(&submit.feed, STDIN_FILENO);
    output_init(&submit.output, STDOUT_FILENO);
    batch_init(&submit.batch, &task, &submit.output.pending, submit.is_ordered, submit.window);
    exit_code = run_submit(&submit);
    snakepit_client_destroy(&cli->client);
    batch_fini(&submit.batch);
    output_fini(&submit.output);
    feed_fini(&submit.feed);
    if (submit.interrupt_fd >= 0)
        close(submit.interrupt_fd);
    if (exit_code == EXIT_SIGNALLED + SIGPIPE) { /* end as every filter does whose reader has gone */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return exit_code;
}
