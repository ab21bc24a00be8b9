/* listener.c - a bound address; see listener.h. */
#include "broker/io/listener.h"

#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define ADDRESS_BYTES_MAX 512
#define IPC_SCHEME "ipc://"

struct listener {
    char address[ADDRESS_BYTES_MAX];
    char *path;      /* of the ipc socket, NULL for others */
    char *lock_path;
    int lock_fd;
    int watch_fd; /* inotify on the socket's file; -1: not watched */
    dev_t device; /* of that file */
    ino_t inode;
};

static void
log_failure(struct log *log, const char *address, const char *reason)
{
    log_begin(log, LOG_ERROR, "endpoint.bind_failed");
    log_str(log, "endpoint", address);
    log_str(log, "reason", reason);
    log_end(log);
}

/* The file of an ipc address, or NULL when it has none (tcp, or Linux's abstract names "ipc://@name"). */
static const char *
find_path(const char *address)
{
    const char *path = address + strlen(IPC_SCHEME);

    if (strncmp(address, IPC_SCHEME, strlen(IPC_SCHEME)) != 0 || path[0] == '@' || path[0] == '*')
        return NULL;
    return path;
}

/* Open and lock the file. The lock's owner removes the file at its end, so what was locked may no longer be what the
 * name stands for; then try again. */
static int
take_lock(const char *lock_path, int *ret_fd)
{
    for (;;) {
        struct stat held, named;
        int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
            return ERR_SYSTEM;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int reason = errno;

            close(fd);
            errno = reason;
            return reason == EWOULDBLOCK ? ERR_AGAIN : ERR_SYSTEM;
        }
        if (fstat(fd, &held) == 0 && stat(lock_path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            *ret_fd = fd;
            return OK;
        }
        close(fd);
    }
}

static int
lock_path(struct listener *listener, const char *address, struct log *log)
{
    int rc = take_lock(listener->lock_path, &listener->lock_fd);

    if (rc != OK)
        log_failure(log, address, rc == ERR_AGAIN ? "another broker serves this path" : strerror(errno));
    return rc;
}

/* Lock the path, and remove a socket that a killed broker left there. */
static int
prepare_path(struct listener *listener, const char *address, struct log *log)
{
    const char *path = find_path(address);
    struct stat existing;
    int rc;

    if (!path)
        return OK;
    if (asprintf(&listener->lock_path, "%s.lock", path) < 0)
        abort();
    rc = lock_path(listener, address, log);
    if (rc != OK) {
        free(listener->lock_path);
        listener->lock_path = NULL;
        return rc;
    }
    if (lstat(path, &existing) == 0 && !S_ISSOCK(existing.st_mode)) {
        log_failure(log, address, "a file that is not a socket is in the way");
        return ERR_INVALID;
    }
    unlink(path);
    listener->path = strdup(path);
    if (!listener->path)
        abort();
    return OK;
}

/* Of the file itself and not of its folder, where others may come and go all day. Removing it changes its link count, which
 * IN_ATTRIB tells; IN_DELETE_SELF would come only when the socket is closed, too. */
static void
watch_path(struct listener *listener)
{
    struct stat bound;

    if (!listener->path || lstat(listener->path, &bound) != 0)
        return;
    listener->device = bound.st_dev;
    listener->inode = bound.st_ino;
    if (listener->watch_fd < 0)
        listener->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (listener->watch_fd >= 0)
        inotify_add_watch(listener->watch_fd, listener->path, IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
}

struct listener *
listener_bind(void *socket, const char *address, struct log *log)
{
    struct listener *listener = calloc(1, sizeof *listener);
    size_t size = sizeof listener->address;

    if (!listener)
        abort();
    listener->lock_fd = listener->watch_fd = -1;
    if (prepare_path(listener, address, log) != OK)
        goto fail;
    if (zmq_bind(socket, address) != 0) {
        log_failure(log, address, zmq_strerror(errno));
        goto fail;
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, listener->address, &size) != 0)
        snprintf(listener->address, sizeof listener->address, "%s", address);
    watch_path(listener);
    return listener;

fail:
    listener_destroy(&listener);
    return NULL;
}

const char *
listener_address(const struct listener *listener)
{
    return listener->address;
}

int
listener_fd(const struct listener *listener)
{
    return listener->watch_fd;
}

static bool
is_own(const struct listener *listener, const struct stat *file)
{
    return file->st_ino == listener->inode && file->st_dev == listener->device;
}

static void
log_lost(const struct listener *listener, struct log *log, enum log_level level, const char *reason, const char *remedy)
{
    log_begin(log, level, "endpoint.lost");
    log_str(log, "endpoint", listener->address);
    log_str(log, "reason", reason);
    log_str(log, "remedy", remedy);
    log_end(log);
}

/* The lock may have been removed together with the socket. */
static int
renew_lock(struct listener *listener, struct log *log)
{
    struct stat held, named;

    if (fstat(listener->lock_fd, &held) == 0 && stat(listener->lock_path, &named) == 0 && held.st_ino == named.st_ino &&
        held.st_dev == named.st_dev)
        return OK;
    close(listener->lock_fd);
    listener->lock_fd = -1;
    return lock_path(listener, listener->address, log);
}

static void
bind_again(struct listener *listener, void *socket, struct log *log)
{
    if (renew_lock(listener, log) != OK)
        return;
    if (zmq_bind(socket, listener->address) != 0) {
        log_failure(log, listener->address, zmq_strerror(errno));
        return;
    }
    watch_path(listener);
    log_begin(log, LOG_INFO, "endpoint.bound_again");
    log_str(log, "endpoint", listener->address);
    log_end(log);
}

void
listener_mend(struct listener *listener, void *socket, struct log *log)
{
    char happened[4096];
    struct stat found;
    bool is_there;

    while (read(listener->watch_fd, happened, sizeof happened) > 0)
        ;
    is_there = lstat(listener->path, &found) == 0;
    if (is_there && is_own(listener, &found))
        return;
    if (is_there) {
        log_lost(listener, log, LOG_ERROR, "something else has taken its path; who is connected stays so",
                 "remove that and restart this broker");
        return;
    }
    log_lost(listener, log, LOG_WARN, "the socket's file was removed",
             "none, if it is bound again; else make its folder and restart this broker");
    bind_again(listener, socket, log);
}

void
listener_destroy(struct listener **listener_p)
{
    struct listener *listener = *listener_p;

    if (!listener)
        return;
    if (listener->path)
        unlink(listener->path);
    if (listener->lock_path && listener->lock_fd >= 0)
        unlink(listener->lock_path);
    if (listener->lock_fd >= 0)
        close(listener->lock_fd);
    if (listener->watch_fd >= 0)
        close(listener->watch_fd);
    free(listener->path);
    free(listener->lock_path);
    free(listener);
    *listener_p = NULL;
}
