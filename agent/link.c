/* link.c - a DEALER socket; see link.h. */
#include "agent/link.h"

#include "wire/err.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

/* A BYE gets so long to leave. */
enum { LINGER_MS = 200, RECONNECT_MS = 50, RECONNECT_MS_MAX = 1000 };

struct link {
    const char *endpoint;
    void *context;
    void *socket;
    int fd;
    zmq_msg_t message;
};

struct link *
link_new(const char *endpoint)
{
    struct link *link = calloc(1, sizeof(*link));

    if (link == NULL)
        abort();
    link->endpoint = endpoint;
    link->fd = -1;
    link->context = zmq_ctx_new();
    if (link->context == NULL) {
        free(link);
        return NULL;
    }
    zmq_msg_init(&link->message);
    return link;
}

static void
disconnect(struct link *link, int linger_ms)
{
    if (link->socket == NULL)
        return;
    zmq_setsockopt(link->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    zmq_close(link->socket);
    link->socket = NULL;
    link->fd = -1;
}

void
link_destroy(struct link **link_p)
{
    struct link *link = *link_p;

    if (link == NULL)
        return;
    zmq_msg_close(&link->message);
    disconnect(link, LINGER_MS);
    zmq_ctx_term(link->context);
    free(link);
    *link_p = NULL;
}

int
link_connect(struct link *link)
{
    int first_ms = RECONNECT_MS, last_ms = RECONNECT_MS_MAX;
    size_t size = sizeof(link->fd);

    disconnect(link, 0);
    link->socket = zmq_socket(link->context, ZMQ_DEALER);
    if (link->socket == NULL)
        return ERR_SYSTEM;
    zmq_setsockopt(link->socket, ZMQ_RECONNECT_IVL, &first_ms, sizeof(first_ms));
    zmq_setsockopt(link->socket, ZMQ_RECONNECT_IVL_MAX, &last_ms, sizeof(last_ms));
    if (zmq_connect(link->socket, link->endpoint) == 0 &&
        zmq_getsockopt(link->socket, ZMQ_FD, &link->fd, &size) == 0)
        return OK;
    int error = errno;
    disconnect(link, 0);
    errno = error;
    return ERR_SYSTEM;
}

int
link_fd(const struct link *link)
{
    return link->fd;
}

/* Frames behind the first are attachments, of which an agent gets none. */
static void
skip_rest(struct link *link)
{
    zmq_msg_t rest;
    int has_more = zmq_msg_more(&link->message);

    while (has_more) {
        zmq_msg_init(&rest);
        has_more = zmq_msg_recv(&rest, link->socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest);
        zmq_msg_close(&rest);
    }
}

bool
link_receive(struct link *link, struct bytes *ret_control)
{
    if (link->socket == NULL || zmq_msg_recv(&link->message, link->socket, ZMQ_DONTWAIT) < 0)
        return false;
    skip_rest(link);
    *ret_control = (struct bytes){.data = zmq_msg_data(&link->message), .size = (uint32_t)zmq_msg_size(&link->message)};
    return true;
}

bool
link_send(struct link *link, struct bytes control)
{
    return link->socket != NULL && zmq_send(link->socket, control.data, control.size, ZMQ_DONTWAIT) >= 0;
}
