/* cli.h - what all commands share: global options, the connection, exit codes, and how people are told what is wrong. */
#ifndef SNAKEPIT_CLI_CLI_H
#define SNAKEPIT_CLI_CLI_H

#include "client/cli/args.h"
#include "client/include/snakepit.h"

#include <stdbool.h>
#include <stdint.h>

/* Documented in docs/man/snakepit.1. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_TASK_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_UNREACHABLE = 4, /* or timed out */
    EXIT_REFUSED = 5,
    EXIT_SIGNALLED = 128, /* plus the signal's number */
};

/* How long a command waits for the broker when -t does not say. */
#define CONNECT_TIMEOUT_US INT64_C(5000000)

struct cli {
    const char *endpoint;
    int64_t timeout_us; /* -1: not given */
    bool is_json;       /* -o json */
    const struct command *command;
    struct snakepit_client *client; /* NULL until cli_connect */
    const char *retry_on[16 + 1]; /* RETRY_TYPES_MAX of --retry-on, ended by NULL */
    int exit_code;   /* after ARG_STOP */
    int write_error; /* errno of the first write to stdout that failed; 0: none */
};

struct command {
    const char *name;
    const char *synopsis; /* behind the name in the usage line */
    const char *summary;  /* one line, for the list of commands */
    const struct option_spec *options;
    const char *details;  /* the help's end; NULL: none */
    int (*run)(struct cli *cli, struct args *args); /* the exit code */
};

extern const struct option_spec global_options[];

/* Keys of options that have no short form. */
enum {
    KEY_CONNECT = 256,
    KEY_PRIORITY,
    KEY_DEADLINE,
    KEY_DELAY,
    KEY_MAX_ATTEMPTS,
    KEY_AT_MOST_ONCE,
    KEY_RETRIES,
    KEY_RETRY_ON,
    KEY_BACKOFF,
    KEY_KILLS_MAX,
    KEY_DEDUP_KEY,
    KEY_DEDUP,
    KEY_GROUP,
    KEY_FAIR_KEY,
    KEY_SESSION,
    KEY_SESSION_MODE,
    KEY_RUN_LIMIT,
    KEY_KW,
    KEY_STREAM,
    KEY_PROGRESS,
    KEY_ORDERED,
    KEY_WINDOW,
    KEY_ALL,
    KEY_WAIT,
    KEY_WORKERS,
    KEY_LIMIT,
    KEY_EVENTS,
    KEY_POOL,
    KEY_BATCH,
    KEY_IMPORT,
    KEY_PROFILE,
    KEY_EVERY,
    KEY_OVERLAP,
};

enum { ARG_STOP = -3 };

/* Take the command's next word, as args_next does. Global options and --help are dealt with here.
 * ARG_STOP: the command returns cli->exit_code at once (help was printed, or what is wrong was said). */
int
cli_next(struct cli *cli, struct args *args, const char **ret_value);

/* For commands that take no option of their own and at most one word (a pool). OK, or ARG_STOP. */
int
cli_take_pool(struct cli *cli, struct args *args, const char **ret_pool);

/* Say on stderr what is wrong, prefixed with the program's name. */
void
cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, and where help is. Returns EXIT_USAGE. */
int
cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Take the value of a global or command option that is a duration or a number. OK, or ERR_INVALID after saying so. */
int
cli_take_duration(const struct cli *cli, const char *option, const char *value, int64_t *ret_us);

int
cli_take_count(const struct cli *cli, const char *option, const char *value, uint64_t min, uint64_t max,
               uint64_t *ret_count);

/* Milliseconds for the library: rounded up, `default_us` when -t was not given. */
int
cli_timeout_ms(const struct cli *cli, int64_t default_us);

/* Connect within the timeout (CONNECT_TIMEOUT_US when -t was not given). EXIT_DONE, or an exit code after saying why. */
int
cli_connect(struct cli *cli, const struct snakepit_client_options *wishes);

/* Connect if that is not done yet, make an admin call and wait for it. EXIT_DONE: the caller frees *ret_result.
 * Otherwise an exit code, after saying why. `args` may be NULL. */
int
cli_admin(struct cli *cli, const char *function, struct snakepit_args *args, int timeout_ms,
          struct snakepit_result **ret_result);

/* Write to stdout at once. A failure is remembered in cli->write_error, and main tells of it at the end. */
void
cli_print(struct cli *cli, const void *data, size_t size);

/* Monotonic time. */
int64_t
cli_now_us(void);

/* Columns of the terminal at `fd`, 0 when it is none. */
unsigned
cli_terminal_width(int fd);

/* Whether standard output is a terminal whose owner wants colours. */
bool
cli_wants_colour(void);

/* The commands, the last one without a name. */
extern const struct command commands[];

int
command_call(struct cli *cli, struct args *args);
int
command_submit(struct cli *cli, struct args *args);
int
command_status(struct cli *cli, struct args *args);
int
command_pools(struct cli *cli, struct args *args);
int
command_workers(struct cli *cli, struct args *args);
int
command_tasks(struct cli *cli, struct args *args);
int
command_ping(struct cli *cli, struct args *args);
int
command_dead(struct cli *cli, struct args *args);
int
command_schedule(struct cli *cli, struct args *args);
int
command_cancel(struct cli *cli, struct args *args);
int
command_drain(struct cli *cli, struct args *args);
int
command_resume(struct cli *cli, struct args *args);
int
command_ready(struct cli *cli, struct args *args);
int
command_doctor(struct cli *cli, struct args *args);
int
command_compat(struct cli *cli, struct args *args);
int
command_events(struct cli *cli, struct args *args);
int
command_inspect(struct cli *cli, struct args *args);
int
command_stats(struct cli *cli, struct args *args);
int
command_worker(struct cli *cli, struct args *args);
int
command_explain(struct cli *cli, struct args *args);
int
command_recycle(struct cli *cli, struct args *args);
int
command_agents(struct cli *cli, struct args *args);
int
command_top(struct cli *cli, struct args *args);

#endif
