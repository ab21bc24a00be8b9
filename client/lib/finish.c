/* finish.c - the end of tasks: tells their owners, and ends those that need no broker for it. See client.h. */
#include "client/lib/client.h"

#include <string.h>

#define RETRIES_PER_TURN 1000

struct snakepit_result
finish_result(uint64_t id, enum snakepit_state state, const char *code)
{
    return (struct snakepit_result){
        .id = id,
        .state = state,
        .code = code,
        .message = "",
        .type = "",
        .traceback = "",
        .content_type = "msgpack",
        .attempt = 1,
    };
}

void
finish_task(struct snakepit_client *client, struct pending_task *task, const struct snakepit_result *result)
{
    pending_remove(&client->pending, task);
    if (task->on_done) {
        client->callbacks++;
        client->depth++;
        task->on_done(client, result, task->user);
        client->depth--;
    }
    pending_task_destroy(&task);
}

/* Why a task ends without the broker. */
static struct snakepit_result
doom_result(const struct snakepit_client *client, const struct pending_task *task)
{
    struct snakepit_result result;

    if (task->cancel_asked)
        return finish_result(task->id, SNAKEPIT_STATE_CANCELLED, error_code_name(ERROR_CANCELLED));
    if (client->state == SESSION_REFUSED) {
        result = finish_result(task->id, SNAKEPIT_STATE_REFUSED, error_code_name(client->refusal));
        result.message = client->refusal_text;
        return result;
    }
    result = finish_result(task->id, SNAKEPIT_STATE_REFUSED, error_code_name(ERROR_TOO_LARGE));
    result.message = "a part of the payload is larger than the broker's frame_max";
    return result;
}

void
finish_turn(struct snakepit_client *client)
{
    struct pending *pending = &client->pending;
    struct pending_task *task;

    for (int i = 0; i < RETRIES_PER_TURN; i++) {
        task = pending_first(pending, PENDING_RETRYING);
        if (!task || task->retry_at_us > client->now_us)
            break;
        pending_move(pending, task, PENDING_WAITING);
    }
    while ((task = pending_first(pending, PENDING_DOOMED))) {
        struct snakepit_result result = doom_result(client, task);

        finish_task(client, task, &result);
    }
}

void
finish_all(struct snakepit_client *client, enum snakepit_state state)
{
    struct pending_task *task;

    pending_doom_all(&client->pending);
    while ((task = pending_first(&client->pending, PENDING_DOOMED))) {
        struct snakepit_result result = finish_result(task->id, state, snakepit_state_name(state));

        finish_task(client, task, &result);
    }
}
