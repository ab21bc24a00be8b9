/* config_schema.c - the table of options, and what each allows in words; see config_schema.h. */
#include "broker/io/config_schema.h"

#include "broker/io/config.h"
#include "broker/io/config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IN_CONFIG(field) offsetof(struct config, field), sizeof(((struct config *)NULL)->field)
#define IN_POOL(field) offsetof(struct pool_config, field), sizeof(((struct pool_config *)NULL)->field)
#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* In the order of the enums that they become. */
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const profiles[] = {"process", "thread", NULL};

const char *const config_sections[] = {"endpoints", "log", "limits", "timers", "agent", POOLS_SECTION, NULL};

/* Sizes of frames cannot be raised above what SPIT/1 implementations accept, except frame_max, which libzmq checks. */
const struct option config_options[] = {
    {"", "insecure", OPTION_BOOL, IN_CONFIG(insecure), "false", 0, 0, NULL},
    {"", "io_threads", OPTION_COUNT, IN_CONFIG(io_threads), "1", 1, 16, NULL},

    {"endpoints", "clients", OPTION_ENDPOINT, IN_CONFIG(clients_endpoint), "\"tcp://127.0.0.1:5570\"", 0, 0, NULL},
    {"endpoints", "workers", OPTION_ENDPOINT, IN_CONFIG(workers_endpoint), "\"tcp://127.0.0.1:5571\"", 0, 0, NULL},
    {"endpoints", "events", OPTION_ENDPOINT_OR_NONE, IN_CONFIG(events_endpoint),
     "\"tcp://127.0.0.1:5572\"", 0, 0, NULL},

    {"log", "format", OPTION_CHOICE, IN_CONFIG(log_format), "\"logfmt\"", 0, 0, log_formats},
    {"log", "level", OPTION_CHOICE, IN_CONFIG(log_level), "\"info\"", 0, 0, log_levels},

    {"limits", "tasks_max", OPTION_COUNT, IN_CONFIG(broker.tasks_max), "1000000", 1, 100000000, NULL},
    {"limits", "bytes_max", OPTION_SIZE, IN_CONFIG(broker.bytes_max), "\"1GiB\"", MIB, 1024 * GIB, NULL},
    {"limits", "client_tasks_max", OPTION_COUNT, IN_CONFIG(broker.client_tasks_max), "100000", 1, 100000000, NULL},
    {"limits", "client_bytes_max", OPTION_SIZE, IN_CONFIG(broker.client_bytes_max),
     "\"256MiB\"", 64 * KIB, 1024 * GIB, NULL},
    {"limits", "client_results_max", OPTION_COUNT, IN_CONFIG(broker.client_results_max), "100000", 1, 100000000, NULL},
    {"limits", "peers_max", OPTION_COUNT, IN_CONFIG(broker.peers_max), "10000", 1, 1000000, NULL},
    {"limits", "inline_max", OPTION_SIZE, IN_CONFIG(broker.inline_bytes_max),
     "\"256KiB\"", KIB, INLINE_BYTES_MAX, NULL},
    {"limits", "control_max", OPTION_SIZE, IN_CONFIG(broker.control_bytes_max),
     "\"8MiB\"", 64 * KIB, CONTROL_BYTES_MAX, NULL},
    {"limits", "frame_max", OPTION_SIZE, IN_CONFIG(broker.frame_bytes_max), "\"64MiB\"", 64 * KIB, 2 * GIB, NULL},
    {"limits", "send_queue_max", OPTION_COUNT, IN_CONFIG(send_queue_max), "1000", 1, 1000000, NULL},
    {"limits", "send_bytes_max", OPTION_SIZE, IN_CONFIG(send_bytes_max), "\"64MiB\"", 64 * KIB, 1024 * GIB, NULL},

    {"timers", "heartbeat", OPTION_DURATION, IN_CONFIG(broker.heartbeat_us), "\"5s\"", 50 * MS, 5 * MINUTE, NULL},
    {"timers", "heartbeats_missed_max", OPTION_COUNT, IN_CONFIG(broker.heartbeats_missed_max), "3", 1, 100, NULL},
    {"timers", "worker_grace", OPTION_DURATION, IN_CONFIG(broker.worker_grace_us), "\"500ms\"", 0, 10 * MINUTE, NULL},
    {"timers", "client_retention", OPTION_DURATION, IN_CONFIG(broker.client_retention_us),
     "\"60s\"", 0, 24 * HOUR, NULL},
    {"timers", "drain_timeout", OPTION_DURATION, IN_CONFIG(drain_timeout_us), "\"30s\"", 0, 24 * HOUR, NULL},
    {"timers", "link_heartbeat", OPTION_DURATION, IN_CONFIG(link_heartbeat_us), "\"2500ms\"", 100 * MS, 5 * MINUTE, NULL},
    {"timers", "link_timeout", OPTION_DURATION, IN_CONFIG(link_timeout_us), "\"1500ms\"", 100 * MS, 5 * MINUTE, NULL},

    {"agent", "stop_timeout", OPTION_DURATION, IN_CONFIG(stop_timeout_us), "\"10s\"", 0, HOUR, NULL},
    {"agent", "restart_delay", OPTION_DURATION, IN_CONFIG(restart_delay_us), "\"200ms\"", 10 * MS, HOUR, NULL},
    {"agent", "restart_delay_max", OPTION_DURATION, IN_CONFIG(restart_delay_max_us),
     "\"30s\"", 10 * MS, 24 * HOUR, NULL},

    {POOLS_SECTION, "name", OPTION_NAME, IN_POOL(core.name), NULL, 0, 0, NULL},
    {POOLS_SECTION, "workers", OPTION_COUNT, IN_POOL(core.workers_wanted), "0", 0, 4096, NULL},
    {POOLS_SECTION, "app", OPTION_APP, IN_POOL(app), NULL, 0, 0, NULL},
    {POOLS_SECTION, "profile", OPTION_CHOICE, IN_POOL(profile), "\"process\"", 0, 0, profiles},
    {POOLS_SECTION, "threads_per_worker", OPTION_COUNT, IN_POOL(slots), "1", 1, SLOTS_MAX, NULL},
    {POOLS_SECTION, "python", OPTION_TEXT, IN_POOL(python), "\"python3\"", 0, 0, NULL},
    {POOLS_SECTION, "directory", OPTION_TEXT, IN_POOL(directory), NULL, 0, 0, NULL},
    {POOLS_SECTION, "environment", OPTION_STRINGS, IN_POOL(environment), "( )", 0, 0, NULL},
    {POOLS_SECTION, "queued_max", OPTION_COUNT, IN_POOL(core.queued_max), "100000", 1, 100000000, NULL},
    {POOLS_SECTION, "queued_bytes_max", OPTION_SIZE, IN_POOL(core.queued_bytes_max),
     "\"256MiB\"", 64 * KIB, 1024 * GIB, NULL},
    {POOLS_SECTION, "max_attempts", OPTION_COUNT, IN_POOL(core.max_attempts), "5", 1, ATTEMPTS_MAX, NULL},
    {0},
};

