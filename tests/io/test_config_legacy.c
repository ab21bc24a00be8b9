/* test_config_legacy.c - each option of the old form with one pool means what its modern form does. */
#include "broker/io/config_diff.h"
#include "broker/io/config_legacy.h"
#include "broker/io/config_print.h"
#include "tests/io/config_file.h"

#include <string.h>

#define OLD "pool_size = 2; adapter = \"m:a\"; "
#define MODERN(top, pool) "default_pool = \"default\"; " top "pools = ( { name = \"default\"; workers = 2; app = \"m:a\"; " pool " } );"

struct pair {
    const char *old;
    const char *modern;
};

/* A table may be long; every old option has its line, which a test below checks. */
static const struct pair pairs[] = {
    {OLD, MODERN("", "")},
    {"pool_size = 7; adapter = \"m:a\";", "default_pool = \"default\"; pools = ( { name = \"default\"; workers = 7; app = \"m:a\"; } );"},
    {"adapter = \"pkg.mod:make.app\";", "default_pool = \"default\"; pools = ( { name = \"default\"; workers = 1; app = \"pkg.mod:make.app\"; } );"},
    {"pool_size = 2; adapter = \"lib/m.py:a\";", MODERN("", "directory = \"lib/\";")},
    {"pool_size = 2; adapter = \"/opt/m.py\";",
     "default_pool = \"default\"; pools = ( { name = \"default\"; workers = 2; app = \"m:app\"; directory = \"/opt/\"; } );"},
    {"pool_size = 2; adapter = \"m.py:a\";", MODERN("", "directory = \".\";")},
    {OLD "adapter_args = ( \"--model\", \"a \\\"b\\\"\" );",
     MODERN("", "environment = ( \"SNAKEPIT_ADAPTER_ARGS=[\\\"--model\\\", \\\"a \\\\\\\"b\\\\\\\"\\\"]\" );")},
    {OLD "adapter_env = ( \"A=b\", \"C=\" );", MODERN("", "environment = ( \"A=b\", \"C=\" );")},
    {OLD "adapter_env = [ \"A=b\" ]; adapter_args = [];",
     MODERN("", "environment = ( \"A=b\", \"SNAKEPIT_ADAPTER_ARGS=[]\" );")},
    {OLD "python_executable = \"python3.11\";", MODERN("", "python = \"python3.11\";")},
    {OLD "worker_profile = \"thread\"; threads_per_worker = 8;",
     MODERN("", "profile = \"thread\"; threads_per_worker = 8;")},
    {OLD "worker_profile = \"thread\"; threads = 8;", MODERN("", "profile = \"thread\"; threads_per_worker = 8;")},
    {OLD "startup_batch_size = 8;", MODERN("", "startup_batch = 8;")},
    {OLD "startup_batch_size = 8; startup_batch_delay_ms = 750;",
     MODERN("", "startup_batch = 8; startup_delay = \"750ms\";")},
    {OLD "startup_timeout_ms = 10000;", MODERN("", "start_timeout = \"10s\";")},
    {OLD "max_queue_size = 1000;", MODERN("", "queued_max = 1000;")},
    {OLD "queue_max = 1000;", MODERN("", "queued_max = 1000;")},
    {OLD "worker_ttl_seconds = 3600;", MODERN("", "worker_ttl = \"1h\";")},
    {OLD "worker_ttl_seconds = \"infinity\";", MODERN("", "")},
    {OLD "worker_ttl_seconds = 0;", MODERN("", "")},
    {OLD "worker_max_requests = 200;", MODERN("", "worker_max_tasks = 200;")},
    {OLD "worker_max_requests = \"infinity\";", MODERN("", "")},
    {OLD "memory_threshold_mb = 512;", MODERN("", "worker_memory_max = \"512MiB\";")},
    {OLD "heartbeat_interval_ms = 2000;", MODERN("timers = { heartbeat = \"2s\"; }; ", "")},
    {OLD "heartbeat_max_missed = 5;", MODERN("timers = { heartbeats_missed_max = 5; }; ", "")},
    {OLD "session_affinity = true;", MODERN("", "")},
    {OLD "pooling_enabled = true;", MODERN("", "")},
    {"pooling_enabled = false; " OLD, "default_pool = \"default\"; pools = ( { name = \"default\"; workers = 0; app = \"m:a\"; } );"},
    {OLD "log_level = \"warning\";", MODERN("log = { level = \"warn\"; }; ", "")},
    {OLD "log_level = \"debug\";", MODERN("log = { level = \"debug\"; }; ", "")},
    {OLD "client_port = 7000;", MODERN("endpoints = { clients = \"tcp://127.0.0.1:7000\"; }; ", "")},
    {OLD "worker_port = 7001;", MODERN("endpoints = { workers = \"tcp://127.0.0.1:7001\"; }; ", "")},
    {OLD "bind_address = \"127.0.0.2\"; client_port = 7000;",
     MODERN("endpoints = { clients = \"tcp://127.0.0.2:7000\"; workers = \"tcp://127.0.0.2:5571\"; }; ", "")},
    {OLD "bind_address = \"::1\";",
     MODERN("endpoints = { clients = \"tcp://[::1]:5570\"; workers = \"tcp://[::1]:5571\"; }; ", "")},
    {OLD "limits = { tasks_max = 5; }; insecure = true; default_pool = \"default\";",
     MODERN("limits = { tasks_max = 5; }; insecure = true; ", "")},
};

/* Load what may have warnings; the caller frees both. */
static struct config *
load_warned(const char *text, char **ret_warnings)
{
    struct config *config = NULL;

    cr_assert_eq(load_text(text, &config, ret_warnings), OK, "%s\n%s", text, *ret_warnings);
    return config;
}

