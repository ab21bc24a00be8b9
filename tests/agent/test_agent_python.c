/* test_agent_python.c - snakepit-agent with the real Python worker. */
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUICK "agent = { stop_timeout = \"10s\"; restart_delay = \"10ms\"; restart_delay_max = \"10ms\"; };"

static struct scene scene;

/* An agent with one real worker for this app. */
static void
start(const char *app)
{
    char pool[2048];
    const char *root = getenv("SOURCE_ROOT");
    const char *python = getenv("PYTHON");

    cr_assert(root != NULL && python != NULL, "set SOURCE_ROOT and PYTHON");
    snprintf(pool, sizeof(pool),
             "{ name = \"p\"; workers = 1; app = \"%s\"; python = \"%s\"; directory = \"%s/examples/demo\"; "
             "environment = ( \"PYTHONPATH=%s/worker_python/src\", \"PYTHONDONTWRITEBYTECODE=1\" ); }",
             app, python, root, root);
    scene_open(&scene, pool, QUICK);
    scene_start_agent(&scene, true);
}

static void
end_scene(void)
{
    scene_close(&scene);
}

TestSuite(agent_python, .fini = end_scene, .timeout = 90);

Test(agent_python, an_app_that_cannot_be_imported_is_reported_with_the_reason)
{
    start("no_such_module:app");
    json_t *line = scene_wait(&scene, "worker.start_failed");
    cr_expect_eq(field_int(line, "exit_status"), 3);
    cr_expect_not_null(strstr(field_str(line, "tail"), "finds no module no_such_module in "), "%s",
                       field_str(line, "tail"));
    json_decref(line);
}

Test(agent_python, a_worker_takes_the_agents_arguments_and_ends_with_it)
{
    start("text_tasks:app");
    pid_t worker = scene_wait_spawned(&scene);

    cr_expect_not(process_ends(worker, 1000), "the worker ended by itself");
    scene_close_lifeline(&scene);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    cr_expect(process_ends(worker, 0));
}

Test(agent_python, a_worker_dies_with_an_agent_that_is_killed)
{
    start("text_tasks:app");
    pid_t worker = scene_wait_spawned(&scene);

    kill(scene.agent, SIGKILL);
    cr_expect(process_ends(worker, 1000));
}
