/* broker_session.h - the agent's side of SPIT/1: HELLO until WELCOME, heartbeats, what it tells and is told. Pure: no
 * socket, no clock.
 *
 * Whatever is told while there is no session is dropped: the broker finds lost workers by itself, and a session begins
 * with the state of everything. */
#ifndef SNAKEPIT_AGENT_BROKER_SESSION_H
#define SNAKEPIT_AGENT_BROKER_SESSION_H

#include "agent/worker_end.h"

struct broker_session;

/* For the agent of this number. Views of `host` are kept. */
struct broker_session *
broker_session_new(uint64_t agent, const char *host, uint64_t pid);

/* *session_p becomes NULL; NULL is allowed. */
void
broker_session_destroy(struct broker_session **session_p);

/* --- what happens --------------------------------------------------------------------------------------------- */

/* A new connection is on its way: greet with these pools. The list is copied. */
void
broker_session_greet(struct broker_session *session, const struct agent_pool *pools, uint32_t count, int64_t now_us);

enum session_order {
    ORDER_NONE,    /* nothing more in this frame */
    ORDER_GREET,   /* the broker does not know this session: call broker_session_greet */
    ORDER_BEGIN,   /* WELCOME: the session has begun; tell the state of all pools */
    ORDER_REFUSED, /* *ret_message has the error; greeted again after a while */
    ORDER_REPLACE, /* *ret_message */
    ORDER_RETIRE,  /* *ret_message */
};

/* Take one control frame from the broker; it must outlive the walk by broker_session_next. */
void
broker_session_receive(struct broker_session *session, struct bytes control);

/* The next order in the frame. */
enum session_order
broker_session_next(struct broker_session *session, int64_t now_us, struct message *ret_message);

/* When broker_session_tick must be called next, or INT64_MAX. */
int64_t
broker_session_next_due_us(const struct broker_session *session);

enum session_need {
    NEED_NOTHING,
    NEED_CONNECTION, /* the broker does not answer: throw the connection away, make a new one, greet */
    NEED_BEAT,       /* measure, and call broker_session_beat */
};

enum session_need
broker_session_tick(struct broker_session *session, int64_t now_us);

/* --- what is told --------------------------------------------------------------------------------------------- */

/* A heartbeat with what the workers use. The list is read now. */
void
broker_session_beat(struct broker_session *session, const struct process_usage *list, uint32_t count, int64_t now_us);

/* What some workers use, between two heartbeats. The list is read now. */
void
broker_session_processes(struct broker_session *session, const struct process_usage *list, uint32_t count);

/* A worker ended, or could not be started. */
void
broker_session_exited(struct broker_session *session, const char *pool, const struct worker_end *end);

/* The state of a pool here. False when there is no session, so that a change was not told. */
bool
broker_session_pool(struct broker_session *session, const char *pool, bool has_failed, uint32_t wanted, bool has_changed,
                    const char *reason);

/* The agent ends. */
void
broker_session_bye(struct broker_session *session, const char *reason);

/* What waits to be sent, as one control frame; empty: nothing. */
struct bytes
broker_session_outbox(const struct broker_session *session);

/* It was sent. */
void
broker_session_sent(struct broker_session *session);

#endif
