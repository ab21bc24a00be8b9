/* timer_bench.c - what tasks with a delay cost the core: accepted in any order of their times, and let go when these come.
 *
 *   timer_bench [TASKS...]      default: 10000 100000 1000000 */
#include "broker/core/broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t
read_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* also right on a machine that has other things to do */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct bytes
bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static struct broker *
make_broker(uint64_t tasks)
{
    struct broker_settings settings;
    struct pool_settings pool;
    struct broker *broker;

    broker_settings_init(&settings);
    settings.tasks_max = settings.client_tasks_max = 2 * tasks;
    settings.bytes_max = settings.client_bytes_max = UINT64_C(1) << 40;
    pool_settings_init(&pool, "p");
    pool.queued_max = tasks;
    pool.queued_bytes_max = UINT64_C(1) << 40;
    broker = broker_new(&settings);
    broker_add_pool(broker, &pool);
    return broker;
}

/* Times come in an order that has nothing to do with that of the tasks. */
static uint64_t
delay_of(uint64_t number, uint64_t tasks)
{
    return 1 + number * UINT64_C(2654435761) % tasks;
}

static void
submit_all(struct broker *broker, uint64_t tasks, struct outbox *outbox)
{
    for (uint64_t number = 1; number <= tasks; number++) {
        struct message message = {.verb = VERB_SUBMIT};
        struct event event = {.kind = EVENT_COMMAND, .side = SIDE_CLIENT, .peer = 1, .message = &message};

        message.submit.id = (struct ref){.kind = REF_NUMBER, .number = number};
        message.submit.pool = bytes_of("p");
        message.submit.function = bytes_of("f");
        message.submit.priority = PRIORITY_DEFAULT;
        message.submit.delay_ms = delay_of(number, tasks);
        broker_handle(broker, &event, 1000, outbox);
        outbox_clear(outbox);
    }
}

/* Each when it is due, as the shell does. Returns how many ticks that took. */
static uint64_t
let_go(struct broker *broker, struct outbox *outbox)
{
    uint64_t ticks = 0;
    int64_t due_us;

    for (; (due_us = broker_next_due_us(broker)) < INT64_MAX; ticks++) {
        broker_tick(broker, due_us, outbox);
        outbox_clear(outbox);
    }
    return ticks;
}

static void
measure(uint64_t tasks)
{
    struct broker *broker = make_broker(tasks);
    struct outbox outbox;
    struct pool_stats stats;
    int64_t began_ns = read_cpu_ns(), between_ns, ended_ns;
    uint64_t ticks;

    outbox_init(&outbox);
    submit_all(broker, tasks, &outbox);
    between_ns = read_cpu_ns();
    ticks = let_go(broker, &outbox);
    ended_ns = read_cpu_ns();
    broker_find_pool(broker, bytes_of("p"), &stats);
    if (stats.queued != tasks || stats.delayed != 0)
        abort();
    printf("%9" PRIu64 " delayed tasks: accepted in %5.0f ns of CPU time each, let go in %5.0f ns, %" PRIu64 " ticks\n", tasks,
           (double)(between_ns - began_ns) / (double)tasks, (double)(ended_ns - between_ns) / (double)tasks, ticks);
    outbox_fini(&outbox);
    broker_destroy(&broker);
}

int
main(int argc, char **argv)
{
    static const uint64_t usual[] = {10000, 100000, 1000000};

    for (int i = 1; i < argc; i++)
        measure(strtoull(argv[i], NULL, 10));
    for (size_t i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++)
        measure(usual[i]);
    return EXIT_SUCCESS;
}
