/* presence.c - which connections stand; see presence.h. */
#include "broker/io/presence.h"

#include "broker/io/monitor.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* libzmq ends a connection's pipe right after it wrote the end. By the first time it has mostly done so, by the second
 * one even on a host that stood still: nobody asks a third time. */
#define DOUBT_US 100000
#define LAST_DOUBT_US 1000000

struct presence {
    struct monitor *monitor;
    struct connection **by_fd; /* lists: all that claimed the descriptor since its last end */
    unsigned fd_capacity;
    int ended_fd; /* whose list is being given out by presence_next_ended; -1: none */
    int *orphans; /* descriptors */
    unsigned orphan_count, orphan_capacity;
    struct connection *doubtful;
};

struct presence *
presence_new(void *context, void *socket, const char *name, struct intake *intake)
{
    struct presence *presence = calloc(1, sizeof *presence);

    if (!presence)
        abort();
    presence->ended_fd = -1;
    presence->monitor = monitor_new(context, socket, name, intake);
    if (!presence->monitor)
        presence_destroy(&presence);
    return presence;
}

void
presence_destroy(struct presence **presence_p)
{
    struct presence *presence = *presence_p;

    if (!presence)
        return;
    monitor_destroy(&presence->monitor);
    free(presence->by_fd);
    free(presence->orphans);
    free(presence);
    *presence_p = NULL;
}

int
presence_fd(const struct presence *presence)
{
    return monitor_fd(presence->monitor);
}

static void
add_orphan(struct presence *presence, int fd)
{
    if (presence->orphan_count == presence->orphan_capacity) {
        presence->orphan_capacity = presence->orphan_capacity ? 2 * presence->orphan_capacity : 16;
        presence->orphans = realloc(presence->orphans, presence->orphan_capacity * sizeof presence->orphans[0]);
        if (!presence->orphans)
            abort();
    }
    presence->orphans[presence->orphan_count++] = fd;
}

static bool
is_orphan(const struct presence *presence, int fd)
{
    for (unsigned i = 0; i < presence->orphan_count; i++)
        if (presence->orphans[i] == fd)
            return true;
    return false;
}

/* The list of a descriptor, which is made if there was none so far. */
static struct connection **
claimants_of(struct presence *presence, int fd)
{
    unsigned capacity = presence->fd_capacity ? presence->fd_capacity : 64;

    if ((unsigned)fd >= presence->fd_capacity) {
        while ((unsigned)fd >= capacity)
            capacity *= 2;
        presence->by_fd = realloc(presence->by_fd, capacity * sizeof presence->by_fd[0]);
        if (!presence->by_fd)
            abort();
        memset(presence->by_fd + presence->fd_capacity, 0,
               (capacity - presence->fd_capacity) * sizeof presence->by_fd[0]);
        presence->fd_capacity = capacity;
    }
    return &presence->by_fd[fd];
}

static void
doubt(struct presence *presence, struct connection *connection)
{
    if (connection->is_doubtful)
        return;
    connection->is_doubtful = true;
    connection->is_last_doubt = false;
    connection->doubt_until_us = 0;
    DL_APPEND2(presence->doubtful, connection, doubtful_prev, doubtful_next);
}

static void
end_doubt(struct presence *presence, struct connection *connection)
{
    if (!connection->is_doubtful)
        return;
    connection->is_doubtful = false;
    DL_DELETE2(presence->doubtful, connection, doubtful_prev, doubtful_next);
}

/* The next one of the descriptor that ended, or NULL. */
static struct connection *
take_ended(struct presence *presence)
{
    struct connection *connection;

    if (presence->ended_fd < 0)
        return NULL;
    connection = *claimants_of(presence, presence->ended_fd);
    if (connection)
        presence_forget(presence, connection);
    else
        presence->ended_fd = -1;
    return connection;
}

struct connection *
presence_next_ended(struct presence *presence)
{
    struct connection *connection;
    int fd;

    while (!(connection = take_ended(presence))) {
        if (!monitor_next(presence->monitor, &fd))
            return NULL;
        if (fd < 0)
            continue;
        if (*claimants_of(presence, fd))
            presence->ended_fd = fd;
        else
            add_orphan(presence, fd);
    }
    return connection;
}

void
presence_claim(struct presence *presence, struct connection *connection, int fd)
{
    struct connection **claimants, *other;

    if (fd < 0)
        return;
    claimants = claimants_of(presence, fd);
    /* Only when the end of one of them was seen before its first message. */
    if (*claimants || is_orphan(presence, fd))
        doubt(presence, connection);
    DL_FOREACH2(*claimants, other, claimant_next)
        doubt(presence, other);
    connection->fd = fd;
    DL_APPEND2(*claimants, connection, claimant_prev, claimant_next);
}

void
presence_forget(struct presence *presence, struct connection *connection)
{
    if (connection->fd >= 0)
        DL_DELETE2(*claimants_of(presence, connection->fd), connection, claimant_prev, claimant_next);
    connection->fd = -1;
    end_doubt(presence, connection);
}

void
presence_settle(struct presence *presence)
{
    presence->orphan_count = 0;
}

struct connection *
presence_next_doubtful(struct presence *presence, int64_t now_us)
{
    struct connection *connection;

    DL_FOREACH2(presence->doubtful, connection, doubtful_next) {
        if (connection->doubt_until_us == 0)
            connection->doubt_until_us = now_us + DOUBT_US;
        if (connection->doubt_until_us > now_us)
            continue;
        if (connection->is_last_doubt)
            end_doubt(presence, connection);
        connection->is_last_doubt = true;
        connection->doubt_until_us = now_us + LAST_DOUBT_US;
        return connection;
    }
    return NULL;
}

bool
presence_has_doubts(const struct presence *presence)
{
    return presence->doubtful != NULL;
}

uint64_t
presence_handshakes_failed(const struct presence *presence)
{
    return monitor_handshakes_failed(presence->monitor);
}

bool
presence_is_full(const struct presence *presence)
{
    return monitor_is_full(presence->monitor);
}

uint64_t
presence_refused(const struct presence *presence)
{
    return monitor_refused(presence->monitor);
}
