/* core_bench.c - how fast the pure core is, without sockets and codec: time per task from SUBMIT to SEEN, for several
 * lengths of the queue, numbers of workers, and numbers of fair keys. Prints a table. See usage. */
#include "broker/core/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TASKS_DEFAULT = 1000000, SEEN_EVERY = 64, CLIENT = 1 };

/* Leases in the order of their dispatch. */
struct ring {
    struct handed {
        uint32_t worker;
        uint64_t fence;
    } *array;
    size_t capacity, head, count;
};

struct bench {
    struct broker *broker;
    struct outbox outbox;
    struct ring ring;
    int64_t now_us;
    uint64_t next_id;
    uint64_t finals;
    size_t keys; /* fair keys of the tasks, one after the other; 0: none */
};

/* Of this process: other load on the machine does not count. */
static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct bytes
bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* What the shell would send; here, TASKs are taken by the workers. */
static void
carry_out(struct bench *bench)
{
    struct ring *ring = &bench->ring;

    for (size_t i = 0; i < bench->outbox.count; i++) {
        const struct action *action = &bench->outbox.actions[i];

        if (action->kind != ACTION_SEND)
            continue;
        if (action->message.verb == VERB_TASK) {
            ring->array[(ring->head + ring->count++) % ring->capacity] =
                (struct handed){action->peer, action->message.task.fence};
        }
        bench->finals += action->message.verb == VERB_RESULT;
    }
    outbox_clear(&bench->outbox);
}

static void
command(struct bench *bench, enum side side, uint32_t peer, const struct message *message)
{
    struct event event = {.kind = EVENT_COMMAND, .side = side, .peer = peer, .message = message};

    broker_handle(bench->broker, &event, bench->now_us++, &bench->outbox);
    carry_out(bench);
}

static void
say_hello(struct bench *bench, enum side side, uint32_t peer, uint32_t slots)
{
    static const uint8_t instance[INSTANCE_BYTES] = "a bench client!";
    struct message message = {.verb = VERB_HELLO,
                              .hello = {.is_worker = side == SIDE_WORKER,
                                        .protocol = bytes_of(PROTOCOL_NAME),
                                        .instance = {instance, sizeof instance},
                                        .pool = bytes_of("bench"),
                                        .slots = slots}};

    command(bench, side, peer, &message);
}

static void
submit(struct bench *bench)
{
    static const uint8_t argument[64];
    uint64_t key = bench->keys > 0 ? bench->next_id % bench->keys : 0;
    struct message message; /* cleared as far as a decoder does it */

    message.verb = VERB_SUBMIT;
    message.submit = (struct submit){.id = ref_number(bench->next_id++),
                                     .pool = bytes_of("bench"),
                                     .function = bytes_of("echo"),
                                     .payload = {.data = {argument, sizeof argument}},
                                     .fair_key = {(const uint8_t *)&key, bench->keys > 0 ? sizeof key : 0},
                                     .priority = PRIORITY_DEFAULT};
    command(bench, SIDE_CLIENT, CLIENT, &message);
}

/* The worker that has waited for longest answers; it gets the next task in the same turn. */
static void
answer(struct bench *bench)
{
    static const uint8_t value[64];
    struct ring *ring = &bench->ring;
    struct handed handed = ring->array[ring->head];
    struct message message;

    message.verb = VERB_RESULT;
    message.result = (struct result){.ref = ref_number(handed.fence), .payload = {.data = {value, sizeof value}}};
    ring->head = (ring->head + 1) % ring->capacity;
    ring->count--;
    command(bench, SIDE_WORKER, handed.worker, &message);
    if (bench->finals % SEEN_EVERY == 0) {
        struct message seen = {.verb = VERB_SEEN, .seen_count = bench->finals};

        command(bench, SIDE_CLIENT, CLIENT, &seen);
    }
}

static void
bench_init(struct bench *bench, uint32_t workers, uint32_t slots, size_t keys)
{
    struct broker_settings settings;
    struct pool_settings pool;

    memset(bench, 0, sizeof *bench);
    bench->keys = keys;
    broker_settings_init(&settings);
    settings.client_tasks_max = settings.tasks_max = 10000000;
    settings.client_bytes_max = settings.bytes_max = UINT64_C(1) << 40;
    settings.peers_max = workers + 1;
    pool_settings_init(&pool, "bench");
    pool.queued_max = settings.tasks_max;
    pool.queued_bytes_max = settings.bytes_max;
    bench->broker = broker_new(&settings);
    broker_add_pool(bench->broker, &pool);
    outbox_init(&bench->outbox);
    bench->ring.capacity = (size_t)workers * slots + 1;
    bench->ring.array = calloc(bench->ring.capacity, sizeof *bench->ring.array);
    if (!bench->ring.array)
        abort();
    say_hello(bench, SIDE_CLIENT, CLIENT, 0);
    for (uint32_t worker = 1; worker <= workers; worker++)
        say_hello(bench, SIDE_WORKER, worker, slots);
}

static void
bench_fini(struct bench *bench)
{
    broker_destroy(&bench->broker);
    outbox_fini(&bench->outbox);
    free(bench->ring.array);
}

/* Keep `queued` tasks waiting while `tasks` more go through, then let all end. */
static void
run(uint32_t workers, uint32_t slots, size_t queued, size_t keys, size_t tasks)
{
    size_t running = (size_t)workers * slots;
    double fill_seconds, flow_seconds, start = cpu_seconds();
    struct broker_stats stats;
    struct bench bench;

    bench_init(&bench, workers, slots, keys);
    start = cpu_seconds();
    for (size_t i = 0; i < running + queued; i++)
        submit(&bench);
    fill_seconds = cpu_seconds() - start;
    broker_get_stats(bench.broker, &stats);
    start = cpu_seconds();
    for (size_t i = 0; i < tasks; i++) {
        answer(&bench);
        submit(&bench);
    }
    flow_seconds = cpu_seconds() - start;
    while (bench.ring.count > 0)
        answer(&bench);
    if (bench.finals != bench.next_id)
        abort();
    printf("%8u %6u %9zu %9zu %12.0f %14.0f %14.0f\n", workers, slots, queued, keys,
           fill_seconds * 1e9 / (double)(running + queued), flow_seconds * 1e9 / (double)tasks,
           (double)tasks / flow_seconds);
    fflush(stdout);
    bench_fini(&bench);
}

int
main(int argc, char **argv)
{
    size_t tasks = argc > 1 ? strtoul(argv[1], NULL, 10) : TASKS_DEFAULT;

    if (tasks == 0 || (argc != 1 && argc != 2 && argc != 5 && argc != 6)) {
        fprintf(stderr, "usage: core_bench [TASKS [WORKERS SLOTS QUEUED [KEYS]]]\n");
        return 2;
    }
    printf("%8s %6s %9s %9s %12s %14s %14s\n", "workers", "slots", "queued", "keys", "submit ns", "ns per task", "tasks/s");
    if (argc >= 5) {
        run((uint32_t)strtoul(argv[2], NULL, 10), (uint32_t)strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10),
            argc == 6 ? strtoul(argv[5], NULL, 10) : 0, tasks);
        return 0;
    }
    for (size_t queued = 1000; queued <= 1000000; queued *= 10)
        run(2, 16, queued, 0, tasks);
    for (size_t keys = 1; keys <= 1000000; keys *= 100)
        run(2, 16, 1000000, keys, tasks);
    for (uint32_t workers = 1; workers <= 10000; workers *= 10)
        run(workers, 1, 1000, 0, tasks);
    run(1, 1, 0, 0, tasks);
    return 0;
}
