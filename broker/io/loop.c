/* loop.c - the broker's one thread; see loop.h. */
#include "broker/io/loop.h"

#include "broker/io/clock.h"
#include "broker/io/spare.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Steps of one side in one turn: enough to pay for the turn, few enough that the other side does not wait long. */
#define STEPS_MAX 512
/* A busy loop does not wait, but looks at signals and ended connections this often. */
#define LOOK_AROUND_US 1000

/* The descriptors to wait for. The first two also number the sides. */
enum {
    FD_CLIENTS,
    FD_WORKERS,
    SIDES,
    FD_CLIENTS_MONITOR = SIDES,
    FD_WORKERS_MONITOR,
    FD_EVENTS,
    FD_EVENTS_MONITOR,
    FD_CLIENTS_LISTENER,
    FD_WORKERS_LISTENER,
    FD_EVENTS_LISTENER,
    FD_SIGNALS,
    FD_AGENT,
    FD_COUNT,
};

struct loop {
    struct loop_parts parts;
    struct outbox outbox;
    struct pollfd fds[FD_COUNT];
    bool has_more[SIDES]; /* there may be something to receive; ZeroMQ's descriptors say so only once */
    int64_t now_us;
    int64_t looked_us; /* when it last looked around */
    struct spare spare;
    bool has_news;     /* something happened that a waiting admin call may wait for */
    unsigned stops;    /* signals to end */
    bool is_shut;      /* the core has finished */
    bool has_failed;
};

/* --- what the core decided ------------------------------------------------------------------------------------ */

static void
carry_out(struct loop *loop)
{
    for (size_t i = 0; i < loop->outbox.count; i++) {
        const struct action *action = &loop->outbox.actions[i];

        switch (action->kind) {
        case ACTION_SEND:
            router_send(action->side == SIDE_CLIENT ? loop->parts.clients : loop->parts.workers, action->peer,
                        &action->message);
            break;
        case ACTION_NOTE:
            events_note(loop->parts.events, &action->note);
            loop->has_news = true;
            break;
        case ACTION_SHUT:
            loop->is_shut = true;
            break;
        }
    }
    outbox_clear(&loop->outbox);
}

/* A turn may be old: the process may have stood still since it began. A delay must not have begun before it was asked for. */
static bool
is_delayed_submit(const struct event *event)
{
    return event->kind == EVENT_COMMAND && event->message->verb == VERB_SUBMIT && event->message->submit.delay_ms > 0;
}

static void
handle(struct loop *loop, const struct event *event)
{
    if (is_delayed_submit(event))
        loop->now_us = clock_now_us();
    if (admin_is_call(event)) {
        admin_call(loop->parts.admin, event, loop->now_us, &loop->outbox);
        loop->has_news = true;
    } else {
        if (event->kind == EVENT_PEER_GONE && event->side == SIDE_CLIENT)
            admin_forget_peer(loop->parts.admin, event->peer);
        broker_handle(loop->parts.broker, event, loop->now_us, &loop->outbox);
    }
    carry_out(loop);
}

static void
shut_down(struct loop *loop, int64_t timeout_us)
{
    struct event event = {.kind = EVENT_SHUTDOWN, .shutdown_us = timeout_us};

    handle(loop, &event);
}

/* --- one turn ------------------------------------------------------------------------------------------------- */

/* Take what came on one side, within bounds. */
static void
receive(struct loop *loop, struct router *router, bool *has_more)
{
    struct event event;

    for (unsigned step = 0; *has_more && step < STEPS_MAX; step++) {
        int rc = router_next(router, &event);

        if (rc == OK) {
            handle(loop, &event);
        } else if (rc == ERR_AGAIN) {
            *has_more = false;
        } else if (rc == ERR_SYSTEM) {
            log_line(loop->parts.log, LOG_ERROR, "socket.failed", "cannot receive: %s", strerror(errno));
            loop->has_failed = true;
            return;
        }
    }
    if (*has_more)
        router_look_for_others(router);
}

static void
check_intake(struct loop *loop, struct router *router)
{
    if (router_intake_due_us(router) <= loop->now_us)
        router_check_intake(router, loop->now_us);
}

/* Workers go first: a result makes room for a task, and ends one. */
static void
turn(struct loop *loop)
{
    struct loop_parts *parts = &loop->parts;

    loop->now_us = clock_now_us();
    receive(loop, parts->workers, &loop->has_more[FD_WORKERS]);
    receive(loop, parts->clients, &loop->has_more[FD_CLIENTS]);
    if (broker_next_due_us(parts->broker) <= loop->now_us) {
        broker_tick(parts->broker, loop->now_us, &loop->outbox);
        carry_out(loop);
    }
    if (loop->has_news)
        reload_review(parts->reload, loop->now_us);
    if (loop->has_news || admin_next_due_us(parts->admin) <= loop->now_us) {
        loop->has_news = false;
        admin_tick(parts->admin, loop->now_us, &loop->outbox);
        carry_out(loop);
    }
    check_intake(loop, parts->workers);
    check_intake(loop, parts->clients);
    if (events_intake_due_us(parts->events) <= loop->now_us)
        events_check_intake(parts->events, loop->now_us);
    loop->has_more[FD_WORKERS] |= router_flush(parts->workers, loop->now_us);
    loop->has_more[FD_CLIENTS] |= router_flush(parts->clients, loop->now_us);
}

/* --- waiting -------------------------------------------------------------------------------------------------- */

static void
reload(struct loop *loop)
{
    if (loop->stops > 0) {
        log_line(loop->parts.log, LOG_INFO, "signal.ignored", "SIGHUP: the broker is ending");
        return;
    }
    reload_run(loop->parts.reload, loop->now_us, &loop->outbox);
    carry_out(loop);
}

