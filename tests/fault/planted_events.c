/* planted_events.c - bugs in what the broker makes of what it hears; see planted.h. */
#include "tests/fault/planted.h"

#include <string.h>

static bool
swallow(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)message, (void)outbox;
    return false;
}

static bool
mistake_end(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)message, (void)outbox;
    if (event->kind == EVENT_PEER_GONE)
        event->peer += event->peer > 1 ? -1u : 1u;
    return true;
}

/* It says that it has the task, and has not. */
static bool
forget_task(struct event *event, struct message *message, struct outbox *outbox)
{
    static uint64_t number = UINT64_C(1) << 40;
    struct accepted *accepted = &outbox_send(outbox, SIDE_CLIENT, event->peer, VERB_ACCEPTED, NULL)->accepted;

    accepted->id = message->submit.id;
    accepted->task = number++;
    return false;
}

static bool
forget_deadline(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->submit.has_deadline = false;
    message->submit.deadline_ms = 0;
    return true;
}

static bool
halve_deadline(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->submit.deadline_ms /= 2;
    return true;
}

static bool
forget_delay(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->submit.delay_ms = 0;
    return true;
}

static bool
forget_once(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->submit.on_loss = LOSS_REQUEUE;
    message->submit.max_attempts = 1000;
    return true;
}

static bool
let_others_pass(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->submit.delay_ms = 1000; /* longer than a busy machine lets the queue stand */
    return true;
}

/* It says that the task is cancelled, and lets it run. */
static bool
pretend_cancel(struct event *event, struct message *message, struct outbox *outbox)
{
    struct error *error = &outbox_send(outbox, SIDE_CLIENT, event->peer, VERB_ERROR, NULL)->error;

    error->ref = message->cancel.ref;
    error->code = ERROR_CANCELLED;
    return false;
}

static bool
call_it_ok(struct event *event, struct message *message, struct outbox *outbox)
{
    struct ref ref = message->error.ref;

    (void)event, (void)outbox;
    *message = (struct message){.verb = VERB_RESULT};
    message->result.ref = ref;
    return true;
}

/* A result counts whichever attempt it is of. */
static bool
accept_stale(struct event *event, struct message *message, struct outbox *outbox)
{
    const struct dispatch *own = planted_find(message->result.ref.number);
    const struct dispatch *latest = own ? planted_latest(own->body) : NULL;

    (void)outbox;
    if (latest && latest != own) {
        message->result.ref.number = latest->fence;
        event->peer = latest->peer;
    }
    return true;
}

/* The result of one task is given to another. */
static bool
swap_results(struct event *event, struct message *message, struct outbox *outbox)
{
    static uint8_t kept[4096];
    static uint32_t kept_bytes;
    struct bytes own = message->result.payload.data;

    (void)event;
    if (message->result.payload.frames > 0 || own.size > sizeof kept)
        return true;
    if (kept_bytes > 0)
        message->result.payload.data = (struct bytes){outbox_copy(outbox, kept, kept_bytes), kept_bytes};
    memcpy(kept, own.data, own.size);
    kept_bytes = own.size;
    return true;
}

/* A lease is ended although its worker has begun. The NACK takes the place of a heartbeat's or an answer's event: the worker's
 * own answer is stale then. */
static bool
take_back(struct event *event, struct message *message, struct outbox *outbox)
{
    uint64_t fence = message->result.ref.number;

    (void)event, (void)outbox;
    *message = (struct message){.verb = VERB_NACK};
    message->nack.fence = fence;
    return true;
}

static bool
add_a_slot(struct event *event, struct message *message, struct outbox *outbox)
{
    (void)event, (void)outbox;
    message->hello.slots++;
    return true;
}

static bool
has_deadline(const struct message *message)
{
    return message->submit.has_deadline;
}

static bool
has_delay(const struct message *message)
{
    return message->submit.delay_ms > 0;
}

static bool
is_at_most_once(const struct message *message)
{
    return message->submit.on_loss == LOSS_FINAL;
}

static bool
is_in_line(const struct message *message)
{
    return message->submit.pool.size == 4 && memcmp(message->submit.pool.data, "line", 4) == 0 &&
           message->submit.delay_ms == 0;
}

static bool
is_failed(const struct message *message)
{
    return message->error.code == ERROR_FAILED;
}

#define EVENT(name, text, side, verb, every, suits, spoil) {name, text, side, verb, every, suits, NULL, spoil, 0}

const struct planted planted_events[] = {
    EVENT("forget-task", "an accepted task is not kept", SIDE_CLIENT, VERB_SUBMIT, 50, NULL, forget_task),
    EVENT("ignore-task", "a task is neither accepted nor refused", SIDE_CLIENT, VERB_SUBMIT, 50, NULL, swallow),
    EVENT("forget-deadline", "a task runs after its deadline", SIDE_CLIENT, VERB_SUBMIT, 1, has_deadline, forget_deadline),
    EVENT("halve-deadline", "a task expires before its deadline", SIDE_CLIENT, VERB_SUBMIT, 1, has_deadline,
          halve_deadline),
    EVENT("forget-delay", "a task runs before its delay has passed", SIDE_CLIENT, VERB_SUBMIT, 5, has_delay, forget_delay),
    EVENT("forget-once", "at most once is not kept", SIDE_CLIENT, VERB_SUBMIT, 1, is_at_most_once, forget_once),
    EVENT("pass-others", "a task is overtaken", SIDE_CLIENT, VERB_SUBMIT, 10, is_in_line, let_others_pass),
    EVENT("pretend-cancel", "a cancelled task runs all the same", SIDE_CLIENT, VERB_CANCEL, 2, NULL, pretend_cancel),
    EVENT("drop-answer", "a worker's result is not heard", SIDE_WORKER, VERB_RESULT, 50, NULL, swallow),
    EVENT("accept-stale", "a result counts without its lease", SIDE_WORKER, VERB_RESULT, 1, NULL, accept_stale),
    EVENT("swap-results", "a task gets the result of another", SIDE_WORKER, VERB_RESULT, 50, NULL, swap_results),
    EVENT("take-back", "a lease ends while its worker lives", SIDE_WORKER, VERB_RESULT, 50, NULL, take_back),
    EVENT("failed-is-ok", "a failure counts as a result", SIDE_WORKER, VERB_ERROR, 5, is_failed, call_it_ok),
    EVENT("more-slots", "a worker gets more tasks than it has slots", SIDE_WORKER, VERB_HELLO, 1, NULL, add_a_slot),
    EVENT("mistake-end", "the end of a worker is taken for that of another", SIDE_WORKER, VERB_NONE, 1, NULL, mistake_end),
    {"coarse-clock", "time goes in steps of two seconds", SIDE_CLIENT, VERB_NONE, 1, NULL, NULL, NULL, 2000000},
    {0},
};
