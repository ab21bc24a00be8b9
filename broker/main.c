/* main.c - the program snakepitd: arguments, configuration, the parts, the loop, and all freed in reverse order. */
#include "broker/io/admin.h"
#include "broker/io/agent_process.h"
#include "broker/io/clock.h"
#include "broker/io/config.h"
#include "broker/io/config_print.h"
#include "broker/io/events.h"
#include "broker/io/log.h"
#include "broker/io/loop.h"
#include "broker/io/router.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#define DEFAULT_CONFIG "/etc/snakepit/snakepit.conf"
/* At the end the agent gets this long to let its workers end, and as long again to kill them. */
#define AGENT_END_US 800000

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

static const char USAGE[] =
    "Usage: snakepitd [-c FILE] [OPTION]...\n"
    "The Snakepit broker: takes tasks from clients and hands them to the workers of named pools.\n"
    "\n"
    "  -c, --config FILE   read this configuration (" DEFAULT_CONFIG ")\n"
    "  -t, --check-config  check the configuration, say OK or what is wrong, and end\n"
    "  -p, --print-config  print the configuration with all defaults, in the form of a file, and end\n"
    "  -n, --no-agent      start no snakepit-agent, so no local workers\n"
    "  -V, --version       print the version and end\n"
    "  -h, --help          print this and end\n"
    "\n"
    "Signals: SIGTERM drains, then ends; SIGINT ends without waiting for running tasks; a second one ends at once.\n"
    "Exit status: 0 ended in good order, 1 could not start or was cut short, 2 wrong usage, 3 wrong configuration.\n";

struct arguments {
    const char *config;
    bool only_check;
    bool only_print;
    bool no_agent;
};

/* What the program is made of, in the order in which it is built. */
struct program {
    struct config *config;
    struct log *log;
    int signal_fd;
    void *context;
    struct broker *broker;
    struct events *events;
    struct router *workers;
    struct router *clients;
    struct admin *admin;
    struct agent_process *agent;
    struct reload *reload;
};

/* Take one option. OK, or ERR_INVALID and *ret_status when the program is to end now. */
static int
take_option(int option, struct arguments *arguments, int *ret_status)
{
    switch (option) {
    case 'c':
        arguments->config = optarg;
        return OK;
    case 't':
        arguments->only_check = true;
        return OK;
    case 'p':
        arguments->only_print = true;
        return OK;
    case 'n':
        arguments->no_agent = true;
        return OK;
    case 'V':
        puts("snakepitd " SNAKEPIT_VERSION " (" PROTOCOL_NAME ")");
        *ret_status = EXIT_GOOD;
        return ERR_INVALID;
    case 'h':
        fputs(USAGE, stdout);
        *ret_status = EXIT_GOOD;
        return ERR_INVALID;
    default:
        fputs("Try 'snakepitd --help'.\n", stderr);
        *ret_status = EXIT_USAGE;
        return ERR_INVALID;
    }
}

static int
parse_arguments(int argc, char **argv, struct arguments *arguments, int *ret_status)
{
    static const struct option OPTIONS[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 't'},
        {"print-config", no_argument, NULL, 'p'}, {"no-agent", no_argument, NULL, 'n'},
        {"version", no_argument, NULL, 'V'},      {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:tpnVh", OPTIONS, NULL)) != -1)
        if (take_option(option, arguments, ret_status) != OK)
            return ERR_INVALID;
    /* `snakepitd --check-config FILE` is what hands type. */
    if (optind < argc && (arguments->only_check || arguments->only_print))
        arguments->config = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "snakepitd: unexpected argument '%s'\nTry 'snakepitd --help'.\n", argv[optind]);
        *ret_status = EXIT_USAGE;
        return ERR_INVALID;
    }
    return OK;
}

