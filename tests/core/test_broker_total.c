/* test_broker_total.c - any command in any state is answered or ignored, and never harms the broker. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_total, 0);

static uint32_t random_state;

static uint32_t
below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

Test(broker_total, verbs_of_the_other_side_are_unknown)
{
    const enum verb for_workers[] = {VERB_WELCOME, VERB_RESULT, VERB_TASK, VERB_STARTED, VERB_NACK, VERB_NONE};
    const enum verb for_clients[] = {VERB_WELCOME, VERB_SUBMIT, VERB_TASK, VERB_SEEN, VERB_CANCEL, VERB_NONE};

    kit_worker(&kit, 1, "text", 1);
    for (int i = 0; i < 6; i++) {
        kit_verb(&kit, SIDE_CLIENT, 1, for_workers[i]);
        cr_assert_eq(kit_client_error(&kit, 1), ERROR_UNKNOWN_VERB);
        kit_verb(&kit, SIDE_WORKER, 1, for_clients[i]);
        cr_assert_eq(kit_worker_error(&kit, 1), ERROR_UNKNOWN_VERB);
    }
}

Test(broker_total, bye_of_somebody_unknown_is_nothing)
{
    kit_verb(&kit, SIDE_CLIENT, 3, VERB_BYE);
    cr_assert_eq(kit.outbox.count, 0);
}

Test(broker_total, an_answer_without_a_fence_is_stale)
{
    struct message message = {.verb = VERB_RESULT};

    kit_worker(&kit, 1, "text", 1);
    kit_command(&kit, SIDE_WORKER, 1, &message);
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE);
}

Test(broker_total, a_new_broker_can_be_destroyed_with_work_in_every_state)
{
    struct submit submit = kit_task(1);
    struct broker *nothing = NULL;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 2);
    kit_worker(&kit, 2, "text", 2);
    kit_gone(&kit, SIDE_WORKER, 2);
    submit.delay_ms = 50;
    kit_offer(&kit, 1, &submit);
    for (uint64_t id = 2; id < 9; id++)
        kit_submit(&kit, 1, id);
    kit_submit(&kit, 2, 1);
    kit_cancel(&kit, 1, 8);
    kit_client(&kit, 3, 3);
    kit_gone(&kit, SIDE_CLIENT, 3);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_BYE);
    broker_destroy(&kit.broker);
    cr_assert_null(kit.broker);
    broker_destroy(&nothing);
}

/* Sessions are numbered from the epoch, 1. */
enum { FIRST_SESSION = 1 << 20 };

/* The fence that a worker may know: a right one, an old one, nonsense. */
static uint64_t
some_fence(void)
{
    return below(4) == 0 ? below(5) : (UINT64_C(1) << 32) + below(300);
}

static void
do_something_as_client(uint32_t peer)
{
    struct submit submit = kit_task(below(40));
    struct hello hello = kit_client_hello((uint8_t)below(4));

    hello.on_disconnect = below(2) ? DISCONNECT_CANCEL : DISCONNECT_CONTINUE;
    submit.delay_ms = below(4) == 0 ? below(300) : 0;
    submit.has_deadline = below(4) == 0;
    submit.deadline_ms = below(900);
    submit.priority = (uint8_t)below(PRIORITIES);
    submit.max_attempts = below(3);
    submit.on_loss = below(4) == 0 ? LOSS_FINAL : LOSS_REQUEUE;
    submit.stream = below(2);
    submit.ack = below(2);
    submit.fair_key = bytes_of(below(2) ? "" : below(2) ? "a" : "b");
    submit.pool = bytes_of(below(8) == 0 ? "nothing" : below(2) ? "text" : "numbers");
    switch (below(10)) {
    case 0:
        kit_hello(&kit, SIDE_CLIENT, peer, &hello);
        return;
    case 1:
        kit_cancel(&kit, peer, below(40));
        return;
    case 2:
        kit_seen(&kit, peer, below(20));
        return;
    case 3:
        kit_verb(&kit, SIDE_CLIENT, peer, (enum verb)below(24));
        return;
    case 4:
        kit_gone(&kit, SIDE_CLIENT, peer);
        return;
    default:
        kit_offer(&kit, peer, &submit);
    }
}

static void
do_something_as_worker(uint32_t peer)
{
    struct hello hello = kit_worker_hello(below(2) ? "text" : "numbers", 1 + below(3));
    uint64_t fences[20];

    for (int i = 0; i < 20; i++)
        fences[i] = some_fence();
    hello.session = below(2) ? FIRST_SESSION + below(60) : 0;
    hello.agent = below(3) ? 1 + below(3) : 0;
    hello.pid = 40 + below(6);
    hello.replaces = below(3) ? 0 : FIRST_SESSION + below(60);
    hello.gil_enabled = below(4) > 0;
    hello.leases = (struct fences){.count = below(20), .list = fences};
    switch (below(12)) {
    case 0:
    case 1:
        kit_hello(&kit, SIDE_WORKER, peer, &hello);
        return;
    case 2:
        kit_verb(&kit, SIDE_WORKER, peer, (enum verb)below(24));
        return;
    case 3:
        kit_gone(&kit, SIDE_WORKER, peer);
        return;
    case 4:
        kit_nack(&kit, peer, some_fence());
        return;
    case 5:
        kit_chunk(&kit, peer, some_fence(), below(4));
        return;
    case 6:
        kit_error(&kit, peer, some_fence(), (enum error_code)below(ERROR_CODES));
        return;
    default:
        kit_result(&kit, peer, some_fence(), "6");
    }
}

