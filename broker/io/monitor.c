/* monitor.c - connections that ended, or are one too many; see monitor.h. */
#include "broker/io/monitor.h"

#include "broker/io/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zmq.h>

#define HANDSHAKES_FAILED                                                                                              \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

/* Descriptors are given out lowest first, so a high one says how many are taken. Beyond nine tenths new connections are
 * ended; below eight it is well again. */
#define FULL_TENTHS 9
#define WELL_TENTHS 8

struct monitor {
    void *watched;         /* not ours */
    struct intake *intake; /* not ours; NULL: none */
    void *events;
    int fd;
    uint64_t handshakes_failed;
    int fds_full; /* a new connection with this descriptor or a higher one is refused */
    int fds_well;
    bool is_full;
    uint64_t refused;
};

static void
set_limits(struct monitor *monitor)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    rlim_t fds;

    getrlimit(RLIMIT_NOFILE, &limit);
    fds = limit.rlim_cur < INT32_MAX ? limit.rlim_cur : INT32_MAX;
    monitor->fds_full = (int)(fds / 10 * FULL_TENTHS);
    monitor->fds_well = (int)(fds / 10 * WELL_TENTHS);
}

struct monitor *
monitor_new(void *context, void *socket, const char *name, struct intake *intake)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);
    size_t size = sizeof monitor->fd;
    int unlimited = 0;
    char address[64];

    if (!monitor)
        abort();
    set_limits(monitor);
    monitor->intake = intake;
    snprintf(address, sizeof address, "inproc://monitor.%s", name);
    if (zmq_socket_monitor(socket, address, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | HANDSHAKES_FAILED) != 0)
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

/* When no descriptor is left, libzmq tries to accept without a pause, and nothing else can be opened. So a connection that
 * takes one of the last is ended, by a call that leaves the descriptor to libzmq. To unbind would be no way: that ends all
 * connections that were accepted. */
static void
judge_accepted(struct monitor *monitor, int fd)
{
    if (monitor->intake)
        intake_begin(monitor->intake, fd);
    if (fd >= monitor->fds_full) {
        shutdown(fd, SHUT_RDWR);
        monitor->refused++;
        monitor->is_full = true;
    } else if (fd < monitor->fds_well) {
        monitor->is_full = false;
    }
}

bool
monitor_next(struct monitor *monitor, int *ret_fd)
{
    uint16_t event;
    int32_t value;

    while (receive(monitor, &event, &value)) {
        if (event == ZMQ_EVENT_DISCONNECTED) {
            if (monitor->intake)
                intake_end(monitor->intake, value);
            *ret_fd = value;
            return true;
        }
        if (event == ZMQ_EVENT_ACCEPTED)
            judge_accepted(monitor, value);
        monitor->handshakes_failed += (event & HANDSHAKES_FAILED) != 0;
    }
    return false;
}

uint64_t
monitor_handshakes_failed(const struct monitor *monitor)
{
    return monitor->handshakes_failed;
}

bool
monitor_is_full(const struct monitor *monitor)
{
    return monitor->is_full;
}

uint64_t
monitor_refused(const struct monitor *monitor)
{
    return monitor->refused;
}
