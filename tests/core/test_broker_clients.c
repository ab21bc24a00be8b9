/* test_broker_clients.c - sessions of clients: HELLO, reconnects, takeover, BYE. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_clients, 0);

Test(broker_clients, hello_is_answered_with_all_that_a_client_must_know)
{
    const struct welcome *welcome;

    cr_assert_neq(kit_client(&kit, 1, 1), 0);
    welcome = &kit_sent(&kit, SIDE_CLIENT, 1, VERB_WELCOME)->welcome;
    cr_assert(bytes_are(welcome->broker, "snakepitd"));
    cr_assert_eq(welcome->epoch, 1);
    cr_assert_not(welcome->resumed);
    cr_assert_eq(welcome->heartbeat_ms, 1000);
    cr_assert_eq(welcome->inline_max_bytes, INLINE_BYTES_MAX);
    cr_assert_eq(welcome->control_max_bytes, CONTROL_BYTES_MAX);
    cr_assert_eq(welcome->frame_max_bytes, FRAME_BYTES_MAX);
    cr_assert_eq(welcome->attachments_max, TASK_FRAMES_MAX);
    cr_assert_str_eq(kit_note(&kit, NOTE_CLIENT_CONNECTED)->client_name, "client");
}

Test(broker_clients, session_numbers_are_never_used_again)
{
    uint64_t last = 0;

    for (uint8_t i = 1; i < 20; i++) {
        uint64_t session = kit_client(&kit, 1, i);

        cr_assert_gt(session, last);
        last = session;
        kit_verb(&kit, SIDE_CLIENT, 1, VERB_BYE);
    }
    cr_assert_gt(kit_worker(&kit, 1, "text", 1), last);
}

Test(broker_clients, a_later_epoch_does_not_repeat_the_sessions_of_an_earlier_one)
{
    struct broker_settings settings;
    struct kit later;
    uint64_t session = kit_client(&kit, 1, 1);

    kit_settings(&settings);
    settings.epoch = 2;
    kit_init_with(&later, &settings, NULL);
    cr_assert_gt(kit_client(&later, 1, 1), session + 1000);
    kit_fini(&later);
}

Test(broker_clients, a_restart_within_the_same_second_repeats_no_session)
{
    struct broker_settings settings;
    struct kit later;
    uint64_t session = kit_client(&kit, 1, 1);

    kit_settings(&settings);
    settings.epoch_us = 999999;
    kit_init_with(&later, &settings, NULL);
    cr_assert_eq(kit_client(&later, 1, 1), session + 999999);
    kit_fini(&later);
    settings.epoch++;
    settings.epoch_us = 0;
    kit_init_with(&later, &settings, NULL);
    cr_assert_gt(kit_client(&later, 1, 1), session + 999999);
    kit_fini(&later);
}

Test(broker_clients, another_protocol_is_refused_with_the_list_of_ours)
{
    struct hello hello = kit_client_hello(1);
    const struct message *refuse;

    hello.protocol = bytes_of("SPIT/9");
    cr_assert_eq(kit_hello(&kit, SIDE_CLIENT, 1, &hello), 0);
    refuse = kit_sent(&kit, SIDE_CLIENT, 1, VERB_REFUSE);
    cr_assert_eq(refuse->error.code, ERROR_UNSUPPORTED);
    cr_assert(refuse->error.lists_protocols);
}

Test(broker_clients, a_worker_at_the_clients_door_is_refused)
{
    struct hello hello = kit_worker_hello("text", 1);

    cr_assert_eq(kit_hello(&kit, SIDE_CLIENT, 1, &hello), 0);
    cr_assert_eq(kit_sent(&kit, SIDE_CLIENT, 1, VERB_REFUSE)->error.code, ERROR_BAD_FIELD);
}

Test(broker_clients, an_instance_of_the_wrong_size_is_refused)
{
    struct hello hello = kit_client_hello(1);

    hello.instance.size = 15;
    cr_assert_eq(kit_hello(&kit, SIDE_CLIENT, 1, &hello), 0);
    cr_assert(bytes_are(kit_sent(&kit, SIDE_CLIENT, 1, VERB_REFUSE)->error.field, "instance"));
}

Test(broker_clients, a_client_that_comes_back_resumes_its_session)
{
    uint64_t session = kit_client(&kit, 1, 1);

    kit_gone(&kit, SIDE_CLIENT, 1);
    cr_assert_eq(kit_client(&kit, 2, 1), session);
    cr_assert(kit_sent(&kit, SIDE_CLIENT, 2, VERB_WELCOME)->welcome.resumed);
    cr_assert_eq(kit_stats(&kit).clients, 1);
}

Test(broker_clients, a_task_that_runs_while_its_client_is_away_is_found_again)
{
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_client(&kit, 2, 1);
    kit_submit(&kit, 2, 7);
    cr_assert_eq(kit_fence(&kit, 1), 0, "it was not dispatched again");
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_clients, a_task_that_is_offered_again_before_the_hello_runs_once)
{
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 7);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_submit(&kit, 2, 7);
    kit_client(&kit, 2, 1);
    kit_worker(&kit, 1, "text", 2);
    fence = kit_fence(&kit, 1);
    cr_assert_neq(fence, 0);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
    cr_assert_eq(kit_fence(&kit, 1), 0, "the copy was not dispatched");
    kit_seen(&kit, 2, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 0);
}

Test(broker_clients, a_copy_that_runs_beside_the_task_itself_is_asked_to_end_and_not_heard)
{
    uint64_t own, copy;

    kit_worker(&kit, 1, "text", 2);
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 7);
    own = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_submit(&kit, 2, 7);
    copy = kit_fence(&kit, 1);
    kit_client(&kit, 2, 1);
    cr_assert_eq(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL)->cancel.ref.number, copy);
    kit_result(&kit, 1, copy, "5");
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
    kit_result(&kit, 1, own, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_clients, an_instance_on_a_new_connection_takes_over_from_a_live_one)
{
    uint64_t session = kit_client(&kit, 1, 1);

    cr_assert_eq(kit_client(&kit, 2, 1), session);
    kit_submit(&kit, 1, 7);
    cr_assert_eq(kit.outbox.count, 0, "the old connection is not served");
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_verb(&kit, SIDE_CLIENT, 2, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_HEARTBEAT), "its end does not touch the session");
}

Test(broker_clients, a_connection_that_was_replaced_wrongly_is_found_by_its_heartbeat)
{
    uint64_t session = kit_client(&kit, 2, 1);

    /* The HELLO of an older connection came later, and that connection ends. */
    kit_client(&kit, 1, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_verb(&kit, SIDE_CLIENT, 2, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_REHELLO));
    cr_assert_eq(kit_client(&kit, 2, 1), session);
}

