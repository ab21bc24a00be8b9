/* router_socket.c - a ROUTER's options; see router_socket.h. */
#include "broker/io/router_socket.h"

#include <stdbool.h>
#include <string.h>
#include <zmq.h>

/* At the end, what was sent has this long to leave. */
#define LINGER_MS 1000
/* Connections that wait to be accepted: all workers of a host reconnect at one moment after a restart. */
#define BACKLOG 4096
/* No mark for what waits to be read. At a mark libzmq stops reading from a peer; if its connection then ends, the next ZMTP
 * heartbeat aborts the process (4.3.4: "Assertion failed: !_io_error"). And a number of messages bounds no bytes: intake.h does. */
#define RECEIVE_QUEUE_MAX 0

/* A link that is cut without a word is found in two ways. Over tcp by the kernels, within link_timeout: an idle peer is
 * asked, and nobody here wakes up for it. But a kernel does not ask while something that was sent is not acknowledged, and
 * begins to count when that was sent, which may be at the last moment of the silence: so each of the two gets half of the
 * time. The limit for what is not acknowledged (ZMQ_TCP_MAXRT) is also the one that is compared when the question stays
 * open, so it is a little less than the sum of the steps. From a link_timeout of 6 s on one answer may be lost. And by ZMTP
 * heartbeats, which also reach through whatever passes TCP on, and find a process that stands still; but each wakes a
 * thread on both sides, so that they are rare. libzmq answers them from a thread of its own.
 *
 * No ZMQ_HEARTBEAT_TTL: it would start timers in the peers, and a connecting socket with such a timer and a full queue
 * aborts its process when it reconnects (libzmq issue 3937). No ZMQ_HANDSHAKE_IVL: its default of 30 s is right. */
void *
router_socket_new(void *context, const struct config *config, const char *address, int *ret_fd)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int64_t frame_max = (int64_t)config->broker.frame_bytes_max;
    int link_ms = (int)(config->link_timeout_us / 1000);
    int half_s = (link_ms / 2 + 999) / 1000;
    const struct {
        int name;
        int value;
    } options[] = {
        {ZMQ_ROUTER_MANDATORY, 1}, /* or messages to peers that are gone would vanish without a word */
        {ZMQ_SNDHWM, (int)config->send_queue_max},
        {ZMQ_RCVHWM, RECEIVE_QUEUE_MAX},
        {ZMQ_LINGER, LINGER_MS},
        {ZMQ_BACKLOG, BACKLOG},
        {ZMQ_HEARTBEAT_IVL, (int)(config->link_heartbeat_us / 1000)},
        {ZMQ_HEARTBEAT_TIMEOUT, link_ms},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, half_s > 2 ? half_s - 2 : 1},
        {ZMQ_TCP_KEEPALIVE_INTVL, 1},
        {ZMQ_TCP_KEEPALIVE_CNT, 2},
        {ZMQ_TCP_MAXRT, link_ms / 2 * 9 / 10}, /* the same for what was sent and is not acknowledged */
        {ZMQ_IPV6, strchr(address, '[') != NULL},
    };
    size_t fd_bytes = sizeof *ret_fd;
    bool is_good = socket != NULL;

    for (size_t i = 0; is_good && i < sizeof options / sizeof options[0]; i++)
        is_good = zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) == 0;
    is_good = is_good && zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0;
    is_good = is_good && zmq_getsockopt(socket, ZMQ_FD, ret_fd, &fd_bytes) == 0;
    if (is_good)
        return socket;
    if (socket)
        zmq_close(socket);
    return NULL;
}