static void
assert_same(const struct config *a, const struct config *b, const char *text)
{
    struct config_report report;

    report_init(&report, "file");
    char *difference = config_diff(a, b, &report);
    cr_expect_null(difference, "%s\n%s", text, difference);
    free(difference);
    report_fini(&report);
}

Test(config_legacy, each_old_option_means_what_its_modern_form_does)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *warnings = NULL, *others = NULL;
        struct config *old = load_warned(pairs[i].old, &warnings);
        struct config *modern = load_warned(pairs[i].modern, &others);
        cr_assert_not_null(warnings);
        cr_expect_not_null(strstr(warnings, "this is the old form with one pool; it runs"), "%s", warnings);
        assert_same(old, modern, pairs[i].old);
        free(warnings);
        free(others);
        config_unload(&old);
        config_unload(&modern);
    }
}

Test(config_legacy, the_modern_form_that_the_warning_prints_is_the_same_configuration)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *warnings = NULL, *others = NULL;
        struct config *old = load_warned(pairs[i].old, &warnings);
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        config_print_brief(old, stream);
        fclose(stream);
        cr_expect_not_null(strstr(warnings, text), "%s\n---\n%s", warnings, text);
        struct config *again = load_warned(text, &others);
        assert_same(old, again, text);
        free(text);
        free(warnings);
        free(others);
        config_unload(&old);
        config_unload(&again);
    }
}

Test(config_legacy, each_old_option_is_tested_above)
{
    for (const struct legacy_option *option = legacy_options; option->name != NULL; option++) {
        char assignment[64];
        bool is_found = false;
        snprintf(assignment, sizeof assignment, "%s = ", option->name);
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
            is_found = is_found || strstr(pairs[i].old, assignment) != NULL;
        cr_expect(is_found, "%s", option->name);
    }
}

Test(config_legacy, what_is_wrong_is_said_with_the_old_name_and_its_line)
{
    static const struct pair cases[] = {
        {OLD "\npools = ( { name = \"a\"; } );", ":1: pool_size: belongs to the old form with one pool, but line 2 has the "
                                                 "list pools of the modern one; it is workers in a pool now"},
        {OLD "\nmemory_threshold_mb = 1;", ":2: memory_threshold_mb (pools.worker_memory_max): given \"1MiB\"; allowed: a size"},
        {OLD "\nworker_ttl_seconds = \"never\";", ":2: worker_ttl_seconds: given \"never\"; allowed: a whole number of seconds"},
        {OLD "\nstartup_timeout_ms = -1;", ":2: startup_timeout_ms: given -1; allowed: a whole number of milliseconds"},
        {OLD "\nworker_profile = \"fibre\";", ":2: worker_profile (pools.profile): given \"fibre\"; allowed: one of"},
        {OLD "\nadapter_args = 3;", ":2: adapter_args: given 3; allowed: a list of strings"},
        {OLD "\nadapter_env = ( \"a b\" );", ":2: adapter_env (pools.environment): given \"a b\"; allowed: a list of strings"},
        {"\nadapter = 3;", ":2: adapter: given 3; allowed: a string \"module:app\", or a file"},
        {"pool_size = 2;\n", ":1: pools.default.app: is missing"},
        {OLD "\nheartbeat_interval_ms = 2000; timers = {\n heartbeat = \"1s\"; };",
         ":2: heartbeat_interval_ms: line 3 has timers.heartbeat, which is the same; leave one of them out"},
        {OLD "bind_address = \"127.0.0.1\"; endpoints = {\n events = \"\"; };",
         ":1: bind_address: line 2 has endpoints.events, which is the same"},
        {OLD "\nbind_address = \"0.0.0.0\";", "anyone who reaches this address could run tasks"},
        {OLD "\nclient_port = 70000;", ":2: client_port (endpoints.clients): given \"tcp://127.0.0.1:70000\""},
        {OLD "\npooling_enabled = 1;", ":2: pooling_enabled: given 1; allowed: true or false"},
        {OLD "\nmemory_treshold_mb = 100;", ":2: memory_treshold_mb: unknown option; did you mean \"memory_threshold_mb\"?"},
        {OLD "threads_per_worker = 2;", ":1: pools.default.threads_per_worker: given 2; a worker of the process profile"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *config = NULL;
        char *problems = NULL;
        cr_expect_neq(load_text(cases[i].old, &config, &problems), OK, "%s", cases[i].old);
        cr_expect(problems != NULL && strstr(problems, cases[i].modern) != NULL, "%s\nwant: %s\ngot: %s", cases[i].old,
                  cases[i].modern, problems);
        free(problems);
        config_unload(&config);
    }
}

Test(config_legacy, the_example_has_every_old_option_and_runs)
{
    char path[1024];
    char *text = NULL, *warnings = NULL;
    size_t size = 0;
    struct config *config = NULL;

    snprintf(path, sizeof path, "%s/conf/legacy.conf", getenv("SOURCE_ROOT"));
    cr_assert_eq(config_load(path, &config, &warnings), OK, "%s", warnings);
    FILE *file = fopen(path, "r");
    cr_assert_geq(getdelim(&text, &size, '\0', file), 0);
    fclose(file);
    for (const struct legacy_option *option = legacy_options; option->name != NULL; option++) {
        char assignment[64];
        snprintf(assignment, sizeof assignment, "%s = ", option->name);
        cr_expect_not_null(strstr(text, assignment), "%s", option->name);
    }
    free(text);
    free(warnings);
    config_unload(&config);
}
