/* outbox.c - a growing array of actions; see outbox.h. */
#include "broker/core/outbox.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_MIN = 64,
    CAPACITY_KEPT = 16384, /* a burst may take more; that is given back when it is over */
    COPY_BLOCK_BYTES = 16384,
};

/* A block of memory for many copies: each dispatch makes one. */
struct outbox_copy {
    struct outbox_copy *next;
    size_t used, size;
    alignas(max_align_t) uint8_t data[];
};

static const char *const note_names[NOTE_KINDS] = {
    [NOTE_CLIENT_CONNECTED] = "client.connected",
    [NOTE_CLIENT_GONE] = "client.gone",
    [NOTE_WORKER_STARTED] = "worker.started",
    [NOTE_WORKER_DETACHED] = "worker.detached",
    [NOTE_WORKER_RESUMED] = "worker.resumed",
    [NOTE_WORKER_STALLED] = "worker.stalled",
    [NOTE_WORKER_RECOVERED] = "worker.recovered",
    [NOTE_WORKER_DRAINING] = "worker.draining",
    [NOTE_WORKER_STOPPED] = "worker.stopped",
    [NOTE_WORKER_LOST] = "worker.lost",
    [NOTE_WORKER_HEALTH_CHECK_FAILED] = "worker.health_check_failed",
    [NOTE_WORKER_REPLACING] = "worker.replacing",
    [NOTE_WORKER_RECYCLED] = "worker.recycled",
    [NOTE_WORKER_REPLACE_FAILED] = "worker.replace_failed",
    [NOTE_WORKER_REFUSED] = "worker.refused",
    [NOTE_WORKER_EXITED] = "worker.exited",
    [NOTE_WORKER_START_FAILED] = "worker.start_failed",
    [NOTE_AGENT_CONNECTED] = "agent.connected",
    [NOTE_AGENT_LOST] = "agent.lost",
    [NOTE_POOL_SATURATED] = "pool.saturated",
    [NOTE_POOL_CAPACITY_REACHED] = "pool.capacity_reached",
    [NOTE_POOL_CAPACITY_FREE] = "pool.capacity_free",
    [NOTE_POOL_FAILED] = "pool.failed",
    [NOTE_POOL_RECOVERED] = "pool.recovered",
    [NOTE_POOL_MEMORY_LIMIT_TOO_LOW] = "pool.memory_limit_too_low",
    [NOTE_POOL_CIRCUIT_OPENED] = "pool.circuit_opened",
    [NOTE_POOL_CIRCUIT_CLOSED] = "pool.circuit_closed",
    [NOTE_POOL_DRAINING] = "pool.draining",
    [NOTE_POOL_OPEN] = "pool.open",
    [NOTE_POOL_ADDED] = "pool.added",
    [NOTE_POOL_CHANGED] = "pool.changed",
    [NOTE_POOL_REMOVING] = "pool.removing",
    [NOTE_POOL_EMPTY] = "pool.empty",
    [NOTE_POOL_REMOVED] = "pool.removed",
    [NOTE_SCHEDULE_MISSED] = "schedule.missed",
    [NOTE_TASK_REQUEUED] = "task.requeued",
    [NOTE_TASK_ADOPTED] = "task.adopted",
    [NOTE_TASK_RETRIED] = "task.retried",
    [NOTE_TASK_DEAD] = "task.dead",
    [NOTE_TASK_TIMED_OUT] = "task.timed_out",
    [NOTE_TASK_CANCEL_IGNORED] = "task.cancel_ignored",
    [NOTE_REQUEST_EXECUTED] = "request.executed",
    [NOTE_CONFIG_RELOADED] = "config.reloaded",
    [NOTE_CONFIG_REJECTED] = "config.rejected",
    [NOTE_SHUTDOWN_BEGUN] = "broker.draining",
    [NOTE_APP_EVENT] = "app.*",
};

