/* link.h - one connection to the broker: a DEALER socket, its monitor, and the descriptor that shows both. A link is
 * used for one connection and then opened anew, so nothing of an old connection can slip into the next one. */
#ifndef SNAKEPIT_CLIENT_LINK_H
#define SNAKEPIT_CLIENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

/* A due time that is always past. */
#define LINK_NOW 1

struct link {
    void *context;
    void *socket;  /* NULL: closed */
    void *monitor; /* tells when the connection ends */
    int poll_fd;   /* epoll of the socket, the monitor and the timer */
    int timer_fd;
    uint64_t openings; /* so far */
    int64_t timer_us; /* what the timer is set to; 0: off */
};

/* OK, or ERR_SYSTEM with errno. Ended with link_fini in both cases. */
int
link_init(struct link *link);

/* Close, and wait for at most `linger_ms` until what was sent is out. */
void
link_fini(struct link *link, int linger_ms);

/* Begin to connect. OK; ERR_INVALID: the endpoint; ERR_SYSTEM: no sockets left. The link must be closed, and is closed
 * again after an error. */
int
link_open(struct link *link, const char *endpoint);

/* Drop the connection and all that was queued for it. */
void
link_close(struct link *link);

/* Whether the monitor has told of the end of this connection, or of a failure to make it. */
bool
link_is_lost(struct link *link);

/* Send a frame without blocking; takes the message over when OK. OK, ERR_AGAIN, ERR_SYSTEM. */
int
link_send(struct link *link, zmq_msg_t *message, bool more_follow);

/* Receive a frame without blocking, into an initialised message. OK, ERR_AGAIN, ERR_SYSTEM. */
int
link_receive(struct link *link, zmq_msg_t *message);

/* Make poll_fd readable from `due_us` (monotonic) on; 0: not by time. */
void
link_set_timer(struct link *link, int64_t due_us);

/* Sleep until poll_fd is readable or `timeout_us` has passed; -1: for ever. False: a signal ended the wait. */
bool
link_wait(struct link *link, int64_t timeout_us);

#endif
