/* world.c - see world.h. */
#include "tests/fuzz/world.h"

#include "broker/io/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            give_up(#condition, __LINE__);                                                                             \
    } while (0)

enum { TICKS_MAX = 100 };

static _Noreturn void
give_up(const char *condition, int line)
{
    fprintf(stderr, "world.c:%d: does not hold: %s\n", line, condition);
    abort();
}

void
world_init(struct world *world, const struct broker_settings *settings)
{
    *world = (struct world){.broker = broker_new(settings), .now_us = INT64_C(1000000000)};
    outbox_init(&world->outbox);
    wire_buffer_init(&world->sent, false);
    broker_watch_requests(world->broker, true);
}

void
world_fini(struct world *world)
{
    outbox_fini(&world->outbox);
    wire_buffer_fini(&world->sent);
    broker_destroy(&world->broker);
}

/* --- what the core does --------------------------------------------------------------------------------------------- */

/* A broker's command can be encoded, and whoever gets it can read it. */
static void
check_encoding(struct world *world, const struct action *action)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    world->sent.size = 0;
    HOLDS(wire_encode(&world->sent, action->side, &action->message) == OK);
    wire_reader_init(&reader, (struct bytes){world->sent.data, (uint32_t)world->sent.size}, action->side, FROM_BROKER);
    HOLDS(wire_next(&reader, &message, &fault) == WIRE_COMMAND);
    HOLDS(message.verb == action->message.verb);
    HOLDS(wire_next(&reader, &message, &fault) == WIRE_END);
}

static void
remember(struct world *world, const struct action *action)
{
    const struct message *message = &action->message;

    if (message->verb == VERB_TASK) {
        HOLDS(message->task.fence > world->memory.fence_last);
        memory_add_fence(&world->memory, action->peer, message->task.fence);
    } else if (message->verb == VERB_WELCOME) {
        memory_add_session(&world->memory, message->welcome.session);
    }
}

/* The names that a note has are whole. */
static void
check_note(const struct note *note)
{
    const char *const texts[] = {note_name(note->kind), note->pool,     note->worker_name, note->client_name,
                                 note->reason,          note->function, note->state,       note->name,
                                 note->agent_name,      note->changes,  note->output};
    size_t bytes = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bytes += texts[i] ? strlen(texts[i]) : 0;
    HOLDS(bytes > 0 && bytes < 65536);
}

static void
look_in(struct world *world)
{
    struct broker_stats stats;
    struct pool_stats pool;
    size_t pools = 0;

    broker_get_stats(world->broker, &stats);
    while (broker_get_pool(world->broker, pools, &pool) == OK) {
        HOLDS(pool.slots_busy <= pool.slots && pool.workers_ready <= pool.workers);
        pools++;
    }
    HOLDS(pools == stats.pools);
}

/* After each step: the core agrees with itself, and what it wants done can be done. */
static void
end_step(struct world *world)
{
    for (size_t i = 0; i < world->outbox.count; i++) {
        const struct action *action = &world->outbox.actions[i];

        if (action->kind == ACTION_SHUT) {
            HOLDS(!world->is_shut);
            world->is_shut = true;
        } else if (action->kind == ACTION_NOTE) {
            check_note(&action->note);
        } else {
            HOLDS(action->peer < PEERS_MAX && world->is_up[action->side][action->peer]);
            check_encoding(world, action);
            remember(world, action);
        }
    }
    outbox_clear(&world->outbox);
    broker_check(world->broker);
    look_in(world);
}

/* --- what is done to it --------------------------------------------------------------------------------------------- */

void
world_handle(struct world *world, const struct event *event)
{
    broker_handle(world->broker, event, world->now_us, &world->outbox);
    end_step(world);
}

static void
release(struct attachments *attachments)
{
    free(attachments);
}

/* Frames of 20,000 bytes each, as far as anybody counts. */
static struct attachments *
make_attachments(uint16_t frames)
{
    struct attachments *attachments = malloc(sizeof *attachments);

    if (!attachments)
        abort();
    *attachments = (struct attachments){
        .refs = 1, .frames = frames, .total_bytes = (size_t)frames * 20000, .release = release};
    return attachments;
}

static void
take_command(struct world *world, enum side side, uint32_t peer, struct message *message)
{
    struct event event = {.kind = EVENT_COMMAND, .side = side, .peer = peer, .message = message};
    struct payload *payload = message_payload(message);
    struct attachments *attachments = NULL;

    if (payload && payload->frames > 0)
        attachments = payload->attachments = make_attachments(payload->frames);
    world_handle(world, &event);
    attachments_unref(attachments);
}

/* A wrong answer of a worker ends its attempt, as in the broker's shell. */
static void
take_fault(struct world *world, enum side side, uint32_t peer, const struct wire_fault *fault)
{
    struct message message;

    refusal_answer(fault, INLINE_BYTES_MAX, &message);
    world->sent.size = 0;
    HOLDS(wire_encode(&world->sent, side, &message) == OK);
    if (!refusal_ends_attempt(side, fault))
        return;
    refusal_verdict(fault, &message);
    take_command(world, side, peer, &message);
}

void
world_receive(struct world *world, enum side side, uint32_t peer, struct bytes frame)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    enum wire_next next;

    world->is_up[side][peer] = true;
    wire_reader_init(&reader, frame, side, TO_BROKER);
    while ((next = wire_next(&reader, &message, &fault)) != WIRE_END) {
        if (next == WIRE_COMMAND)
            take_command(world, side, peer, &message);
        else
            take_fault(world, side, peer, &fault);
    }
}

void
world_cut(struct world *world, enum side side, uint32_t peer)
{
    struct event event = {.kind = EVENT_PEER_GONE, .side = side, .peer = peer};

    if (!world->is_up[side][peer])
        return;
    world->is_up[side][peer] = false;
    world_handle(world, &event);
}

/* A broker that always has something due would never rest. */
void
world_pass(struct world *world, int64_t us)
{
    unsigned ticks = 0;

    world->now_us += us;
    do {
        broker_tick(world->broker, world->now_us, &world->outbox);
        end_step(world);
        HOLDS(++ticks < TICKS_MAX);
    } while (broker_next_due_us(world->broker) <= world->now_us);
}