Test(broker_clients, a_replaced_connection_may_say_hello_as_somebody_else)
{
    kit_client(&kit, 1, 1);
    kit_client(&kit, 2, 1);
    cr_assert_neq(kit_client(&kit, 1, 2), 0);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT));
    cr_assert_eq(kit_stats(&kit).clients, 2);
}

Test(broker_clients, a_second_hello_of_the_same_instance_resumes_in_place)
{
    uint64_t session = kit_client(&kit, 1, 1);

    cr_assert_eq(kit_client(&kit, 1, 1), session);
    cr_assert(kit_sent(&kit, SIDE_CLIENT, 1, VERB_WELCOME)->welcome.resumed);
}

Test(broker_clients, a_second_hello_of_another_instance_ends_the_first_session)
{
    uint64_t session = kit_client(&kit, 1, 1);

    cr_assert_neq(kit_client(&kit, 1, 2), session);
    cr_assert_eq(kit_note(&kit, NOTE_CLIENT_GONE)->client, session);
    cr_assert_str_eq(kit_note(&kit, NOTE_CLIENT_GONE)->reason, "said HELLO again");
    cr_assert_eq(kit_stats(&kit).clients, 1);
}

Test(broker_clients, a_hello_that_is_refused_leaves_the_session_as_it_was)
{
    struct hello hello = kit_client_hello(2);

    kit_client(&kit, 1, 1);
    hello.protocol = bytes_of("SPIT/9");
    kit_hello(&kit, SIDE_CLIENT, 1, &hello);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT));
}

