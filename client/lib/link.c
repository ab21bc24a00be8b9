/* link.c - socket, monitor and descriptors of one connection; see link.h. */
#include "client/lib/link.h"
#include "wire/err.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A frame larger than this ends the connection: it guards against a peer that is no broker, and stays far above what a
 * broker can be configured to send. */
#define FRAME_BYTES_GUARD (INT64_C(1) << 30)
#define EVENTS_OF_LOSS \
    (ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

static int
watch_fd(struct link *link, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(link->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? OK : ERR_SYSTEM;
}

static int
socket_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;

    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

int
link_init(struct link *link)
{
    memset(link, 0, sizeof *link);
    link->timer_fd = -1;
    link->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (link->poll_fd < 0)
        return ERR_SYSTEM;
    link->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (link->timer_fd < 0 || watch_fd(link, link->timer_fd))
        return ERR_SYSTEM;
    link->context = zmq_ctx_new();
    return link->context ? OK : ERR_SYSTEM;
}

void
link_fini(struct link *link, int linger_ms)
{
    if (link->socket)
        zmq_setsockopt(link->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    link_close(link);
    if (link->context)
        while (zmq_ctx_term(link->context) != 0 && errno == EINTR)
            ;
    if (link->timer_fd >= 0)
        close(link->timer_fd);
    if (link->poll_fd >= 0)
        close(link->poll_fd);
    link->context = NULL;
    link->timer_fd = link->poll_fd = -1;
}

static int
set_options(void *socket)
{
    int linger_ms = 0;
    /* libzmq must not reconnect by itself: what it had queued for the old connection would go out on the new one before
     * our HELLO, and the broker would take these tasks for those of a stranger. */
    int never = -1;
    int64_t frame_bytes_max = FRAME_BYTES_GUARD;

    if (zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) ||
        zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never) ||
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_bytes_max, sizeof frame_bytes_max))
        return ERR_SYSTEM;
    return OK;
}

static int
open_monitor(struct link *link)
{
    char address[40];

    /* A new one each time: libzmq gives the last one free on another thread, some time after the socket was closed. */
    snprintf(address, sizeof address, "inproc://monitor-%" PRIu64, ++link->openings);
    if (zmq_socket_monitor(link->socket, address, EVENTS_OF_LOSS))
        return ERR_SYSTEM;
    link->monitor = zmq_socket(link->context, ZMQ_PAIR);
    if (!link->monitor || zmq_connect(link->monitor, address))
        return ERR_SYSTEM;
    return watch_fd(link, socket_fd(link->monitor));
}

int
link_open(struct link *link, const char *endpoint)
{
    int error;

    link->socket = zmq_socket(link->context, ZMQ_DEALER);
    if (!link->socket)
        return ERR_SYSTEM;
    if (set_options(link->socket) || open_monitor(link) || watch_fd(link, socket_fd(link->socket)))
        goto fail;
    if (zmq_connect(link->socket, endpoint) == 0)
        return OK;
fail:
    error = errno;
    link_close(link);
    errno = error;
    return error == EINVAL || error == EPROTONOSUPPORT || error == ENOCOMPATPROTO ? ERR_INVALID : ERR_SYSTEM;
}

void
link_close(struct link *link)
{
    /* Closing takes the descriptors out of the epoll set; libzmq may close them later, on another thread, so that they
     * are taken out here. */
    if (link->socket) {
        epoll_ctl(link->poll_fd, EPOLL_CTL_DEL, socket_fd(link->socket), NULL);
        zmq_socket_monitor(link->socket, NULL, 0);
        zmq_close(link->socket);
    }
    if (link->monitor) {
        int linger_ms = 0;
        epoll_ctl(link->poll_fd, EPOLL_CTL_DEL, socket_fd(link->monitor), NULL);
        zmq_setsockopt(link->monitor, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        zmq_close(link->monitor);
    }
    link->socket = link->monitor = NULL;
}

bool
link_is_lost(struct link *link)
{
    bool lost = false;
    zmq_msg_t frame;

    if (!link->monitor)
        return false;
    /* Every event that was asked for is one of loss, so it is enough that a frame is there. */
    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, link->monitor, ZMQ_DONTWAIT) >= 0)
        lost = true;
    zmq_msg_close(&frame);
    return lost;
}

int
link_send(struct link *link, zmq_msg_t *message, bool more_follow)
{
    int flags = ZMQ_DONTWAIT | (more_follow ? ZMQ_SNDMORE : 0);

    while (zmq_msg_send(message, link->socket, flags) < 0)
        if (errno != EINTR)
            return errno == EAGAIN ? ERR_AGAIN : ERR_SYSTEM;
    return OK;
}

int
link_receive(struct link *link, zmq_msg_t *message)
{
    while (zmq_msg_recv(message, link->socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR)
            return errno == EAGAIN ? ERR_AGAIN : ERR_SYSTEM;
    return OK;
}

void
link_set_timer(struct link *link, int64_t due_us)
{
    struct itimerspec spec = {.it_value = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000}};

    if (due_us == link->timer_us)
        return;
    link->timer_us = due_us;
    timerfd_settime(link->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

bool
link_wait(struct link *link, int64_t timeout_us)
{
    struct epoll_event event;
    int64_t timeout_ms = timeout_us < 0 ? -1 : (timeout_us + 999) / 1000;

    if (timeout_ms > INT32_MAX)
        timeout_ms = INT32_MAX;
    return epoll_wait(link->poll_fd, &event, 1, (int)timeout_ms) >= 0 || errno != EINTR;
}
