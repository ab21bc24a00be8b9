/* planted_actions.c - bugs in what the broker says; see planted.h. */
#include "tests/fault/planted.h"

#include <string.h>

static struct message *
message_at(struct outbox *outbox, size_t index)
{
    return &outbox->actions[index].message;
}

/* It never leaves: a heartbeat goes in its place, so that the list need not be changed while it is walked. */
static void
drop(struct outbox *outbox, size_t index)
{
    *message_at(outbox, index) = (struct message){.verb = VERB_HEARTBEAT};
}

static struct message *
repeat(struct outbox *outbox, size_t index)
{
    struct action original = outbox->actions[index];
    struct message *copy = outbox_send(outbox, original.side, original.peer, original.message.verb, original.hold);

    *copy = original.message;
    return copy;
}

static void
say_twice(struct outbox *outbox, size_t index)
{
    repeat(outbox, index);
}

static void
dispatch_twice(struct outbox *outbox, size_t index)
{
    repeat(outbox, index)->task.fence += 1u << 20;
}

static void
lower_fence(struct outbox *outbox, size_t index)
{
    message_at(outbox, index)->task.fence -= 1u << 20;
}

static void
call_it_first(struct outbox *outbox, size_t index)
{
    message_at(outbox, index)->task.attempt = 1;
}

static void
flip_last_byte(struct outbox *outbox, struct payload *payload)
{
    uint8_t *copy;

    if (payload->data.size == 0)
        return;
    copy = outbox_copy(outbox, payload->data.data, payload->data.size);
    copy[payload->data.size - 1] ^= 1;
    payload->data.data = copy;
}

static void
spoil_arguments(struct outbox *outbox, size_t index)
{
    struct payload payload = message_at(outbox, index)->task.payload;

    flip_last_byte(outbox, &payload);
    message_at(outbox, index)->task.payload = payload;
}

static void
spoil_result(struct outbox *outbox, size_t index)
{
    struct payload payload = message_at(outbox, index)->result.payload;

    flip_last_byte(outbox, &payload);
    message_at(outbox, index)->result.payload = payload;
}

/* The arguments of the one before. The copy lives as long as this turn's actions, so it is kept here. */
static void
give_other_arguments(struct outbox *outbox, size_t index)
{
    static uint8_t kept[4096];
    static uint32_t kept_bytes;
    struct payload *payload = &message_at(outbox, index)->task.payload;
    struct bytes own = payload->data;

    if (payload->frames > 0 || own.size > sizeof kept)
        return;
    if (kept_bytes > 0)
        payload->data = (struct bytes){outbox_copy(outbox, kept, kept_bytes), kept_bytes};
    memcpy(kept, own.data, own.size);
    kept_bytes = own.size;
}

static void
send_elsewhere(struct outbox *outbox, size_t index)
{
    outbox->actions[index].peer += outbox->actions[index].peer > 1 ? -1u : 1u;
}

/* To the worker that got the task before, whatever its pool and its slots. */
static void
send_to_last(struct outbox *outbox, size_t index)
{
    static uint32_t last;
    uint32_t peer = outbox->actions[index].peer;

    if (last)
        outbox->actions[index].peer = last;
    last = peer;
}

static void
end_at_once(struct outbox *outbox, size_t index)
{
    struct message *message = message_at(outbox, index);
    struct ref id = message->accepted.id;

    *message = (struct message){.verb = VERB_RESULT};
    message->result.ref = id;
}

static void
refuse_after_all(struct outbox *outbox, size_t index)
{
    struct message *message = message_at(outbox, index);
    struct ref id = message->accepted.id;

    *message = (struct message){.verb = VERB_ERROR};
    message->error.ref = id;
    message->error.code = ERROR_NO_SUCH_POOL;
}

static void
change_number(struct outbox *outbox, size_t index)
{
    message_at(outbox, index)->accepted.task = 7;
}

