/* offer.c - puts waiting tasks and commands into messages, as many as fit, and sends them; see offer_turn in client.h. */
#include "client/lib/client.h"
#include "client/lib/session.h"
#include "wire/wire.h"

#include <string.h>

/* Attachment frames of one message; the protocol allows MESSAGE_FRAMES_MAX. */
#define BATCH_FRAMES_MAX 1024

/* SUBMIT and, when it was asked for, CANCEL. */
#define CANCEL_BYTES_MAX 16

/* What the next message will hold: the commands, and the first `tasks` waiting tasks. */
struct batch {
    size_t tasks;
    size_t bytes;
    size_t frames;
};

/* The broker would end the connection over a frame that is too large, and with it every try to offer the task again. */
static bool
is_too_large(const struct snakepit_client *client, const struct pending_task *task)
{
    return task->frame_bytes_max > client->frame_bytes_max;
}

static void
doom_too_large(struct snakepit_client *client, struct pending_task *task)
{
    while (task && is_too_large(client, task)) {
        pending_move(&client->pending, task, PENDING_DOOMED);
        task = pending_first(&client->pending, PENDING_WAITING);
    }
}

static struct batch
plan_batch(const struct snakepit_client *client)
{
    struct batch batch = {.bytes = client->commands.size};

    for (struct pending_task *task = pending_first(&client->pending, PENDING_WAITING); task; task = task->next) {
        size_t bytes = task->command_bytes + (task->cancel_asked ? CANCEL_BYTES_MAX : 0);
        bool is_first = batch.tasks == 0;

        if (!is_first && (batch.bytes + bytes > client->message_bytes_max ||
                          batch.frames + task->frame_count > BATCH_FRAMES_MAX || is_too_large(client, task)))
            break;
        batch.tasks++;
        batch.bytes += bytes;
        batch.frames += task->frame_count;
    }
    return batch;
}

/* A CANCEL is an array of two: verb and number. */
static size_t
put_cancel(uint8_t *at, uint64_t id)
{
    at[0] = 0x92;
    at[1] = VERB_CANCEL;
    at[2] = 0xcf;
    for (int i = 0; i < 8; i++)
        at[3 + i] = (uint8_t)(id >> (56 - 8 * i));
    return 11;
}

/* Fill the control frame. OK or ERR_MEMORY. */
static int
build_control(struct snakepit_client *client, const struct batch *batch, zmq_msg_t *ret_frame)
{
    struct pending_task *task = pending_first(&client->pending, PENDING_WAITING);
    size_t cancels = 0;
    uint8_t *at;

    for (size_t i = 0; i < batch->tasks; i++, task = task->next)
        cancels += task->cancel_asked;
    /* Exactly as many bytes as there will be: a message cannot be cut afterwards. */
    if (zmq_msg_init_size(ret_frame, batch->bytes - cancels * (CANCEL_BYTES_MAX - 11)))
        return ERR_MEMORY;
    at = zmq_msg_data(ret_frame);
    if (client->commands.size)
        memcpy(at, client->commands.data, client->commands.size);
    at += client->commands.size;
    task = pending_first(&client->pending, PENDING_WAITING);
    for (size_t i = 0; i < batch->tasks; i++, task = task->next) {
        memcpy(at, task->command, task->command_bytes);
        at += task->command_bytes;
        if (task->cancel_asked)
            at += put_cancel(at, task->id);
    }
    return OK;
}

/* Send a shared copy of each attachment; the task keeps its own until it is final. OK or ERR_SYSTEM. */
static int
send_frames(struct snakepit_client *client, struct pending_task *task, size_t *left)
{
    for (uint32_t i = 0; i < task->frame_count; i++) {
        zmq_msg_t copy;

        zmq_msg_init(&copy);
        --*left;
        if (zmq_msg_copy(&copy, &task->frames[i]) || link_send(&client->link, &copy, *left > 0)) {
            zmq_msg_close(&copy);
            return ERR_SYSTEM;
        }
    }
    return OK;
}

static int
send_batch(struct snakepit_client *client, const struct batch *batch)
{
    size_t frames_left = batch->frames;
    zmq_msg_t control;
    int status;

    if (build_control(client, batch, &control))
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for a message");
    status = link_send(&client->link, &control, batch->frames > 0);
    if (status) {
        /* ERR_AGAIN: the peer is slow. Anything else: the monitor will tell of it. Both keep the tasks waiting. */
        zmq_msg_close(&control);
        client->is_blocked = true;
        return SNAKEPIT_OK;
    }
    client->commands.size = 0;
    for (size_t i = 0; i < batch->tasks; i++) {
        struct pending_task *task = pending_first(&client->pending, PENDING_WAITING);

        /* A message of which a part was sent cannot be taken back. libzmq refuses the rest of one only when the
         * connection has ended, so that ending it from our side (session_turn) loses nothing. */
        if (status == OK)
            status = send_frames(client, task, &frames_left);
        task->was_sent = true;
        if (task->offered_us == 0)
            task->offered_us = client->now_us;
        pending_move(&client->pending, task, PENDING_OFFERED);
    }
    client->is_broken = status != OK;
    /* libzmq shows once that something came, and may have taken note of it while it sent: look before the next sleep. */
    client->has_input = true;
    return SNAKEPIT_OK;
}

int
offer_turn(struct snakepit_client *client)
{
    while (client->state == SESSION_UP && !client->is_blocked && !client->is_broken) {
        struct batch batch;
        int status;

        doom_too_large(client, pending_first(&client->pending, PENDING_WAITING));
        /* SEEN goes along with tasks; alone it waits for its own time. */
        if (pending_first(&client->pending, PENDING_WAITING) && session_tell_finals(client))
            return SNAKEPIT_MEMORY;
        batch = plan_batch(client);
        if (batch.bytes == 0)
            return SNAKEPIT_OK;
        status = send_batch(client, &batch);
        if (status)
            return status;
    }
    return SNAKEPIT_OK;
}
