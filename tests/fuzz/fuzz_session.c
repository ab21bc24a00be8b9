/* fuzz_session.c - libFuzzer's entry to whole sessions: misbehaving clients, workers and agents through the real decoder
 * into the real core. docs/development.md says how to run it.
 *
 * An input is settings and then steps: a command made from a template (command.h), a frame of any bytes, a connection
 * that ends, time that passes, or something that an operator does. */
#include "tests/fuzz/command.h"
#include "tests/fuzz/settings.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 300, RAW_BYTES_MAX = 64, VERBS = 32 };

/* The three upper bits of a step's first byte. */
enum step {
    STEP_CLIENT,
    STEP_CLIENT_2,
    STEP_WORKER,
    STEP_WORKER_2,
    STEP_PASS,
    STEP_CUT,
    STEP_OPERATOR,
    STEP_RAW,
};

struct run {
    struct world world;
    struct input input;
    struct wire_buffer frame;
    struct broker_settings settings;
};

static uint32_t
peer_of(uint8_t byte)
{
    return 1 + byte % (PEERS_MAX - 1);
}

/* Give the frame to the world in a block of exactly its size, so that a sanitizer sees what is read behind it. */
static void
deliver(struct run *run, enum side side, uint32_t peer)
{
    uint8_t *copy = malloc(run->frame.size > 0 ? run->frame.size : 1);

    if (!copy)
        abort();
    if (run->frame.size > 0)
        memcpy(copy, run->frame.data, run->frame.size);
    world_receive(&run->world, side, peer, (struct bytes){copy, (uint32_t)run->frame.size});
    free(copy);
    run->frame.size = 0;
}

/* Some commands in one message. The second byte: the peer, how many edits, and whether another command follows. */
static void
step_command(struct run *run, enum side side, uint8_t verb)
{
    uint8_t how = input_byte(&run->input);
    uint32_t peer = peer_of(how & 7);

    run->frame.size = 0;
    command_append(&run->frame, &run->input, side, peer, verb, how >> 3 & 3, &run->world.memory);
    while (how & 0x80 && !input_is_over(&run->input)) {
        uint8_t next = input_byte(&run->input);

        command_append(&run->frame, &run->input, side, peer, next % VERBS, next >> 5 & 3, &run->world.memory);
        how = next;
    }
    if (run->frame.size > 0)
        deliver(run, side, peer);
}

static void
step_raw(struct run *run, uint8_t how)
{
    uint8_t count = input_byte(&run->input) % RAW_BYTES_MAX;

    run->frame.size = 0;
    while (count-- > 0 && !input_is_over(&run->input)) {
        uint8_t byte = input_byte(&run->input);

        wire_write_raw(&run->frame, (struct bytes){&byte, 1});
    }
    deliver(run, how & 1 ? SIDE_WORKER : SIDE_CLIENT, peer_of(how >> 1));
}

/* By powers of two up to half an hour, to what is due next and a little before or behind, or a year. */
static void
step_pass(struct run *run, uint8_t how)
{
    int64_t due_us = broker_next_due_us(run->world.broker);
    int64_t left_us = due_us > run->world.now_us && due_us < INT64_MAX ? due_us - run->world.now_us : 0;

    if (how < 27)
        world_pass(&run->world, INT64_C(1) << (how + 5));
    else if (how == 27)
        world_pass(&run->world, INT64_C(365) * 24 * 3600 * 1000000);
    else if (how == 28)
        world_pass(&run->world, left_us > 0 ? left_us - 1 : 0);
    else if (how == 29)
        world_pass(&run->world, left_us + 1);
    else
        world_pass(&run->world, left_us);
}

static void
set_pool(struct run *run, const char *name, unsigned changes)
{
    struct pool_settings settings;
    struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &settings};

    settings_draw_pool(&run->input, changes, name, &settings);
    world_handle(&run->world, &event);
}

static void
change_settings(struct run *run)
{
    struct event event = {.kind = EVENT_SETTINGS, .settings = &run->settings};

    settings_change_broker(&run->input, &run->settings);
    world_handle(&run->world, &event);
}

