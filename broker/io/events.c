/* events.c - the event stream; see events.h. */
#include "broker/io/events.h"

#include "broker/io/clock.h"
#include "broker/io/event_table.h"
#include "broker/io/intake.h"
#include "broker/io/json_line.h"
#include "broker/io/listener.h"
#include "broker/io/monitor.h"
#include "broker/io/subscriptions.h"
#include "wire/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Longer subscriptions end the connection. There is no event whose name is as long, and without a limit whoever may connect
 * can make libzmq take any amount of memory. */
#define SUBSCRIPTION_BYTES_MAX INT64_C(1024)
/* What subscribers that are connected may have sent, as nothing tells what ZeroMQ has taken in: millions of subscriptions. */
#define INTAKE_BYTES_MAX (256 * 1024 * 1024)
/* Events that wait for each subscriber: about 3 MB. */
#define WAITING_MAX 10000
/* Subscribers who send without end must not keep the loop from its work. */
#define SUBSCRIPTIONS_A_TURN 256

struct events {
    void *socket; /* NULL: only the log */
    struct subscriptions subscriptions;
    bool is_within_message; /* parts of a message that is none of ours follow */
    bool needs_attention;
    struct wire_buffer line;     /* the event being written */
    uint64_t seqs[NOTE_KINDS];   /* events so far, of each name */
    uint64_t published;
    uint64_t overruns;
    struct intake *intake;
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
    int waiting_max = WAITING_MAX, no_loss = 1;

    events->socket = zmq_socket(context, ZMQ_XPUB);
    if (!events->socket || zmq_setsockopt(events->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_SNDHWM, &waiting_max, sizeof waiting_max) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_XPUB_NODROP, &no_loss, sizeof no_loss) != 0 ||
        zmq_setsockopt(events->socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0 ||
        !(events->monitor = monitor_new(context, events->socket, "events", events->intake))) {
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
    events->intake = intake_new(INTAKE_BYTES_MAX);
    wire_buffer_init(&events->line, false);
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
    intake_destroy(&events->intake);
    if (events->socket)
        zmq_close(events->socket);
    listener_destroy(&events->listener);
    subscriptions_fini(&events->subscriptions);
    wire_buffer_fini(&events->line);
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
events_listener_fd(const struct events *events)
{
    return events->listener ? listener_fd(events->listener) : -1;
}

void
events_mend_listener(struct events *events)
{
    listener_mend(events->listener, events->socket, events->log);
}

int
events_monitor_fd(const struct events *events)
{
    return events->monitor ? monitor_fd(events->monitor) : -1;
}

/* --- subscriptions -------------------------------------------------------------------------------------------- */

static bool
has_more_parts(void *socket)
{
    int more = 0;
    size_t size = sizeof more;

    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    return more != 0;
}

/* OK, or ERR_AGAIN: nothing is there. */
static int
take_subscription(struct events *events)
{
    zmq_msg_t message;
    bool has_more;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, events->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&message);
        return ERR_AGAIN;
    }
    /* Messages of several parts are no subscriptions, but what a stranger made up. */
    has_more = has_more_parts(events->socket);
    if (!has_more && !events->is_within_message)
        subscriptions_take(&events->subscriptions, zmq_msg_data(&message), zmq_msg_size(&message));
    events->is_within_message = has_more;
    zmq_msg_close(&message);
    return OK;
}

void
events_attend(struct events *events)
{
    int fd;

    if (!events->socket)
        return;
    events->needs_attention = false;
    for (unsigned i = 0; take_subscription(events) == OK; i++) {
        if (i < SUBSCRIPTIONS_A_TURN)
            continue;
        events->needs_attention = true; /* the descriptor will not say it again */
        break;
    }
    while (monitor_next(events->monitor, &fd))
        ; /* whose end it is does not matter here */
}

bool
events_needs_attention(const struct events *events)
{
    return events->needs_attention;
}

bool
events_are_wanted(const struct events *events, enum note_kind kind)
{
    return subscriptions_want(&events->subscriptions, note_name(kind));
}

