/* monitor.c - connections that ended; see monitor.h. */
#include "broker/io/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define HANDSHAKES_FAILED                                                                                              \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct monitor {
    void *watched; /* not ours */
    void *events;
    int fd;
    uint64_t handshakes_failed;
};

struct monitor *
monitor_new(void *context, void *socket, const char *name)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);
    size_t size = sizeof monitor->fd;
    int unlimited = 0;
    char address[64];

    if (!monitor)
        abort();
    snprintf(address, sizeof address, "inproc://monitor.%s", name);
    if (zmq_socket_monitor(socket, address, ZMQ_EVENT_DISCONNECTED | HANDSHAKES_FAILED) != 0)
        goto fail;
    monitor->watched = socket;
    monitor->events = zmq_socket(context, ZMQ_PAIR);
    /* At a full queue libzmq would drop events, and a worker's end would never be seen. */
    if (!monitor->events || zmq_setsockopt(monitor->events, ZMQ_RCVHWM, &unlimited, sizeof unlimited) != 0 ||
        zmq_connect(monitor->events, address) != 0 ||
        zmq_getsockopt(monitor->events, ZMQ_FD, &monitor->fd, &size) != 0)
        goto fail;
    return monitor;

fail:
    monitor_destroy(&monitor);
    return NULL;
}

void
monitor_destroy(struct monitor **monitor_p)
{
    struct monitor *monitor = *monitor_p;

    if (!monitor)
        return;
    if (monitor->watched)
        zmq_socket_monitor(monitor->watched, NULL, 0);
    if (monitor->events)
        zmq_close(monitor->events);
    free(monitor);
    *monitor_p = NULL;
}

int
monitor_fd(const struct monitor *monitor)
{
    return monitor->fd;
}

/* One event: its number and value in the first frame, the address in the second. */
static bool
receive(struct monitor *monitor, uint16_t *ret_event, int32_t *ret_value)
{
    uint8_t head[6];
    char address[1];
    int size;

    do
        size = zmq_recv(monitor->events, head, sizeof head, ZMQ_DONTWAIT);
    while (size >= 0 && size != (int)sizeof head);
    if (size < 0)
        return false;
    zmq_recv(monitor->events, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(ret_event, head, sizeof *ret_event);
    memcpy(ret_value, head + sizeof *ret_event, sizeof *ret_value);
    return true;
}

bool
monitor_next(struct monitor *monitor, int *ret_fd)
{
    uint16_t event;
    int32_t value;

    while (receive(monitor, &event, &value)) {
        if (event == ZMQ_EVENT_DISCONNECTED) {
            *ret_fd = value;
            return true;
        }
        monitor->handshakes_failed += (event & HANDSHAKES_FAILED) != 0;
    }
    return false;
}

uint64_t
monitor_handshakes_failed(const struct monitor *monitor)
{
    return monitor->handshakes_failed;
}