/* Errors and warnings go to stderr as they are: whoever reads them edits the file next. */
static int
load_config(const char *path, struct config **ret_config)
{
    char *text = NULL;
    int rc = config_load(path, ret_config, &text);

    if (text && text[0])
        fprintf(stderr, "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    free(text);
    if (rc != OK && access(path, R_OK) != 0)
        fputs("snakepitd: name a configuration with -c FILE; snakepit.conf(5) shows what it holds\n", stderr);
    return rc;
}

static void
print_summary(const struct config *config)
{
    unsigned workers = 0;

    for (size_t i = 0; i < config->pool_count; i++)
        workers += config->pools[i].core.workers_wanted;
    printf("OK: %s: %zu pools, %u local workers; clients %s, workers %s, events %s\n", config->path,
           config->pool_count, workers, config->clients_endpoint, config->workers_endpoint,
           config->events_endpoint ? config->events_endpoint : "off");
}

/* --- the process ---------------------------------------------------------------------------------------------- */

/* Descriptors 0 to 2 must be something, or the log is written into a socket of libzmq's. */
static void
fill_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* Every connection is a descriptor. The usual soft limit of 1024 is there for programs that use select().
 * Clients and workers each may be peers_max, but hardly both at once. */
static void
raise_descriptor_limit(const struct config *config, struct log *log)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->broker.peers_max + 64;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
        log_line(log, LOG_WARN, "limit.descriptors", "at most %llu descriptors, but peers_max needs up to %llu",
                 (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
}

/* Before any thread is made, so that all inherit the blocked signals. */
static int
open_signals(void)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
log_ready(const struct program *program)
{
    log_begin(program->log, LOG_INFO, "broker.ready");
    log_str(program->log, "version", SNAKEPIT_VERSION);
    log_int(program->log, "pid", getpid());
    log_str(program->log, "clients", router_address(program->clients));
    log_str(program->log, "workers", router_address(program->workers));
    if (events_address(program->events))
        log_str(program->log, "events", events_address(program->events));
    log_uint(program->log, "pools", program->config->pool_count);
    log_end(program->log);
}

/* --- building and freeing ------------------------------------------------------------------------------------- */

static struct broker *
make_broker(struct config *config)
{
    int64_t started_us = clock_wall_us();
    struct broker *broker;

    config->broker.epoch = (uint64_t)(started_us / 1000000);
    config->broker.epoch_us = (uint32_t)(started_us % 1000000);
    config->broker.version = "snakepitd " SNAKEPIT_VERSION;
    if (getrandom(&config->broker.hash_seed, sizeof config->broker.hash_seed, GRND_NONBLOCK) < 0)
        config->broker.hash_seed = (uint64_t)clock_now_us(); /* too early after boot; still no constant */
    broker = broker_new(&config->broker);
    for (size_t i = 0; i < config->pool_count; i++)
        broker_add_pool(broker, &config->pools[i].core);
    return broker;
}

/* The time to their first runs begins here. */
static void
start_schedules(struct broker *broker, const struct config *config)
{
    struct outbox outbox;

    outbox_init(&outbox);
    reload_schedules(NULL, config, broker, clock_now_us(), &outbox);
    outbox_fini(&outbox);
}

/* OK, or ERR_SYSTEM with a logged reason; what was built so far is freed by tear_down. */
static int
build(struct program *program, bool no_agent)
{
    struct config *config = program->config;
    struct admin_sources sources;

    program->signal_fd = open_signals();
    program->context = zmq_ctx_new();
    if (program->signal_fd < 0 || !program->context) {
        log_line(program->log, LOG_ERROR, "broker.failed", "%s", strerror(errno));
        return ERR_SYSTEM;
    }
    zmq_ctx_set(program->context, ZMQ_IO_THREADS, (int)config->io_threads);
    program->broker = make_broker(config);
    start_schedules(program->broker, config);
    program->events = events_new(program->context, config->events_endpoint, program->log);
    if (!program->events)
        return ERR_SYSTEM;
    program->workers = router_new(program->context, SIDE_WORKER, config, program->log);
    if (!program->workers)
        return ERR_SYSTEM;
    program->clients = router_new(program->context, SIDE_CLIENT, config, program->log);
    if (!program->clients)
        return ERR_SYSTEM;
    broker_set_clients_endpoint(program->broker, router_address(program->clients));
    sources = (struct admin_sources){.broker = program->broker, .clients = program->clients,
                                     .workers = program->workers, .events = program->events,
                                     .version = SNAKEPIT_VERSION,
                                     .epoch = config->broker.epoch, .started_us = clock_now_us()};
    program->admin = admin_new(&sources);
    if (!no_agent)
        program->agent = agent_process_new(config, program->log);
    program->reload = reload_new(config, program->broker, program->agent, program->log);
    return program->agent && config_has_local_workers(config) ? agent_process_start(program->agent, clock_now_us()) : OK;
}

static void
tear_down(struct program *program)
{
    reload_destroy(&program->reload);
    if (program->agent)
        agent_process_destroy(&program->agent, AGENT_END_US);
    admin_destroy(&program->admin);
    router_destroy(&program->clients);
    router_destroy(&program->workers);
    events_destroy(&program->events);
    broker_destroy(&program->broker);
    if (program->context)
        zmq_ctx_term(program->context);
    if (program->signal_fd >= 0)
        close(program->signal_fd);
}

static int
run(struct program *program, bool no_agent)
{
    struct config *config = program->config;
    int status = EXIT_FAILED;

    raise_descriptor_limit(config, program->log);
    if (build(program, no_agent) == OK) {
        const struct loop_parts parts = {
            .config = config, .broker = program->broker, .agent = program->agent, .reload = program->reload,
            .log = program->log, .clients = program->clients, .workers = program->workers, .admin = program->admin,
            .events = program->events, .signal_fd = program->signal_fd};

        log_ready(program);
        status = loop_run(&parts);
    }
    tear_down(program);
    log_line(program->log, LOG_INFO, "broker.ended", "status %d", status);
    return status;
}

int
main(int argc, char **argv)
{
    struct program program = {.signal_fd = -1};
    struct arguments arguments = {.config = DEFAULT_CONFIG};
    int status = EXIT_GOOD;

    fill_standard_descriptors();
    if (parse_arguments(argc, argv, &arguments, &status) != OK)
        return status;
    if (load_config(arguments.config, &program.config) != OK)
        return EXIT_CONFIG;
    if (arguments.only_print) {
        config_print(program.config, stdout);
    } else if (arguments.only_check) {
        print_summary(program.config);
    } else {
        program.log = log_new(STDERR_FILENO, "snakepitd", program.config->log_format, program.config->log_level);
        status = run(&program, arguments.no_agent);
        log_destroy(&program.log);
    }
    config_unload(&program.config);
    return status;
}