static void
say_failed_too(struct outbox *outbox, size_t index)
{
    struct ref id = message_at(outbox, index)->result.ref;
    const struct action *action = &outbox->actions[index];
    struct message *message = outbox_send(outbox, action->side, action->peer, VERB_ERROR, NULL);

    message->error.ref = id;
    message->error.code = ERROR_FAILED;
}

static void
call_it_lost(struct outbox *outbox, size_t index)
{
    message_at(outbox, index)->error.code = ERROR_LOST;
}

static void
name_no_time(struct outbox *outbox, size_t index)
{
    message_at(outbox, index)->error.retry_after_ms = 0;
}

static bool
is_failed(const struct message *message)
{
    return message->error.code == ERROR_FAILED;
}

static bool
is_busy(const struct message *message)
{
    return message->error.code == ERROR_BUSY;
}

static bool
is_inline_task(const struct message *message)
{
    return message->task.payload.frames == 0;
}

static bool
is_inline_result(const struct message *message)
{
    return message->result.payload.frames == 0;
}

static bool
is_again(const struct message *message)
{
    return message->task.attempt > 1;
}

#define ACTION(name, text, side, verb, every, suits, spoil) {name, text, side, verb, every, suits, spoil, NULL, 0}

const struct planted planted_actions[] = {
    ACTION("drop-task", "a dispatched task is not sent", SIDE_WORKER, VERB_TASK, 50, NULL, drop),
    ACTION("repeat-task", "a task is sent twice", SIDE_WORKER, VERB_TASK, 50, NULL, say_twice),
    ACTION("dispatch-twice", "a task is sent again under a new fence", SIDE_WORKER, VERB_TASK, 50, NULL, dispatch_twice),
    ACTION("lower-fence", "a fence goes back", SIDE_WORKER, VERB_TASK, 50, NULL, lower_fence),
    ACTION("same-attempt", "attempts are not counted", SIDE_WORKER, VERB_TASK, 1, is_again, call_it_first),
    ACTION("spoil-arguments", "a byte of the arguments changes", SIDE_WORKER, VERB_TASK, 50, is_inline_task,
           spoil_arguments),
    ACTION("other-arguments", "a task gets the arguments of another", SIDE_WORKER, VERB_TASK, 50, NULL,
           give_other_arguments),
    ACTION("wrong-worker", "a task goes to a worker that did not ask", SIDE_WORKER, VERB_TASK, 50, NULL, send_to_last),
    ACTION("drop-result", "a result is not sent", SIDE_CLIENT, VERB_RESULT, 50, NULL, drop),
    ACTION("repeat-result", "a result is sent twice", SIDE_CLIENT, VERB_RESULT, 50, NULL, say_twice),
    ACTION("spoil-result", "a byte of the result changes", SIDE_CLIENT, VERB_RESULT, 50, is_inline_result, spoil_result),
    ACTION("wrong-client", "a result goes to another client", SIDE_CLIENT, VERB_RESULT, 50, NULL, send_elsewhere),
    ACTION("second-verdict", "a task that was ok fails afterwards", SIDE_CLIENT, VERB_RESULT, 50, NULL, say_failed_too),
    ACTION("early-result", "a task is ok when it is only accepted", SIDE_CLIENT, VERB_ACCEPTED, 50, NULL, end_at_once),
    ACTION("refuse-accepted", "a task is refused and run", SIDE_CLIENT, VERB_ACCEPTED, 50, NULL, refuse_after_all),
    ACTION("same-number", "many tasks have one number", SIDE_CLIENT, VERB_ACCEPTED, 10, NULL, change_number),
    ACTION("wrong-verdict", "a task that failed is called lost", SIDE_CLIENT, VERB_ERROR, 5, is_failed, call_it_lost),
    ACTION("silent-busy", "a refusal is not said", SIDE_CLIENT, VERB_ERROR, 5, is_busy, drop),
    ACTION("endless-busy", "a refusal names no time to come back", SIDE_CLIENT, VERB_ERROR, 5, is_busy, name_no_time),
    {0},
};
