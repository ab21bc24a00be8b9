/* echo_client.c - drives a pool of echo workers with libsnakepit: keeps a window of tasks under way, checks every result,
 * prints one line of JSON. */
#include "client/include/snakepit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct run {
    const char *endpoint;
    const char *pool;
    const char *function;
    uint64_t tasks;
    uint64_t window;
    size_t payload_bytes;
    int timeout_s;

    char *payload;         /* of the task that is being submitted */
    char *expected;        /* what the result should be; the first bytes are the task's number */
    int64_t *submitted_us; /* per task */
    uint32_t *latency_us;  /* per task; UINT32_MAX: no result yet */
    uint64_t submitted;
    uint64_t done;
    uint64_t wrong;
};

static int64_t
clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "echo_client: %s: %s\n", what, why);
    exit(1);
}

static void
stamp(char *payload, size_t size, uint64_t number)
{
    memcpy(payload, &number, size < sizeof number ? size : sizeof number);
}

static void
check_result(struct run *run, const struct snakepit_result *result, int64_t now_us)
{
    uint64_t number = result->id - 1; /* ids are consecutive and start at 1 */

    if (number >= run->tasks || run->latency_us[number] != UINT32_MAX)
        die("a task ended twice", "or was never submitted");
    run->latency_us[number] = (uint32_t)(now_us - run->submitted_us[number]);
    stamp(run->expected, run->payload_bytes, number);
    if (result->state == SNAKEPIT_STATE_OK && result->part_count == 1 && result->parts[0].size == run->payload_bytes &&
        memcmp(result->parts[0].data, run->expected, run->payload_bytes) == 0)
        return;
    if (run->wrong++ == 0)
        fprintf(stderr, "echo_client: task %" PRIu64 ": %s: %s\n", result->id, result->code, result->message);
}

static void
submit_next(struct snakepit_client *client, struct run *run, int64_t now_us);

static void
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *run_v)
{
    struct run *run = run_v;
    int64_t now_us = clock_us();

    check_result(run, result, now_us);
    run->done++;
    if (run->submitted < run->tasks)
        submit_next(client, run, now_us);
}

static void
submit_next(struct snakepit_client *client, struct run *run, int64_t now_us)
{
    const struct snakepit_task task = {
        .pool = run->pool,
        .function = run->function,
        .args = run->payload,
        .args_bytes = run->payload_bytes,
        .on_done = on_done,
        .user = run,
    };

    stamp(run->payload, run->payload_bytes, run->submitted);
    run->submitted_us[run->submitted] = now_us;
    run->submitted++;
    if (snakepit_submit(client, &task, NULL))
        die("submit", snakepit_last_error(client));
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void
report(struct run *run, int64_t elapsed_us)
{
    qsort(run->latency_us, run->tasks, sizeof *run->latency_us, compare);
    printf("{\"tasks\": %" PRIu64 ", \"wrong\": %" PRIu64 ", \"seconds\": %.6f, \"per_second\": %.0f, "
           "\"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n",
           run->tasks, run->wrong, (double)elapsed_us / 1e6, (double)run->tasks * 1e6 / (double)elapsed_us,
           run->latency_us[run->tasks / 2], run->latency_us[run->tasks * 99 / 100], run->latency_us[run->tasks - 1]);
}

static void
take_arguments(struct run *run, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "e:p:f:n:w:b:t:")) != -1) {
        if (option == 'e')
            run->endpoint = optarg;
        else if (option == 'p')
            run->pool = optarg;
        else if (option == 'f')
            run->function = optarg;
        else if (option == 'n')
            run->tasks = strtoull(optarg, NULL, 10);
        else if (option == 'w')
            run->window = strtoull(optarg, NULL, 10);
        else if (option == 'b')
            run->payload_bytes = strtoull(optarg, NULL, 10);
        else if (option == 't')
            run->timeout_s = atoi(optarg);
        else {
            fprintf(stderr, "usage: echo_client [-e ENDPOINT] [-p POOL] [-f FUNCTION] [-n TASKS] [-w WINDOW] "
                            "[-b PAYLOAD_BYTES] [-t TIMEOUT_SECONDS]\n");
            exit(2);
        }
    }
    if (run->tasks == 0 || run->window == 0)
        die("usage", "tasks and window are at least 1");
}

static void
allocate(struct run *run)
{
    run->payload = calloc(1, run->payload_bytes + 1);
    run->expected = calloc(1, run->payload_bytes + 1);
    run->submitted_us = calloc(run->tasks, sizeof *run->submitted_us);
    run->latency_us = malloc(run->tasks * sizeof *run->latency_us);
    if (!run->payload || !run->expected || !run->submitted_us || !run->latency_us)
        die("no memory", "for that many tasks");
    memset(run->latency_us, 0xff, run->tasks * sizeof *run->latency_us);
}

int
main(int argc, char **argv)
{
    struct run run = {.endpoint = SNAKEPIT_ENDPOINT_DEFAULT, .pool = "echo", .function = "echo", .tasks = 100000,
                      .window = 1000, .payload_bytes = 64, .timeout_s = 60};
    struct snakepit_client_options options = {.name = "echo_client"};
    struct snakepit_client *client;
    int64_t start_us, end_us;

    take_arguments(&run, argc, argv);
    allocate(&run);
    options.endpoint = run.endpoint;
    options.tasks_max = run.window + 1;
    options.bytes_max = SIZE_MAX;
    client = snakepit_client_new(&options);
    if (!client || snakepit_connect(client, 5000))
        die(run.endpoint, client ? snakepit_last_error(client) : "no client");
    start_us = clock_us();
    end_us = start_us + (int64_t)run.timeout_s * 1000000;
    while (run.submitted < run.window && run.submitted < run.tasks)
        submit_next(client, &run, start_us);
    while (run.done < run.tasks && clock_us() < end_us)
        if (snakepit_process(client, 1000) < 0)
            die("process", snakepit_last_error(client));
    if (run.done < run.tasks)
        die("timed out", snakepit_last_error(client));
    report(&run, clock_us() - start_us);
    snakepit_client_destroy(&client);
    free(run.payload);
    free(run.expected);
    free(run.submitted_us);
    free(run.latency_us);
    return run.wrong ? 1 : 0;
}
