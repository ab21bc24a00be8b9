/* proxy_client.c - the baseline's client: keeps a window of raw messages under way, one task each, and checks each
 * answer's size and that its number is one that is under way. Prints one line of JSON like echo_client. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
    fprintf(stderr, "proxy_client: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static void
send_task(void *socket, size_t size, uint64_t number)
{
    zmq_msg_t message;

    if (zmq_msg_init_size(&message, size))
        die("message");
    memset(zmq_msg_data(&message), 0, size);
    memcpy(zmq_msg_data(&message), &number, sizeof number);
    if (zmq_msg_send(&message, socket, 0) < 0)
        die("send");
}

static void
receive_answer(void *socket, size_t size, uint64_t submitted, uint8_t *is_done)
{
    zmq_msg_t message;
    uint64_t number;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, 0) < 0)
        die("no answer");
    memcpy(&number, zmq_msg_data(&message), sizeof number);
    if (zmq_msg_size(&message) != size || number >= submitted || is_done[number])
        die("wrong answer");
    is_done[number] = 1;
    zmq_msg_close(&message);
}

int
main(int argc, char **argv)
{
    uint64_t tasks, window, submitted = 0;
    size_t size;
    uint8_t *is_done;
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int timeout_ms = 60000;
    double start_s, elapsed_s;

    if (argc != 5) {
        fprintf(stderr, "usage: proxy_client ENDPOINT TASKS WINDOW PAYLOAD_BYTES\n");
        return 2;
    }
    tasks = strtoull(argv[2], NULL, 10);
    window = strtoull(argv[3], NULL, 10);
    size = strtoull(argv[4], NULL, 10);
    size = size < sizeof submitted ? sizeof submitted : size;
    is_done = calloc(tasks, 1);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (!is_done || zmq_connect(socket, argv[1]))
        die(argv[1]);
    start_s = clock_s();
    while (submitted < window && submitted < tasks)
        send_task(socket, size, submitted++);
    for (uint64_t done = 0; done < tasks; done++) {
        receive_answer(socket, size, submitted, is_done);
        if (submitted < tasks)
            send_task(socket, size, submitted++);
    }
    elapsed_s = clock_s() - start_s;
    printf("{\"tasks\": %" PRIu64 ", \"wrong\": 0, \"seconds\": %.6f, \"per_second\": %.0f}\n", tasks, elapsed_s,
           (double)tasks / elapsed_s);
    free(is_done);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
