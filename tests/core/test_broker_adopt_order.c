/* test_broker_adopt_order.c - tasks that a restarted broker adopts from their workers, and what else holds of them: limits
 * of their keys, sessions. */
#include "tests/core/kit.h"

#include "broker/core/orphan.h"

#include <criterion/criterion.h>

enum { CLIENT = 1, WORKER = 1, OTHER_WORKER = 2 };

#define OLD UINT64_C(100) /* a fence of the earlier broker */

static struct kit kit;
static struct pool_settings pool;

static void
set_up(void)
{
    pool_settings_init(&pool, "");
}

static void
tear_down(void)
{
    kit_fini(&kit);
}

TestSuite(broker_adopt_order, .init = set_up, .fini = tear_down);

/* A broker that was started again. Its first worker comes with a free slot and what it holds: task 5 of the client. */
static void
begin(void)
{
    struct broker_settings settings;
    struct hello hello = kit_worker_hello("text", 2), client = kit_client_hello(1);
    struct ref ref = ref_number(5);
    uint8_t origin[ORIGIN_BYTES_MAX];
    struct hold hold = {.fence = OLD, .attempt = 1, .origin = {origin, 0}};
    struct message message = {.verb = VERB_HELLO};

    hold.origin.size = origin_write(client.instance.data, &ref, origin);
    kit_settings(&settings);
    settings.adopt_window_us = 2 * SECOND;
    kit_init_with(&kit, &settings, &pool);
    hello.session = 7;
    hello.pid = WORKER;
    hello.holds = (struct holds){.count = 1, .list = &hold};
    message.hello = hello;
    kit_command(&kit, SIDE_WORKER, WORKER, &message);
    kit_client(&kit, CLIENT, 1);
}

Test(broker_adopt_order, it_counts_for_the_limit_of_its_key)
{
    struct submit submit = kit_task(5);

    pool.key_limit.running_max = 1;
    begin();
    submit.fair_key = bytes_of("k");
    submit.again = true;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_ADOPTED));
    submit = kit_task(6);
    submit.fair_key = bytes_of("k");
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_eq(kit_fence(&kit, WORKER), 0, "one of the key runs");
    submit = kit_task(7);
    submit.fair_key = bytes_of("other");
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_neq(kit_fence(&kit, WORKER), 0, "there is a free slot");
    kit_result(&kit, WORKER, OLD, "5");
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, WORKER, VERB_TASK)->task.attempt, 1, "now it is the key's turn");
}

Test(broker_adopt_order, its_session_is_where_it_runs)
{
    struct session_stats session;
    struct submit submit = kit_task(5);

    begin();
    kit_worker(&kit, OTHER_WORKER, "text", 8);
    submit.session = bytes_of("s");
    submit.session_mode = SESSION_STRICT_QUEUE;
    submit.again = true;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_not_null(kit_note(&kit, NOTE_TASK_ADOPTED));
    cr_assert_eq(broker_find_session(kit.broker, bytes_of("text"), bytes_of("s"), &session), OK);
    cr_assert_neq(session.worker, 0);
    submit.id = ref_number(6);
    submit.again = false;
    kit_offer(&kit, CLIENT, &submit);
    cr_assert_neq(kit_fence(&kit, WORKER), 0);
    cr_assert_eq(kit_fence(&kit, OTHER_WORKER), 0, "although it has more free slots");
}