static void
take_signal(struct loop *loop)
{
    struct signalfd_siginfo signal;

    if (read(loop->parts.signal_fd, &signal, sizeof signal) != sizeof signal)
        return;
    if (signal.ssi_signo == SIGHUP) {
        reload(loop);
        return;
    }
    log_line(loop->parts.log, LOG_INFO, "signal.received", "%s", signal.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    if (++loop->stops == 1)
        shut_down(loop, signal.ssi_signo == SIGTERM ? loop->parts.config->drain_timeout_us : 0);
}

/* Who listens decides what the core tells. */
static void
attend_events(const struct loop_parts *parts)
{
    events_attend(parts->events);
    broker_watch_requests(parts->broker, events_are_wanted(parts->events, NOTE_REQUEST_EXECUTED));
}

static void
mend_listeners(struct loop *loop)
{
    if (loop->fds[FD_CLIENTS_LISTENER].revents)
        router_mend_listener(loop->parts.clients);
    if (loop->fds[FD_WORKERS_LISTENER].revents)
        router_mend_listener(loop->parts.workers);
    if (loop->fds[FD_EVENTS_LISTENER].revents)
        events_mend_listener(loop->parts.events);
}

static void
give_back_memory(struct loop *loop)
{
    struct broker_stats stats;

    broker_get_stats(loop->parts.broker, &stats);
    if (!spare_is_much(&loop->spare, stats.tasks, loop->now_us))
        return;
    broker_shed(loop->parts.broker);
    spare_give_back();
}

static void
look_around(struct loop *loop, int timeout_ms)
{
    struct loop_parts *parts = &loop->parts;
    struct agent_process *agent = parts->agent;
    struct pollfd *fds = loop->fds;

    give_back_memory(loop);
    fds[FD_AGENT].fd = agent ? agent_process_fd(agent) : -1;
    if (poll(fds, FD_COUNT, timeout_ms) < 0 && errno != EINTR) {
        log_line(parts->log, LOG_ERROR, "poll.failed", "%s", strerror(errno));
        loop->has_failed = true;
        return;
    }
    loop->now_us = loop->looked_us = clock_now_us();
    loop->has_more[FD_CLIENTS] |= fds[FD_CLIENTS].revents || fds[FD_CLIENTS_MONITOR].revents;
    loop->has_more[FD_WORKERS] |= fds[FD_WORKERS].revents || fds[FD_WORKERS_MONITOR].revents;
    if (fds[FD_CLIENTS_MONITOR].revents)
        router_watch(parts->clients);
    if (fds[FD_WORKERS_MONITOR].revents)
        router_watch(parts->workers);
    if (fds[FD_EVENTS].revents || fds[FD_EVENTS_MONITOR].revents || events_needs_attention(parts->events))
        attend_events(parts);
    mend_listeners(loop);
    if (fds[FD_SIGNALS].revents)
        take_signal(loop);
    if (agent && (fds[FD_AGENT].revents || agent_process_next_due_us(agent) <= loop->now_us))
        agent_process_tick(agent, loop->now_us);
}

static int64_t
min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long nothing is due, in milliseconds and rounded up; -1: no end. */
static int
choose_timeout(const struct loop *loop)
{
    const struct loop_parts *parts = &loop->parts;
    int64_t due_us = min(broker_next_due_us(parts->broker), admin_next_due_us(parts->admin));

    due_us = min(due_us, min(router_intake_due_us(parts->clients), router_intake_due_us(parts->workers)));
    due_us = min(due_us, min(events_intake_due_us(parts->events), loop->spare.again_us));
    if (parts->agent)
        due_us = min(due_us, agent_process_next_due_us(parts->agent));
    if (router_has_waiting(parts->clients) || router_has_waiting(parts->workers))
        due_us = min(due_us, loop->now_us + ROUTER_RETRY_US);
    if (events_needs_attention(parts->events))
        return 0;
    if (due_us == INT64_MAX)
        return -1;
    if (due_us <= loop->now_us)
        return 0;
    return (int)min((due_us - loop->now_us + 999) / 1000, 3600 * 1000);
}

static void
prepare(struct loop *loop)
{
    const struct loop_parts *parts = &loop->parts;
    const int fds[FD_COUNT] = {router_fd(parts->clients),         router_fd(parts->workers),
                               router_monitor_fd(parts->clients), router_monitor_fd(parts->workers),
                               events_fd(parts->events),          events_monitor_fd(parts->events),
                               router_listener_fd(parts->clients), router_listener_fd(parts->workers),
                               events_listener_fd(parts->events),
                               parts->signal_fd,                  -1};

    for (unsigned i = 0; i < FD_COUNT; i++)
        loop->fds[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    outbox_init(&loop->outbox);
    spare_init(&loop->spare);
    /* ZeroMQ wakes only a reader that has found nothing. */
    router_watch(parts->clients);
    router_watch(parts->workers);
    attend_events(parts);
    loop->has_more[FD_CLIENTS] = loop->has_more[FD_WORKERS] = true;
}

int
loop_run(const struct loop_parts *parts)
{
    struct loop loop = {.parts = *parts};

    prepare(&loop);
    while (!loop.is_shut && !loop.has_failed && loop.stops < 2) {
        bool is_busy;

        turn(&loop);
        is_busy = loop.has_more[FD_CLIENTS] || loop.has_more[FD_WORKERS] || loop.is_shut;
        if (!is_busy || loop.now_us - loop.looked_us >= LOOK_AROUND_US)
            look_around(&loop, is_busy ? 0 : choose_timeout(&loop));
    }
    router_flush(parts->workers, loop.now_us);
    router_flush(parts->clients, loop.now_us);
    outbox_fini(&loop.outbox);
    return loop.is_shut ? 0 : 1;
}
