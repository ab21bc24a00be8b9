/* test_outbox.c - the list of actions. */
#include "broker/core/outbox.h"

#include <criterion/criterion.h>
#include <string.h>

static struct outbox outbox;

static void
set_up(void)
{
    outbox_init(&outbox);
}

static void
tear_down(void)
{
    outbox_fini(&outbox);
}

TestSuite(outbox, .init = set_up, .fini = tear_down);

Test(outbox, actions_stand_in_the_order_in_which_they_were_appended)
{
    outbox_send(&outbox, SIDE_CLIENT, 3, VERB_RESULT, NULL);
    outbox_note(&outbox, NOTE_WORKER_LOST)->worker = 9;
    outbox_shut(&outbox);
    cr_assert_eq(outbox.count, 3);
    cr_assert_eq(outbox.actions[0].kind, ACTION_SEND);
    cr_assert_eq(outbox.actions[0].peer, 3);
    cr_assert_eq(outbox.actions[0].message.verb, VERB_RESULT);
    cr_assert_eq(outbox.actions[1].note.worker, 9);
    cr_assert_eq(outbox.actions[2].kind, ACTION_SHUT);
}

Test(outbox, a_message_holds_its_body_until_the_outbox_is_cleared)
{
    static const struct payload nothing;
    struct body *body = body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing);

    outbox_send(&outbox, SIDE_WORKER, 1, VERB_TASK, body);
    cr_assert_eq(body->refs, 2);
    outbox_clear(&outbox);
    cr_assert_eq(body->refs, 1);
    cr_assert_eq(outbox.count, 0);
    body_unref(body);
}

Test(outbox, a_new_message_is_empty_although_its_place_was_used)
{
    outbox_send(&outbox, SIDE_CLIENT, 1, VERB_ERROR, NULL)->error.retry_after_ms = 7;
    outbox_clear(&outbox);
    cr_assert_eq(outbox_send(&outbox, SIDE_CLIENT, 1, VERB_ERROR, NULL)->error.retry_after_ms, 0);
}

Test(outbox, a_burst_does_not_keep_its_memory)
{
    for (int i = 0; i < 40000; i++)
        outbox_send(&outbox, SIDE_CLIENT, 1, VERB_HEARTBEAT, NULL);
    outbox_clear(&outbox);
    cr_assert_eq(outbox.capacity, 0);
    outbox_send(&outbox, SIDE_CLIENT, 1, VERB_HEARTBEAT, NULL);
    cr_assert_eq(outbox.count, 1);
}

Test(outbox, copies_end_in_nul_and_are_aligned)
{
    char *text = outbox_copy(&outbox, "abcdef", 3);
    uint64_t *numbers = outbox_copy(&outbox, (const uint64_t[]){1, 2}, 2 * sizeof(uint64_t));

    cr_assert_str_eq(text, "abc");
    cr_assert_eq((uintptr_t)numbers % _Alignof(max_align_t), 0);
    cr_assert_eq(numbers[1], 2);
    cr_assert_str_eq(outbox_copy(&outbox, NULL, 0), "");
}

Test(outbox, copies_stay_where_they_are_when_many_follow)
{
    static char many[100000];
    const char *first = outbox_copy(&outbox, "first", 5);

    memset(many, 'x', sizeof many);
    for (int i = 0; i < 10000; i++)
        outbox_copy(&outbox, "another one", 11);
    cr_assert_eq(strlen(outbox_copy(&outbox, many, sizeof many)), sizeof many);
    cr_assert_str_eq(first, "first");
    outbox_clear(&outbox);
    cr_assert_str_eq(outbox_copy(&outbox, "next", 4), "next");
}

Test(outbox, every_note_has_a_name)
{
    for (int kind = 0; kind < NOTE_KINDS; kind++)
        cr_assert_not_null(strchr(note_name((enum note_kind)kind), '.'));
    cr_assert_str_eq(note_name(NOTE_WORKER_LOST), "worker.lost");
}
