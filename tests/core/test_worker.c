/* test_worker.c - a worker's record and life. */
#include "broker/core/lease.h"
#include "broker/core/task.h"
#include "broker/core/worker.h"
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

Test(worker, keeps_what_its_hello_said)
{
    struct hello hello = kit_worker_hello("text", 4);
    struct worker *worker = worker_new(7, &hello, 5);

    cr_assert_str_eq(worker->name, "worker");
    cr_assert_str_eq(worker->host, "here");
    cr_assert_str_eq(worker->python, "3.11.2");
    cr_assert_eq(worker->slots, 4);
    cr_assert_eq(worker->session, 7);
    cr_assert_eq(worker->started_us, 5);
    worker_destroy(&worker);
}

Test(worker, a_label_that_is_too_long_is_cut)
{
    struct hello hello = kit_worker_hello("text", 4);
    char name[200];
    struct worker *worker;

    memset(name, 'x', sizeof name);
    hello.name = (struct bytes){(const uint8_t *)name, sizeof name};
    worker = worker_new(7, &hello, 5);
    cr_assert_eq(strlen(worker->name), LABEL_BYTES_MAX);
    worker_destroy(&worker);
}

Test(worker, only_a_ready_worker_with_a_free_slot_has_credit)
{
    struct worker worker = {.slots = 2, .busy = 1};

    for (int state = 0; state < WORKER_STATES; state++) {
        worker.state = (uint8_t)state;
        cr_assert_eq(worker_has_credit(&worker), state == WORKER_READY);
    }
    worker.state = WORKER_READY;
    worker.busy = 2;
    cr_assert_not(worker_has_credit(&worker));
}

Test(worker, the_same_process_is_known_by_all_that_it_says)
{
    struct hello hello = kit_worker_hello("text", 4), other = hello;
    struct worker *worker = worker_new(7, &hello, 5);

    cr_assert(worker_is_same(worker, &other));
    other.pid++;
    cr_assert_not(worker_is_same(worker, &other));
    other = hello;
    other.slots++;
    cr_assert_not(worker_is_same(worker, &other));
    other = hello;
    other.host = bytes_of("there");
    cr_assert_not(worker_is_same(worker, &other));
    other = hello;
    other.name = bytes_of("other");
    cr_assert_not(worker_is_same(worker, &other));
    worker_destroy(&worker);
}

Test(worker, facts_that_a_heartbeat_does_not_state_stay_as_they_were)
{
    struct worker worker = {.rss_bytes = 5, .cpu_us = 6, .tasks_done = 7, .gil_enabled = true};
    struct heartbeat bare = {.has_facts = false, .rss_bytes = 1, .gil_enabled = 0};
    struct heartbeat silent = {.has_facts = true, .gil_enabled = -1};
    struct heartbeat full = {
        .has_facts = true, .rss_bytes = 50, .cpu_us = 60, .tasks_done = 70, .gil_enabled = 0};

    worker_take_facts(&worker, &bare, 1);
    worker_take_facts(&worker, &silent, 1);
    cr_assert(worker.rss_bytes == 5 && worker.cpu_us == 6 && worker.tasks_done == 7 && worker.gil_enabled);
    worker_take_facts(&worker, &full, 1);
    cr_assert(worker.rss_bytes == 50 && worker.cpu_us == 60 && worker.tasks_done == 70 && !worker.gil_enabled);
}

Test(worker, who_is_gone_does_not_come_back, .signal = SIGABRT)
{
    struct worker worker = {.state = WORKER_GONE, .peer = 1};

    worker_become(&worker, WORKER_READY);
}

Test(worker, a_lease_takes_a_slot_until_it_is_destroyed)
{
    static const struct payload nothing;
    struct hello hello = kit_worker_hello("text", 1);
    struct worker *worker = worker_new(7, &hello, 5);
    struct ref id = ref_number(1);
    struct task_key key = task_key_make(1, &id);
    struct task *task = task_new(NULL, &key, 0, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));
    struct lease *lease = lease_new(NULL, 99, worker, 6);

    lease_tie_task(lease, task);
    cr_assert_eq(worker->busy, 1);
    cr_assert_eq(task->lease, lease);
    lease_release_task(lease);
    cr_assert_null(task->lease);
    cr_assert_eq(worker->busy, 1, "the task is free, the slot is not");
    lease_destroy(&lease);
    cr_assert_eq(worker->busy, 0);
    task_destroy(&task);
    worker_destroy(&worker);
}
