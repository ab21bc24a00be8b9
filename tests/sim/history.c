/* history.c - a ring of what happened; see history.h. */
#include "history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static const char *const event_names[] = {
    [EVENT_COMMAND] = "command",         [EVENT_PEER_GONE] = "PEER GONE", [EVENT_POOL_DRAIN] = "POOL DRAIN",
    [EVENT_POOL_RESUME] = "POOL RESUME", [EVENT_TASK_CANCEL] = "TASK CANCEL", [EVENT_SHUTDOWN] = "SHUTDOWN",
    [EVENT_DEAD_REQUEUE] = "DEAD REQUEUE", [EVENT_DEAD_REMOVE] = "DEAD REMOVE",
    [EVENT_POOL_SET] = "POOL SET",       [EVENT_POOL_REMOVE] = "POOL REMOVE",
    [EVENT_SCHEDULE_SET] = "SCHEDULE SET", [EVENT_SCHEDULE_REMOVE] = "SCHEDULE REMOVE",
};

static void
print_ref(const struct ref *ref, FILE *out)
{
    if (ref->kind == REF_NUMBER)
        fprintf(out, " #%" PRIu64, ref->number);
    else if (ref->kind == REF_BYTES)
        fprintf(out, " #b%u:%02x%02x", ref->size, ref->bytes[0], ref->bytes[1]);
    else
        fprintf(out, " #nil");
}

static void
print_hello(const struct hello *hello, FILE *out)
{
    if (hello->is_worker)
        fprintf(out, " worker slots=%u session=%" PRIu64 " leases=%u", hello->slots, hello->session,
                hello->leases.count);
    else if (hello->is_agent)
        fprintf(out, " agent");
    else
        fprintf(out, " client %s", hello->on_disconnect == DISCONNECT_CANCEL ? "cancel" : "continue");
}

static void
print_submit(const struct submit *submit, FILE *out)
{
    print_ref(&submit->id, out);
    fprintf(out, " priority=%u delay=%" PRIu64 " deadline=%" PRIi64 " attempts=%u bytes=%u frames=%u%s%s%s",
            submit->priority, submit->delay_ms, submit->has_deadline ? (int64_t)submit->deadline_ms : -1,
            submit->max_attempts, submit->payload.data.size, submit->payload.frames, submit->ack ? " ack" : "",
            submit->stream ? " stream" : "", submit->on_loss == LOSS_FINAL ? " on_loss=lost" : "");
    if (submit->run_ms > 0 || submit->credit > 0)
        fprintf(out, " run=%" PRIu64 " credit=%u", submit->run_ms, submit->credit);
}

static void
print_message(const struct message *message, FILE *out)
{
    fprintf(out, "%s", verb_name(message->verb));
    switch (message->verb) {
    case VERB_HELLO:
        print_hello(&message->hello, out);
        break;
    case VERB_WELCOME:
        fprintf(out, " session=%" PRIu64 "%s leases=%u", message->welcome.session,
                message->welcome.resumed ? " resumed" : "", message->welcome.leases.count);
        break;
    case VERB_SUBMIT:
        print_submit(&message->submit, out);
        break;
    case VERB_CREDIT:
        print_ref(&message->credit.ref, out);
        fprintf(out, " count=%" PRIu64 " attempt=%u", message->credit.count, message->credit.attempt);
        break;
    case VERB_ACCEPTED:
        print_ref(&message->accepted.id, out);
        fprintf(out, " task=%" PRIu64, message->accepted.task);
        break;
    case VERB_CANCEL:
        print_ref(&message->cancel.ref, out);
        fprintf(out, "%s", message->cancel.raise ? " raise" : "");
        break;
    case VERB_RESULT:
        print_ref(&message->result.ref, out);
        break;
    case VERB_CHUNK:
        print_ref(&message->chunk.ref, out);
        fprintf(out, " seq=%" PRIu64, message->chunk.seq);
        break;
    case VERB_REFUSE:
    case VERB_ERROR:
        print_ref(&message->error.ref, out);
        fprintf(out, " %s", error_code_name(message->error.code));
        break;
    case VERB_SEEN:
        fprintf(out, " %" PRIu64, message->seen_count);
        break;
    case VERB_TASK:
        fprintf(out, " fence=%" PRIu64 " attempt=%u credit=%u", message->task.fence, message->task.attempt,
                message->task.credit);
        break;
    case VERB_STARTED:
    case VERB_RECALL:
    case VERB_NACK:
        fprintf(out, " fence=%" PRIu64, message->verb == VERB_NACK ? message->nack.fence : message->fence);
        break;
    default:
        break;
    }
}

