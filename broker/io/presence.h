/* presence.h - which connections of a socket stand: its monitor's descriptors, matched with connections. Sends nothing. */
#ifndef SNAKEPIT_IO_PRESENCE_H
#define SNAKEPIT_IO_PRESENCE_H

#include "broker/io/connections.h"

/* Descriptors are reused at once, and the monitor names nothing else. What keeps the matching right:
 * - An end is written before its descriptor is closed. So the ends of all previous owners of a descriptor are there
 *   when a message of its next owner is read, and are looked at before that one claims it.
 * - An end may be seen before the first message of its connection is read. It is kept as an orphan until all that was
 *   sent before it has been read. Whoever claims an orphan's descriptor may be the one that ended, or just the next
 *   one; that is a doubt, and a message that ZeroMQ takes or refuses settles it.
 * - Where none may be sent (a REQ socket, an ignored peer), the next end of the descriptor settles it: all that claimed
 *   it until then have ended, the one that stood as well as those before it. */
struct presence;
struct intake;

/* Watch `socket`, before it is bound; see monitor_new. NULL: errno. */
struct presence *
presence_new(void *context, void *socket, const char *name, struct intake *intake);

/* Call it before the socket is closed. Connections are not its own. *presence_p becomes NULL; NULL is allowed. */
void
presence_destroy(struct presence **presence_p);

/* Readable when there may be something for presence_next_ended. */
int
presence_fd(const struct presence *presence);

/* The next connection that ended, or NULL. It has no descriptor any more. */
struct connection *
presence_next_ended(struct presence *presence);

/* The connection has sent a message and has no descriptor yet: this one is its own. Call presence_next_ended before,
 * until there is none. */
void
presence_claim(struct presence *presence, struct connection *connection, int fd);

/* The connection is to be freed, or known to have ended. */
void
presence_forget(struct presence *presence, struct connection *connection);

/* All that was sent before the ends seen so far has been read. */
void
presence_settle(struct presence *presence);

/* The next connection in doubt whose time has come: send it something. NULL: none now. */
struct connection *
presence_next_doubtful(struct presence *presence, int64_t now_us);

bool
presence_has_doubts(const struct presence *presence);

/* How many connections failed to become ZMTP ones; never shrinks. */
uint64_t
presence_handshakes_failed(const struct presence *presence);

/* See monitor_is_full and monitor_refused. */
bool
presence_is_full(const struct presence *presence);

uint64_t
presence_refused(const struct presence *presence);

#endif
