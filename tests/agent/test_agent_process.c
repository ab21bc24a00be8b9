/* test_agent_process.c - tests of broker/io/agent_process.c with a real agent. */
#include "broker/io/agent_process.h"

#include "broker/io/clock.h"
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL_OF(app) "{ name = \"p\"; workers = 1; app = \"" app "\"; @PLAY@ }"
#define QUICK "agent = { stop_timeout = \"5s\"; restart_delay = \"10ms\"; restart_delay_max = \"40ms\"; };"

static struct scene scene;
static struct config *config;
static struct log *own_log;

/* What this process and the agent write to stderr becomes the scene's log. */
static void
begin_with(const char *pool, const char *more)
{
    int ends[2];
    char *text = NULL;

    signal(SIGPIPE, SIG_IGN);
    scene_open(&scene, pool, more);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    scene.log_fd = ends[0];
    cr_assert_eq(config_load(scene.config_path, &config, &text), 0, "%s", text);
    free(text);
    own_log = log_new(STDERR_FILENO, "snakepitd", config->log_format, config->log_level);
}

static void
begin(const char *more)
{
    begin_with(POOL_OF("play:parent"), more);
}

static void
end(void)
{
    log_destroy(&own_log);
    config_unload(&config);
    scene_close(&scene);
}

TestSuite(agent_process, .fini = end, .timeout = 60);

/* Turn the loop until the agent is in the wanted state. */
static void
turn_until(struct agent_process *agent, bool is_running)
{
    int64_t deadline_us = clock_now_us() + SCENE_WAIT_MS * 1000;

    while ((agent_process_fd(agent) >= 0) != is_running) {
        struct pollfd poll_fd = {.fd = agent_process_fd(agent), .events = POLLIN};
        int64_t due_us = agent_process_next_due_us(agent);
        int64_t wait_us = (due_us < deadline_us ? due_us : deadline_us) - clock_now_us();
        cr_assert_lt(clock_now_us(), deadline_us);
        poll(&poll_fd, 1, wait_us < 0 ? 0 : (int)(wait_us / 1000) + 1);
        agent_process_tick(agent, clock_now_us());
    }
}

static pid_t
wait_agent_started(void)
{
    json_t *line = scene_wait(&scene, "agent.started");
    pid_t pid = (pid_t)field_int(line, "pid");

    json_decref(line);
    return pid;
}

static struct agent_process *
start_agent(void)
{
    struct agent_process *agent = agent_process_new(config, own_log);

    cr_assert_eq(agent_process_start(agent, clock_now_us()), OK);
    return agent;
}

Test(agent_process, the_agent_of_the_build_tree_is_found_and_ends_with_destroy)
{
    begin(QUICK);
    struct agent_process *agent = start_agent();
    pid_t pid = wait_agent_started();
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    cr_expect_eq(agent_process_next_due_us(agent), INT64_MAX);
    agent_process_destroy(&agent, 10000000);
    cr_expect_null(agent);
    cr_expect_eq(waitpid(pid, NULL, WNOHANG), -1, "not reaped");
    cr_expect(process_ends(worker, 0));
    cr_expect(process_ends(child, 1000));
    json_decref(scene_wait(&scene, "agent.ended"));
}

Test(agent_process, an_agent_that_is_killed_is_started_again_with_its_workers)
{
    begin(QUICK);
    struct agent_process *agent = start_agent();
    pid_t first = wait_agent_started();
    pid_t worker = scene_wait_spawned(&scene);

    kill(first, SIGKILL);
    turn_until(agent, false);
    cr_expect(process_ends(worker, 1000));
    json_t *line = scene_wait(&scene, "agent.died");
    cr_expect_str_eq(field_str(line, "signal"), "KILL");
    cr_expect_eq(field_int(line, "restart_ms"), 10);
    json_decref(line);
    turn_until(agent, true);
    cr_expect_neq(wait_agent_started(), first);
    cr_expect_neq(scene_wait_spawned(&scene), worker);
    agent_process_destroy(&agent, 10000000);
}

Test(agent_process, an_agent_that_does_not_end_in_time_is_killed)
{
    begin(QUICK);
    struct agent_process *agent = start_agent();
    pid_t pid = wait_agent_started();
    pid_t worker = scene_wait_spawned(&scene);

    kill(pid, SIGSTOP);
    agent_process_destroy(&agent, 50000);
    cr_expect_eq(waitpid(pid, NULL, WNOHANG), -1, "not reaped");
    cr_expect(process_ends(worker, 1000));
}