static void
print_note(const struct note *note, FILE *out)
{
    fprintf(out, "note %s", note_name(note->kind));
    if (note->worker)
        fprintf(out, " worker=%" PRIu64, note->worker);
    if (note->client)
        fprintf(out, " client=%" PRIu64, note->client);
    if (note->task)
        fprintf(out, " task=%" PRIu64, note->task);
    if (note->count)
        fprintf(out, " count=%" PRIu64, note->count);
}

static void
print_line(const struct history_line *line, FILE *out)
{
    char side = line->side == SIDE_CLIENT ? 'c' : 'w';

    fprintf(out, "%8" PRIu64 " %14.6f  ", line->step, (double)line->now_us / 1e6);
    if (line->kind == HISTORY_TICK) {
        fprintf(out, "tick");
    } else if (line->kind == HISTORY_EVENT) {
        if (line->sub_kind == EVENT_COMMAND || line->sub_kind == EVENT_PEER_GONE)
            fprintf(out, "%c%-3u -> ", side, line->peer);
        if (line->sub_kind == EVENT_COMMAND)
            print_message(&line->message, out);
        else
            fprintf(out, "%s %s %" PRIu64, event_names[line->sub_kind], line->pool, line->number);
    } else if (line->sub_kind == ACTION_SEND) {
        fprintf(out, "        -> %c%-3u ", side, line->peer);
        print_message(&line->message, out);
    } else if (line->sub_kind == ACTION_NOTE) {
        fprintf(out, "        ");
        print_note(&line->note, out);
    } else {
        fprintf(out, "        shut");
    }
    fputc('\n', out);
}

/* The next line of the ring, to be filled. */
static struct history_line *
add_line(struct history *history, enum history_kind kind, int64_t now_us)
{
    struct history_line *line = &history->lines[history->count++ % HISTORY_LINES];

    line->kind = kind;
    line->step = history->step;
    line->now_us = now_us;
    return line;
}

void
history_event(struct history *history, const struct event *event, int64_t now_us)
{
    struct history_line *line = add_line(history, HISTORY_EVENT, now_us);
    size_t size = event->pool.size < sizeof line->pool ? event->pool.size : sizeof line->pool - 1;

    line->sub_kind = event->kind;
    line->side = event->side;
    line->peer = event->peer;
    line->number = event->kind == EVENT_SHUTDOWN ? (uint64_t)event->shutdown_us : event->task;
    if (event->kind == EVENT_COMMAND)
        line->message = *event->message;
    if (size > 0)
        memcpy(line->pool, event->pool.data, size);
    line->pool[size] = '\0';
    if (history->echo)
        print_line(line, history->echo);
}

void
history_tick(struct history *history, int64_t now_us)
{
    struct history_line *line = add_line(history, HISTORY_TICK, now_us);

    if (history->echo)
        print_line(line, history->echo);
}

void
history_action(struct history *history, const struct action *action, int64_t now_us)
{
    struct history_line *line = add_line(history, HISTORY_ACTION, now_us);

    line->sub_kind = (int)action->kind;
    line->side = action->side;
    line->peer = action->peer;
    if (action->kind == ACTION_SEND)
        line->message = action->message;
    else if (action->kind == ACTION_NOTE)
        line->note = action->note;
    if (history->echo)
        print_line(line, history->echo);
}

void
history_print(const struct history *history, FILE *out)
{
    uint64_t first = history->count > HISTORY_LINES ? history->count - HISTORY_LINES : 0;

    for (uint64_t i = first; i < history->count; i++)
        print_line(&history->lines[i % HISTORY_LINES], out);
}

void
history_break(struct history *history, const char *promise, const char *format, ...)
{
    va_list arguments;

    if (history_is_broken(history))
        return;
    history->finding_step = history->step;
    snprintf(history->promise, sizeof history->promise, "%s", promise);
    va_start(arguments, format);
    vsnprintf(history->finding, sizeof history->finding, format, arguments);
    va_end(arguments);
}

bool
history_is_broken(const struct history *history)
{
    return history->promise[0] != '\0';
}
