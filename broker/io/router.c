/* router.c - one ROUTER socket with its peers; see router.h. */
#include "broker/io/router.h"

#include "broker/io/inbound.h"
#include "broker/io/intake.h"
#include "broker/io/listener.h"
#include "broker/io/presence.h"
#include "broker/io/refusal.h"
#include "broker/io/router_socket.h"

#include <stdlib.h>
#include <utlist.h>
#include <zmq.h>

/* In one turn the core may have much for one peer: send it before more than this collects. */
#define FLUSH_BYTES (1024 * 1024)
/* What a peer sent before its end is read before its end is told. Under a flood that never ends, no longer than this. */
#define PATIENCE_MESSAGES 100000

struct router {
    enum side side;
    void *socket;
    int fd;
    struct listener *listener;
    struct presence *presence;
    struct intake *intake;
    struct log *log;
    uint64_t send_bytes_max;
    uint64_t inline_bytes_max;
    size_t control_bytes_max;
    struct connections *connections;
    struct parcel_store parcels;
    struct inbound *inbound;
    struct connection *speaker; /* whose message is being walked; NULL between messages */
    struct connection *dirty;   /* something to send */
    struct connection *leaving; /* ended; to be told to the core */
    struct message verdict;     /* what an event says of an attempt whose answer was refused */
    unsigned patience;          /* messages to read before those that leave are told */
    bool is_drained;            /* there was nothing more to receive, the last time */
    bool has_offended;          /* this message was counted as an offence */
    bool is_full; /* new connections are refused for want of descriptors */
    bool is_touched;            /* ZeroMQ was asked to send since the last flush */
    int64_t retry_us;           /* when slow peers are tried again */
    struct router_stats stats;
};

/* --- building ------------------------------------------------------------------------------------------------- */

struct router *
router_new(void *context, enum side side, const struct config *config, struct log *log)
{
    struct router *router = calloc(1, sizeof *router);
    const char *address = side == SIDE_CLIENT ? config->clients_endpoint : config->workers_endpoint;

    if (!router)
        abort();
    router->side = side;
    router->log = log;
    router->send_bytes_max = config->send_bytes_max;
    router->inline_bytes_max = config->broker.inline_bytes_max;
    router->control_bytes_max = config->broker.control_bytes_max;
    router->connections = connections_new();
    router->intake = intake_new(config->broker.bytes_max);
    router->inbound = inbound_new(side, config->broker.control_bytes_max, config->broker.inline_bytes_max);
    router->socket = router_socket_new(context, config, address, &router->fd);
    if (router->socket)
        router->presence =
            presence_new(context, router->socket, side == SIDE_CLIENT ? "clients" : "workers", router->intake);
    if (!router->presence) {
        log_line(log, LOG_ERROR, "socket.failed", "cannot make a socket for %s: %s", address, zmq_strerror(zmq_errno()));
        goto fail;
    }
    router->listener = listener_bind(router->socket, address, log);
    if (!router->listener)
        goto fail;
    return router;

fail:
    router_destroy(&router);
    return NULL;
}

void
router_destroy(struct router **router_p)
{
    struct router *router = *router_p;

    if (!router)
        return;
    inbound_destroy(&router->inbound);
    connections_destroy(&router->connections);
    parcel_store_fini(&router->parcels);
    presence_destroy(&router->presence);
    intake_destroy(&router->intake);
    if (router->socket)
        zmq_close(router->socket);
    listener_destroy(&router->listener);
    free(router);
    *router_p = NULL;
}

const char *
router_address(const struct router *router)
{
    return listener_address(router->listener);
}

int
router_fd(const struct router *router)
{
    return router->fd;
}

int
router_listener_fd(const struct router *router)
{
    return listener_fd(router->listener);
}

void
router_mend_listener(struct router *router)
{
    listener_mend(router->listener, router->socket, router->log);
}

int
router_monitor_fd(const struct router *router)
{
    return presence_fd(router->presence);
}

/* --- peers that come and go ----------------------------------------------------------------------------------- */

static void
begin_leaving(struct router *router, struct connection *peer)
{
    if (peer->is_leaving)
        return;
    if (!router->leaving)
        router->patience = PATIENCE_MESSAGES;
    peer->is_leaving = true;
    DL_APPEND2(router->leaving, peer, leaving_prev, leaving_next);
}

static void
end_connection(struct router *router, struct connection *peer)
{
    peer->is_ended = true;
    presence_forget(router->presence, peer);
    begin_leaving(router, peer);
}

/* Stop serving a peer whose connection stands: the core is told that it is gone, its messages are dropped. */
static void
shut_out(struct router *router, struct connection *peer, enum connection_state state, const char *event)
{
    if (peer->state != CONNECTION_OPEN)
        return;
    peer->state = state;
    begin_leaving(router, peer);
    log_begin(router->log, LOG_WARN, event);
    log_str(router->log, "side", router->side == SIDE_CLIENT ? "client" : "worker");
    log_uint(router->log, "peer", peer->number);
    log_uint(router->log, "waiting_bytes", outbound_bytes(&peer->outbound));
    log_end(router->log);
}