/* As agents, as the heartbeats of whomever, and as operators. */
static void
do_something_about_processes(uint32_t peer)
{
    static const char *const pools[] = {"text", "numbers", "nothing"};
    struct bytes pool = bytes_of(pools[below(3)]);
    struct exited exited = {.pool = pool, .pid = below(8) ? 40 + below(6) : 0, .cause = (enum exit_cause)below(5),
                            .status = below(20), .replaces = below(2) ? FIRST_SESSION + below(60) : 0};
    struct pool_report report = {.pool = pool, .state = (enum agent_state)below(2), .has_wanted = below(2),
                                 .wanted = below(4), .changed = below(4) == 0};
    struct message beat = {.verb = VERB_HEARTBEAT, .heartbeat = {
        .has_facts = true, .rss_bytes = below(200), .tasks_done = below(20), .gil_enabled = (int)below(3) - 1}};

    switch (below(9)) {
    case 0:
    case 1:
        kit_agent(&kit, peer, 1 + below(3), below(4));
        return;
    case 2:
        kit_uses(&kit, peer, 40 + below(6), below(200));
        return;
    case 3:
        kit_exited(&kit, peer, &exited);
        return;
    case 4:
        kit_pool_says(&kit, peer, &report);
        return;
    case 5:
        kit_recycle(&kit, below(3) ? 0 : FIRST_SESSION + below(60));
        return;
    case 6:
        kit_verb(&kit, SIDE_WORKER, peer, below(2) ? VERB_BYE : VERB_DRAINING);
        return;
    default:
        kit_command(&kit, SIDE_WORKER, peer, &beat);
    }
}

static struct limit_settings
some_limit(void)
{
    return (struct limit_settings){.running_max = below(2) ? 0 : 1 + below(3),
                                   .rate = {below(2) ? 0 : 1 + below(30), below(3) ? 1 : 60},
                                   .rate_burst = below(4)};
}

/* A reload: other limits for a pool. */
static void
change_pool(struct pool_settings *pool)
{
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = pool};

    pool->name = below(2) ? "text" : "numbers";
    pool->worker_ttl_us = below(2) ? 0 : below(5) * SECOND;
    pool->worker_max_tasks = below(2) ? 0 : 1 + below(10);
    pool->worker_memory_max = below(2) ? 0 : 1 + below(150);
    pool->recycle_jitter_percent = below(51);
    pool->recycle_parallel = below(4);
    pool->recycle_first = below(4) == 0;
    pool->start_timeout_us = below(5) * SECOND;
    pool->stalled_timeout_us = below(2) ? 0 : below(5) * SECOND;
    pool->require_free_threading = below(6) == 0;
    pool->when_failed = below(2) ? WHEN_FAILED_REFUSE : WHEN_FAILED_WAIT;
    pool->fairness = below(2) ? FAIRNESS_CLIENT : FAIRNESS_KEY;
    pool->limit = some_limit();
    pool->key_limit = some_limit();
    kit_event(&kit, &event);
}

/* What this must have reached, or it proves little. */
static const enum note_kind rare_notes[] = {
    NOTE_WORKER_REPLACING, NOTE_WORKER_RECYCLED, NOTE_WORKER_REPLACE_FAILED, NOTE_WORKER_LOST,  NOTE_WORKER_STALLED,
    NOTE_WORKER_REFUSED,   NOTE_AGENT_LOST,      NOTE_POOL_FAILED,           NOTE_POOL_RECOVERED,
    NOTE_POOL_MEMORY_LIMIT_TOO_LOW, NOTE_WORKER_EXITED, NOTE_WORKER_START_FAILED,
};

enum { RARE_NOTES = sizeof rare_notes / sizeof *rare_notes };

static void
count_notes(size_t seen[RARE_NOTES])
{
    for (int i = 0; i < RARE_NOTES; i++)
        seen[i] += kit_count_notes(&kit, rare_notes[i]);
}

Test(broker_total, whatever_comes_the_invariants_hold)
{
    size_t seen[RARE_NOTES] = {0};

    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct broker_settings settings;
        struct pool_settings pool;

        kit_fini(&kit);
        kit_settings(&settings);
        pool_settings_init(&pool, "");
        settings.peers_max = 5;
        settings.client_results_max = 4;
        settings.client_tasks_max = 15;
        settings.client_retention_us = 2 * SECOND;
        settings.tasks_max = 40;
        pool.queued_max = 12;
        kit_init_with(&kit, &settings, &pool);
        random_state = seed;
        for (int step = 0; step < 400; step++) {
            uint32_t what = below(14);

            if (what < 5)
                do_something_as_client(1 + below(7));
            else if (what < 9)
                do_something_as_worker(1 + below(7));
            else if (what < 12)
                do_something_about_processes(1 + below(7));
            else if (what < 13 && below(8) == 0)
                change_pool(&pool);
            else
                kit_pass(&kit, below(below(5) == 0 ? 3000 : 100) * MS);
            count_notes(seen);
        }
    }
    for (int i = 0; i < RARE_NOTES; i++)
        cr_assert_gt(seen[i], 0, "%s was never reached", note_name(rare_notes[i]));
}