void
events_get_stats(const struct events *events, struct events_stats *ret_stats)
{
    *ret_stats = (struct events_stats){
        .published = events->published,
        .overruns = events->overruns,
        .subscriptions = subscriptions_count(&events->subscriptions),
    };
}

int64_t
events_intake_due_us(const struct events *events)
{
    return intake_next_due_us(events->intake);
}

void
events_check_intake(struct events *events, int64_t now_us)
{
    uint64_t bytes;
    int fd;

    events_attend(events);
    if (!intake_check(events->intake, false, now_us, &fd, &bytes))
        return;
    log_begin(events->log, LOG_WARN, "peer.endless");
    log_str(events->log, "side", "subscriber");
    log_uint(events->log, "descriptor", (uint64_t)fd);
    log_uint(events->log, "bytes", bytes);
    log_end(events->log);
}

/* --- one note ------------------------------------------------------------------------------------------------- */

/* Nobody waits for a slow subscriber: it loses the event, the others get it. ZeroMQ tells of such a loss only when it is
 * asked not to lose anything, so it is asked, and then allowed to. */
static void
send_part(struct events *events, const void *data, size_t size, int flags)
{
    int no_loss = 0;

    if (zmq_send(events->socket, data, size, flags | ZMQ_DONTWAIT) >= 0 || zmq_errno() != EAGAIN)
        return;
    events->overruns++;
    zmq_setsockopt(events->socket, ZMQ_XPUB_NODROP, &no_loss, sizeof no_loss);
    zmq_send(events->socket, data, size, flags | ZMQ_DONTWAIT);
    no_loss = 1;
    zmq_setsockopt(events->socket, ZMQ_XPUB_NODROP, &no_loss, sizeof no_loss);
}

static void
publish(struct events *events, const char *name)
{
    send_part(events, name, strlen(name), ZMQ_SNDMORE);
    send_part(events, events->line.data, events->line.size, 0);
    events->published++;
    events->needs_attention = true; /* a send may have taken a subscription in, and the descriptor is silent then */
}

static void
put_field(struct events *events, const struct event_field *field, const struct note *note, bool is_published)
{
    const void *value = (const char *)note + field->offset;
    const char *text = field->type == FIELD_TEXT ? *(const char *const *)value : NULL;

    if (field->type == FIELD_TEXT && !text)
        return;
    if (field->type == FIELD_TEXT)
        log_str(events->log, field->name, text);
    else if (field->type == FIELD_UINT)
        log_uint(events->log, field->name, *(const uint64_t *)value);
    else
        log_seconds(events->log, field->name, *(const int64_t *)value);
    if (!is_published)
        return;
    if (field->type == FIELD_TEXT)
        json_line_text(&events->line, field->name, text);
    else if (field->type == FIELD_UINT)
        json_line_uint(&events->line, field->name, *(const uint64_t *)value);
    else
        json_line_seconds(&events->line, field->name, *(const int64_t *)value);
}

static void
begin_line(struct events *events, const char *name, uint64_t seq)
{
    char time[CLOCK_TEXT_BYTES];

    json_line_begin(&events->line);
    json_line_text(&events->line, "event", name);
    json_line_text(&events->line, "time", clock_format(clock_wall_us(), time));
    if (seq > 0)
        json_line_uint(&events->line, "seq", seq);
}

void
events_note(struct events *events, const struct note *note)
{
    const struct event_kind *kind = event_table_find(note->kind);
    const char *name = note->name ? note->name : note_name(note->kind);
    bool is_published = subscriptions_want(&events->subscriptions, name);

    events->seqs[note->kind]++;
    log_begin(events->log, kind->level, name);
    if (is_published)
        begin_line(events, name, note->name ? 0 : events->seqs[note->kind]);
    for (const struct event_field *field = event_fields; field->name; field++)
        if (kind->fields & field->bit)
            put_field(events, field, note, is_published);
    if (kind->count) {
        log_uint(events->log, kind->count, note->count);
        if (is_published)
            json_line_uint(&events->line, kind->count, note->count);
    }
    if (note->fields.size > 0 && is_published)
        json_line_map(&events->line, "fields", note->fields);
    log_end(events->log);
    if (!is_published)
        return;
    json_line_end(&events->line);
    publish(events, name);
}
