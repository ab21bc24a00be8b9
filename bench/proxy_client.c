/* proxy_client.c - the raw brokers' client: keeps a window of raw messages under way, one task each, and checks each
 * answer's size and that its number is one that is under way. Prints one line of JSON like echo_client. */
#include "histogram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

static struct histogram histogram;

static int64_t
clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
die(const char *what)
{
    fprintf(stderr, "proxy_client: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static void
submit(void *socket, size_t size, uint64_t number, int64_t *sent_ns)
{
    zmq_msg_t message;

    sent_ns[number] = clock_ns();
    if (zmq_msg_init_size(&message, size))
        die("message");
    memset(zmq_msg_data(&message), 0, size);
    memcpy(zmq_msg_data(&message), &number, sizeof number);
    if (zmq_msg_send(&message, socket, 0) < 0)
        die("send");
}

/* Times are in `sent_ns`, by the task's number; 0: it is done. */
static void
receive_answer(void *socket, size_t size, uint64_t submitted, int64_t *sent_ns)
{
    zmq_msg_t message;
    uint64_t number;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, 0) < 0)
        die("no answer");
    memcpy(&number, zmq_msg_data(&message), sizeof number);
    if (zmq_msg_size(&message) != size || number >= submitted || sent_ns[number] == 0)
        die("wrong answer");
    histogram_add(&histogram, (uint64_t)(clock_ns() - sent_ns[number]));
    sent_ns[number] = 0;
    zmq_msg_close(&message);
}

int
main(int argc, char **argv)
{
    uint64_t tasks, window, submitted = 0;
    size_t size;
    int64_t *sent_ns, start_ns;
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int timeout_ms = 60000;
    double elapsed_s;

    if (argc != 5) {
        fprintf(stderr, "usage: proxy_client ENDPOINT TASKS WINDOW PAYLOAD_BYTES\n");
        return 2;
    }
    tasks = strtoull(argv[2], NULL, 10);
    window = strtoull(argv[3], NULL, 10);
    size = strtoull(argv[4], NULL, 10);
    size = size < sizeof submitted ? sizeof submitted : size;
    sent_ns = calloc(tasks, sizeof *sent_ns);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (!sent_ns || zmq_connect(socket, argv[1]))
        die(argv[1]);
    start_ns = clock_ns();
    while (submitted < window && submitted < tasks)
        submit(socket, size, submitted++, sent_ns);
    for (uint64_t done = 0; done < tasks; done++) {
        receive_answer(socket, size, submitted, sent_ns);
        if (submitted < tasks)
            submit(socket, size, submitted++, sent_ns);
    }
    elapsed_s = (double)(clock_ns() - start_ns) / 1e9;
    printf("{\"tasks\": %" PRIu64 ", \"wrong\": 0, \"seconds\": %.6f, \"per_second\": %.0f, ", tasks, elapsed_s,
           (double)tasks / elapsed_s);
    histogram_print(&histogram, stdout);
    printf("}\n");
    free(sent_ns);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
