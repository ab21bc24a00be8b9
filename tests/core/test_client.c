/* test_client.c - what a client's session holds. */
#include "broker/core/client.h"
#include "broker/core/task.h"
#include "tests/core/kit.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct client *client;

static void
set_up(void)
{
    struct hello hello = kit_client_hello(1);

    client = client_new(5, &hello);
    client->peer = 1;
    client_become(client, CLIENT_ATTACHED);
}

/* Frees the client and what it keeps. */
static void
tear_down(void)
{
    struct task *task;

    while ((task = client_oldest_kept(client))) {
        client_unkeep(client, task);
        task_destroy(&task);
    }
    client_destroy(&client);
}

TestSuite(client, .init = set_up, .fini = tear_down);

static struct task *
make_final(uint64_t number, int64_t kept_us)
{
    static const struct payload nothing;
    struct ref id = ref_number(number);
    struct task_key key = task_key_make(5, &id);
    struct task *task = task_new(NULL, &key, 0, body_new(NULL, (struct bytes){0}, (struct bytes){0}, (struct bytes){0}, &nothing));

    task->client = client;
    task_become(task, TASK_QUEUED);
    task_become(task, TASK_FINAL);
    task->final.kept_us = kept_us;
    client_keep(client, task);
    client_check(client);
    return task;
}

static void
detach(void)
{
    client->peer = 0;
    client_become(client, CLIENT_DETACHED);
    client_forget_sent(client);
}

Test(client, final_messages_are_counted_as_they_are_sent)
{
    struct task *first = make_final(1, 0), *second = make_final(2, 1);

    cr_assert_eq(first->final.position, 1);
    cr_assert_eq(second->final.position, 2);
    cr_assert_eq(client->sent, first);
    cr_assert_null(client->unsent);
}

Test(client, a_new_connection_starts_to_count_anew_and_nothing_was_sent_on_it)
{
    struct task *old = make_final(1, 0), *late, *fresh;

    detach();
    late = make_final(2, 1);
    cr_assert_eq(old->final.position, 0);
    cr_assert_eq(late->final.position, 0);
    client->peer = 3;
    client_become(client, CLIENT_ATTACHED);
    fresh = make_final(3, 2);
    cr_assert_eq(fresh->final.position, 1);
    cr_assert_eq(client->unsent, old);
    cr_assert_eq(client_oldest_kept(client), old);
}

Test(client, the_oldest_kept_message_is_found_among_sent_and_unsent)
{
    struct task *sent = make_final(1, 10), *unsent;

    cr_assert_eq(client_oldest_kept(client), sent);
    detach();
    unsent = make_final(2, 20);
    client->peer = 3;
    client_become(client, CLIENT_ATTACHED);
    client_unkeep(client, sent);
    sent->final.kept_us = 30;
    client_keep(client, sent);
    cr_assert_eq(client_oldest_kept(client), unsent);
    client_unkeep(client, unsent);
    cr_assert_eq(client_oldest_kept(client), sent);
    client_unkeep(client, sent);
    cr_assert_null(client_oldest_kept(client));
    cr_assert(client_holds_nothing(client));
    task_destroy(&sent);
    task_destroy(&unsent);
}

Test(client, an_anonymous_client_is_never_detached, .signal = SIGABRT)
{
    struct client *stranger = client_new(6, NULL);

    stranger->peer = 1;
    client_become(stranger, CLIENT_ATTACHED);
    stranger->peer = 0;
    client_become(stranger, CLIENT_DETACHED);
}
