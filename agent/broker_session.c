/* broker_session.c - states and timers of the agent's session; see broker_session.h. */
#include "agent/broker_session.h"

#include "wire/text.h"
#include "wire/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A broker answers a HELLO at once; silence means that the connection leads nowhere. */
#define GREETING_US INT64_C(5000000)

/* One that refuses us is asked again: it may be replaced by one that does not. */
#define REFUSED_US INT64_C(30000000)

enum { SILENT_BEATS_MAX = 3 };

enum session_state {
    SESSION_DOWN,
    SESSION_GREETING,
    SESSION_READY,
    SESSION_OVER, /* BYE was said */
    SESSION_STATES,
};

static const bool legal_moves[SESSION_STATES][SESSION_STATES] = {
    [SESSION_DOWN] = {[SESSION_GREETING] = true, [SESSION_OVER] = true},
    [SESSION_GREETING] = {[SESSION_DOWN] = true, [SESSION_GREETING] = true, [SESSION_READY] = true,
                          [SESSION_OVER] = true},
    [SESSION_READY] = {[SESSION_DOWN] = true, [SESSION_GREETING] = true, [SESSION_OVER] = true},
};

struct broker_session {
    uint64_t agent;
    const char *host;
    uint64_t pid;
    enum session_state state;
    int64_t heartbeat_us;
    int64_t due_us;      /* GREETING: the answer is overdue; DOWN: greet again; READY: the next heartbeat */
    unsigned unanswered; /* heartbeats since the broker was heard */
    struct wire_reader reader;
    struct wire_buffer outbox;
};

static void
set_state(struct broker_session *session, enum session_state state)
{
    assert(legal_moves[session->state][state]);
    session->state = state;
}

struct broker_session *
broker_session_new(uint64_t agent, const char *host, uint64_t pid)
{
    struct broker_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        abort();
    session->agent = agent;
    session->host = host;
    session->pid = pid;
    session->due_us = 0; /* connect at once */
    wire_buffer_init(&session->outbox, false);
    return session;
}

void
broker_session_destroy(struct broker_session **session_p)
{
    if (*session_p == NULL)
        return;
    wire_buffer_fini(&(*session_p)->outbox);
    free(*session_p);
    *session_p = NULL;
}

static struct bytes
bytes_of(const char *text)
{
    return (struct bytes){.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)};
}

/* What breaks a limit is our own mistake; the command is left out then. */
static void
put(struct broker_session *session, const struct message *message)
{
    size_t before = session->outbox.size;

    if (wire_encode(&session->outbox, SIDE_WORKER, message) != OK)
        session->outbox.size = before;
}

/* --- what happens --------------------------------------------------------------------------------------------- */

void
broker_session_greet(struct broker_session *session, const struct agent_pool *pools, uint32_t count, int64_t now_us)
{
    struct message message = {.verb = VERB_HELLO};

    if (session->state == SESSION_OVER)
        return;
    set_state(session, SESSION_GREETING);
    session->due_us = now_us + GREETING_US;
    session->unanswered = 0;
    session->outbox.size = 0;
    message.hello.is_agent = true;
    message.hello.protocol = bytes_of(PROTOCOL_NAME);
    message.hello.agent = session->agent;
    message.hello.name = bytes_of(session->host);
    message.hello.host = bytes_of(session->host);
    message.hello.pid = session->pid;
    message.hello.pools =
        (struct agent_pools){.count = count < AGENT_POOLS_MAX ? count : AGENT_POOLS_MAX, .list = pools};
    put(session, &message);
}

void
broker_session_receive(struct broker_session *session, struct bytes control)
{
    session->unanswered = 0;
    wire_reader_init(&session->reader, control, SIDE_WORKER, FROM_BROKER);
}

/* At whole multiples of the interval, as workers do it: the broker then wakes up once for all. */
static int64_t
next_beat_us(const struct broker_session *session, int64_t now_us)
{
    return (now_us / session->heartbeat_us + 1) * session->heartbeat_us;
}

static enum session_order
take(struct broker_session *session, const struct message *message, int64_t now_us)
{
    bool is_greeting = session->state == SESSION_GREETING;

    switch (message->verb) {
    case VERB_WELCOME:
        if (!is_greeting)
            return ORDER_NONE;
        set_state(session, SESSION_READY);
        session->heartbeat_us = (int64_t)message->welcome.heartbeat_ms * 1000;
        if (session->heartbeat_us <= 0)
            session->heartbeat_us = 1000;
        session->due_us = now_us; /* at once: the broker then knows all from the start */
        return ORDER_BEGIN;
    case VERB_REHELLO:
        /* While greeting, it answers what was sent before the HELLO. */
        return session->state == SESSION_READY ? ORDER_GREET : ORDER_NONE;
    case VERB_REFUSE:
        if (!is_greeting)
            return ORDER_NONE;
        set_state(session, SESSION_DOWN);
        session->due_us = now_us + REFUSED_US;
        return ORDER_REFUSED;
    case VERB_REPLACE:
        return session->state == SESSION_READY ? ORDER_REPLACE : ORDER_NONE;
    case VERB_RETIRE:
        return session->state == SESSION_READY ? ORDER_RETIRE : ORDER_NONE;
    default:
        return ORDER_NONE;
    }
}