void
router_watch(struct router *router)
{
    struct connection *peer;

    while ((peer = presence_next_ended(router->presence)))
        end_connection(router, peer);
    if (router->is_full != presence_is_full(router->presence)) {
        router->is_full = !router->is_full;
        log_begin(router->log, router->is_full ? LOG_WARN : LOG_INFO,
                  router->is_full ? "descriptors.exhausted" : "descriptors.well");
        log_str(router->log, "endpoint", router_address(router));
        log_uint(router->log, "refused", presence_refused(router->presence));
        log_end(router->log);
    }
}

/* Of a message without end nobody has seen anything, so there is nobody to name but a descriptor. */
void
router_check_intake(struct router *router, int64_t now_us)
{
    uint64_t bytes;
    int fd;

    router_watch(router);
    if (!intake_check(router->intake, router->is_drained, now_us, &fd, &bytes))
        return;
    log_begin(router->log, LOG_WARN, "peer.endless");
    log_str(router->log, "side", router->side == SIDE_CLIENT ? "client" : "worker");
    log_uint(router->log, "descriptor", (uint64_t)fd);
    log_uint(router->log, "bytes", bytes);
    log_end(router->log);
}

int64_t
router_intake_due_us(const struct router *router)
{
    return intake_next_due_us(router->intake);
}

/* Whose message was just received. */
static struct connection *
find_speaker(struct router *router)
{
    struct bytes routing_id = inbound_routing_id(router->inbound);
    struct connection *peer = connections_find(router->connections, routing_id);

    if (!peer) {
        peer = connections_add(router->connections, routing_id);
        outbound_init(&peer->outbound, &router->parcels, router->control_bytes_max);
    } else if (peer->state == CONNECTION_SLOW && !peer->is_leaving && outbound_bytes(&peer->outbound) == 0) {
        peer->state = CONNECTION_OPEN;
        connections_number(router->connections, peer);
    }
    if (peer->fd < 0 && !peer->is_ended) {
        router_watch(router);
        presence_claim(router->presence, peer, inbound_fd(router->inbound));
    }
    peer->has_delimiter = inbound_has_delimiter(router->inbound);
    return peer;
}

/* Send what waits for one peer and take it off the list. */
static void
flush_peer(struct router *router, struct connection *peer)
{
    struct bytes routing_id = {peer->routing_id, peer->routing_id_bytes};
    int rc = outbound_send(&peer->outbound, router->socket, routing_id, peer->has_delimiter, &router->stats.messages_out);

    router->is_touched = true;
    peer->is_slow = rc == ERR_AGAIN;
    if (peer->is_slow)
        return;
    DL_DELETE2(router->dirty, peer, dirty_prev, dirty_next);
    peer->is_dirty = false;
    if (rc != OK)
        end_connection(router, peer);
}

/* Tell the core of the first one that is leaving. ERR_INVALID: it did not know that one. */
static int
tell_leaving(struct router *router, struct event *ret_event)
{
    struct connection *peer = router->leaving;
    uint32_t number = peer->number;

    if (!peer->is_ended && peer->is_dirty) /* what it offended with was answered */
        flush_peer(router, peer);
    DL_DELETE2(router->leaving, peer, leaving_prev, leaving_next);
    peer->is_leaving = false;
    if (peer->is_dirty) {
        DL_DELETE2(router->dirty, peer, dirty_prev, dirty_next);
        peer->is_dirty = false;
    }
    if (peer->is_ended) {
        connections_remove(router->connections, peer);
    } else {
        connections_release_number(router->connections, peer);
        outbound_drop(&peer->outbound);
    }
    if (number == 0)
        return ERR_INVALID;
    *ret_event = (struct event){.kind = EVENT_PEER_GONE, .side = router->side, .peer = number};
    return OK;
}

/* --- receiving ------------------------------------------------------------------------------------------------ */

/* Begin the next message. OK: there is a speaker, or the message was dropped. */
static int
begin_message(struct router *router)
{
    int rc = inbound_receive(router->inbound, router->socket);

    router->is_drained = rc == ERR_AGAIN;
    if (rc != OK)
        return rc;
    router->stats.messages_in++;
    if (router->patience > 0)
        router->patience--;
    /* libzmq names no descriptor for a peer older than ZMTP 3. Its end would never be seen, so it may not begin. */
    if (inbound_fd(router->inbound) < 0) {
        router->stats.faults++;
        inbound_drop(router->inbound);
        return OK;
    }
    router->speaker = find_speaker(router);
    intake_note_message(router->intake, router->speaker->fd, inbound_bytes(router->inbound));
    router->has_offended = false;
    if (router->speaker->state != CONNECTION_OPEN) {
        inbound_drop(router->inbound);
        router->speaker = NULL;
    }
    return OK;
}

static void
count_offence(struct router *router)
{
    if (router->has_offended)
        return;
    router->has_offended = true;
    if (!refusal_count_offence(router->speaker))
        return;
    router->stats.peers_ignored++;
    shut_out(router, router->speaker, CONNECTION_IGNORED, "peer.ignored");
    inbound_drop(router->inbound);
    router->speaker = NULL;
}

