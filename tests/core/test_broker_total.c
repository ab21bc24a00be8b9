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
    hello.session = below(2) ? 1024 + below(60) : 0;
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

Test(broker_total, whatever_comes_the_invariants_hold)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
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
            uint32_t what = below(10);

            if (what < 5)
                do_something_as_client(1 + below(7));
            else if (what < 9)
                do_something_as_worker(1 + below(7));
            else
                kit_pass(&kit, below(below(5) == 0 ? 3000 : 100) * MS);
        }
    }
}
