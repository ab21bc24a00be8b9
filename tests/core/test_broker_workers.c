/* test_broker_workers.c - sessions of workers: HELLO, resume, silence, drain, BYE. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_workers, 0);

/* The worker of this session says HELLO again, with the fences that it holds. */
static const struct welcome *
say_hello_again(uint32_t peer, uint64_t session, const uint64_t *fences, uint32_t count)
{
    struct hello hello = kit_worker_hello("text", 4);
    const struct message *message;

    hello.session = session;
    hello.leases = (struct fences){.count = count, .list = fences};
    kit_hello(&kit, SIDE_WORKER, peer, &hello);
    message = kit_sent(&kit, SIDE_WORKER, peer, VERB_WELCOME);
    return message ? &message->welcome : NULL;
}

Test(broker_workers, a_worker_is_welcomed_before_its_first_task)
{
    kit_submit(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(kit.outbox.actions[0].message.verb, VERB_WELCOME);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_STARTED)->worker_name, "worker");
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_STARTED)->pool, "text");
}

Test(broker_workers, a_worker_is_told_where_tasks_are_submitted_and_a_client_is_not)
{
    struct hello hello = kit_worker_hello("text", 1);
    char too_long[ENDPOINT_BYTES_MAX + 2];

    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    broker_set_clients_endpoint(kit.broker, too_long);
    kit_hello(&kit, SIDE_WORKER, 1, &hello);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_WELCOME)->welcome.clients.size, 0);
    broker_set_clients_endpoint(kit.broker, "tcp://*:5570");
    kit_hello(&kit, SIDE_WORKER, 2, &hello);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 2, VERB_WELCOME)->welcome.clients, "tcp://*:5570"));
    kit_client(&kit, 3, 7);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 3, VERB_WELCOME)->welcome.clients.size, 0);
}

Test(broker_workers, an_unknown_pool_is_refused_with_near_names)
{
    struct hello hello = kit_worker_hello("txet", 1);
    const struct message *refuse;

    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    refuse = kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE);
    cr_assert_eq(refuse->error.code, ERROR_NO_SUCH_POOL);
    cr_assert(bytes_are(refuse->error.text, "no pool is named \"txet\"; did you mean \"text\"? "
                                            "The pools are \"text\", \"numbers\""));
}

Test(broker_workers, no_slots_and_too_many_are_refused)
{
    struct hello hello = kit_worker_hello("text", 0);

    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE)->error.field, "slots"));
    hello.slots = SLOTS_MAX + 1;
    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    hello.slots = SLOTS_MAX;
    cr_assert_neq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
}

Test(broker_workers, another_protocol_or_role_is_refused)
{
    struct hello hello = kit_worker_hello("text", 1);

    hello.protocol = bytes_of("SPIT/2");
    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE)->error.code, ERROR_UNSUPPORTED);
    hello = kit_client_hello(1);
    cr_assert_eq(kit_hello(&kit, SIDE_WORKER, 1, &hello), 0);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_WORKER, 1, VERB_REFUSE)->error.field, "role"));
}

Test(broker_workers, too_many_workers_are_unavailable)
{
    struct broker_settings settings;
    struct kit small;

    kit_settings(&settings);
    settings.peers_max = 1;
    kit_init_with(&small, &settings, NULL);
    kit_worker(&small, 1, "text", 1);
    cr_assert_eq(kit_worker(&small, 2, "text", 1), 0);
    cr_assert_eq(kit_sent(&small, SIDE_WORKER, 2, VERB_REFUSE)->error.code, ERROR_UNAVAILABLE);
    cr_assert_neq(kit_worker(&small, 1, "numbers", 1), 0, "a HELLO in place of another needs no room");
    kit_fini(&small);
}

Test(broker_workers, who_did_not_say_hello_is_asked_for_it_once)
{
    kit_result(&kit, 1, 5, "x");
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_REHELLO), 1);
    kit_result(&kit, 1, 6, "x");
    cr_assert_eq(kit.outbox.count, 0, "a batch of results needs no batch of answers");
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_REHELLO), 1, "a heartbeat wants its answer each time");
    kit_worker(&kit, 1, "text", 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT), 1);
}