static void
count_lease(void *context, const struct lease_stats *stats)
{
    *(uint64_t *)context += stats->fence > 0;
}

/* All that may be looked at, of anything. */
static void
inspect(struct run *run, uint8_t how, struct bytes pool)
{
    struct broker *broker = run->world.broker;
    uint64_t session = memory_session(&run->world.memory, how), leases = 0;
    struct load_stats all, recent;
    struct explanation explanation;
    struct worker_stats worker;

    broker_explain_task(broker, how, &explanation);
    broker_explain_pool(broker, pool, &explanation);
    broker_get_load(broker, pool, run->world.now_us, &all, &recent);
    if (broker_find_worker(broker, session, &worker) == OK)
        broker_each_lease(broker, session, count_lease, &leases);
    if (leases > SLOTS_MAX)
        abort();
}

static void
step_operator(struct run *run, uint8_t what)
{
    uint8_t how = input_byte(&run->input);
    const char *name = settings_pools[how % SETTINGS_POOLS];
    struct bytes pool = {(const uint8_t *)name, (uint32_t)strlen(name)};
    struct event event = {.pool = how >= 0xe0 ? (struct bytes){0} : pool};

    switch (what % 12) {
    case 0:
        set_pool(run, name, how >> 2 & 3);
        return;
    case 1:
        change_settings(run);
        return;
    case 2:
        inspect(run, how, pool);
        return;
    case 3:
        event.kind = EVENT_TASK_CANCEL;
        event.task = how;
        break;
    case 4:
        event.kind = EVENT_RECYCLE;
        event.worker = memory_session(&run->world.memory, how);
        break;
    case 5:
        event.kind = EVENT_RECYCLE;
        break;
    case 6:
        event.kind = EVENT_POOL_DRAIN;
        break;
    case 7:
    case 8:
        event.kind = EVENT_POOL_RESUME;
        break;
    case 9:
        event.kind = EVENT_POOL_REMOVE;
        break;
    case 10:
        set_pool(run, name, 0);
        return;
    default:
        if (how < 0xc0) /* or most runs would end soon */
            return;
        event.kind = EVENT_SHUTDOWN;
        event.shutdown_us = (int64_t)how << 16;
    }
    world_handle(&run->world, &event);
}

static void
step(struct run *run)
{
    uint8_t byte = input_byte(&run->input);

    switch ((enum step)(byte >> 5)) {
    case STEP_CLIENT:
    case STEP_CLIENT_2:
        step_command(run, SIDE_CLIENT, byte % VERBS);
        return;
    case STEP_WORKER:
    case STEP_WORKER_2:
        step_command(run, SIDE_WORKER, byte % VERBS);
        return;
    case STEP_PASS:
        step_pass(run, byte % 32);
        return;
    case STEP_CUT:
        world_cut(&run->world, byte & 1 ? SIDE_WORKER : SIDE_CLIENT, peer_of(byte >> 1 & 7));
        return;
    case STEP_OPERATOR:
        step_operator(run, byte % 32);
        return;
    case STEP_RAW:
        step_raw(run, byte % 32);
    }
}

/* The first byte: how many settings of the broker and of each pool are not the default. */
static void
begin(struct run *run)
{
    uint8_t changes = input_byte(&run->input);

    settings_draw_broker(&run->input, changes & 7, &run->settings);
    world_init(&run->world, &run->settings);
    wire_buffer_init(&run->frame, false);
    for (unsigned i = 0; i < SETTINGS_POOLS - 1; i++)
        set_pool(run, settings_pools[i], changes >> 3 & 7);
    world_pass(&run->world, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.input = {.data = data, .size = size}};

    begin(&run);
    for (unsigned steps = 0; steps < STEPS_MAX && !input_is_over(&run.input) && !run.world.is_shut; steps++)
        step(&run);
    world_fini(&run.world);
    wire_buffer_fini(&run.frame);
    return 0;
}
