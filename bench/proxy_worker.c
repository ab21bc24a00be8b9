/* proxy_worker.c - the raw brokers' worker: gives back each message of two frames, the client's address and the payload.
 * With -r it says first that it is ready, by one empty frame, as lru_broker wants it. */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

int
main(int argc, char **argv)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int says_ready = argc == 3 && strcmp(argv[1], "-r") == 0;
    zmq_msg_t address, payload;

    if (argc != 2 + says_ready || zmq_connect(socket, argv[argc - 1])) {
        fprintf(stderr, "usage: proxy_worker [-r] ENDPOINT\n");
        return 2;
    }
    if (says_ready)
        zmq_send(socket, "", 0, 0);
    zmq_msg_init(&address);
    zmq_msg_init(&payload);
    while (zmq_msg_recv(&address, socket, 0) >= 0 && zmq_msg_recv(&payload, socket, 0) >= 0)
        if (zmq_msg_send(&address, socket, ZMQ_SNDMORE) < 0 || zmq_msg_send(&payload, socket, 0) < 0)
            break;
    fprintf(stderr, "proxy_worker: %s\n", zmq_strerror(zmq_errno()));
    return 1;
}
