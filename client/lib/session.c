/* session.c - HELLO to BYE; see session.h and docs/protocol.md, 4.1, 4.2 and 4.4. */
#include "client/lib/session.h"
#include "wire/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define GREETING_US INT64_C(5000000)   /* a broker that has not answered HELLO by then is none */
#define SEEN_DELAY_US INT64_C(500000)  /* the protocol asks for SEEN within a second */
#define HEARTBEAT_MIN_US INT64_C(50000)
#define HEARTBEAT_MAX_US INT64_C(3600000000)
#define HEARTBEAT_DEFAULT_US INT64_C(5000000)
#define HEARTBEATS_UNANSWERED_MAX 3

static void
tell_link(struct snakepit_client *client, enum snakepit_link link, const char *text)
{
    if (!client->on_link)
        return;
    client->callbacks++;
    client->depth++;
    client->on_link(client, link, text, client->link_user);
    client->depth--;
}

/* A pause of 75 to 125 % of the current one: clients that lost one broker must not come back as one crowd. */
static int64_t
next_pause_us(struct snakepit_client *client)
{
    int64_t pause_us = client->retry_delay_us;

    client->random ^= client->random << 13;
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    client->retry_delay_us = pause_us * 2 < client->reconnect_max_us ? pause_us * 2 : client->reconnect_max_us;
    return pause_us * 3 / 4 + (int64_t)(client->random % (uint64_t)(pause_us / 2 + 1));
}

static void
enter_down(struct snakepit_client *client)
{
    link_close(&client->link);
    client->state = SESSION_DOWN;
    client->commands.size = 0;
    client->finals_due_us = 0;
    client->has_input = client->is_broken = false;
    client->retry_at_us = client->now_us + next_pause_us(client);
    pending_rewind(&client->pending);
}

void
session_drop(struct snakepit_client *client, const char *why)
{
    bool was_up = client->state == SESSION_UP;

    client_fail(client, SNAKEPIT_SYSTEM, "%s: %s", client->endpoint, why);
    enter_down(client);
    if (was_up)
        tell_link(client, SNAKEPIT_LINK_DOWN, client->error);
}

/* Encode one command and send it as a message of its own. OK, ERR_MEMORY, ERR_SYSTEM. */
static int
send_alone(struct snakepit_client *client, const struct message *command)
{
    struct wire_buffer *buffer = &client->scratch;
    zmq_msg_t frame;

    buffer->size = 0;
    buffer->failed = false;
    if (wire_encode(buffer, SIDE_CLIENT, command) || zmq_msg_init_size(&frame, buffer->size))
        return ERR_MEMORY;
    memcpy(zmq_msg_data(&frame), buffer->data, buffer->size);
    if (link_send(&client->link, &frame, false) == OK)
        return OK;
    zmq_msg_close(&frame);
    return ERR_SYSTEM;
}

static int
send_hello(struct snakepit_client *client)
{
    struct message hello = {.verb = VERB_HELLO};

    hello.hello.protocol = (struct bytes){(const uint8_t *)PROTOCOL_NAME, sizeof PROTOCOL_NAME - 1};
    hello.hello.instance = (struct bytes){client->instance, INSTANCE_BYTES};
    hello.hello.on_disconnect = client->cancel_on_disconnect ? DISCONNECT_CANCEL : DISCONNECT_CONTINUE;
    if (client->name)
        hello.hello.name = (struct bytes){(const uint8_t *)client->name, (uint32_t)strlen(client->name)};
    client->state = SESSION_GREETING;
    client->greeting_end_us = client->now_us + GREETING_US;
    return send_alone(client, &hello);
}

int
session_start(struct snakepit_client *client)
{
    int status = link_open(&client->link, client->endpoint);

    if (status)
        return status;
    /* libzmq signals what comes to a socket only after somebody has found it empty: the next turn must look. */
    client->has_input = true;
    return send_hello(client);
}

static int
start_again(struct snakepit_client *client)
{
    switch (session_start(client)) {
    case OK:
        return SNAKEPIT_OK;
    case ERR_MEMORY:
        enter_down(client);
        return client_fail(client, SNAKEPIT_MEMORY, "no memory to greet the broker");
    default:
        session_drop(client, strerror(errno));
        return SNAKEPIT_OK;
    }
}

void
session_rehello(struct snakepit_client *client)
{
    if (client->state != SESSION_UP)
        return; /* our HELLO is under way already */
    client->commands.size = 0;
    client->finals_due_us = 0;
    pending_rewind(&client->pending);
    if (send_hello(client) != OK)
        session_drop(client, "no HELLO could be sent");
}

/* What the broker takes, where it says so. A batch keeps well below control_max, as its last task may reach over. */
static void
keep_to_limits(struct snakepit_client *client, const struct welcome *welcome)
{
    uint64_t message_bytes_max = welcome->control_max_bytes ? welcome->control_max_bytes / 2 : CONTROL_BYTES_MAX;

    client->frame_bytes_max = welcome->frame_max_bytes ? welcome->frame_max_bytes : FRAME_BYTES_MAX;
    client->message_bytes_max = client->batch_bytes_max;
    if (message_bytes_max < client->message_bytes_max)
        client->message_bytes_max = (size_t)message_bytes_max;
    client->inline_bytes_max = CLIENT_INLINE_BYTES_MAX;
    if (welcome->inline_max_bytes && welcome->inline_max_bytes < client->inline_bytes_max)
        client->inline_bytes_max = (size_t)welcome->inline_max_bytes;
}

