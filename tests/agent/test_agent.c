/* test_agent.c - the program snakepit-agent with real processes. */
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL(app, workers) "{ name = \"p\"; workers = " workers "; app = \"" app "\"; @PLAY@ }"
#define QUICK "agent = { stop_timeout = \"5s\"; restart_delay = \"10ms\"; restart_delay_max = \"40ms\"; };"

static struct scene scene;

static void
start(const char *pools, const char *more, bool has_lifeline)
{
    scene_open(&scene, pools, more);
    scene_start_agent(&scene, has_lifeline);
}

static void
end_scene(void)
{
    scene_close(&scene);
}

TestSuite(agent, .fini = end_scene, .timeout = 60);

Test(agent, a_worker_that_is_killed_is_replaced_at_once)
{
    start(POOL("play:later", "1"), "agent = { restart_delay = \"1m\"; restart_delay_max = \"1m\"; };", true);
    pid_t first = scene_wait_spawned(&scene);
    scene_wait_output(&scene, "settled");
    kill(first, SIGKILL);

    json_t *line = scene_wait(&scene, "worker.died");
    cr_expect_str_eq(field_str(line, "signal"), "KILL");
    cr_expect_str_eq(field_str(line, "worker_name"), "p-1");
    cr_expect_str_eq(field_str(line, "pool"), "p");
    cr_expect_eq(field_int(line, "pid"), first);
    cr_expect_eq(field_int(line, "restart_ms"), 0);
    cr_expect_geq(field_int(line, "lived_ms"), 1000);
    json_decref(line);
    pid_t second = scene_wait_spawned(&scene);
    cr_expect_neq(second, first);
    cr_expect_eq(process_count_zombies(scene.agent), 0);
}

Test(agent, a_failed_start_is_reported_with_what_it_printed_and_tried_again_ever_later)
{
    static const long delays_ms[] = {10, 20, 40, 40};

    start(POOL("play:fail", "1"), QUICK, true);
    for (size_t i = 0; i < 4; i++) {
        json_t *line = scene_wait(&scene, "worker.start_failed");
        cr_expect_eq(field_int(line, "exit_status"), 3);
        cr_expect_str_eq(field_str(line, "tail"), "first\nno module named foo\n");
        cr_expect_str_eq(field_str(line, "level"), "error");
        cr_expect_eq(field_int(line, "restart_ms"), delays_ms[i]);
        json_decref(line);
    }
}

Test(agent, a_python_that_does_not_exist_and_a_directory_that_does_not_are_named)
{
    start("{ name = \"a\"; workers = 1; app = \"m:a\"; python = \"no-such-python\"; }", QUICK, true);
    json_t *line = scene_wait(&scene, "worker.start_failed");
    cr_expect_str_eq(field_str(line, "tail"), "cannot run no-such-python: No such file or directory\n");
    cr_expect_eq(field_int(line, "exit_status"), 127);
    json_decref(line);
}

Test(agent, the_workers_die_with_an_agent_that_is_killed)
{
    start(POOL("play:stubborn", "3"), QUICK, true);
    pid_t workers[3];

    for (size_t i = 0; i < 3; i++)
        workers[i] = scene_wait_spawned(&scene);
    kill(scene.agent, SIGKILL);
    for (size_t i = 0; i < 3; i++)
        cr_expect(process_ends(workers[i], 1000));
}

