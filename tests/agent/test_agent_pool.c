/* test_agent_pool.c - snakepit-agent's starts, failures and reloads with real processes. */
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUICK "agent = { stop_timeout = \"5s\"; restart_delay = \"10ms\"; restart_delay_max = \"40ms\"; };"
#define POOL(name, app, workers, more) \
    "{ name = \"" name "\"; workers = " workers "; app = \"" app "\"; @PLAY@ " more " }"

static struct scene scene;

static void
start(const char *pools)
{
    scene_open(&scene, pools, QUICK);
    scene_start_agent(&scene, false);
}

/* Make the file "broken" in the scene's directory, or remove it. */
static void
set_broken(bool is_broken)
{
    char path[SCENE_PATH_BYTES + 16];

    snprintf(path, sizeof(path), "%s/broken", scene.directory);
    if (is_broken)
        fclose(fopen(path, "w"));
    else
        unlink(path);
}

static void
end_scene(void)
{
    set_broken(false);
    scene_close(&scene);
}

TestSuite(agent_pool, .fini = end_scene, .timeout = 60);

/* The scene's line of this event; its field as text must contain `part`. */
static void
wait_line(const char *event, const char *key, const char *part)
{
    json_t *line = scene_wait(&scene, event);

    cr_expect_not_null(strstr(field_str(line, key), part), "%s: %s", key, field_str(line, key));
    json_decref(line);
}

Test(agent_pool, whose_starts_fail_too_often_is_failed_with_tail_and_remedy_and_recovers_when_it_is_mended)
{
    scene_open(&scene, POOL("p", "play:flip", "2", "start_failures_max = 3; start_failures_window = \"1s\";"), QUICK);
    set_broken(true);
    scene_start_agent(&scene, false);
    json_t *line = scene_wait(&scene, "pool.failed");
    cr_expect_str_eq(field_str(line, "pool"), "p");
    cr_expect_str_eq(field_str(line, "reason"), "3 starts failed within 1 s");
    cr_expect_str_eq(field_str(line, "tail"), "broken\n");
    cr_expect_not_null(strstr(field_str(line, "remedy"), "SIGHUP"));
    json_decref(line);
    set_broken(false);
    scene_wait_output(&scene, "ready");
    json_decref(scene_wait(&scene, "pool.recovered"));
    scene_wait_output(&scene, "ready");
}

Test(agent_pool, whose_workers_somebody_kills_early_has_not_failed)
{
    start(POOL("p", "play:set_up", "1", "start_failures_max = 2;"));
    for (int i = 0; i < 4; i++)
        kill(scene_wait_spawned(&scene), SIGKILL);
    scene_wait_output(&scene, "ready");
}

Test(agent_pool, that_failed_starts_one_worker_in_each_window)
{
    start(POOL("p", "play:fail", "4", "start_failures_max = 4; start_failures_window = \"1s\";"));
    json_decref(scene_wait(&scene, "pool.failed"));
    for (int i = 0; i < 4; i++)
        json_decref(scene_wait(&scene, "worker.start_failed"));
    int64_t times[2];
    for (int i = 0; i < 2; i++) {
        json_t *line = scene_wait(&scene, "worker.start_failed");
        times[i] = field_int(line, "lived_ms");
        json_decref(line);
    }
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect_lt(times[0] + times[1], 2000);
    size_t spawned = 0;
    json_t *line;
    size_t at;
    json_array_foreach(scene.passed, at, line)
        spawned += strcmp(field_str(line, "event"), "worker.spawned") == 0;
    cr_expect_leq(spawned, 4 + 3, "%zu starts", spawned);
}

Test(agent_pool, that_failed_is_tried_again_at_once_by_a_reload)
{
    scene_open(&scene, POOL("p", "play:flip", "1", "start_failures_max = 1; start_failures_window = \"1h\";"), QUICK);
    set_broken(true);
    scene_start_agent(&scene, false);
    json_decref(scene_wait(&scene, "pool.failed"));
    set_broken(false);
    kill(scene.agent, SIGHUP);
    scene_wait_output(&scene, "ready");
}

Test(agent_pool, a_worker_that_is_not_ready_within_start_timeout_has_failed)
{
    start(POOL("p", "play:sleep", "1", "start_timeout = \"200ms\";"));
    wait_line("worker.killed", "reason", "start_timeout");
    wait_line("worker.start_failed", "signal", "KILL");
}

Test(agent_pool, starts_in_batches_each_when_the_one_before_is_ready)
{
    start(POOL("p", "play:set_up", "4", "startup_batch = 2; startup_delay = \"150ms\";"));
    int64_t at_us[4];

    for (int i = 0; i < 4; i++) {
        json_t *line = scene_wait(&scene, "worker.spawned");
        int hours, minutes;
        double seconds;
        cr_assert_eq(sscanf(field_str(line, "time"), "%*d-%*d-%*dT%d:%d:%lf", &hours, &minutes, &seconds), 3);
        at_us[i] = (int64_t)((hours * 3600 + minutes * 60 + seconds) * 1e6);
        json_decref(line);
    }
    cr_expect_lt(at_us[1] - at_us[0], 140000);
    cr_expect_geq(at_us[2] - at_us[1], 150000);
}

Test(agent_pool, a_reload_starts_new_pools_drains_removed_ones_and_resizes_others)
{
    start(POOL("a", "play:set_up", "1", "") ", " POOL("b", "play:set_up", "3", ""));
    for (int i = 0; i < 4; i++)
        scene_wait_spawned(&scene);
    for (int i = 0; i < 4; i++)
        scene_wait_output(&scene, "ready");
    scene_rewrite(&scene, POOL("b", "play:set_up", "2", "") ", " POOL("c", "play:set_up", "1", ""), QUICK);
    kill(scene.agent, SIGHUP);
    json_decref(scene_wait(&scene, "agent.reloaded"));
    scene_wait_with(&scene, "worker.exited", "pool", "a");
    scene_wait_with(&scene, "worker.spawned", "pool", "c");
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent_pool, a_reload_drains_only_the_newest_when_fewer_are_wanted)
{
    start(POOL("p", "play:set_up", "2", "startup_batch = 1;"));
    pid_t first = scene_wait_spawned(&scene);
    scene_wait_spawned(&scene);
    scene_wait_output(&scene, "ready");
    scene_wait_output(&scene, "ready");
    scene_rewrite(&scene, POOL("p", "play:set_up", "1", ""), QUICK);
    kill(scene.agent, SIGHUP);
    wait_line("worker.exited", "worker_name", "p-2");
    cr_expect_not(process_ends(first, 0));
}

Test(agent_pool, a_reload_of_a_file_with_a_mistake_changes_nothing)
{
    start(POOL("p", "play:set_up", "1", ""));
    pid_t worker = scene_wait_spawned(&scene);
    scene_wait_output(&scene, "ready");
    scene_rewrite(&scene, POOL("p", "play:set_up", "2", "no_such_option = 1;"), QUICK);
    kill(scene.agent, SIGHUP);
    wait_line("agent.reload_refused", "message", "no_such_option");
    cr_expect_not(process_ends(worker, 0));
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}

Test(agent_pool, with_an_override_keeps_that_number_whatever_the_file_says)
{
    scene_open(&scene, POOL("p", "play:set_up", "1", ""), QUICK);
    scene.workers = "p=2";
    scene_start_agent(&scene, false);
    scene_wait_spawned(&scene);
    scene_wait_spawned(&scene);
    kill(scene.agent, SIGHUP);
    json_decref(scene_wait(&scene, "agent.reloaded"));
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}
