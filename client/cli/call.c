/* call.c - snakepit call: one task, its result on stdout. */
#include "client/cli/arguments.h"
#include "client/cli/cli.h"
#include "client/cli/fault.h"
#include "client/cli/interrupt.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"
#include "client/cli/task_options.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "wire/err.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a call that was interrupted waits for the task's end. */
#define CANCEL_GRACE_US INT64_C(2000000)

/* Parts of a stream that may be under way: whoever reads our output slowly slows the task. */
enum { STREAM_CREDIT = 64 };

struct call {
    struct cli *cli;
    struct arguments arguments;
    struct wire_buffer encoded;
    struct snakepit_task task;
    uint64_t id;
    bool is_streamed;
    uint32_t stream_attempt; /* of the chunks printed so far */
    bool is_done;
    bool is_cancelled; /* by us: nobody needs to be told */
    int exit_code;
};

/* --- how far it is -------------------------------------------------------------------------------------------- */

static void
on_progress(struct snakepit_client *client, const struct snakepit_progress *progress, void *user)
{
    const struct call *call = user;
    char *note = text_make_safe(progress->note, strlen(progress->note), 0);
    const char *colon = note && note[0] ? ": " : "";

    (void)client;
    if (progress->total > 0)
        cli_say(call->cli, "%.0f %% (%.10g of %.10g)%s%s", 100 * progress->done / progress->total, progress->done,
                progress->total, colon, note ? note : "");
    else
        cli_say(call->cli, "%.10g done%s%s", progress->done, colon, note ? note : "");
    free(note);
}

/* --- what the words say --------------------------------------------------------------------------------------- */

static int
blame_argument(struct cli *cli, const char *which, const char *text, const struct json_fault *fault)
{
    char *place = fault_format(fault, text, strlen(text), 72);

    if (fault->line > 1)
        cli_say(cli, "%s is not JSON: %s (line %zu, column %zu)", which, fault->text, fault->line, fault->column);
    else if (fault->line == 1)
        cli_say(cli, "%s is not JSON: %s (column %zu)", which, fault->text, fault->column);
    else
        cli_say(cli, "%s: %s", which, fault->text);
    fputs(place, stderr);
    free(place);
    return ERR_INVALID;
}

