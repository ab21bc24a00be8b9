/* events.c - the event stream; see events.h. */
#include "broker/io/events.h"

#include "broker/io/clock.h"
#include "broker/io/listener.h"
#include "broker/io/monitor.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Longer subscriptions end the connection. There is no event whose name is as long, and without a limit whoever may connect
 * can make libzmq take any amount of memory. */
#define SUBSCRIPTION_BYTES_MAX INT64_C(1024)

struct events {
    void *socket; /* NULL: only the log */
    struct monitor *monitor; /* only so that subscribers cannot take the last descriptors */
    struct listener *listener;
    struct log *log;
};

static bool
open_socket(struct events *events, void *context, const char *address)
{
    int linger_ms = 200;
    int ipv6 = strchr(address, '[') != NULL;
    int64_t frame_max = SUBSCRIPTION_BYTES_MAX;

    events->socket = zmq_socket(context, ZMQ_PUB);
    if (!events->socket || zmq_setsockopt(events->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0 ||
        !(events->monitor = monitor_new(context, events->socket, "events"))) {
        log_line(events->log, LOG_ERROR, "socket.failed", "cannot make a socket for %s: %s", address,
                 zmq_strerror(zmq_errno()));
        return false;
    }
    events->listener = listener_bind(events->socket, address, events->log);
    return events->listener != NULL;
}

struct events *
events_new(void *context, const char *address, struct log *log)
{
    struct events *events = calloc(1, sizeof *events);

    if (!events)
        abort();
    events->log = log;
    if (address && !open_socket(events, context, address))
        events_destroy(&events);
    return events;
}

void
events_destroy(struct events **events_p)
{
    struct events *events = *events_p;

    if (!events)
        return;
    monitor_destroy(&events->monitor);
    if (events->socket)
        zmq_close(events->socket);
    listener_destroy(&events->listener);
    free(events);
    *events_p = NULL;
}

const char *
events_address(const struct events *events)
{
    return events->listener ? listener_address(events->listener) : NULL;
}

int
events_fd(const struct events *events)
{
    int fd = -1;
    size_t size = sizeof fd;

    if (events->socket)
        zmq_getsockopt(events->socket, ZMQ_FD, &fd, &size);
    return fd;
}

int
events_monitor_fd(const struct events *events)
{
    return events->monitor ? monitor_fd(events->monitor) : -1;
}

void
events_attend(struct events *events)
{
    int fd;
    int ready;
    size_t size = sizeof ready;

    if (!events->socket)
        return;
    zmq_getsockopt(events->socket, ZMQ_EVENTS, &ready, &size);
    while (monitor_next(events->monitor, &fd))
        ; /* whose end it is does not matter here */
}

/* --- one note ------------------------------------------------------------------------------------------------- */

static enum log_level
choose_level(enum note_kind kind)
{
    switch (kind) {
    case NOTE_WORKER_LOST:
    case NOTE_WORKER_STALLED:
    case NOTE_POOL_SATURATED:
    case NOTE_TASK_DEAD:
        return LOG_WARN;
    case NOTE_CLIENT_CONNECTED:
    case NOTE_CLIENT_GONE:
    case NOTE_TASK_REQUEUED:
        return LOG_DEBUG;
    default:
        return LOG_INFO;
    }
}

/* The same field for the log's line and for the JSON object, which may be NULL. */
static void
put_text(struct events *events, json_t *object, const char *key, const char *value)
{
    if (!value)
        return;
    log_str(events->log, key, value);
    if (object)
        json_object_set_new(object, key, json_string(value));
}

static void
put_number(struct events *events, json_t *object, const char *key, uint64_t value)
{
    if (value == 0)
        return;
    log_uint(events->log, key, value);
    if (object)
        json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *
begin_object(void)
{
    char time[CLOCK_TEXT_BYTES];

    return json_pack("{s:s}", "time", clock_format(clock_wall_us(), time));
}

static void
publish(struct events *events, const char *topic, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    if (!text)
        abort();
    if (zmq_send(events->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(events->socket, text, strlen(text), ZMQ_DONTWAIT);
    free(text);
}

void
events_note(struct events *events, const struct note *note)
{
    const char *name = note_name(note->kind);
    json_t *object = events->socket ? begin_object() : NULL;

    log_begin(events->log, choose_level(note->kind), name);
    put_text(events, object, "pool", note->pool);
    put_number(events, object, "worker", note->worker);
    put_text(events, object, "worker_name", note->worker_name);
    put_number(events, object, "client", note->client);
    put_text(events, object, "client_name", note->client_name);
    put_number(events, object, "task", note->task);
    put_number(events, object, "count", note->count);
    put_text(events, object, "reason", note->reason);
    log_end(events->log);
    if (object)
        publish(events, name, object);
    json_decref(object);
}
