/* test_agent_broker.c - snakepit-agent with real processes and a broker that the test plays. */
#include "tests/agent/fake_broker.h"
#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define QUICK "agent = { stop_timeout = \"5s\"; restart_delay = \"10ms\"; restart_delay_max = \"40ms\"; };"
#define POOL(app, more) "{ name = \"p\"; workers = 1; app = \"" app "\"; @PLAY@ " more " }"

static struct scene scene;
static struct fake_broker broker;

static void
start(const char *pools)
{
    scene_open(&scene, pools, QUICK);
    fake_broker_open(&broker, scene.directory);
    scene_start_agent(&scene, true);
}

static void
end_scene(void)
{
    fake_broker_close(&broker);
    scene_close(&scene);
}

TestSuite(agent_broker, .fini = end_scene, .timeout = 60);

static struct bytes
text(const char *string)
{
    return (struct bytes){.data = (const uint8_t *)string, .size = (uint32_t)strlen(string)};
}

static void
order_replace(pid_t pid, uint64_t session, bool first)
{
    struct message replace = {.verb = VERB_REPLACE};

    replace.replace =
        (struct replace){.session = session, .pid = (uint64_t)pid, .pool = text("p"), .first = first};
    fake_broker_send(&broker, &replace);
}

static void
order_retire(pid_t pid, bool kill, uint64_t grace_ms)
{
    struct message retire = {.verb = VERB_RETIRE};

    retire.retire = (struct retire){.pid = (uint64_t)pid, .kill = kill, .grace_ms = grace_ms};
    fake_broker_send(&broker, &retire);
}

/* Start with one worker that is ready, welcomed by the broker; returns its pid. */
static pid_t
start_one(const char *pools)
{
    start(pools);
    fake_broker_welcome(&broker, 200);
    pid_t worker = scene_wait_spawned(&scene);
    scene_wait_output(&scene, "ready");
    return worker;
}

Test(agent_broker, hears_who_the_agent_is_and_what_each_worker_uses)
{
    start(POOL("play:set_up", ""));
    struct message hello = fake_broker_welcome(&broker, 100);
    struct agent_pool pool;
    struct process_usage usage = {0};

    cr_expect(hello.hello.is_agent);
    cr_expect_neq(hello.hello.agent, 0);
    cr_expect_eq(hello.hello.pid, (uint64_t)scene.agent);
    cr_assert_eq(wire_agent_pools_next(&hello.hello.pools, &pool), OK);
    cr_expect_eq(pool.wanted, 1);
    pid_t worker = scene_wait_spawned(&scene);
    while (usage.rss_bytes == 0) {
        struct message processes = fake_broker_wait(&broker, VERB_PROCESSES);
        wire_processes_next(&processes.processes, &usage);
    }
    cr_expect_eq(usage.pid, (uint64_t)worker);
}

Test(agent_broker, hears_of_a_worker_near_its_memory_limit_before_the_next_heartbeat)
{
    start(POOL("play:large", "worker_memory_max = \"16MiB\";"));
    fake_broker_welcome(&broker, 60000);
    pid_t worker = scene_wait_spawned(&scene);
    struct process_usage usage = {0};

    while (usage.rss_bytes < 8 << 20) {
        struct message processes = fake_broker_wait(&broker, VERB_PROCESSES);
        wire_processes_next(&processes.processes, &usage);
    }
    cr_expect_eq(usage.pid, (uint64_t)worker);
}

Test(agent_broker, a_replacement_starts_beside_the_old_worker_and_takes_its_place_when_that_ends)
{
    pid_t old = start_one(POOL("play:set_up", ""));

    order_replace(old, 4711, false);
    order_replace(old, 4711, false); /* the same wish */
    pid_t successor = scene_wait_spawned(&scene);
    json_t *line = scene_wait(&scene, "worker.output");
    cr_expect_not_null(strstr(field_str(line, "line"), " 4711"), "%s", field_str(line, "line"));
    json_decref(line);
    cr_expect_not(process_ends(old, 0));
    order_retire(old, false, 2000);
    cr_expect(process_ends(old, 2000));
    struct message exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.pid, (uint64_t)old);
    kill(successor, SIGTERM);
    json_decref(scene_wait(&scene, "worker.died"));
    cr_expect_neq(scene_wait_spawned(&scene), successor, "it has the place now, and is restarted there");
    kill(scene.agent, SIGTERM);
    scene_wait_agent(&scene);
    cr_expect_eq(json_array_size(scene.passed) > 0, true);
}

