/* test_config_errors.c - files that are wrong, and what the user is told. */
#include "tests/io/config_file.h"

#include <string.h>

/* libconfig 1.5 forgets the string before a syntax error. The program ends then, so it costs nothing. */
const char *
__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libconfig.so";
}

struct wrong_file {
    const char *text;
    const char *want; /* a part of the report, behind the file's name */
};

#define POOL(members) "pools = ( { name = \"work\"; " members " } );"
#define INSECURE "insecure = true; "
#define LONG_PATH "ipc:///tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A table may be long; it is read from top to bottom. */
static const struct wrong_file wrong_files[] = {
    /* the text itself */
    {"pools = = 1;", ":1: syntax error at or before: pools = = 1;"},
    {"insecure = false;\n\npools = (\n  { name \"work\"; }\n);\n", ":4: syntax error at or before: { name \"work\"; }"},
    {"insecure = false;\ninsecure = true;\n" ONE_POOL, ":2: duplicate setting name"},
    {ONE_POOL "@include \"/tmp\"\n", ":2: @include is not supported"},
    {ONE_POOL "/* open\n", ":2: the comment that begins here has no end"},
    {ONE_POOL "log = { level = \"info; };\n", ":2: the string that begins here has no closing quote"},
    {"limits = { tasks_max = 99999999999999999999; };" ONE_POOL, ":1: the number 99999999999999999999 is too large"},

    /* names */
    {"insecur = true;" ONE_POOL, ":1: insecur: unknown option; did you mean \"insecure\"?"},
    {"limit = { };" ONE_POOL, ":1: limit: unknown option; did you mean \"limits\"?"},
    {"\nlimits = {\n task_max = 1; };" ONE_POOL, ":3: limits.task_max: unknown option; did you mean \"tasks_max\"?"},
    {"colour = 1;" ONE_POOL, ":1: colour: unknown option; man 5 snakepit.conf lists all of them"},
    {POOL("worker = 2;"), ":1: pools.work.worker: unknown option; did you mean \"workers\"?"},
    {POOL("max_atempts = 2;"), ":1: pools.work.max_atempts: unknown option; did you mean \"max_attempts\"?"},
    {"heartbeat = \"5s\";" ONE_POOL, ":1: heartbeat: does not belong here; it stands in the group timers = { ... }"},
    {"limits = { insecure = true; };" ONE_POOL,
     ":1: limits.insecure: does not belong here; it stands at the top of the file"},
    {"workers = 2;" ONE_POOL, ":1: workers: does not belong here; it "},
    {POOL("nursery = true; workers = 1; app = \"m:a\"; profile = \"thread\"; threads_per_worker = 2;"),
     ":1: pools.work.nursery: given true; only workers of the process profile"},
    {POOL("worker_memory_max = \"1MiB\";"),
     ":1: pools.work.worker_memory_max: given \"1MiB\"; allowed: a size such as \"1GiB\", from 16MiB to 1TiB, or "
     "\"0B\" for never"},
    {POOL("worker_ttl = \"1ms\";"), ":1: pools.work.worker_ttl: given \"1ms\"; allowed: a duration such as \"5m\", "
     "from 100ms to 365d, or \"0s\" for never"},
    {POOL("recycle_jitter = 51;"), ":1: pools.work.recycle_jitter: given 51; allowed: a whole number from 0 to 50"},
    {POOL("worker_max_tasks = -1;"), ":1: pools.work.worker_max_tasks: given -1; allowed: a whole number from 1 to "
     "1000000000, or 0 for never"},
    {POOL("recycle_parallel = 0;"), ":1: pools.work.recycle_parallel: given 0; allowed: a whole number from 1"},
    {POOL("when_failed = \"die\";"), ":1: pools.work.when_failed: given \"die\"; allowed: one of \"wait\", \"refuse\""},
    {"\ndefault_pool = \"wokr\";" ONE_POOL,
     ":2: default_pool: given \"wokr\", which is not the name of a pool in this file; did you mean \"work\"?"},
    {POOL("default_pool = \"work\";"),
     ":1: pools.work.default_pool: does not belong here; it stands at the top of the file"},
    {POOL("tasks_max = 2;"), ":1: pools.work.tasks_max: does not belong here; it stands in the group limits"},

    /* types and ranges */
    {"insecure = 1;" ONE_POOL, ":1: insecure: given 1; allowed: true or false"},
    {"insecure = \"yes\";" ONE_POOL, ":1: insecure: given \"yes\"; allowed: true or false"},
    {"limits = 5;" ONE_POOL, ":1: limits: given 5; allowed: a group limits = { ... }"},
    {"limits = ( 1 );" ONE_POOL, ":1: limits: given a list ( ... ); allowed: a group"},
    {"limits = { tasks_max = 0; };" ONE_POOL,
     ":1: limits.tasks_max: given 0; allowed: a whole number from 1 to 100000000"},
    {"limits = { tasks_max = -1; };" ONE_POOL, ":1: limits.tasks_max: given -1; allowed: a whole number from 1"},
    {"limits = { tasks_max = 4294967297; };" ONE_POOL,
     ":1: limits.tasks_max: given 4294967297; allowed: a whole number"},
    {"limits = { tasks_max = 0x1FFFFFFFF; };" ONE_POOL,
     ":1: limits.tasks_max: given 8589934591; allowed: a whole number"},
    {"limits = { tasks_max = 1.5; };" ONE_POOL, ":1: limits.tasks_max: given 1.5; allowed: a whole number"},
    {"limits = { tasks_max = \"5\"; };" ONE_POOL,
     "given \"5\"; allowed: a whole number from 1 to 100000000; write the number without quotes"},
    {"limits = { tasks_max = true; };" ONE_POOL, ":1: limits.tasks_max: given true; allowed: a whole number"},
    {"limits = { tasks_max = [1]; };" ONE_POOL,
     ":1: limits.tasks_max: given an array [ ... ]; allowed: a whole number"},
    {"limits = { bytes_max = 1073741824; };" ONE_POOL,
     "given 1073741824; allowed: a size such as \"1GiB\", from 1MiB to 1TiB; write it in quotes with its unit"},
    {"limits = { bytes_max = \"1GB\"; };" ONE_POOL,
     "given \"1GB\"; allowed: a size such as \"1GiB\", from 1MiB to 1TiB; a size is a whole number and a unit: B, KiB"},
    {"limits = { bytes_max = \"1KiB\"; };" ONE_POOL,
     "limits.bytes_max: given \"1KiB\"; allowed: a size such as \"1GiB\", from 1MiB to 1TiB"},
    {"timers = { heartbeat = 5; };" ONE_POOL,
     ":1: timers.heartbeat: given 5; allowed: a duration such as \"5s\", from 50ms to 5m; write it in quotes with "
     "its unit"},
    {"timers = { heartbeat = 0.5; };" ONE_POOL, ":1: timers.heartbeat: given 0.5; allowed: a duration"},
    {"timers = { heartbeat = \"5 sec\"; };" ONE_POOL,
     "given \"5 sec\"; allowed: a duration such as \"5s\", from 50ms to 5m; a duration is a whole number and a unit"},
    {"timers = { heartbeat = \"1ms\"; };" ONE_POOL,
     ":1: timers.heartbeat: given \"1ms\"; allowed: a duration such as \"5s\", from 50ms to 5m\n"},
    {"timers = { heartbeat = { }; };" ONE_POOL, ":1: timers.heartbeat: given a group { ... }; allowed: a duration"},
    {"timers = { heartbeats_missed_max = 0; };" ONE_POOL,
     ":1: timers.heartbeats_missed_max: given 0; allowed: a whole number from 1 to 100"},
    {"log = { format = \"xml\"; };" ONE_POOL, ":1: log.format: given \"xml\"; allowed: one of \"logfmt\", \"json\""},
    {"log = { level = 3; };" ONE_POOL,
     ":1: log.level: given 3; allowed: one of \"debug\", \"info\", \"warn\", \"error\""},
    {"io_threads = 17;" ONE_POOL, ":1: io_threads: given 17; allowed: a whole number from 1 to 16"},

    /* endpoints */
    {"endpoints = { clients = \"127.0.0.1:5570\"; };" ONE_POOL,
     "endpoints.clients: given \"127.0.0.1:5570\"; allowed: a string \"tcp://ADDRESS:PORT\" or "
     "\"ipc:///ABSOLUTE/PATH\"; an endpoint begins with tcp:// or ipc://"},
    {"endpoints = { clients = \"udp://127.0.0.1:5570\"; };" ONE_POOL, "an endpoint begins with tcp:// or ipc://"},
    {"endpoints = { clients = 5570; };" ONE_POOL, ":1: endpoints.clients: given 5570; allowed: a string \"tcp://"},
    {"endpoints = { clients = \"\"; };" ONE_POOL, "endpoints.clients: given \"\"; allowed: a string"},
    {"endpoints = { clients = \"tcp://127.0.0.1\"; };" ONE_POOL, "a tcp endpoint ends in a port number"},
    {"endpoints = { clients = \"tcp://127.0.0.1:*\"; };" ONE_POOL, "a tcp endpoint ends in a port number"},
    {"endpoints = { clients = \"tcp://127.0.0.1:0\"; };" ONE_POOL, "the port must be a number from 1 to 65535"},
    {"endpoints = { clients = \"tcp://127.0.0.1:65536\"; };" ONE_POOL, "the port must be a number from 1 to 65535"},
    {"endpoints = { clients = \"tcp://127.0.0.1:55x\"; };" ONE_POOL, "the port must be a number from 1 to 65535"},
    {"endpoints = { clients = \"tcp://localhost:5570\"; };" ONE_POOL, "the address must be numeric"},
    {"endpoints = { clients = \"tcp://::1:5570\"; };" ONE_POOL, "the address must be numeric"},
    {"endpoints = { clients = \"tcp://:5570\"; };" ONE_POOL, "the address must be numeric"},
    {"endpoints = { clients = \"ipc://relative/path\"; };" ONE_POOL, "the path of an ipc endpoint must be absolute"},
    {"endpoints = { clients = \"" LONG_PATH "\"; };" ONE_POOL,
     "the path of an ipc endpoint may have at most 107 bytes"},
    {"endpoints = { clients = \"tcp://*:5570\"; };" ONE_POOL,
     ":1: endpoints.clients: given \"tcp://*:5570\"; anyone who reaches this address could run tasks"},
    {"endpoints = { workers = \"tcp://10.0.0.1:5571\"; };" ONE_POOL,
     "bind a loopback address (tcp://127.0.0.1:5571) or an ipc path, or set insecure = true at the top"},
    {"endpoints = { events = \"tcp://[::]:5572\"; };" ONE_POOL,
     ":1: endpoints.events: given \"tcp://[::]:5572\"; anyone"},
    {"endpoints = { clients = \"tcp://127.0.0.1:5571\"; };" ONE_POOL,
     "endpoints.workers: given \"tcp://127.0.0.1:5571\", which is also the endpoint of clients"},
    {INSECURE "endpoints = { clients = \"tcp://*:5571\"; };" ONE_POOL,
     "which is also the endpoint of clients; the three endpoints must differ"},
    {"endpoints = { clients = \"ipc:///tmp/s\"; events = \"ipc:///tmp/s\"; };" ONE_POOL,
     "endpoints.events: given \"ipc:///tmp/s\", which is also"},

    /* combinations */
    {"limits = { inline_max = \"256KiB\"; control_max = \"64KiB\"; };" ONE_POOL,
     "limits.inline_max: must be at most half of limits.control_max (64KiB)"},
    {"limits = { frame_max = \"1MiB\"; };" ONE_POOL, "limits.control_max: must be at most limits.frame_max (1MiB)"},
    {"limits = { send_bytes_max = \"1MiB\"; };" ONE_POOL,
     "limits.frame_max: must be at most limits.send_bytes_max (1MiB)"},
    {"agent = { restart_delay = \"1m\"; };" ONE_POOL, "agent.restart_delay: must be at most agent.restart_delay_max"},

    /* pools */
    {"", ": pools: is missing; add at least one pool: pools = ( {"},
    {"pools = ( );", ":1: pools: is empty; add at least one pool"},
    {"pools = { name = \"work\"; };", ":1: pools: given a group { ... }; allowed: a list of groups"},
    {"pools = ( \"work\" );", ":1: pools[0]: given \"work\"; allowed: a group"},
    {"pools = ( { workers = 2; } );", ":1: pools[0]: has no name; add name = \"...\""},
    {"pools = ( { name = \"a b\"; } );", ":1: pools[0].name: given \"a b\"; allowed: a name of 1 to 64"},
    {"pools = ( { name = \"$snakepit\"; } );", ":1: pools[0].name: given \"$snakepit\"; allowed: a name"},
 
       {"pools = ( { name = \"a\"; },\n { name = \"a\"; } );", ":2: pools.a: a pool of this name stands further up "
     "in the file"},
    {POOL("workers = 2;"), ":1: pools.work.app: is missing; workers = 2 needs to know what to run"},
    {POOL("app = \"m:a\";"), ":1: pools.work.app: is given without workers; set workers = 1 or more"},
    {POOL("workers = -1;"), ":1: pools.work.workers: given -1; allowed: a whole number from 0 to 4096"},
    {POOL("workers = 4097; app = \"m:a\";"), ":1: pools.work.workers: given 4097; allowed"},
    {POOL("workers = 1; app = \"tasks\";"), "pools.work.app: given \"tasks\"; allowed: a string \"module:app\"\n"},
    {POOL("workers = 1; app = \"tasks.py:app\";"), "give the module's name, not its file: leave out \".py\""},
    {POOL("workers = 1; app = \"m:a\"; threads_per_worker = 4;"),
     "pools.work.threads_per_worker: given 4; a worker of the process profile runs one task at a time; set profile = "
     "\"thread\""},
    {POOL("profile = \"threads\";"),
     ":1: pools.work.profile: given \"threads\"; allowed: one of \"process\", \"thread\""},
    {POOL("threads_per_worker = 0;"),
     ":1: pools.work.threads_per_worker: given 0; allowed: a whole number from 1 to 4096"},
    {POOL("python = \"\";"), ":1: pools.work.python: given \"\"; allowed: a string that is not empty"},
    {POOL("environment = \"A=b\";"),
     ":1: pools.work.environment: given \"A=b\"; allowed: a list of strings ( \"NAME=value\", ... )"},
    {POOL("environment = ( \"A\" );"), ":1: pools.work.environment: given \"A\"; allowed: a list of strings"},
    {POOL("environment = ( \"1A=b\" );"), ":1: pools.work.environment: given \"1A=b\"; allowed"},
    {POOL("environment = ( 5 );"), ":1: pools.work.environment: given 5; allowed: a list of strings"},
    {POOL("queued_bytes_max = \"1KiB\";"), ":1: pools.work.queued_bytes_max: given \"1KiB\"; allowed: a size"},
    {POOL("max_attempts = 1001;"), ":1: pools.work.max_attempts: given 1001; allowed: a whole number from 1 to 1000"},
};