void
session_welcome(struct snakepit_client *client, const struct welcome *welcome)
{
    uint64_t heartbeat_ms = welcome->heartbeat_ms;

    if (client->state != SESSION_GREETING)
        return;
    client->heartbeat_us = heartbeat_ms == 0 ? HEARTBEAT_DEFAULT_US
                           : heartbeat_ms > HEARTBEAT_MAX_US / 1000 ? HEARTBEAT_MAX_US
                                                                    : (int64_t)heartbeat_ms * 1000;
    if (client->heartbeat_us < HEARTBEAT_MIN_US)
        client->heartbeat_us = HEARTBEAT_MIN_US;
    client->heartbeat_at_us = client->now_us + client->heartbeat_us;
    client->heartbeats_unanswered = 0;
    keep_to_limits(client, welcome);
    client->finals = 0;
    client->finals_due_us = 0;
    client->retry_delay_us = client->reconnect_us;
    client->state = SESSION_UP;
    pending_pass_time(&client->pending, client->now_us);
    tell_link(client, SNAKEPIT_LINK_UP, client->endpoint);
}

/* A later broker, or this one later, may say yes to these. */
static bool
is_passing(enum error_code code)
{
    return code == ERROR_UNAVAILABLE || code == ERROR_DRAINING || code == ERROR_SHUTDOWN || code == ERROR_BUSY ||
           code == ERROR_INTERNAL;
}

int
session_fail_refused(struct snakepit_client *client)
{
    return client_fail(client, SNAKEPIT_REFUSED, "the broker refuses this client: %s: %s",
                       error_code_name(client->refusal), client->refusal_text);
}

void
session_refuse(struct snakepit_client *client, const struct error *error)
{
    if (client->state != SESSION_GREETING)
        return;
    client->refusal = error->code;
    snprintf(client->refusal_text, sizeof client->refusal_text, "%.*s",
             error->text.size < INT_MAX ? (int)error->text.size : INT_MAX, (const char *)error->text.data);
    session_fail_refused(client);
    enter_down(client);
    if (!is_passing(error->code)) {
        client->state = SESSION_REFUSED;
        pending_doom_all(&client->pending);
    }
    tell_link(client, SNAKEPIT_LINK_REFUSED, client->error);
}

void
session_count_final(struct snakepit_client *client)
{
    client->finals++;
    if (client->state == SESSION_UP && !client->finals_due_us)
        client->finals_due_us = client->now_us + SEEN_DELAY_US;
}

/* Append to what goes out next. A command that finds no memory leaves no half of itself. */
static int
append_command(struct snakepit_client *client, const struct message *command)
{
    size_t size = client->commands.size;

    if (wire_encode(&client->commands, SIDE_CLIENT, command) == OK)
        return OK;
    client->commands.size = size;
    client->commands.failed = false;
    return client_fail(client, SNAKEPIT_MEMORY, "no memory for a command");
}

int
session_tell_finals(struct snakepit_client *client)
{
    struct message seen = {.verb = VERB_SEEN, .seen_count = client->finals};
    int status;

    if (!client->finals_due_us)
        return SNAKEPIT_OK;
    status = append_command(client, &seen);
    if (status == SNAKEPIT_OK)
        client->finals_due_us = 0;
    return status;
}

static int
send_heartbeat(struct snakepit_client *client)
{
    struct message heartbeat = {.verb = VERB_HEARTBEAT};

    if (client->now_us < client->heartbeat_at_us)
        return OK;
    /* The input was read to its end in this turn, so silence is the broker's and not ours. */
    if (client->heartbeats_unanswered >= HEARTBEATS_UNANSWERED_MAX) {
        session_drop(client, "the broker is silent");
        return OK;
    }
    client->heartbeat_at_us = client->now_us + client->heartbeat_us;
    client->heartbeats_unanswered++;
    return append_command(client, &heartbeat);
}

int
session_turn(struct snakepit_client *client)
{
    int status;

    if (client->is_broken)
        session_drop(client, "the connection ended");
    switch (client->state) {
    case SESSION_DOWN:
        return client->now_us >= client->retry_at_us ? start_again(client) : OK;
    case SESSION_GREETING:
        if (client->now_us >= client->greeting_end_us)
            session_drop(client, "no answer to HELLO");
        return OK;
    case SESSION_UP:
        /* Mostly SEEN has gone out with the tasks that were submitted since. */
        status = client->now_us >= client->finals_due_us ? session_tell_finals(client) : SNAKEPIT_OK;
        return status ? status : send_heartbeat(client);
    case SESSION_REFUSED:
        return OK;
    }
    return OK;
}

int64_t
session_due_us(const struct snakepit_client *client)
{
    switch (client->state) {
    case SESSION_DOWN:
        return client->retry_at_us;
    case SESSION_GREETING:
        return client->greeting_end_us;
    case SESSION_UP:
        if (client->finals_due_us && client->finals_due_us < client->heartbeat_at_us)
            return client->finals_due_us;
        return client->heartbeat_at_us;
    case SESSION_REFUSED:
        break;
    }
    return INT64_MAX;
}

void
session_bye(struct snakepit_client *client)
{
    struct message bye = {.verb = VERB_BYE};

    if (client->state != SESSION_UP)
        return;
    session_tell_finals(client);
    if (offer_turn(client) == OK && client->state == SESSION_UP)
        send_alone(client, &bye);
}
