/* loop.c - drives a client: one turn, the wait between turns, and the descriptor for other loops. See snakepit.h. */
#include "client/lib/client.h"
#include "client/lib/host.h"
#include "client/lib/session.h"

#include <limits.h>
#include <time.h>

int64_t
client_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* When the next turn is due even if nothing arrives; LINK_NOW: at once. */
static int64_t
due_us(const struct snakepit_client *client)
{
    const struct pending_task *retrying = pending_first(&client->pending, PENDING_RETRYING);
    bool has_output = client->commands.size > 0 || pending_first(&client->pending, PENDING_WAITING);
    int64_t due = session_due_us(client);

    if (client->has_input || client->is_broken || pending_first(&client->pending, PENDING_DOOMED) ||
        (has_output && client->state == SESSION_UP && !client->is_blocked))
        return LINK_NOW;
    return retrying && retrying->retry_at_us < due ? retrying->retry_at_us : due;
}

/* The connection ended. What the broker sent before that is still to be read, or finished tasks would be offered again. */
static int
take_leftovers(struct snakepit_client *client)
{
    int status;

    do
        status = receive_turn(client);
    while (status == SNAKEPIT_OK && client->has_input);
    if (client->link.socket)
        session_drop(client, client->state == SESSION_UP ? "the connection ended" : "no connection");
    return status;
}

int
client_turn(struct snakepit_client *client)
{
    int status;

    client->now_us = client_clock_us();
    client->callbacks = 0;
    client->is_blocked = false;
    status = offer_turn(client);
    if (status == SNAKEPIT_OK)
        status = receive_turn(client);
    if (status == SNAKEPIT_OK && !client->has_input && link_is_lost(&client->link))
        status = take_leftovers(client);
    finish_turn(client);
    if (status == SNAKEPIT_OK)
        status = session_turn(client);
    /* What the callbacks submitted goes out in the same turn. */
    if (status == SNAKEPIT_OK)
        status = offer_turn(client);
    if (client->has_fd) {
        int64_t due = due_us(client);
        link_set_timer(&client->link, due == INT64_MAX ? 0 : due);
    }
    return status;
}

/* The instant that is `timeout_ms` from now; INT64_MAX: never. */
static int64_t
deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : client_clock_us() + (int64_t)timeout_ms * 1000;
}

/* Sleep until the next turn is due. OK; TIMEOUT: that is not before `deadline_us`; or a signal ended the sleep, and
 * *ret_interrupted says so. */
static int
sleep_until_due(struct snakepit_client *client, int64_t deadline_us, bool *ret_interrupted)
{
    int64_t now_us = client_clock_us();
    int64_t due = due_us(client);

    *ret_interrupted = false;
    if (now_us >= deadline_us)
        return SNAKEPIT_TIMEOUT;
    if (due > deadline_us)
        due = deadline_us;
    if (due > now_us)
        *ret_interrupted = !link_wait(&client->link, due == INT64_MAX ? -1 : due - now_us);
    return SNAKEPIT_OK;
}

/* What keeps a function that processes or waits from running now. */
static int
check_moment(struct snakepit_client *client)
{
    if (client->depth > 0)
        return client_fail(client, SNAKEPIT_INVALID, "a callback may not process or wait");
    return SNAKEPIT_OK;
}

int
snakepit_process(struct snakepit_client *client, int timeout_ms)
{
    int64_t deadline_us = timeout_ms == 0 ? 0 : deadline_after(timeout_ms);
    bool interrupted = false;
    int status = check_moment(client);

    if (status)
        return status;
    for (;;) {
        status = client_turn(client);
        if (status)
            return status;
        if (client->callbacks > 0)
            return client->callbacks;
        if (client->state == SESSION_REFUSED)
            return session_fail_refused(client);
        if (interrupted || sleep_until_due(client, deadline_us, &interrupted))
            return 0;
    }
}

int
client_wait_until(struct snakepit_client *client, client_question_fn *is_done, const void *argument, int timeout_ms)
{
    int64_t deadline_us = deadline_after(timeout_ms);
    int status = check_moment(client);

    while (status == SNAKEPIT_OK && !is_done(client, argument)) {
        bool interrupted;

        status = client_turn(client);
        if (status || is_done(client, argument))
            break;
        if (client->state == SESSION_REFUSED)
            return session_fail_refused(client);
        status = sleep_until_due(client, deadline_us, &interrupted);
    }
    return status;
}

static bool
has_no_tasks(const struct snakepit_client *client, const void *argument)
{
    (void)argument;
    return client->pending.count == 0;
}

static bool
is_up(const struct snakepit_client *client, const void *argument)
{
    (void)argument;
    return client->state == SESSION_UP;
}

int
snakepit_wait(struct snakepit_client *client, int timeout_ms)
{
    return client_wait_until(client, has_no_tasks, NULL, timeout_ms);
}

int
snakepit_connect(struct snakepit_client *client, int timeout_ms)
{
    int status = client_wait_until(client, is_up, NULL, timeout_ms);
    char reason[sizeof client->error];

    if (status == SNAKEPIT_TIMEOUT && host_is_unknown(client->endpoint, reason, sizeof reason))
        client_fail(client, status, "%s: %s", client->endpoint, reason);
    else if (status == SNAKEPIT_TIMEOUT && client->error[0] == '\0')
        client_fail(client, status, "%s: no answer", client->endpoint);
    return status;
}

int
snakepit_flush(struct snakepit_client *client)
{
    int status;

    client->is_blocked = false;
    status = offer_turn(client);
    /* Sending may have swallowed libzmq's sign that there is something to receive. */
    if (client->has_fd)
        link_set_timer(&client->link, LINK_NOW);
    return status;
}

int
snakepit_fd(struct snakepit_client *client)
{
    /* Only for the first time: a loop that asks anew each time it waits would never sleep. */
    if (!client->has_fd)
        link_set_timer(&client->link, LINK_NOW);
    client->has_fd = true;
    return client->link.poll_fd;
}

int
snakepit_next_due_ms(struct snakepit_client *client)
{
    int64_t left_us = due_us(client) - client_clock_us();

    if (left_us <= 0)
        return 0;
    return left_us / 1000 >= INT_MAX ? INT_MAX : (int)((left_us + 999) / 1000);
}
