/* session.h - the client's session with a broker: HELLO, WELCOME, heartbeats, SEEN, and connecting again. */
#ifndef SNAKEPIT_CLIENT_SESSION_H
#define SNAKEPIT_CLIENT_SESSION_H

#include "client/lib/client.h"

/* Begin to connect, and say HELLO. OK, ERR_INVALID (the endpoint), ERR_SYSTEM, ERR_MEMORY. */
int
session_start(struct snakepit_client *client);

/* Do what time asks for: connect, give up on a silent broker, heartbeat, SEEN. OK or MEMORY. */
int
session_turn(struct snakepit_client *client);

/* When session_turn has something to do next, or INT64_MAX. */
int64_t
session_due_us(const struct snakepit_client *client);

void
session_welcome(struct snakepit_client *client, const struct welcome *welcome);

/* Say in snakepit_last_error that, and why, the broker refuses this client. Returns SNAKEPIT_REFUSED. */
int
session_fail_refused(struct snakepit_client *client);

/* The broker's REFUSE: try again later, or never. */
void
session_refuse(struct snakepit_client *client, const struct error *error);

/* REHELLO: introduce ourselves again on the same connection. */
void
session_rehello(struct snakepit_client *client);

/* The connection is of no use any more: close it, say so, and try again later. */
void
session_drop(struct snakepit_client *client, const char *why);

/* A final message of a task came. */
void
session_count_final(struct snakepit_client *client);

/* Put SEEN into the commands, if there is something to tell. OK or MEMORY. */
int
session_tell_finals(struct snakepit_client *client);

/* Say BYE, if there is a session, behind all that was submitted. */
void
session_bye(struct snakepit_client *client);

#endif
