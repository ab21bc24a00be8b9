/* listener.c - a bound address; see listener.h. */
#include "broker/io/listener.h"

#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
    rc = take_lock(listener->lock_path, &listener->lock_fd);
    if (rc != OK) {
        log_failure(log, address, rc == ERR_AGAIN ? "another broker serves this path" : strerror(errno));
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

struct listener *
listener_bind(void *socket, const char *address, struct log *log)
{
    struct listener *listener = calloc(1, sizeof *listener);
    size_t size = sizeof listener->address;

    if (!listener)
        abort();
    listener->lock_fd = -1;
    if (prepare_path(listener, address, log) != OK)
        goto fail;
    if (zmq_bind(socket, address) != 0) {
        log_failure(log, address, zmq_strerror(errno));
        goto fail;
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, listener->address, &size) != 0)
        snprintf(listener->address, sizeof listener->address, "%s", address);
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

void
listener_destroy(struct listener **listener_p)
{
    struct listener *listener = *listener_p;

    if (!listener)
        return;
    if (listener->path)
        unlink(listener->path);
    if (listener->lock_path)
        unlink(listener->lock_path);
    if (listener->lock_fd >= 0)
        close(listener->lock_fd);
    free(listener->path);
    free(listener->lock_path);
    free(listener);
    *listener_p = NULL;
}