Test(agent, the_kernel_kills_the_workers_of_a_killed_agent_when_the_guard_cannot)
{
    start(POOL("play:sleep", "1"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t guard = process_find_child(scene.agent, worker);

    scene_wait_output(&scene, "ready");
    kill(guard, SIGSTOP);
    kill(scene.agent, SIGKILL);
    cr_expect(process_ends(worker, 1000));
    kill(guard, SIGKILL);
}

Test(agent, what_a_worker_started_dies_with_an_agent_that_is_killed)
{
    start(POOL("play:parent", "1"), QUICK, true);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");
    cr_assert_gt(child, 0);
    cr_assert_not(process_ends(child, 0));
    kill(scene.agent, SIGKILL);
    cr_expect(process_ends(child, 1000));
}

Test(agent, all_ends_when_the_lifeline_does)
{
    start(POOL("play:parent", "2"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    scene_close_lifeline(&scene);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect(process_ends(worker, 0));
    cr_expect(process_ends(child, 1000));
}

Test(agent, a_worker_that_does_not_end_keeps_the_agent_of_a_dead_broker_for_four_seconds_at_most)
{
    start(POOL("play:stubborn", "1"), "agent = { stop_timeout = \"1h\"; };", true);
    pid_t worker = scene_wait_spawned(&scene);

    scene_wait_output(&scene, "ready");
    scene_close_lifeline(&scene);
    cr_expect(process_ends(worker, 5000));
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent, all_ends_when_broker_and_agent_are_killed_together)
{
    start(POOL("play:parent", "1"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    kill(scene.agent, SIGKILL);
    scene_close_lifeline(&scene);
    cr_expect(process_ends(worker, 1000));
    cr_expect(process_ends(child, 1000));
}

Test(agent, sigterm_ends_the_workers_and_then_the_agent_with_status_0)
{
    start(POOL("play:sleep", "2"), QUICK, false);
    pid_t worker = scene_wait_spawned(&scene);

    scene_wait_output(&scene, "ready");
    kill(scene.agent, SIGTERM);
    json_t *line = scene_wait(&scene, "agent.stopping");
    cr_expect_str_eq(field_str(line, "reason"), "SIGTERM");
    json_decref(line);
    json_decref(scene_wait(&scene, "worker.exited"));
    json_decref(scene_wait(&scene, "worker.exited"));
    json_decref(scene_wait(&scene, "agent.ended"));
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect(process_ends(worker, 0));
}

Test(agent, a_worker_that_ignores_sigterm_is_killed_after_the_stop_timeout)
{
    start(POOL("play:stubborn", "1"), "agent = { stop_timeout = \"100ms\"; };", false);
    pid_t worker = scene_wait_spawned(&scene);

    scene_wait_output(&scene, "ready");
    kill(scene.agent, SIGTERM);
    json_t *line = scene_wait(&scene, "worker.killed");
    cr_expect_eq(field_int(line, "pid"), worker);
    json_decref(line);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect(process_ends(worker, 0));
}

Test(agent, a_second_sigterm_does_not_wait_for_the_stop_timeout)
{
    start(POOL("play:stubborn", "1"), "agent = { stop_timeout = \"1h\"; };", false);
    scene_wait_output(&scene, "ready");
    kill(scene.agent, SIGTERM);
    json_decref(scene_wait(&scene, "agent.stopping"));
    kill(scene.agent, SIGTERM);
    json_decref(scene_wait(&scene, "worker.killed"));
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent, sigint_is_left_to_the_broker_when_there_is_a_lifeline)
{
    start(POOL("play:sleep", "1"), QUICK, true);
    scene_wait_output(&scene, "ready");
    kill(scene.agent, SIGINT);
    kill(scene.agent, SIGHUP);
    kill(scene.agent, SIGTERM);
    json_t *line = scene_wait(&scene, "agent.stopping");
    cr_expect_str_eq(field_str(line, "reason"), "SIGTERM");
    json_decref(line);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent, sigint_ends_an_agent_that_stands_alone)
{
    start(POOL("play:sleep", "1"), QUICK, false);
    scene_wait_output(&scene, "ready");
    kill(scene.agent, SIGINT);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent, what_a_dead_worker_started_is_gone_before_its_successor_comes)
{
    start(POOL("play:parent", "1"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    kill(worker, SIGKILL);
    scene_wait_spawned(&scene);
    cr_expect(process_ends(child, 1000));
}

Test(agent, a_process_that_left_its_group_is_gone_when_the_agent_has_ended)
{
    start(POOL("play:escape", "1"), QUICK, false);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");

    cr_assert_not(process_ends(child, 0));
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect(process_ends(child, 0));
}

Test(agent, an_orphan_that_ends_is_reaped_and_keeps_nobody_from_being_watched)
{
    start(POOL("play:leave", "1"), "agent = { restart_delay = \"10ms\"; restart_delay_max = \"10ms\"; };", true);
    for (int i = 0; i < 20; i++) {
        pid_t orphan = (pid_t)scene_wait_output(&scene, "child ");
        json_decref(scene_wait(&scene, "worker.ended"));
        cr_expect(process_ends(orphan, SCENE_WAIT_MS));
    }
    cr_expect_leq(process_count_zombies(scene.agent), 2);
}

Test(agent, a_guard_that_is_killed_is_replaced)
{
    start(POOL("play:parent", "1"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t child = (pid_t)scene_wait_output(&scene, "child ");
    pid_t guard = process_find_child(scene.agent, worker);

    kill(guard, SIGKILL);
    json_decref(scene_wait(&scene, "agent.guard_replaced"));
    kill(scene.agent, SIGKILL);
    cr_expect(process_ends(child, 1000));
}

Test(agent, a_guard_that_stands_still_does_not_keep_the_agent)
{
    start(POOL("play:sleep", "1"), QUICK, true);
    pid_t worker = scene_wait_spawned(&scene);
    pid_t guard = scene_wait_guard(&scene);

    kill(guard, SIGSTOP);
    scene_close_lifeline(&scene);
    cr_expect(process_ends(scene.agent, SCENE_WAIT_MS));
    cr_expect(process_ends(guard, 1000));
    cr_expect(process_ends(worker, 1000));
}

Test(agent, a_hundred_restarts_leave_no_descriptor_and_no_zombie)
{
    start(POOL("play:quit", "1"), "agent = { restart_delay = \"10ms\"; restart_delay_max = \"10ms\"; };", true);
    json_decref(scene_wait(&scene, "worker.ended"));
    size_t before = process_count_descriptors(scene.agent);

    for (int i = 0; i < 100; i++)
        json_decref(scene_wait(&scene, "worker.ended"));
    cr_expect_leq(process_count_descriptors(scene.agent), before + 1); /* one when a worker runs just now */
    cr_expect_leq(process_count_zombies(scene.agent), 1);
}

/* Collect the output of play:say until its end. */
static void
collect_output(char *text, size_t size)
{
    for (bool is_done = false; !is_done;) {
        json_t *line = scene_wait(&scene, "worker.output");
        snprintf(text + strlen(text), size - strlen(text), "%s\n", field_str(line, "line"));
        is_done = strcmp(field_str(line, "line"), "end") == 0;
        json_decref(line);
    }
}

Test(agent, a_process_worker_gets_its_arguments_directory_and_one_thread_per_library)
{
    static char text[64 * 1024];
    char want[512];

    setenv("OMP_NUM_THREADS", "64", 1);
    start("{ name = \"p\"; workers = 1; app = \"play:say\"; @PLAY@ directory = \"/usr\"; "
          "environment = ( \"MKL_NUM_THREADS=3\", \"PYTHONUNBUFFERED=1\" ); }", QUICK, true);
    collect_output(text, sizeof(text));
    snprintf(want, sizeof(want), "args -m snakepit.worker play:say --pool p --connect ipc://%s/workers "
             "--name p-1 --lifeline 3 --ready 4\n/usr\n",
             scene.directory);
    cr_expect_eq(strncmp(text, want, strlen(want)), 0, "%s", text);
    cr_expect_not_null(strstr(text, "\nOMP_NUM_THREADS=1\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\nOPENBLAS_NUM_THREADS=1\n"));
    cr_expect_not_null(strstr(text, "\nNUMEXPR_NUM_THREADS=1\n"));
    cr_expect_not_null(strstr(text, "\nVECLIB_MAXIMUM_THREADS=1\n"));
    cr_expect_not_null(strstr(text, "\nMKL_NUM_THREADS=3\n"));
    cr_expect_not_null(strstr(text, "\nPYTHONUNBUFFERED=1\n"));
}

Test(agent, a_worker_is_told_what_its_pool_asks_of_threads)
{
    static char text[64 * 1024];

    start("{ name = \"p\"; workers = 1; app = \"play:say\"; @PLAY@ profile = \"thread\"; threads_per_worker = 2; "
          "thread_unsafe = \"refuse\"; require_free_threading = true; }", QUICK, true);
    collect_output(text, sizeof(text));
    cr_expect_not_null(strstr(text, " --slots 2 --thread-unsafe refuse --require-free-threading\n"), "%s", text);
}

Test(agent, a_thread_worker_is_told_its_slots)
{
    static char text[64 * 1024];

    start("{ name = \"p\"; workers = 1; app = \"play:say\"; @PLAY@ profile = \"thread\"; threads_per_worker = 8; }",
          QUICK, true);
    collect_output(text, sizeof(text));
    cr_expect_not_null(strstr(text, " --name p-1 --lifeline 3 --ready 4 --profile thread --slots 8\n"), "%s", text);
}

Test(agent, a_configuration_without_workers_is_a_mistake)
{
    start("{ name = \"p\"; }", QUICK, false);
    cr_expect_eq(WEXITSTATUS(scene_wait_agent(&scene)), 3);
}
