/* test_agent_nursery.c - snakepit-agent with a nursery of the real Python package. */
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUICK "agent = { stop_timeout = \"10s\"; restart_delay = \"10ms\"; restart_delay_max = \"50ms\"; };"

/* Every worker starts a process and says: "worker PID of PARENT with CHILD". */
#define FAMILY \
    "import os, subprocess, snakepit\n" \
    "print('imported', os.getpid(), flush=True)\n" \
    "app = snakepit.App()\n" \
    "@app.on_process_start\n" \
    "def start():\n" \
    "    child = subprocess.Popen(['sleep', '1000']).pid\n" \
    "    print('worker', os.getpid(), 'of', os.getppid(), 'with', child, flush=True)\n"

static struct scene scene;

static void
write_app(const char *text)
{
    char path[SCENE_PATH_BYTES + 32];

    snprintf(path, sizeof(path), "%s/nursed.py", scene.directory);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

/* An agent with a nursery for this app. */
static void
start(const char *app, unsigned workers, const char *more)
{
    char pool[2048];
    const char *root = getenv("SOURCE_ROOT");
    const char *python = getenv("PYTHON");

    cr_assert(root != NULL && python != NULL, "set SOURCE_ROOT and PYTHON");
    snprintf(pool, sizeof(pool),
             "{ name = \"p\"; workers = %u; app = \"nursed:app\"; python = \"%s\"; directory = \"@DIR@\"; "
             "nursery = true; environment = ( \"PYTHONPATH=%s/worker_python/src\", \"PYTHONDONTWRITEBYTECODE=1\" ); %s }",
             workers, python, root, more);
    scene_open(&scene, pool, QUICK);
    write_app(app);
    scene_start_agent(&scene, true);
}

static void
end_scene(void)
{
    char path[SCENE_PATH_BYTES + 32];

    snprintf(path, sizeof(path), "%s/nursed.py", scene.directory);
    unlink(path);
    scene_close(&scene);
}

TestSuite(agent_nursery, .fini = end_scene, .timeout = 90);

struct family {
    pid_t worker, parent, child;
};

static struct family
wait_family(void)
{
    for (;;) {
        struct family family;
        json_t *line = scene_wait(&scene, "worker.output");
        int found = sscanf(field_str(line, "line"), "worker %d of %d with %d", &family.worker, &family.parent,
                           &family.child);
        json_decref(line);
        if (found == 3)
            return family;
    }
}

static pid_t
wait_nursery(void)
{
    json_t *line = scene_wait(&scene, "nursery.ready");
    pid_t pid = (pid_t)field_int(line, "pid");

    json_decref(line);
    return pid;
}

static void
expect_gone(const struct family *families, size_t count, pid_t nursery)
{
    cr_expect(process_ends(nursery, 5000), "the nursery lives");
    for (size_t i = 0; i < count; i++) {
        cr_expect(process_ends(families[i].worker, 5000), "worker %zu lives", i);
        cr_expect(process_ends(families[i].child, 5000), "what worker %zu started lives", i);
    }
}

Test(agent_nursery, workers_are_the_agents_own_children_and_the_app_is_imported_once)
{
    start(FAMILY, 3, "");
    pid_t nursery = wait_nursery();
    cr_expect_eq(scene_wait_output(&scene, "imported "), nursery);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(wait_family().parent, scene.agent);
    cr_expect_eq(process_count_zombies(scene.agent), 0);
    cr_expect_eq(process_count_zombies(nursery), 0);
}

Test(agent_nursery, a_worker_that_dies_is_forked_anew_and_what_it_started_dies_with_it)
{
    start(FAMILY, 1, "");
    struct family first = wait_family();

    kill(first.worker, SIGKILL);
    struct family second = wait_family();
    cr_expect_neq(second.worker, first.worker);
    cr_expect(process_ends(first.child, 5000));
}

Test(agent_nursery, all_ends_with_an_agent_that_is_killed)
{
    start(FAMILY, 2, "");
    pid_t nursery = wait_nursery();
    struct family families[] = {wait_family(), wait_family()};

    kill(scene.agent, SIGKILL);
    expect_gone(families, 2, nursery);
}

Test(agent_nursery, all_ends_when_the_broker_ends_and_the_agent_is_killed_after_it)
{
    start(FAMILY, 2, "");
    pid_t nursery = wait_nursery();
    struct family families[] = {wait_family(), wait_family()};

    scene_close_lifeline(&scene);
    kill(scene.agent, SIGKILL);
    expect_gone(families, 2, nursery);
}

Test(agent_nursery, all_ends_when_nursery_and_agent_are_killed_in_this_order)
{
    start(FAMILY, 2, "");
    pid_t nursery = wait_nursery();
    struct family families[] = {wait_family(), wait_family()};

    kill(nursery, SIGKILL);
    kill(scene.agent, SIGKILL);
    expect_gone(families, 2, nursery);
}

Test(agent_nursery, all_ends_with_a_killed_agent_whose_guard_was_killed_before)
{
    start(FAMILY, 1, "");
    pid_t nursery = wait_nursery();
    struct family families[] = {wait_family()};
    pid_t guard = scene_wait_guard(&scene);

    kill(guard, SIGKILL);
    json_decref(scene_wait(&scene, "agent.guard_replaced"));
    kill(scene.agent, SIGKILL);
    expect_gone(families, 1, nursery);
}

Test(agent_nursery, all_ends_in_order_when_the_lifeline_does)
{
    start(FAMILY, 2, "");
    pid_t nursery = wait_nursery();
    struct family families[] = {wait_family(), wait_family()};

    scene_close_lifeline(&scene);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    expect_gone(families, 2, nursery);
}

Test(agent_nursery, one_that_is_killed_is_started_again_and_its_workers_live_on)
{
    start(FAMILY, 1, "");
    pid_t nursery = wait_nursery();
    struct family first = wait_family();

    kill(nursery, SIGKILL);
    json_decref(scene_wait(&scene, "nursery.died"));
    cr_expect_neq(wait_nursery(), nursery);
    cr_expect_not(process_ends(first.worker, 0));
    kill(first.worker, SIGKILL);
    cr_expect_neq(wait_family().worker, first.worker);
}

Test(agent_nursery, one_that_stands_still_is_killed_when_it_does_not_fork_in_time)
{
    start(FAMILY, 1, "start_timeout = \"3s\";");
    pid_t nursery = wait_nursery();
    struct family first = wait_family();

    kill(nursery, SIGSTOP);
    kill(first.worker, SIGKILL);
    cr_expect(process_ends(nursery, 10000));
    cr_expect_neq(wait_nursery(), nursery);
    cr_expect_neq(wait_family().worker, first.worker);
}

Test(agent_nursery, a_reload_asks_it_to_end_and_does_not_kill_it)
{
    const json_t *line;
    size_t i;

    start(FAMILY, 1, "");
    json_decref(scene_wait(&scene, "nursery.ready"));
    kill(scene.agent, SIGHUP);
    json_t *end = scene_wait(&scene, "nursery.exited");
    cr_expect_eq(field_int(end, "signal_number"), SIGTERM);
    json_decref(end);
    json_decref(scene_wait(&scene, "nursery.ready"));
    json_array_foreach (scene.passed, i, line)
        cr_expect_str_neq(field_str(line, "event"), "worker.killed");
}

Test(agent_nursery, an_app_that_starts_threads_on_import_is_refused_and_the_threads_are_named)
{
    start("import threading, time, snakepit\n"
          "threading.Thread(target=time.sleep, args=(1000,), name='my-poller', daemon=True).start()\n"
          "app = snakepit.App()\n", 2, "");
    json_t *line = scene_wait(&scene, "pool.failed");
    const char *reason = field_str(line, "reason");
    cr_expect_eq(strncmp(reason, "nursery_refused: the app started 1 thread(s) on import (my-poller)", 65), 0, "%s", reason);
    cr_expect_not_null(strstr(field_str(line, "remedy"), "nursery = false"));
    json_decref(line);
    json_decref(scene_wait(&scene, "nursery.died"));
    scene_close_lifeline(&scene);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    size_t at;
    json_array_foreach(scene.passed, at, line)
        cr_expect_str_neq(field_str(line, "event"), "worker.spawned", "it fell back silently");
}

Test(agent_nursery, of_an_app_that_cannot_be_imported_fails_the_pool_with_the_tail)
{
    start("import no_such_library\n", 1, "start_failures_max = 2;");
    json_t *line = scene_wait(&scene, "pool.failed");
    cr_expect_str_eq(field_str(line, "reason"), "2 starts failed within 60 s");
    cr_expect_not_null(strstr(field_str(line, "tail"), "No module named 'no_such_library'"));
    json_decref(line);
}

Test(agent_nursery, forks_what_stands_on_the_disk_now)
{
    start(FAMILY, 1, "");
    struct family first = wait_family();

    write_app(FAMILY "# changed\n"
                     "print('new import', os.getpid(), flush=True)\n");
    kill(first.worker, SIGKILL);
    json_decref(scene_wait(&scene, "nursery.stale"));
    cr_expect_neq(scene_wait_output(&scene, "new import "), 0);
    cr_expect_neq(wait_family().worker, first.worker);
}

Test(agent_nursery, calls_the_hooks_around_the_fork_and_gives_each_worker_its_own_random_numbers)
{
    long numbers[2];

    start("import os, random, snakepit\n"
          "app = snakepit.App()\n"
          "@app.before_fork\n"
          "def before(): print('before', os.getpid(), flush=True)\n"
          "@app.after_fork\n"
          "def after(): print('after', os.getpid(), flush=True)\n"
          "@app.on_process_start\n"
          "def start(): print('random', random.randrange(1 << 60), flush=True)\n", 2, "");
    pid_t nursery = wait_nursery();
    pid_t said[3] = {0};
    size_t hooks = 0, randoms = 0;
    while (hooks < 3 || randoms < 2) {
        json_t *line = scene_wait(&scene, "worker.output");
        const char *text = field_str(line, "line");
        if (strncmp(text, "random ", 7) == 0)
            numbers[randoms++] = atol(text + 7);
        else
            said[hooks++] = (pid_t)atol(strchr(text, ' '));
        json_decref(line);
    }
    cr_expect_eq(said[0], nursery, "before_fork comes first, and once");
    cr_expect(said[1] != nursery && said[2] != nursery && said[1] != said[2]);
    cr_expect_neq(numbers[0], numbers[1]);
}
