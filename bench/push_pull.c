/* push_pull.c - the limit of one ZeroMQ connection: messages one way, PUSH to PULL, two processes. The receiver checks each
 * message's size and number. Prints one line of JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static double
clock_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
die(const char *what)
{
    fprintf(stderr, "push_pull: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static void
push(const char *endpoint, uint64_t count, size_t size)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_PUSH);
    zmq_msg_t message;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (zmq_connect(socket, endpoint))
        die(endpoint);
    for (uint64_t number = 0; number < count; number++) {
        if (zmq_msg_init_size(&message, size))
            die("message");
        memset(zmq_msg_data(&message), 0, size);
        memcpy(zmq_msg_data(&message), &number, sizeof number);
        if (zmq_msg_send(&message, socket, 0) < 0)
            die("send");
    }
    zmq_close(socket);
    zmq_ctx_term(context);
}

/* From the first message to the last. */
static double
pull(void *socket, uint64_t count, size_t size)
{
    double start_s = 0;
    zmq_msg_t message;
    uint64_t number;

    zmq_msg_init(&message);
    for (uint64_t expected = 0; expected < count; expected++) {
        if (zmq_msg_recv(&message, socket, 0) < 0)
            die("receive");
        memcpy(&number, zmq_msg_data(&message), sizeof number);
        if (zmq_msg_size(&message) != size || number != expected)
            die("wrong message");
        if (expected == 0)
            start_s = clock_s();
    }
    zmq_msg_close(&message);
    return clock_s() - start_s;
}

int
main(int argc, char **argv)
{
    uint64_t count;
    size_t size;
    void *context, *socket;
    double elapsed_s;
    int timeout_ms = 60000;
    pid_t pusher;

    if (argc != 4) {
        fprintf(stderr, "usage: push_pull ENDPOINT MESSAGES PAYLOAD_BYTES\n");
        return 2;
    }
    count = strtoull(argv[2], NULL, 10);
    size = strtoull(argv[3], NULL, 10);
    size = size < sizeof count ? sizeof count : size;
    pusher = fork(); /* before there is a context: its threads would not be in the child */
    if (pusher == 0) {
        push(argv[1], count, size);
        return 0;
    }
    context = zmq_ctx_new();
    socket = zmq_socket(context, ZMQ_PULL);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (pusher < 0 || zmq_bind(socket, argv[1]))
        die(argv[1]);
    elapsed_s = pull(socket, count, size);
    printf("{\"tasks\": %" PRIu64 ", \"wrong\": 0, \"seconds\": %.6f, \"per_second\": %.0f}\n", count, elapsed_s,
           (double)(count - 1) / elapsed_s);
    waitpid(pusher, NULL, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