static void
answer_fault(struct router *router, const struct wire_fault *fault)
{
    struct message answer;

    refusal_answer(fault, router->inline_bytes_max, &answer);
    router->stats.faults++;
    router_send(router, router->speaker->number, &answer);
    if (fault->code == ERROR_BAD_MESSAGE)
        count_offence(router);
}

static struct event
command_event(const struct router *router, const struct message *message)
{
    return (struct event){
        .kind = EVENT_COMMAND, .side = router->side, .peer = router->speaker->number, .message = message};
}

static int
walk_message(struct router *router, struct event *ret_event)
{
    const struct message *message;
    struct wire_fault fault;

    switch (inbound_next(router->inbound, &message, &fault)) {
    case INBOUND_COMMAND:
        *ret_event = command_event(router, message);
        return OK;
    case INBOUND_FAULT:
        answer_fault(router, &fault);
        if (!router->speaker || !refusal_ends_attempt(router->side, &fault))
            return ERR_INVALID;
        refusal_verdict(&fault, &router->verdict);
        *ret_event = command_event(router, &router->verdict);
        return OK;
    case INBOUND_END:
        break;
    }
    router->speaker = NULL;
    return ERR_INVALID;
}

void
router_look_for_others(struct router *router)
{
    size_t size = sizeof(int);
    int events;

    zmq_getsockopt(router->socket, ZMQ_EVENTS, &events, &size);
}

int
router_next(struct router *router, struct event *ret_event)
{
    int rc;

    if (router->speaker)
        return walk_message(router, ret_event);
    if (router->leaving && router->patience == 0)
        return tell_leaving(router, ret_event);
    rc = begin_message(router);
    if (rc == OK)
        return router->speaker ? walk_message(router, ret_event) : ERR_INVALID;
    if (rc != ERR_AGAIN)
        return rc;
    /* All that was sent before the ends that we know of has been read. */
    presence_settle(router->presence);
    return router->leaving ? tell_leaving(router, ret_event) : ERR_AGAIN;
}

/* --- sending -------------------------------------------------------------------------------------------------- */

void
router_send(struct router *router, uint32_t number, const struct message *message)
{
    struct connection *peer = connections_at(router->connections, number);

    if (!peer || peer->is_ended || peer->state != CONNECTION_OPEN) {
        router->stats.undeliverable++;
        return;
    }
    if (outbound_bytes(&peer->outbound) > router->send_bytes_max) {
        router->stats.peers_overflowed++;
        shut_out(router, peer, CONNECTION_SLOW, "peer.overflowed");
        return;
    }
    if (outbound_add(&peer->outbound, router->side, message) != OK) {
        log_line(router->log, LOG_ERROR, "broker.internal", "a %s could not be encoded", verb_name(message->verb));
        return;
    }
    if (!peer->is_dirty) {
        peer->is_dirty = true;
        DL_APPEND2(router->dirty, peer, dirty_prev, dirty_next);
    }
    if (peer->outbound.waiting_bytes > FLUSH_BYTES && !peer->is_slow)
        flush_peer(router, peer);
}

/* A heartbeat does no harm to a peer that stands, and ZeroMQ refuses it when the connection has ended. A REQ socket would
 * take it for an answer; but to end such a client's session too late costs nothing. */
static void
settle_doubts(struct router *router, int64_t now_us)
{
    const struct message heartbeat = {.verb = VERB_HEARTBEAT};
    struct connection *peer;

    while ((peer = presence_next_doubtful(router->presence, now_us)))
        if (!peer->has_delimiter && peer->number > 0)
            router_send(router, peer->number, &heartbeat);
}

bool
router_flush(struct router *router, int64_t now_us)
{
    bool is_retry = router->retry_us <= now_us;
    struct connection *peer, *next;
    bool is_touched;

    if (presence_has_doubts(router->presence))
        settle_doubts(router, now_us);
    DL_FOREACH_SAFE2(router->dirty, peer, next, dirty_next)
        if (!peer->is_slow || is_retry)
            flush_peer(router, peer);
    if (is_retry)
        router->retry_us = now_us + ROUTER_RETRY_US;
    is_touched = router->is_touched || router->leaving;
    router->is_touched = false;
    return is_touched;
}

bool
router_has_waiting(const struct router *router)
{
    return router->dirty || presence_has_doubts(router->presence);
}

void
router_get_stats(const struct router *router, struct router_stats *ret_stats)
{
    const struct connection *peer;

    *ret_stats = router->stats;
    ret_stats->handshakes_failed = presence_handshakes_failed(router->presence);
    ret_stats->connections_refused = presence_refused(router->presence);
    ret_stats->peers_endless = intake_ended(router->intake);
    ret_stats->peers = connections_count(router->connections);
    ret_stats->slow = 0;
    DL_FOREACH2(router->dirty, peer, dirty_next)
        ret_stats->slow++;
}
