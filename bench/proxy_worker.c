/* proxy_worker.c - the baseline's worker: gives back each message of two frames, the client's address and the payload. */
#include <stdio.h>
#include <zmq.h>

int
main(int argc, char **argv)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_msg_t address, payload;

    if (argc != 2 || zmq_connect(socket, argv[1])) {
        fprintf(stderr, "usage: proxy_worker ENDPOINT\n");
        return 2;
    }
    zmq_msg_init(&address);
    zmq_msg_init(&payload);
    while (zmq_msg_recv(&address, socket, 0) >= 0 && zmq_msg_recv(&payload, socket, 0) >= 0)
        if (zmq_msg_send(&address, socket, ZMQ_SNDMORE) < 0 || zmq_msg_send(&payload, socket, 0) < 0)
            break;
    fprintf(stderr, "proxy_worker: %s\n", zmq_strerror(zmq_errno()));
    return 1;
}
