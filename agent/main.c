/* main.c - the program snakepit-agent: keeps the configured number of Python workers alive on this host. */
#include "agent/address.h"
#include "agent/overrides.h"
#include "agent/watch.h"

#include "wire/err.h"

#include <argp.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_CONFIG = 3, OPTION_LIFELINE = 256, OPTION_CONNECT, OPTION_WORKERS };

const char *argp_program_version = "snakepit-agent " SNAKEPIT_VERSION;

struct arguments {
    const char *config_path;
    const char *connect; /* NULL: from the configuration */
    int lifeline_fd;     /* -1: none */
    struct overrides overrides;
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the configuration file; it has the pools whose workers are kept here", 0},
    {"connect", OPTION_CONNECT, "HOST|ENDPOINT", 0, "where the broker is, when it is on another host; of a host alone, "
     "the workers' port of the configuration", 0},
    {"workers", OPTION_WORKERS, "POOL=N", 0, "keep N workers of this pool here, whatever the configuration says; may be "
     "given again for other pools", 0},
    {"lifeline", OPTION_LIFELINE, "FD", 0, "end when this inherited pipe ends; used by snakepitd", 0},
    {NULL, 'h', NULL, 0, "the same as --help", -1},
    {0},
};

static int
parse_descriptor(const char *text, struct argp_state *state)
{
    char *end;
    long fd = strtol(text, &end, 10);

    if (end == text || *end != '\0' || fd < 0 || fd > 1 << 20 || fcntl((int)fd, F_GETFD) < 0)
        argp_error(state, "--lifeline %s is not an open descriptor", text);
    return (int)fd;
}

static error_t
parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->config_path = value;
        return 0;
    case OPTION_CONNECT:
        arguments->connect = value;
        return 0;
    case OPTION_WORKERS:
        if (overrides_add(&arguments->overrides, value) != OK)
            argp_error(state, "--workers %s: give POOL=N, N from 0 to 4096, for at most 64 pools", value);
        return 0;
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    case OPTION_LIFELINE:
        arguments->lifeline_fd = parse_descriptor(value, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->config_path == NULL)
            argp_error(state, "-c FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Descriptors 0 to 2 must be something, or a pipe of ours becomes the stderr of a library. Nothing inherited above
 * them is for the workers. */
static void
tidy_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int
run(struct config *config, const struct arguments *arguments, const char *address)
{
    struct log *log = log_new(STDERR_FILENO, "snakepit-agent", config->log_format, config->log_level);
    const char *path = config->path;
    int status = EXIT_FAILURE;

    log_begin(log, LOG_INFO, "agent.ready");
    log_int(log, "pid", getpid());
    if (strncmp(path, "/proc/self/fd/", 14) != 0) /* the broker gave it, and has logged its name */
        log_str(log, "config", path);
    log_str(log, "connect", address);
    log_end(log);
    struct watch *watch = watch_new(&config, &arguments->overrides, address, arguments->lifeline_fd, log);
    if (watch != NULL) {
        watch_run(watch);
        status = EXIT_SUCCESS;
    }
    watch_destroy(&watch);
    log_begin(log, LOG_INFO, "agent.ended");
    log_int(log, "pid", getpid());
    log_end(log);
    log_destroy(&log);
    return status;
}

static bool
has_workers(const struct config *config, const struct overrides *overrides)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (overrides_wanted(overrides, &config->pools[i]) > 0)
            return true;
    return false;
}

/* Whether the arguments go with the configuration; *address is the broker's then. Else a reason was printed. */
static bool
is_fit(const struct config *config, const struct arguments *arguments, char address[ADDRESS_BYTES])
{
    const char *pool = NULL;

    if (!overrides_fit(&arguments->overrides, config, &pool))
        fprintf(stderr, "%s: --workers names %s, which is not a pool with an app\n", config->path, pool);
    else if (!has_workers(config, &arguments->overrides))
        fprintf(stderr, "%s: no pool has workers; set workers and app in at least one pool\n", config->path);
    else if (address_find(config, arguments->connect, address) != OK)
        fprintf(stderr, "--connect %s: give tcp://HOST:PORT or ipc:///PATH, or a host when endpoints.workers of %s has "
                "a port\n", arguments->connect, config->path);
    else
        return true;
    return false;
}

int
main(int argc, char **argv)
{
    static const struct argp parser = {options, parse_option, NULL,
                                       "Keep the local workers of a Snakepit configuration alive.", NULL, NULL, NULL};
    struct arguments arguments = {.lifeline_fd = -1};
    struct config *config = NULL;
    char *text = NULL;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    tidy_descriptors();
    signal(SIGPIPE, SIG_IGN);
    /* What a dead worker leaves behind becomes our child, so that we can end it. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    int err = config_load(arguments.config_path, &config, &text);
    if (text != NULL)
        fputs(text, stderr);
    free(text);
    if (err != OK)
        return EXIT_CONFIG;
    char address[ADDRESS_BYTES];
    if (is_fit(config, &arguments, address))
        return run(config, &arguments, address);
    config_unload(&config);
    return EXIT_CONFIG;
}
