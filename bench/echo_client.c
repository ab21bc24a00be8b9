/* echo_client.c - drives a pool of echo workers with libsnakepit, checks every result, prints one line of JSON.
 *
 * Closed loop: keeps a window of tasks under way, each new one when another has ended. Open loop (-r): submits at a fixed rate,
 * whatever has ended, and takes each latency from the moment in which the schedule wanted the task: when the client or the
 * broker stands still, the tasks that should have come meanwhile count the wait, too (no coordinated omission). */
#include "client/include/snakepit.h"
#include "histogram.h"

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Two arrays of one element, and the head of a bin of up to 255 bytes. */
#define MSGPACK_HEAD_BYTES 4
#define MSGPACK_BYTES_MAX (MSGPACK_HEAD_BYTES + 255)

struct run {
    const char *endpoint;
    const char *pool;
    uint64_t pools; /* spread over POOL0, POOL1, ...; 0: only POOL */
    const char *function;
    uint64_t tasks;
    uint64_t window;
    size_t payload_bytes;
    double rate; /* tasks per second of the open loop; 0: closed loop */
    int timeout_s;
    bool is_msgpack; /* the payload is MessagePack, [[bin]], and the result is that bin: for workers that decode */

    char *payload;         /* of the task that is being submitted */
    char *expected;        /* what the result should be */
    size_t stamp_at;       /* where in both the task's number stands */
    size_t result_at;      /* where in both the result begins */
    int64_t *submitted_ns; /* per task: when it was, or should have been; 0: not under way */
    struct histogram latencies;
    uint64_t submitted;
    uint64_t done;
    uint64_t wrong;
};

static int64_t
clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "echo_client: %s: %s\n", what, why);
    exit(1);
}

static void
stamp(const struct run *run, char *payload, uint64_t number)
{
    size_t room = run->payload_bytes - run->stamp_at;

    memcpy(payload + run->stamp_at, &number, room < sizeof number ? room : sizeof number);
}

static bool
is_expected(const struct run *run, const struct snakepit_result *result)
{
    size_t size = run->payload_bytes - run->result_at;

    return result->state == SNAKEPIT_STATE_OK && result->part_count == 1 && result->parts[0].size == size &&
           memcmp(result->parts[0].data, run->expected + run->result_at, size) == 0;
}

static void
check_result(struct run *run, const struct snakepit_result *result, int64_t now_ns)
{
    uint64_t number = result->id - 1; /* ids are consecutive and start at 1 */

    if (number >= run->tasks || run->submitted_ns[number] == 0)
        die("a task ended twice", "or was never submitted");
    histogram_add(&run->latencies, (uint64_t)(now_ns - run->submitted_ns[number]));
    run->submitted_ns[number] = 0;
    stamp(run, run->expected, number);
    if (is_expected(run, result))
        return;
    if (run->wrong++ == 0)
        fprintf(stderr, "echo_client: task %" PRIu64 ": %s: %s\n", result->id, result->code, result->message);
}

static void
submit_next(struct snakepit_client *client, struct run *run, int64_t now_ns);

static void
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *run_v)
{
    struct run *run = run_v;
    int64_t now_ns = clock_ns();

    check_result(run, result, now_ns);
    run->done++;
    if (run->rate == 0 && run->submitted < run->tasks)
        submit_next(client, run, now_ns);
}

static void
submit_next(struct snakepit_client *client, struct run *run, int64_t now_ns)
{
    char name[96];
    const struct snakepit_task task = {
        .pool = run->pools > 0 ? name : run->pool,
        .function = run->function,
        .args = run->payload,
        .args_bytes = run->payload_bytes,
        .on_done = on_done,
        .user = run,
    };

    if (run->pools > 0)
        snprintf(name, sizeof name, "%.64s%" PRIu64, run->pool, run->submitted % run->pools);
    stamp(run, run->payload, run->submitted);
    run->submitted_ns[run->submitted] = now_ns;
    run->submitted++;
    if (snakepit_submit(client, &task, NULL))
        die("submit", snakepit_last_error(client));
}

static void
report(struct run *run, int64_t elapsed_ns)
{
    printf("{\"tasks\": %" PRIu64 ", \"wrong\": %" PRIu64 ", \"seconds\": %.6f, \"per_second\": %.0f, ", run->tasks,
           run->wrong, (double)elapsed_ns / 1e9, (double)run->tasks * 1e9 / (double)elapsed_ns);
    histogram_print(&run->latencies, stdout);
    printf("}\n");
}