enum session_order
broker_session_next(struct broker_session *session, int64_t now_us, struct message *ret_message)
{
    struct wire_fault fault;

    for (;;) {
        enum wire_next next = wire_next(&session->reader, ret_message, &fault);
        if (next == WIRE_END || next == WIRE_BROKEN)
            return ORDER_NONE;
        if (next == WIRE_FAULT)
            continue;
        enum session_order order = take(session, ret_message, now_us);
        if (order != ORDER_NONE)
            return order;
    }
}

int64_t
broker_session_next_due_us(const struct broker_session *session)
{
    return session->state == SESSION_OVER ? INT64_MAX : session->due_us;
}

enum session_need
broker_session_tick(struct broker_session *session, int64_t now_us)
{
    if (now_us < broker_session_next_due_us(session))
        return NEED_NOTHING;
    if (session->state == SESSION_READY && session->unanswered < SILENT_BEATS_MAX)
        return NEED_BEAT;
    if (session->state != SESSION_DOWN)
        set_state(session, SESSION_DOWN);
    return NEED_CONNECTION;
}

/* --- what is told --------------------------------------------------------------------------------------------- */

void
broker_session_beat(struct broker_session *session, const struct process_usage *list, uint32_t count, int64_t now_us)
{
    struct message message = {.verb = VERB_HEARTBEAT};

    session->due_us = next_beat_us(session, now_us);
    session->unanswered++;
    message.heartbeat.gil_enabled = -1;
    put(session, &message);
    broker_session_processes(session, list, count);
}

void
broker_session_processes(struct broker_session *session, const struct process_usage *list, uint32_t count)
{
    struct message message = {.verb = VERB_PROCESSES};

    if (session->state != SESSION_READY)
        return;
    message.processes = (struct processes){.count = count < PROCESSES_MAX ? count : PROCESSES_MAX, .list = list};
    put(session, &message);
}

/* The end of what it printed, as UTF-8: what is none becomes a '?'. */
static struct bytes
tail_of(const struct worker_end *end, char text[ERROR_TEXT_BYTES_MAX])
{
    size_t size = end->text_bytes < ERROR_TEXT_BYTES_MAX ? end->text_bytes : ERROR_TEXT_BYTES_MAX;
    const char *from = end->text_bytes == 0 ? "" : end->text + end->text_bytes - size;

    memcpy(text, from, size);
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t bytes = text_decode(text + at, size - at, &code);
        if (bytes == 0)
            text[at] = '?';
        at += bytes == 0 ? 1 : bytes;
    }
    return (struct bytes){.data = (const uint8_t *)text, .size = (uint32_t)size};
}

void
broker_session_exited(struct broker_session *session, const char *pool, const struct worker_end *end)
{
    struct message message = {.verb = VERB_EXITED};
    char text[ERROR_TEXT_BYTES_MAX];

    if (session->state != SESSION_READY)
        return;
    message.exited = (struct exited){
        .pool = bytes_of(pool),
        .pid = (uint64_t)end->pid,
        .cause = end->cause,
        .status = (uint64_t)end->status,
        .replaces = end->replaces,
        .text = tail_of(end, text),
    };
    put(session, &message);
}

bool
broker_session_pool(struct broker_session *session, const char *pool, bool has_failed, uint32_t wanted, bool has_changed,
                    const char *reason)
{
    struct message message = {.verb = VERB_POOL};

    if (session->state != SESSION_READY)
        return false;
    message.pool = (struct pool_report){
        .pool = bytes_of(pool),
        .state = has_failed ? AGENT_POOL_FAILED : AGENT_POOL_OK,
        .has_wanted = true,
        .wanted = wanted,
        .changed = has_changed,
        .reason = bytes_of(reason),
    };
    put(session, &message);
    return true;
}

void
broker_session_bye(struct broker_session *session, const char *reason)
{
    struct message message = {.verb = VERB_BYE, .reason = bytes_of(reason)};

    if (session->state == SESSION_READY)
        put(session, &message);
    if (session->state != SESSION_OVER)
        set_state(session, SESSION_OVER);
}

struct bytes
broker_session_outbox(const struct broker_session *session)
{
    return (struct bytes){.data = session->outbox.data, .size = (uint32_t)session->outbox.size};
}

void
broker_session_sent(struct broker_session *session)
{
    session->outbox.size = 0;
}