Test(config_errors, each_wrong_file_is_refused_with_its_place_what_was_given_and_what_is_allowed)
{
    for (size_t i = 0; i < sizeof(wrong_files) / sizeof(wrong_files[0]); i++) {
        struct config *config = NULL;
        char *report = NULL;
        int err = load_text(wrong_files[i].text, &config, &report);

        cr_expect_eq(err, ERR_INVALID, "accepted: %s", wrong_files[i].text);
        cr_expect_null(config);
        cr_assert_not_null(report, "no report for: %s", wrong_files[i].text);
        cr_expect_eq(strncmp(report, "/tmp/snakepit-test-", 19), 0, "%s", report);
        cr_expect_not_null(strstr(report, wrong_files[i].want), "wanted: %s\ngot: %s", wrong_files[i].want, report);
        free(report);
    }
}

static size_t
count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

Test(config_errors, one_fault_makes_one_line)
{
    struct config *config = NULL;
    char *report = NULL;

    for (size_t i = 0; i < sizeof(wrong_files) / sizeof(wrong_files[0]); i++) {
        load_text(wrong_files[i].text, &config, &report);
        /* One wildcard endpoint that is also another's is two faults. */
        if (strstr(report, "pools[0]") == NULL)
            cr_expect_eq(count_lines(report), 1, "%s", report);
        free(report);
    }
}