Test(broker_workers, a_worker_that_comes_back_in_time_keeps_its_leases)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;
    const struct welcome *welcome;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_str_eq(kit_worker_state(&kit, session), "detached");
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_DETACHED)->count, 1);
    kit_pass(&kit, 400 * MS);
    welcome = say_hello_again(2, session, &fence, 1);
    cr_assert(welcome->resumed);
    cr_assert_eq(welcome->session, session);
    cr_assert_eq(welcome->leases.count, 1);
    cr_assert_eq(welcome->leases.list[0], fence);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_RESUMED));
    kit_result(&kit, 2, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_workers, leases_that_a_resumed_worker_does_not_name_are_requeued_at_once)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), held;
    const struct welcome *welcome;

    kit_submit(&kit, 1, 1);
    held = kit_fence(&kit, 1);
    kit_submit(&kit, 1, 2);
    kit_gone(&kit, SIDE_WORKER, 1);
    welcome = say_hello_again(2, session, &held, 1);
    cr_assert_eq(welcome->leases.count, 1);
    cr_assert_eq(kit_count_notes(&kit, NOTE_TASK_REQUEUED), 1);
    cr_assert_eq(kit_count(&kit, SIDE_WORKER, 2, VERB_TASK), 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
}

Test(broker_workers, fences_of_others_and_fences_named_twice_do_no_harm)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fences[4];
    const struct welcome *welcome;

    kit_submit(&kit, 1, 1);
    fences[0] = fences[1] = kit_fence(&kit, 1);
    kit_worker(&kit, 3, "text", 4);
    kit_submit(&kit, 1, 2);
    fences[2] = kit_fence(&kit, 3);
    fences[3] = 12345;
    kit_gone(&kit, SIDE_WORKER, 1);
    welcome = say_hello_again(2, session, fences, 4);
    cr_assert_eq(welcome->leases.count, 1);
    kit_result(&kit, 2, fences[2], "x");
    cr_assert_eq(kit_worker_error(&kit, 2), ERROR_STALE);
}

Test(broker_workers, a_stranger_with_the_number_of_a_session_does_not_get_it)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4);
    struct hello hello = kit_worker_hello("text", 4);

    kit_gone(&kit, SIDE_WORKER, 1);
    hello.session = session;
    hello.pid = 43;
    cr_assert_neq(kit_hello(&kit, SIDE_WORKER, 2, &hello), session);
    cr_assert_not(kit_sent(&kit, SIDE_WORKER, 2, VERB_WELCOME)->welcome.resumed);
    hello = kit_worker_hello("numbers", 4);
    hello.session = session;
    cr_assert_neq(kit_hello(&kit, SIDE_WORKER, 3, &hello), session);
}

Test(broker_workers, a_session_is_taken_over_from_a_connection_that_still_stands)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    cr_assert(say_hello_again(2, session, &fence, 1)->resumed);
    kit_result(&kit, 1, fence, "x");
    cr_assert_eq(kit.outbox.count, 0, "the old connection is not served");
    kit_gone(&kit, SIDE_WORKER, 1);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready");
    kit_result(&kit, 2, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_workers, a_connection_that_was_replaced_wrongly_is_found_by_its_heartbeat)
{
    uint64_t session = kit_worker(&kit, 2, "text", 4);

    say_hello_again(1, session, NULL, 0);
    kit_gone(&kit, SIDE_WORKER, 1);
    kit_verb(&kit, SIDE_WORKER, 2, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 2, VERB_REHELLO));
    cr_assert(say_hello_again(2, session, NULL, 0)->resumed);
}

Test(broker_workers, a_second_hello_without_session_ends_the_first_as_bye_would)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    cr_assert_neq(kit_worker(&kit, 1, "text", 4), session);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_STOPPED)->reason, "said HELLO again");
    cr_assert_gt(kit_fence(&kit, 1), fence, "the task comes to the new session");
    kit_result(&kit, 1, fence, "x");
    cr_assert_eq(kit_worker_error(&kit, 1), ERROR_STALE);
}

Test(broker_workers, a_second_hello_with_its_own_session_resumes_in_place)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    cr_assert_eq(say_hello_again(1, session, &fence, 1)->session, session);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_workers, bye_gives_the_open_leases_back)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4);
    struct message bye = {.verb = VERB_BYE, .reason = bytes_of("recycled")};

    kit_submit(&kit, 1, 1);
    kit_command(&kit, SIDE_WORKER, 1, &bye);
    cr_assert_str_eq(kit_note(&kit, NOTE_WORKER_STOPPED)->reason, "recycled");
    cr_assert_str_eq(kit_worker_state(&kit, session), "none");
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_worker(&kit, 2, "text", 4);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 2, VERB_TASK)->task.attempt, 2);
}

Test(broker_workers, a_draining_worker_gets_nothing_new_and_may_finish)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_DRAINING));
    cr_assert_str_eq(kit_worker_state(&kit, session), "draining");
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_null(kit_note(&kit, NOTE_WORKER_DRAINING), "said once");
    kit_live_through(&kit, 60 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, session), "draining", "and is not called stalled");
}

