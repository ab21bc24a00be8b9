/* test_local_pool.c - tests of agent/local_pool.c in this process, with a real worker and a kernel that the test plays. */
#include "agent/local_pool.h"

#include "agent/broker_session.h"
#include "agent/guard.h"
#include "agent/memory.h"
#include "broker/io/clock.h"
#include "tests/agent/scene.h"
#include "wire/wire.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scene scene;
static struct config *config;
static struct agent_context context;
static struct local_pool *pool;
static struct wire_buffer frame;
static char proc[SCENE_PATH_BYTES + 16];

static void
say_available(unsigned long kib)
{
    char path[SCENE_PATH_BYTES + 32];

    snprintf(path, sizeof(path), "%s/meminfo", proc);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "MemAvailable: %lu kB\n", kib);
    fclose(file);
}

static void
open_session(void)
{
    struct message welcome = {.verb = VERB_WELCOME, .welcome = {.session = 1, .heartbeat_ms = 1000}};

    context.session = broker_session_new(1, "host", 1);
    broker_session_greet(context.session, NULL, 0, 0);
    broker_session_sent(context.session);
    wire_buffer_init(&frame, false);
    cr_assert_eq(wire_encode(&frame, SIDE_WORKER, &welcome), OK);
    broker_session_receive(context.session, (struct bytes){.data = frame.data, .size = (uint32_t)frame.size});
    cr_assert_eq(broker_session_next(context.session, 0, &welcome), ORDER_BEGIN);
}

static void
begin(void)
{
    char *text = NULL;

    scene_open(&scene, "{ name = \"p\"; workers = 1; app = \"play:sleep\"; @PLAY@ }", "");
    snprintf(proc, sizeof(proc), "%s/proc", scene.directory);
    cr_assert_eq(mkdir(proc, 0700), 0);
    cr_assert_eq(config_load(scene.config_path, &config, &text), OK, "%s", text);
    free(text);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    context = (struct agent_context){
        .log = log_new(null_fd, "test", LOG_JSON, LOG_ERROR), .guard = guard_new(), .memory = memory_new(scene.directory),
        .address = "ipc:///nowhere", .id = 1, .lifeline_fd = null_fd, .ready_fd = null_fd, .cpus = 1,
        .stop_timeout_us = 5000000, .restart_delay_us = 1000, .restart_delay_max_us = 1000};
    getrlimit(RLIMIT_NOFILE, &context.descriptors);
    open_session();
    pool = local_pool_new(&context, &config->pools[0], 1, clock_now_us());
    local_pool_tick(pool, clock_now_us());
    broker_session_sent(context.session);
}

static void
wait_for_end(void)
{
    siginfo_t info = {0};

    cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    cr_assert(local_pool_handle_end(pool, &info, clock_now_us()));
}

static void
end(void)
{
    char path[SCENE_PATH_BYTES + 32];

    local_pool_close(pool, clock_now_us());
    while (!local_pool_is_gone(pool)) {
        local_pool_tick(pool, clock_now_us());
        wait_for_end();
    }
    local_pool_destroy(&pool);
    broker_session_destroy(&context.session);
    guard_destroy(&context.guard);
    memory_destroy(&context.memory);
    log_destroy(&context.log);
    wire_buffer_fini(&frame);
    config_unload(&config);
    snprintf(path, sizeof(path), "%s/meminfo", proc);
    unlink(path);
    rmdir(proc);
    scene_close(&scene);
}

TestSuite(local_pool, .init = begin, .fini = end, .timeout = 60);

/* The command that was told to the broker last. */
static struct message
told(void)
{
    struct wire_reader reader;
    struct wire_fault fault;
    struct message message = {0};

    wire_reader_init(&reader, broker_session_outbox(context.session), SIDE_WORKER, TO_BROKER);
    while (wire_next(&reader, &message, &fault) == WIRE_COMMAND)
        ;
    return message;
}

Test(local_pool, starts_no_replacement_when_less_memory_is_there_than_its_smallest_worker_uses)
{
    struct worker_process *worker = local_pool_places(pool)->worker;

    worker_process_set_rss(worker, 64 << 20);
    say_available(63 << 10);
    local_pool_replace(pool, worker_process_pid(worker), 5, false);
    struct message exited = told();
    cr_assert_eq(exited.verb, VERB_EXITED);
    cr_expect_eq(exited.exited.cause, EXIT_NO_MEMORY);
    cr_expect_eq(exited.exited.replaces, 5);
    cr_expect_eq(memcmp(exited.exited.text.data, "63 MiB are free, a worker takes 64 MiB", exited.exited.text.size), 0);
    local_pool_tick(pool, clock_now_us());
    cr_expect_null(local_pool_places(pool)->successor);
}

Test(local_pool, starts_the_replacement_beside_the_worker_when_there_is_memory)
{
    struct worker_process *worker = local_pool_places(pool)->worker;

    worker_process_set_rss(worker, 64 << 20);
    say_available(64 << 10);
    local_pool_replace(pool, worker_process_pid(worker), 5, false);
    local_pool_tick(pool, clock_now_us());
    cr_expect_not_null(local_pool_places(pool)->successor);
    cr_expect_eq(local_pool_places(pool)->worker, worker);
}

Test(local_pool, ends_the_worker_first_when_it_is_told_to_whatever_memory_there_is)
{
    struct worker_process *worker = local_pool_places(pool)->worker;
    pid_t pid = worker_process_pid(worker);

    worker_process_set_rss(worker, 64 << 20);
    say_available(1);
    local_pool_replace(pool, pid, 5, true);
    local_pool_tick(pool, clock_now_us());
    cr_expect_null(local_pool_places(pool)->successor);
    wait_for_end();
    local_pool_tick(pool, clock_now_us());
    cr_assert_not_null(local_pool_places(pool)->worker);
    cr_expect_neq(worker_process_pid(local_pool_places(pool)->worker), pid);
}