Test(agent_process, an_agent_that_waits_for_a_stubborn_worker_still_ends_all_that_it_started)
{
    begin_with(POOL_OF("play:cling"), QUICK);
    struct agent_process *agent = start_agent();
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");
    int64_t begun_us = clock_now_us();

    agent_process_destroy(&agent, 500000);
    cr_expect_lt(clock_now_us() - begun_us, 2000000, "it waited for the stop_timeout of 5 s");
    cr_expect(process_ends(worker, 0));
    cr_expect(process_ends(child, 0), "it left its group, so that only the agent finds it");
}

Test(agent_process, a_broker_that_is_killed_leaves_neither_agent_nor_worker)
{
    begin(QUICK);
    pid_t broker = fork();
    if (broker == 0) {
        start_agent();
        for (;;)
            pause();
    }
    pid_t agent = wait_agent_started();
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
    cr_expect(process_ends(worker, 5000));
    cr_expect(process_ends(child, 1000));
    cr_expect(process_ends(agent, 5000));
}

Test(agent_process, broker_and_agent_that_are_killed_together_leave_nothing)
{
    begin(QUICK);
    pid_t broker = fork();
    if (broker == 0) {
        start_agent();
        for (;;)
            pause();
    }
    pid_t agent = wait_agent_started();
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    kill(agent, SIGKILL);
    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
    cr_expect(process_ends(child, 1000));
}

Test(agent_process, an_agent_that_is_not_there_is_said_so)
{
    begin(QUICK);
    setenv("SNAKEPIT_AGENT_PROGRAM", "/nowhere/snakepit-agent", 1);
    struct agent_process *agent = agent_process_new(config, own_log);
    cr_expect_eq(agent_process_start(agent, clock_now_us()), ERR_SYSTEM);
    cr_expect_not(agent_process_is_wanted(agent));
    json_t *line = scene_wait(&scene, "agent.start_failed");
    cr_expect_str_eq(field_str(line, "message"), "cannot run /nowhere/snakepit-agent: No such file or directory; set "
                                                 "SNAKEPIT_AGENT_PROGRAM to its path");
    json_decref(line);
    agent_process_destroy(&agent, 0);
}

Test(agent_process, an_agent_that_is_not_wanted_any_more_ends_and_starts_again_when_it_is)
{
    begin(QUICK);
    struct agent_process *agent = start_agent();
    pid_t first = wait_agent_started();
    pid_t worker = scene_wait_spawned(&scene);

    agent_process_stop(agent, clock_now_us());
    cr_expect_not(agent_process_is_wanted(agent));
    turn_until(agent, false);
    cr_expect(process_ends(worker, 0));
    json_decref(scene_wait(&scene, "agent.exited"));
    cr_expect_eq(agent_process_next_due_us(agent), INT64_MAX);
    cr_expect_eq(agent_process_start(agent, clock_now_us()), OK);
    cr_expect_neq(wait_agent_started(), first);
    agent_process_stop(agent, clock_now_us());
    cr_expect_eq(agent_process_start(agent, clock_now_us()), OK, "wanted again before it ended");
    turn_until(agent, false);
    turn_until(agent, true);
    json_decref(scene_wait(&scene, "agent.started"));
    agent_process_destroy(&agent, 10000000);
}

Test(agent_process, an_agent_that_does_not_end_by_itself_is_killed_in_time)
{
    begin("agent = { stop_timeout = \"10ms\"; };");
    struct agent_process *agent = start_agent();

    kill(wait_agent_started(), SIGSTOP);
    agent_process_stop(agent, clock_now_us());
    turn_until(agent, false);
    json_decref(scene_wait(&scene, "agent.killed"));
    agent_process_destroy(&agent, 10000000);
}

Test(agent_process, twenty_restarts_leave_no_descriptor)
{
    begin(QUICK);
    struct agent_process *agent = start_agent();
    size_t before = process_count_descriptors(getpid());

    for (int i = 0; i < 20; i++) {
        kill(wait_agent_started(), SIGKILL);
        turn_until(agent, false);
        turn_until(agent, true);
    }
    cr_expect_eq(process_count_descriptors(getpid()), before);
    agent_process_destroy(&agent, 10000000);
}