Test(config_errors, all_problems_come_at_once_in_the_order_of_their_lines)
{
    struct config *config = NULL;
    char *report = NULL;

    load_text("pools = ( { name = \"b\"; wrkers = 1; } );\nlimits = { tasks_max = 0; };\ninsecur = 1;\n", &config, &report);
    const char *first = strstr(report, ":1: pools.b.wrkers");
    const char *second = strstr(report, ":2: limits.tasks_max");
    const char *third = strstr(report, ":3: insecur");
    cr_assert(first != NULL && second != NULL && third != NULL, "%s", report);
    cr_expect(first < second && second < third);
    cr_expect_eq(count_lines(report), 3);
    free(report);
}

Test(config_errors, twenty_problems_are_shown_and_the_rest_is_counted)
{
    struct config *config = NULL;
    char *report = NULL;
    char text[4096] = "";

    for (int i = 0; i < 50; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "xyzzy%d = 1;\n", i);
    strcat(text, ONE_POOL);
    load_text(text, &config, &report);
    cr_expect_eq(count_lines(report), 21, "%s", report);
    cr_expect_not_null(strstr(report, ":20: xyzzy19:"));
    cr_expect_not_null(strstr(report, ": and 30 more\n"));
    free(report);
}

Test(config_errors, a_file_that_cannot_be_read_is_an_error_of_the_system)
{
    struct config *config = NULL;
    char *report = NULL;

    cr_expect_eq(config_load("/nowhere/snakepit.conf", &config, &report), ERR_SYSTEM);
    cr_expect_str_eq(report, "/nowhere/snakepit.conf: cannot be read: No such file or directory\n");
    free(report);
    cr_expect_eq(config_load("/tmp", &config, &report), ERR_SYSTEM);
    cr_expect_str_eq(report, "/tmp: cannot be read: Is a directory\n");
    free(report);
    cr_expect_eq(config_load("/dev/zero", &config, &report), ERR_INVALID);
    cr_expect_not_null(strstr(report, "larger than 1 MiB"));
    free(report);
}

Test(config_errors, bytes_that_are_no_text_and_deep_nesting_are_refused)
{
    struct config *config = NULL;
    char *report = NULL;
    char *deep = malloc(200001);

    memset(deep, '(', 200000);
    deep[200000] = '\0';
    memcpy(deep, "a=", 2);
    cr_expect_eq(load_text(deep, &config, &report), ERR_INVALID);
    free(report);
    free(deep);
    cr_expect_eq(load_text("\x01\x02\xff\xfe", &config, &report), ERR_INVALID);
    free(report);
}
