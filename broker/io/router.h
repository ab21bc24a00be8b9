/* router.h - one ROUTER socket with its peers: frames to events, actions to frames. Decides nothing about tasks. */
#ifndef SNAKEPIT_IO_ROUTER_H
#define SNAKEPIT_IO_ROUTER_H

#include "broker/core/event.h"
#include "broker/io/config.h"
#include "broker/io/log.h"

/* How long a slow peer is left alone. */
#define ROUTER_RETRY_US 5000

struct router;

/* What happened on the socket so far; never shrinks, but for `peers` and `slow`. */
struct router_stats {
    uint64_t messages_in, messages_out;
    uint64_t faults;            /* commands and messages that were answered with an error */
    uint64_t undeliverable;     /* commands for a peer that was gone */
    uint64_t peers_ignored;     /* offended too often */
    uint64_t peers_overflowed;  /* too much waited for them */
    uint64_t peers_endless;     /* sent a message without end */
    uint64_t handshakes_failed; /* connections that never spoke ZMTP */
    uint64_t connections_refused; /* for want of descriptors */
    unsigned peers;
    unsigned slow; /* peers for whom something waits */
};

/* Make the socket for clients or workers and bind it. NULL and a logged reason when that fails. */
struct router *
router_new(void *context, enum side side, const struct config *config, struct log *log);

/* Close the socket; what was sent has a second to leave. Removes the files of an ipc endpoint. *router_p becomes NULL. */
void
router_destroy(struct router **router_p);

/* The endpoint as bound. */
const char *
router_address(const struct router *router);

/* Readable when there may be something for router_next. ZeroMQ signals edges: before waiting for it, call router_next
 * until it says ERR_AGAIN, and again after each router_flush that gives true. */
int
router_fd(const struct router *router);

/* Readable when router_watch should be called. */
int
router_monitor_fd(const struct router *router);

/* Readable when router_mend_listener should be called; -1: it never is. */
int
router_listener_fd(const struct router *router);

/* See listener_mend. */
void
router_mend_listener(struct router *router);

/* See which connections ended; router_next tells. */
void
router_watch(struct router *router);

/* To be called now and then while there is more to receive. ZeroMQ learns who has come, and who has sent something, at each
 * hundredth frame only, and some messages take long to handle. */
void
router_look_for_others(struct router *router);

/* End the connection of which ZeroMQ holds the most, when it holds more than bytes_max of all. To be called when it is due. */
void
router_check_intake(struct router *router, int64_t now_us);

/* INT64_MAX: no connection stands. */
int64_t
router_intake_due_us(const struct router *router);

/* Take one step: OK: *ret_event is a COMMAND or PEER_GONE, whose views live until the next call.
 * ERR_INVALID: something wrong was received and answered; go on. ERR_AGAIN: nothing more for now. ERR_SYSTEM. */
int
router_next(struct router *router, struct event *ret_event);

/* Encode a command for the peer; it leaves with router_flush. A peer that is gone is counted, nothing else. */
void
router_send(struct router *router, uint32_t peer, const struct message *message);

/* Send what was encoded: one message per peer. Slow peers are tried every ROUTER_RETRY_US only.
 * True: ZeroMQ was called, or a peer was found to be gone, so call router_next before waiting. */
bool
router_flush(struct router *router, int64_t now_us);

/* True while something waits for a slow peer, or it is in doubt whether one stands: call router_flush again after
 * ROUTER_RETRY_US, since ZeroMQ does not tell when. */
bool
router_has_waiting(const struct router *router);

void
router_get_stats(const struct router *router, struct router_stats *ret_stats);

#endif