Test(broker_workers, a_draining_worker_that_reconnects_is_still_draining)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4);

    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    kit_gone(&kit, SIDE_WORKER, 1);
    say_hello_again(2, session, NULL, 0);
    cr_assert_str_eq(kit_worker_state(&kit, session), "draining");
}

Test(broker_workers, silence_over_three_heartbeats_is_a_stall_that_takes_nothing)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), fence;

    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 3 * SECOND);
    kit_pass(&kit, 3 * SECOND - 1);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready");
    kit_pass(&kit, 1);
    cr_assert_str_eq(kit_worker_state(&kit, session), "stalled");
    cr_assert_eq(kit_note(&kit, NOTE_WORKER_STALLED)->count, 1);
    kit_submit(&kit, 1, 2);
    cr_assert_eq(kit_fence(&kit, 1), 0, "it gets no new task");
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + SECOND, "nothing but the pool's capacity is looked at");
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_not_null(kit_note(&kit, NOTE_WORKER_RECOVERED));
    cr_assert_neq(kit_fence(&kit, 1), 0, "and it is served again");
}

Test(broker_workers, any_message_is_a_sign_of_life)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), other = kit_worker(&kit, 2, "text", 4);

    kit_live_through(&kit, 2 * SECOND);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    kit_live_through(&kit, 2 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready");
    cr_assert_str_eq(kit_worker_state(&kit, other), "stalled");
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + SECOND);
}

Test(broker_workers, a_stalled_worker_may_drain_detach_and_leave)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4);

    kit_live_through(&kit, 3 * SECOND);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_str_eq(kit_worker_state(&kit, session), "draining");
    session = kit_worker(&kit, 2, "text", 4);
    kit_live_through(&kit, 3 * SECOND);
    kit_gone(&kit, SIDE_WORKER, 2);
    cr_assert_str_eq(kit_worker_state(&kit, session), "detached");
    say_hello_again(3, session, NULL, 0);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready", "HELLO is a sign of life");
}

Test(broker_workers, a_stalled_worker_that_leaves_gets_no_task_first)
{
    kit_worker(&kit, 1, "text", 4);
    kit_live_through(&kit, 3 * SECOND);
    kit_submit(&kit, 1, 1);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_DRAINING);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
}

Test(broker_workers, heartbeats_bring_facts)
{
    struct message beat = {.verb = VERB_HEARTBEAT,
                           .heartbeat = {.has_facts = true, .rss_bytes = 1 << 20, .gil_enabled = -1}};

    kit_worker(&kit, 1, "text", 4);
    kit_command(&kit, SIDE_WORKER, 1, &beat);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT));
    cr_assert_not(kit_sent(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT)->heartbeat.has_facts);
}

Test(broker_workers, a_pause_of_the_broker_itself_is_not_held_against_its_workers)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), other = kit_worker(&kit, 2, "text", 4);

    kit_submit(&kit, 1, 1);
    kit_gone(&kit, SIDE_WORKER, 2);
    kit_pass(&kit, 3600 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready", "its heartbeats are still in the socket");
    cr_assert_str_eq(kit_worker_state(&kit, other), "detached", "and so may be the HELLO of this one");
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + SECOND);
    kit_pass(&kit, SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, session), "stalled");
    cr_assert_str_eq(kit_worker_state(&kit, other), "none");
}

Test(broker_workers, a_pause_of_the_broker_does_not_drop_detached_clients_at_once)
{
    uint64_t session = kit_client(&kit, 1, 1);

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_pass(&kit, 3600 * SECOND);
    cr_assert_eq(kit_client(&kit, 1, 1), session);
    kit_submit(&kit, 1, 1);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_workers, time_that_goes_backward_changes_nothing)
{
    uint64_t session = kit_worker(&kit, 1, "text", 4), other = kit_worker(&kit, 2, "text", 4);

    kit_pass(&kit, -500 * SECOND);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    cr_assert_eq(broker_next_due_us(kit.broker), kit.now_us + 503 * SECOND, "the instants are those of before");
    kit_pass(&kit, 500 * SECOND);
    cr_assert_str_eq(kit_worker_state(&kit, session), "ready");
    cr_assert_str_eq(kit_worker_state(&kit, other), "ready");
}

Test(broker_workers, a_stalled_worker_that_is_heard_gets_what_has_waited)
{
    kit_worker(&kit, 1, "text", 4);
    kit_live_through(&kit, 3 * SECOND);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_fence(&kit, 1), 0);
    kit_verb(&kit, SIDE_WORKER, 1, VERB_HEARTBEAT);
    cr_assert_neq(kit_fence(&kit, 1), 0);
}