Test(agent_broker, a_worker_that_ends_by_itself_while_it_is_replaced_is_not_started_again)
{
    pid_t old = start_one(POOL("play:set_up", ""));

    order_replace(old, 9, false);
    scene_wait_spawned(&scene);
    scene_wait_output(&scene, "ready");
    kill(old, SIGKILL);
    struct message exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.cause, EXIT_SIGNAL);
    cr_expect_eq(exited.exited.status, SIGKILL);
    kill(scene.agent, SIGTERM);
    cr_expect_eq(scene_wait_agent(&scene), 0);
    json_t *line;
    size_t at;
    json_array_foreach(scene.passed, at, line)
        cr_expect_str_neq(field_str(line, "event"), "worker.spawned");
}

Test(agent_broker, a_replacement_that_cannot_start_is_reported_and_the_old_worker_stays)
{
    pid_t old = start_one(POOL("play:set_up", ""));

    scene_rewrite(&scene, POOL("play:fail", ""), QUICK);
    kill(scene.agent, SIGHUP);
    struct message pool = fake_broker_wait(&broker, VERB_POOL);
    while (!pool.pool.changed)
        pool = fake_broker_wait(&broker, VERB_POOL);
    order_replace(old, 9, false);
    struct message exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.cause, EXIT_START_FAILED);
    cr_expect_eq(exited.exited.replaces, 9);
    cr_expect_eq(exited.exited.status, 3);
    cr_expect_eq(memcmp(exited.exited.text.data, "first\nno module named foo\n", exited.exited.text.size), 0);
    cr_expect_not(process_ends(old, 0));
    order_replace(old, 9, false);
    exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.replaces, 9, "it is tried again when the broker asks again");
}

Test(agent_broker, a_replacement_waits_for_the_end_of_the_old_worker_when_memory_forbids_both)
{
    pid_t old = start_one(POOL("play:set_up", ""));

    order_replace(old, 12, true);
    struct message exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.pid, (uint64_t)old);
    scene_wait_spawned(&scene);
    json_t *line = scene_wait(&scene, "worker.output");
    cr_expect_not_null(strstr(field_str(line, "line"), " 12"), "%s", field_str(line, "line"));
    json_decref(line);
}

Test(agent_broker, a_worker_that_is_to_be_killed_is_replaced_although_it_is_stopped)
{
    pid_t old = start_one(POOL("play:set_up", ""));

    kill(old, SIGSTOP);
    order_replace(old, 3, false);
    order_retire(old, true, 0);
    cr_expect(process_ends(old, 5000));
    scene_wait_spawned(&scene);
    scene_wait_output(&scene, "ready");
}

Test(agent_broker, an_order_for_a_process_that_is_not_the_agents_touches_nobody)
{
    pid_t worker = start_one(POOL("play:set_up", ""));

    order_retire(getpid(), true, 0);
    order_replace(getpid(), 5, false);
    struct message exited = fake_broker_wait(&broker, VERB_EXITED);
    cr_expect_eq(exited.exited.replaces, 5);
    cr_expect_eq(exited.exited.pid, 0);
    cr_expect_not(process_ends(worker, 0));
}

Test(agent_broker, a_pool_that_fails_is_reported_with_the_reason)
{
    start(POOL("play:fail", "start_failures_max = 2;"));
    fake_broker_welcome(&broker, 100);
    struct message pool = fake_broker_wait(&broker, VERB_POOL);
    while (pool.pool.state == AGENT_POOL_OK)
        pool = fake_broker_wait(&broker, VERB_POOL);
    cr_expect_eq(memcmp(pool.pool.reason.data, "2 starts failed within 60 s", pool.pool.reason.size), 0);
}

Test(agent_broker, one_that_comes_back_is_greeted_and_told_the_state_again_and_no_worker_ends)
{
    pid_t worker = start_one(POOL("play:set_up", ""));
    struct message rehello = {.verb = VERB_REHELLO};

    fake_broker_wait(&broker, VERB_PROCESSES);
    fake_broker_send(&broker, &rehello);
    fake_broker_welcome(&broker, 100);
    fake_broker_wait(&broker, VERB_POOL);
    fake_broker_close(&broker);
    fake_broker_open(&broker, scene.directory);
    fake_broker_wait(&broker, VERB_HEARTBEAT); /* on the connection that ZeroMQ made anew */
    fake_broker_send(&broker, &rehello);
    fake_broker_welcome(&broker, 100);
    cr_expect_not(process_ends(worker, 0));
}

Test(agent_broker, hears_good_bye_when_the_agent_ends)
{
    start_one(POOL("play:set_up", ""));
    fake_broker_wait(&broker, VERB_PROCESSES); /* the session stands */
    kill(scene.agent, SIGTERM);
    struct message bye = fake_broker_wait(&broker, VERB_BYE);
    cr_expect_eq(memcmp(bye.reason.data, "SIGTERM", bye.reason.size), 0);
    cr_expect_eq(scene_wait_agent(&scene), 0);
}