const struct option *
option_find(const char *section, const char *name)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0 && strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

static void
describe_choice(const struct option *option, char *ret_text, size_t size)
{
    size_t at = (size_t)snprintf(ret_text, size, "one of");

    for (const char *const *choice = option->choices; *choice != NULL && at < size; choice++)
        at += (size_t)snprintf(ret_text + at, size - at, "%s \"%s\"", choice == option->choices ? "" : ",", *choice);
}

static void
describe_range(const struct option *option, char *ret_text, size_t size)
{
    char min[UNIT_TEXT_BYTES];
    char max[UNIT_TEXT_BYTES];

    if (option->type == OPTION_DURATION) {
        duration_format(option->min, min);
        duration_format(option->max, max);
    } else if (option->type == OPTION_SIZE) {
        size_format(option->min, min);
        size_format(option->max, max);
    } else {
        snprintf(min, sizeof(min), "%" PRId64, option->min);
        snprintf(max, sizeof(max), "%" PRId64, option->max);
    }
    if (option->type == OPTION_COUNT)
        snprintf(ret_text, size, "a whole number from %s to %s", min, max);
    else
        snprintf(ret_text, size, "a %s such as %s, from %s to %s",
                 option->type == OPTION_DURATION ? "duration" : "size", option->default_text, min, max);
}

void
option_describe(const struct option *option, char *ret_text, size_t size)
{
    switch (option->type) {
    case OPTION_TEXT:
        snprintf(ret_text, size, "a string that is not empty");
        return;
    case OPTION_NAME:
        snprintf(ret_text, size, "a name of 1 to 64 of the characters A-Z a-z 0-9 _ . -");
        return;
    case OPTION_APP:
        snprintf(ret_text, size, "a string \"module:app\"");
        return;
    case OPTION_ENDPOINT:
        snprintf(ret_text, size, "a string \"tcp://ADDRESS:PORT\" or \"ipc:///ABSOLUTE/PATH\"");
        return;
    case OPTION_ENDPOINT_OR_NONE:
        snprintf(ret_text, size, "a string \"tcp://ADDRESS:PORT\" or \"ipc:///ABSOLUTE/PATH\", or \"\" for none");
        return;
    case OPTION_CHOICE:
        describe_choice(option, ret_text, size);
        return;
    case OPTION_BOOL:
        snprintf(ret_text, size, "true or false");
        return;
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        describe_range(option, ret_text, size);
        return;
    case OPTION_STRINGS:
        snprintf(ret_text, size, "a list of strings ( \"NAME=value\", ... )");
        return;
    }
}