static int
take_named(struct call *call, const char *word)
{
    const char *equals = strchr(word, '=');
    struct json_fault fault;
    char name[64], which[96];
    int status;

    if (!equals || equals == word || (size_t)(equals - word) >= sizeof name) {
        cli_usage(call->cli, "--kw: \"%s\" is not NAME=JSON", word);
        return ERR_INVALID;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
    status = arguments_add_named(&call->arguments, name, equals + 1, &fault);
    if (status == ERR_FULL)
        cli_usage(call->cli, "--kw: %s is given twice", name);
    snprintf(which, sizeof which, "--kw %s", name);
    return status == ERR_INVALID ? blame_argument(call->cli, which, equals + 1, &fault) : status;
}

static int
take_positional(struct call *call, const char *word)
{
    struct json_fault fault;
    char which[32];

    if (!call->task.pool) {
        call->task.pool = word;
        return OK;
    }
    if (!call->task.function) {
        call->task.function = word;
        return OK;
    }
    snprintf(which, sizeof which, "argument %zu", json_array_size(call->arguments.positional) + 1);
    if (arguments_add(&call->arguments, word, &fault) != OK)
        return blame_argument(call->cli, which, word, &fault);
    return OK;
}

/* OK, or ERR_INVALID with the exit code set in cli. */
static int
take_words(struct call *call, struct args *args)
{
    struct json_fault fault;
    const char *value;
    int key, status = OK;

    while (status == OK && (key = cli_next(call->cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        if (key == ARG_POSITIONAL)
            status = take_positional(call, value);
        else if (key == KEY_KW)
            status = take_named(call, value);
        else if (key == KEY_STREAM)
            call->is_streamed = true;
        else if (key == KEY_PROGRESS)
            call->task.on_progress = on_progress;
        else
            status = task_options_take(call->cli, key, value, &call->task);
    }
    call->cli->exit_code = EXIT_USAGE;
    if (status != OK)
        return ERR_INVALID;
    if (!call->task.function) {
        cli_usage(call->cli, "%s is missing", call->task.pool ? "the function" : "the pool");
        return ERR_INVALID;
    }
    status = arguments_encode(&call->arguments, &call->encoded, &fault);
    if (status != OK)
        cli_usage(call->cli, "%s", fault.text);
    return status;
}

/* --- what comes back ------------------------------------------------------------------------------------------ */

static void
print_line(const struct call *call, struct wire_buffer *line)
{
    json_text_raw(line, "\n");
    cli_print(call->cli, line->data, line->size);
}

static void
on_chunk(struct snakepit_client *client, const struct snakepit_chunk *chunk, void *user)
{
    struct call *call = user;
    struct wire_buffer line;

    (void)client;
    if (call->stream_attempt != 0 && chunk->attempt != call->stream_attempt)
        cli_say(call->cli, "the stream begins anew: its worker was lost, this is attempt %u", chunk->attempt);
    call->stream_attempt = chunk->attempt;
    wire_buffer_init(&line, false);
    outcome_put_payload(&line, chunk->content_type, chunk->parts, chunk->part_count);
    print_line(call, &line);
    wire_buffer_fini(&line);
}

/* A generator's last message has no value of its own. */
static bool
is_end_of_stream(const struct call *call, const struct snakepit_result *result)
{
    struct snakepit_value value;

    return call->is_streamed && result->chunks > 0 &&
           (result->part_count == 0 ||
            (snakepit_result_value(result, &value) == SNAKEPIT_OK && value.kind == SNAKEPIT_NIL));
}

static void
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    struct call *call = user;
    struct wire_buffer line;

    (void)client;
    call->is_done = true;
    if (result->state == SNAKEPIT_STATE_ABANDONED)
        return;
    call->exit_code = outcome_exit_code(result);
    wire_buffer_init(&line, false);
    if (call->cli->is_json) {
        json_text_raw(&line, "{");
        outcome_put_members(&line, result);
        json_text_raw(&line, "}");
        print_line(call, &line);
    } else if (result->state != SNAKEPIT_STATE_OK) {
        if (!call->is_cancelled)
            outcome_report(result);
    } else if (!is_end_of_stream(call, result)) {
        outcome_put_payload(&line, result->content_type, result->parts, result->part_count);
        print_line(call, &line);
    }
    wire_buffer_fini(&line);
}

static void
on_link(struct snakepit_client *client, enum snakepit_link link, const char *text, void *user)
{
    struct cli *cli = user;

    (void)client;
    if (link == SNAKEPIT_LINK_DOWN)
        cli_say(cli, "the connection to %s ended; waiting for the broker, the task is kept", cli->endpoint);
    else if (link == SNAKEPIT_LINK_REFUSED)
        cli_say(cli, "%s", text);
}

/* --- waiting -------------------------------------------------------------------------------------------------- */

/* Wait for the end of the task, for a signal, or until `until_us` (-1: for ever). The signal's number, or 0. */
static int
wait_for_end(struct call *call, int interrupt_fd, int64_t until_us)
{
    struct pollfd fds[] = {{.fd = snakepit_fd(call->cli->client), .events = POLLIN},
                           {.fd = interrupt_fd, .events = POLLIN}};

    while (!call->is_done) {
        int signal_number = interrupt_take(interrupt_fd);
        int64_t left_us = until_us - cli_now_us();

        if (signal_number != 0)
            return signal_number;
        if (until_us >= 0 && left_us <= 0)
            return 0;
        if (snakepit_process(call->cli->client, 0) < 0) {
            cli_say(call->cli, "%s", snakepit_last_error(call->cli->client));
            call->exit_code = EXIT_UNREACHABLE;
            return 0;
        }
        if (!call->is_done)
            poll(fds, 2, until_us < 0 ? -1 : (int)(left_us / 1000 < 1000000 ? left_us / 1000 + 1 : 1000000));
    }
    return 0;
}

/* Ask for the task's end and give it a moment, so that nobody finds it running later. */
static void
cancel(struct call *call, int interrupt_fd)
{
    call->is_cancelled = true;
    snakepit_cancel(call->cli->client, call->id);
    wait_for_end(call, interrupt_fd, cli_now_us() + CANCEL_GRACE_US);
}

static int
run_task(struct call *call)
{
    struct cli *cli = call->cli;
    struct snakepit_client_options wishes = {.on_link = on_link, .user = cli};
    int interrupt_fd = interrupt_open(), signal_number;
    int64_t until_us = cli->timeout_us < 0 ? -1 : cli_now_us() + cli->timeout_us;
    int exit_code = cli_connect(cli, &wishes);
    char waited[UNITS_TEXT_BYTES];

    if (exit_code == EXIT_DONE && snakepit_submit(cli->client, &call->task, &call->id) != SNAKEPIT_OK)
        exit_code = cli_usage(cli, "%s", snakepit_last_error(cli->client));
    if (exit_code == EXIT_DONE) {
        signal_number = wait_for_end(call, interrupt_fd, until_us);
        exit_code = call->exit_code;
        if (signal_number != 0) {
            cancel(call, interrupt_fd);
            exit_code = EXIT_SIGNALLED + signal_number;
        } else if (!call->is_done && exit_code == EXIT_DONE) {
            cli_say(cli, "no result within %s; the task is cancelled",
                    units_format_duration(waited, (double)cli->timeout_us / 1e6));
            cancel(call, interrupt_fd);
            exit_code = EXIT_UNREACHABLE;
        }
    }
    snakepit_client_destroy(&cli->client);
    if (interrupt_fd >= 0)
        close(interrupt_fd);
    return exit_code;
}

int
command_call(struct cli *cli, struct args *args)
{
    struct call call = {.cli = cli};
    int exit_code;

    arguments_init(&call.arguments);
    wire_buffer_init(&call.encoded, false);
    if (take_words(&call, args) == OK) {
        call.task.args = call.encoded.data;
        call.task.args_bytes = call.encoded.size;
        call.task.want_info = cli->is_json;
        call.task.on_done = on_done;
        call.task.on_chunk = call.is_streamed ? on_chunk : NULL;
        call.task.credit = call.is_streamed ? STREAM_CREDIT : 0;
        call.task.user = &call;
        exit_code = run_task(&call);
    } else {
        exit_code = cli->exit_code;
    }
    arguments_fini(&call.arguments);
    wire_buffer_fini(&call.encoded);
    return exit_code;
}