static void
take_arguments(struct run *run, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "e:p:P:f:n:w:b:t:r:m")) != -1) {
        if (option == 'e')
            run->endpoint = optarg;
        else if (option == 'p')
            run->pool = optarg;
        else if (option == 'P')
            run->pools = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            run->function = optarg;
        else if (option == 'n')
            run->tasks = strtoull(optarg, NULL, 10);
        else if (option == 'w')
            run->window = strtoull(optarg, NULL, 10);
        else if (option == 'b')
            run->payload_bytes = strtoull(optarg, NULL, 10);
        else if (option == 'r')
            run->rate = strtod(optarg, NULL);
        else if (option == 't')
            run->timeout_s = atoi(optarg);
        else if (option == 'm')
            run->is_msgpack = true;
        else {
            fprintf(stderr, "usage: echo_client [-e ENDPOINT] [-p POOL] [-P POOLS] [-f FUNCTION] [-n TASKS] [-w WINDOW] "
                            "[-r TASKS_PER_SECOND] [-b PAYLOAD_BYTES] [-t TIMEOUT_SECONDS] [-m]\n");
            exit(2);
        }
    }
    if (run->tasks == 0 || run->window == 0 || run->rate < 0)
        die("usage", "tasks and window are at least 1, and a rate is not negative");
    if (run->is_msgpack && (run->payload_bytes < MSGPACK_HEAD_BYTES || run->payload_bytes > MSGPACK_BYTES_MAX))
        die("usage", "with -m a payload has 4 to 259 bytes");
}

/* Arguments as a Python client sends them, [[bin]]; an echo function answers with the bin. */
static void
shape_as_msgpack(struct run *run)
{
    const char head[MSGPACK_HEAD_BYTES] = {(char)0x91, (char)0x91, (char)0xc4,
                                           (char)(run->payload_bytes - MSGPACK_HEAD_BYTES)};

    memcpy(run->payload, head, sizeof head);
    memcpy(run->expected, head, sizeof head);
    run->stamp_at = sizeof head;
    run->result_at = 2;
}

static void
allocate(struct run *run)
{
    run->payload = calloc(1, run->payload_bytes + 1);
    run->expected = calloc(1, run->payload_bytes + 1);
    run->submitted_ns = calloc(run->tasks, sizeof *run->submitted_ns);
    if (!run->payload || !run->expected || !run->submitted_ns)
        die("no memory", "for that many tasks");
    if (run->is_msgpack)
        shape_as_msgpack(run);
}

/* Keep the window full until all have ended. */
static void
run_closed(struct snakepit_client *client, struct run *run, int64_t start_ns, int64_t end_ns)
{
    while (run->submitted < run->window && run->submitted < run->tasks)
        submit_next(client, run, start_ns);
    while (run->done < run->tasks && clock_ns() < end_ns)
        if (snakepit_process(client, 1000) < 0)
            die("process", snakepit_last_error(client));
}

/* Submit what is due, then sleep until the next one is or an answer is there. */
static void
run_open(struct snakepit_client *client, struct run *run, int64_t start_ns, int64_t end_ns)
{
    struct pollfd item = {.fd = snakepit_fd(client), .events = POLLIN};
    double interval_ns = 1e9 / run->rate;
    int64_t now_ns = start_ns;

    prctl(PR_SET_TIMERSLACK, 1000); /* else each sleep takes 50 microseconds longer than it should */
    while (run->done < run->tasks && now_ns < end_ns) {
        int64_t due_ns = start_ns + (int64_t)((double)run->submitted * interval_ns);
        struct timespec pause = {0, 0};

        for (; run->submitted < run->tasks && due_ns <= now_ns;
             due_ns = start_ns + (int64_t)((double)run->submitted * interval_ns))
            submit_next(client, run, due_ns);
        if (snakepit_process(client, 0) < 0)
            die("process", snakepit_last_error(client));
        now_ns = clock_ns();
        if (run->submitted == run->tasks)
            due_ns = now_ns + 1000000;
        if (due_ns > now_ns) {
            pause.tv_sec = (due_ns - now_ns) / 1000000000;
            pause.tv_nsec = (due_ns - now_ns) % 1000000000;
            ppoll(&item, 1, &pause, NULL);
        }
        now_ns = clock_ns();
    }
}

int
main(int argc, char **argv)
{
    static struct run run = {.endpoint = SNAKEPIT_ENDPOINT_DEFAULT, .pool = "echo", .function = "echo", .tasks = 100000,
                      .window = 1000, .payload_bytes = 64, .timeout_s = 60};
    struct snakepit_client_options options = {.name = "echo_client"};
    struct snakepit_client *client;
    int64_t start_ns, end_ns;

    take_arguments(&run, argc, argv);
    allocate(&run);
    options.endpoint = run.endpoint;
    options.tasks_max = run.rate > 0 ? run.tasks : run.window + 1;
    options.bytes_max = SIZE_MAX;
    client = snakepit_client_new(&options);
    if (!client || snakepit_connect(client, 5000))
        die(run.endpoint, client ? snakepit_last_error(client) : "no client");
    start_ns = clock_ns();
    end_ns = start_ns + (int64_t)run.timeout_s * 1000000000;
    if (run.rate > 0)
        run_open(client, &run, start_ns, end_ns);
    else
        run_closed(client, &run, start_ns, end_ns);
    if (run.done < run.tasks)
        die("timed out", snakepit_last_error(client));
    report(&run, clock_ns() - start_ns);
    snakepit_client_destroy(&client);
    free(run.payload);
    free(run.expected);
    free(run.submitted_ns);
    return run.wrong ? 1 : 0;
}
