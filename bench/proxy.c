/* proxy.c - the baseline's broker: zmq_proxy between a ROUTER and a DEALER, which knows no tasks and keeps no promise. */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

int
main(int argc, char **argv)
{
    void *context = zmq_ctx_new();
    void *front = zmq_socket(context, ZMQ_ROUTER);
    void *back = zmq_socket(context, ZMQ_DEALER);
    int no_limit = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: proxy CLIENTS_ENDPOINT WORKERS_ENDPOINT\n");
        return 2;
    }
    /* Without a limit, as a ROUTER silently drops what a peer's queue does not take. */
    zmq_setsockopt(front, ZMQ_SNDHWM, &no_limit, sizeof no_limit);
    zmq_setsockopt(front, ZMQ_RCVHWM, &no_limit, sizeof no_limit);
    zmq_setsockopt(back, ZMQ_SNDHWM, &no_limit, sizeof no_limit);
    zmq_setsockopt(back, ZMQ_RCVHWM, &no_limit, sizeof no_limit);
    if (zmq_bind(front, argv[1]) || zmq_bind(back, argv[2])) {
        fprintf(stderr, "proxy: %s\n", zmq_strerror(zmq_errno()));
        return 1;
    }
    zmq_proxy(front, back, NULL);
    return 0;
}