Test(broker_clients, a_heartbeat_is_answered_in_kind_or_with_rehello)
{
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_REHELLO), 1);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_REHELLO), 1);
    kit_client(&kit, 1, 1);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT), 1);
}

Test(broker_clients, a_client_works_without_hello)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 5, 1);
    fence = kit_fence(&kit, 1);
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 5, VERB_RESULT));
    cr_assert_eq(kit_stats(&kit).tasks, 0, "nothing is kept for it");
    kit_submit(&kit, 5, 1);
    cr_assert_neq(kit_fence(&kit, 1), 0, "so its id can be used again");
}

Test(broker_clients, ids_of_two_clients_do_not_meet)
{
    kit_worker(&kit, 1, "text", 2);
    kit_client(&kit, 1, 1);
    kit_client(&kit, 2, 2);
    kit_submit(&kit, 1, 7);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    kit_submit(&kit, 2, 7);
    cr_assert_neq(kit_fence(&kit, 1), 0);
    cr_assert_eq(kit_stats(&kit).tasks, 2);
}

Test(broker_clients, a_client_that_submitted_first_keeps_its_tasks_with_hello)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    fence = kit_fence(&kit, 1);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_HEARTBEAT);
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_REHELLO), "it believes in a session that is lost");
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 7);
    cr_assert_eq(kit_stats(&kit).tasks, 1, "offered again, found again");
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
}

Test(broker_clients, what_was_submitted_before_a_resuming_hello_joins_the_session)
{
    kit_client(&kit, 1, 1);
    kit_submit(&kit, 1, 7);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_submit(&kit, 2, 8);
    kit_submit(&kit, 2, 7);
    kit_client(&kit, 2, 1);
    kit_submit(&kit, 2, 8);
    cr_assert_eq(kit_stats(&kit).tasks, 2, "8 was found, and 7 is there once");
    kit_worker(&kit, 1, "text", 4);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_clients, bye_drops_what_is_kept_and_tasks_go_on)
{
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    kit_submit(&kit, 1, 2);
    fence = kit_fence(&kit, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 2);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_BYE);
    cr_assert_not_null(kit_note(&kit, NOTE_CLIENT_GONE));
    cr_assert_eq(kit_stats(&kit).tasks, 1);
    cr_assert_eq(kit_stats(&kit).clients, 0);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_stats(&kit).tasks, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
}

Test(broker_clients, bye_of_a_client_that_wants_it_cancels_its_tasks)
{
    struct hello hello = kit_client_hello(1);

    hello.on_disconnect = DISCONNECT_CANCEL;
    kit_hello(&kit, SIDE_CLIENT, 1, &hello);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    kit_submit(&kit, 1, 2);
    kit_verb(&kit, SIDE_CLIENT, 1, VERB_BYE);
    cr_assert_not_null(kit_sent(&kit, SIDE_WORKER, 1, VERB_CANCEL), "the running one is asked to end");
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_ERROR), "it has said goodbye");
}

Test(broker_clients, a_client_that_stays_away_too_long_is_gone)
{
    uint64_t session = kit_client(&kit, 1, 1);

    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_live_through(&kit, 59 * SECOND);
    cr_assert_eq(kit_stats(&kit).clients, 1);
    kit_live_through(&kit, SECOND);
    cr_assert_eq(kit_note(&kit, NOTE_CLIENT_GONE)->client, session);
    cr_assert_eq(kit_stats(&kit).clients, 0);
    cr_assert_neq(kit_client(&kit, 1, 1), session);
}

