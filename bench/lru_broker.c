/* lru_broker.c - the least that a broker can be: ROUTER to ROUTER in raw libzmq, a list of ready workers of which the one that
 * has waited for longest gets the next message, one message for each task. Knows no tasks and keeps no promise.
 *
 * A client sends [payload] and gets [payload]; a worker sends [] when it is new, gets [client, payload] and sends that back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { WORKERS_MAX = 1024 };

/* Routing ids of the workers that wait, in the order in which they began to. */
struct ready {
    zmq_msg_t ids[WORKERS_MAX];
    size_t head, count;
};

static void
die(const char *what)
{
    fprintf(stderr, "lru_broker: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static void
pass(zmq_msg_t *frame, void *to, int flags)
{
    if (zmq_msg_send(frame, to, flags) < 0)
        zmq_msg_close(frame); /* the peer is gone */
}

/* [worker, client, payload] or [worker, ""] from a worker. */
static int
take_answer(void *back, void *front, struct ready *ready)
{
    zmq_msg_t client, payload;
    zmq_msg_t *worker = &ready->ids[(ready->head + ready->count) % WORKERS_MAX];

    zmq_msg_init(worker);
    if (ready->count == WORKERS_MAX || zmq_msg_recv(worker, back, ZMQ_DONTWAIT) < 0)
        return 0;
    ready->count++;
    zmq_msg_init(&client);
    zmq_msg_init(&payload);
    if (zmq_msg_recv(&client, back, 0) < 0)
        die("a worker's message");
    if (!zmq_msg_more(&client)) {
        zmq_msg_close(&client);
        return 1;
    }
    if (zmq_msg_recv(&payload, back, 0) < 0)
        die("a worker's message");
    pass(&client, front, ZMQ_SNDMORE);
    pass(&payload, front, 0);
    return 1;
}

/* [client, payload] from a client, to the worker that has waited for longest. */
static int
take_task(void *front, void *back, struct ready *ready)
{
    zmq_msg_t client, payload;

    zmq_msg_init(&client);
    zmq_msg_init(&payload);
    if (zmq_msg_recv(&client, front, ZMQ_DONTWAIT) < 0)
        return 0;
    if (zmq_msg_recv(&payload, front, 0) < 0)
        die("a client's message");
    pass(&ready->ids[ready->head], back, ZMQ_SNDMORE);
    pass(&client, back, ZMQ_SNDMORE);
    pass(&payload, back, 0);
    ready->head = (ready->head + 1) % WORKERS_MAX;
    ready->count--;
    return 1;
}

static void *
bind_router(void *context, const char *endpoint)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int no_limit = 0;

    zmq_setsockopt(socket, ZMQ_SNDHWM, &no_limit, sizeof no_limit);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &no_limit, sizeof no_limit);
    if (zmq_bind(socket, endpoint))
        die(endpoint);
    return socket;
}

int
main(int argc, char **argv)
{
    static struct ready ready;
    void *context = zmq_ctx_new();
    void *front, *back;

    if (argc != 3) {
        fprintf(stderr, "usage: lru_broker CLIENTS_ENDPOINT WORKERS_ENDPOINT\n");
        return 2;
    }
    front = bind_router(context, argv[1]);
    back = bind_router(context, argv[2]);
    for (;;) {
        zmq_pollitem_t items[2] = {{.socket = back, .events = ZMQ_POLLIN}, {.socket = front, .events = ZMQ_POLLIN}};

        if (zmq_poll(items, ready.count > 0 ? 2 : 1, -1) < 0)
            die("poll");
        while (take_answer(back, front, &ready))
            ;
        while (ready.count > 0 && take_task(front, back, &ready))
            ;
    }
}