const char *
note_name(enum note_kind kind)
{
    assert(kind < NOTE_KINDS && note_names[kind]);
    return note_names[kind];
}

void
outbox_init(struct outbox *outbox)
{
    memset(outbox, 0, sizeof *outbox);
}

void
outbox_fini(struct outbox *outbox)
{
    outbox_clear(outbox);
    free(outbox->copies);
    free(outbox->actions);
    memset(outbox, 0, sizeof *outbox);
}

/* The first block stays for the next turn. */
static void
clear_copies(struct outbox *outbox)
{
    while (outbox->copies && (outbox->copies->next || outbox->copies->size > COPY_BLOCK_BYTES)) {
        struct outbox_copy *copy = outbox->copies;

        outbox->copies = copy->next;
        free(copy);
    }
    if (outbox->copies)
        outbox->copies->used = 0;
}

void
outbox_clear(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++)
        body_unref(outbox->actions[i].hold);
    outbox->count = 0;
    clear_copies(outbox);
    if (outbox->capacity > CAPACITY_KEPT) {
        free(outbox->actions);
        outbox->actions = NULL;
        outbox->capacity = 0;
    }
}

static void
grow(struct outbox *outbox)
{
    outbox->capacity = outbox->capacity ? outbox->capacity * 2 : CAPACITY_MIN;
    outbox->actions = realloc(outbox->actions, outbox->capacity * sizeof *outbox->actions);
    if (!outbox->actions)
        abort();
}

/* A new action at the end; its message or note is still to be cleared. */
static struct action *
append(struct outbox *outbox, enum action_kind kind)
{
    struct action *action;

    if (outbox->count == outbox->capacity)
        grow(outbox);
    action = &outbox->actions[outbox->count++];
    action->kind = kind;
    action->side = SIDE_CLIENT;
    action->peer = 0;
    action->hold = NULL;
    return action;
}

/* Clear what a message of this verb has. The largest has twice as much as what each task needs. */
static void
clear_message(struct message *message, enum verb verb)
{
    switch (verb) {
    case VERB_TASK:
        memset(&message->task, 0, sizeof message->task);
        break;
    case VERB_RESULT:
        memset(&message->result, 0, sizeof message->result);
        break;
    case VERB_ACCEPTED:
        memset(&message->accepted, 0, sizeof message->accepted);
        break;
    default:
        memset(message, 0, sizeof *message);
    }
    message->verb = verb;
}

struct message *
outbox_send(struct outbox *outbox, enum side side, uint32_t peer, enum verb verb, struct body *hold)
{
    struct action *action = append(outbox, ACTION_SEND);

    assert(peer > 0);
    if (hold)
        body_ref(hold);
    action->side = side;
    action->peer = peer;
    action->hold = hold;
    clear_message(&action->message, verb);
    return &action->message;
}

struct note *
outbox_note(struct outbox *outbox, enum note_kind kind)
{
    struct action *action = append(outbox, ACTION_NOTE);

    memset(&action->note, 0, sizeof action->note);
    action->note.kind = kind;
    return &action->note;
}

void
outbox_shut(struct outbox *outbox)
{
    append(outbox, ACTION_SHUT);
}

/* A block with room for so many bytes. */
static struct outbox_copy *
find_block(struct outbox *outbox, size_t bytes)
{
    size_t size = bytes > COPY_BLOCK_BYTES ? bytes : COPY_BLOCK_BYTES;
    struct outbox_copy *block = outbox->copies;

    if (block && block->size - block->used >= bytes)
        return block;
    block = malloc(sizeof *block + size);
    if (!block)
        abort();
    block->next = outbox->copies;
    block->used = 0;
    block->size = size;
    outbox->copies = block;
    return block;
}

void *
outbox_copy(struct outbox *outbox, const void *data, size_t size)
{
    size_t bytes = (size + 1 + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct outbox_copy *block = find_block(outbox, bytes);
    uint8_t *copy = block->data + block->used;

    block->used += bytes;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = 0;
    return copy;
}