Test(broker_clients, on_disconnect_cancel_applies_when_the_retention_ends)
{
    struct hello hello = kit_client_hello(1);

    hello.on_disconnect = DISCONNECT_CANCEL;
    kit_hello(&kit, SIDE_CLIENT, 1, &hello);
    kit_submit(&kit, 1, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_live_through(&kit, 59 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").queued, 1);
    kit_live_through(&kit, 1 * SECOND);
    cr_assert_eq(kit_pool(&kit, "text").queued, 0);
    cr_assert_eq(kit_pool(&kit, "text").cancelled, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 0);
}

Test(broker_clients, a_client_with_a_long_task_is_still_known_after_the_retention)
{
    uint64_t session = kit_client(&kit, 1, 1), fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_live_through(&kit, 600 * SECOND);
    cr_assert_eq(kit_client(&kit, 2, 1), session);
    kit_submit(&kit, 2, 7);
    cr_assert_eq(kit_stats(&kit).tasks, 1, "offering it again is safe");
    kit_result(&kit, 1, fence, "6");
    cr_assert_not_null(kit_sent(&kit, SIDE_CLIENT, 2, VERB_RESULT));
}

Test(broker_clients, it_is_gone_with_its_last_task_once_the_retention_is_over)
{
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    kit_live_through(&kit, 600 * SECOND);
    kit_result(&kit, 1, fence, "6");
    cr_assert_eq(kit_stats(&kit).clients, 1, "the result is kept for the retention");
    kit_live_through(&kit, 60 * SECOND);
    cr_assert_eq(kit_stats(&kit).clients, 0);
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
}

Test(broker_clients, too_many_clients_are_unavailable_or_busy)
{
    struct broker_settings settings;
    struct kit small;

    kit_settings(&settings);
    settings.peers_max = 2;
    kit_init_with(&small, &settings, NULL);
    kit_client(&small, 1, 1);
    kit_client(&small, 2, 2);
    cr_assert_eq(kit_client(&small, 3, 3), 0);
    cr_assert_eq(kit_sent(&small, SIDE_CLIENT, 3, VERB_REFUSE)->error.code, ERROR_UNAVAILABLE);
    kit_submit(&small, 4, 1);
    cr_assert_eq(kit_client_error(&small, 4), ERROR_BUSY);
    cr_assert(bytes_are(kit_sent(&small, SIDE_CLIENT, 4, VERB_ERROR)->error.limit, "peers_max"));
    cr_assert_neq(kit_client(&small, 2, 4), 0, "a HELLO in place of another needs no room");
    kit_fini(&small);
}

Test(broker_clients, a_detached_session_that_holds_nothing_makes_room)
{
    struct broker_settings settings;
    struct kit small;

    kit_settings(&settings);
    settings.peers_max = 2;
    kit_init_with(&small, &settings, NULL);
    kit_client(&small, 1, 1);
    kit_submit(&small, 1, 1);
    kit_gone(&small, SIDE_CLIENT, 1);
    kit_client(&small, 2, 2);
    kit_gone(&small, SIDE_CLIENT, 2);
    cr_assert_neq(kit_client(&small, 3, 3), 0);
    cr_assert_eq(kit_client(&small, 4, 4), 0, "the other one holds a task");
    cr_assert_neq(kit_client(&small, 4, 1), 0);
    kit_fini(&small);
}

Test(broker_clients, an_anonymous_client_ends_with_its_connection_and_its_task_goes_on)
{
    uint64_t fence;

    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 1);
    fence = kit_fence(&kit, 1);
    kit_gone(&kit, SIDE_CLIENT, 1);
    cr_assert_eq(kit_stats(&kit).clients, 0);
    kit_submit(&kit, 1, 1);
    cr_assert_eq(kit_stats(&kit).tasks, 2, "the number of the connection was used again, by another");
    kit_result(&kit, 1, fence, "6");
    cr_assert_null(kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT));
    cr_assert_eq(kit_stats(&kit).undeliverable, 1);
}

Test(broker_clients, the_end_of_an_unknown_connection_is_nothing)
{
    kit_gone(&kit, SIDE_CLIENT, 9);
    kit_gone(&kit, SIDE_WORKER, 9);
    cr_assert_eq(kit.outbox.count, 0);
}
