/* test_inbound.c - tests of broker/io/inbound.c: whatever comes is walked to its end. */
#include "broker/io/frames.h"
#include "broker/io/inbound.h"
#include "socket_pair.h"

static struct socket_pair pair;
static struct inbound *inbound;

static void
set_up(void)
{
    socket_pair_init(&pair, 0);
    inbound = inbound_new(SIDE_CLIENT, 64 * 1024, 1024);
}

static void
tear_down(void)
{
    inbound_destroy(&inbound);
    socket_pair_fini(&pair);
}

TestSuite(inbound, .init = set_up, .fini = tear_down, .timeout = 60);

/* [8, id, "p", "f", frames] */
static size_t
put_submit(uint8_t *at, uint8_t id, uint8_t frames)
{
    const uint8_t command[] = {0x95, 8, id, 0xa1, 'p', 0xa1, 'f', frames};

    memcpy(at, command, sizeof command);
    return sizeof command;
}

static void
send_frame(const void *data, size_t size, bool has_more)
{
    cr_assert_geq(zmq_send(pair.dealer, data, size, has_more ? ZMQ_SNDMORE : 0), 0);
}

Test(inbound, gives_each_command_its_own_frames)
{
    uint8_t control[32];
    size_t size = put_submit(control, 1, 2);
    const struct message *message;
    struct wire_fault fault;
    struct attachments *kept;

    size += put_submit(control + size, 2, 1);
    send_frame(control, size, true);
    send_frame("a", 1, true);
    send_frame("bb", 2, true);
    send_frame("ccc", 3, false);
    cr_assert_eq(inbound_receive(inbound, pair.router), OK);
    cr_expect_not(inbound_has_delimiter(inbound));
    cr_assert_eq(inbound_next(inbound, &message, &fault), INBOUND_COMMAND);
    kept = message->submit.payload.attachments;
    attachments_ref(kept);
    cr_expect_eq(kept->total_bytes, 3);
    cr_assert_eq(inbound_next(inbound, &message, &fault), INBOUND_COMMAND);
    cr_expect_eq(message->submit.payload.attachments->total_bytes, 3);
    cr_expect_eq(inbound_next(inbound, &message, &fault), INBOUND_END);
    cr_expect_eq(zmq_msg_size(frames_at(kept, 1)), 2, "a reference keeps the frames");
    attachments_unref(kept);
    cr_expect_eq(inbound_receive(inbound, pair.router), ERR_AGAIN);
}

Test(inbound, a_message_that_was_dropped_half_way_leaves_the_next_one_whole)
{
    uint8_t control[32];
    size_t size = put_submit(control, 1, 0);
    const struct message *message;
    struct wire_fault fault;

    size += put_submit(control + size, 2, 0);
    send_frame(control, size, false);
    send_frame("", 0, true);
    send_frame(control, size, false);
    cr_assert_eq(inbound_receive(inbound, pair.router), OK);
    inbound_next(inbound, &message, &fault);
    inbound_drop(inbound);
    cr_expect_eq(inbound_next(inbound, &message, &fault), INBOUND_END);
    cr_assert_eq(inbound_receive(inbound, pair.router), OK);
    cr_expect(inbound_has_delimiter(inbound));
}

static uint32_t
draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* A message of random frames: submits that claim too few or too many frames, spoiled here and there. */
static void
send_random(uint64_t *state)
{
    uint8_t control[256];
    size_t size = 0;
    uint32_t commands = draw(state) % 8, frames = draw(state) % 8;

    for (uint32_t i = 0; i < commands; i++)
        size += put_submit(control + size, (uint8_t)(i + 1), (uint8_t)(draw(state) % 4));
    for (uint32_t i = draw(state) % 4; size > 0 && i > 0; i--)
        control[draw(state) % size] = (uint8_t)draw(state);
    if (draw(state) % 4 == 0)
        send_frame("", 0, true);
    send_frame(control, size, frames > 0);
    while (frames-- > 0)
        send_frame(control, draw(state) % sizeof control, frames > 0);
}

Test(inbound, random_messages_are_walked_to_their_end)
{
    uint64_t state = 88172645463325252u;
    unsigned commands = 0, faults = 0;

    for (unsigned i = 0; i < 50000; i++) {
        const struct message *message;
        struct wire_fault fault;
        enum inbound_next next;
        unsigned steps = 0;

        send_random(&state);
        cr_assert_eq(inbound_receive(inbound, pair.router), OK);
        while ((next = inbound_next(inbound, &message, &fault)) != INBOUND_END) {
            cr_assert_lt(++steps, 1000);
            commands += next == INBOUND_COMMAND;
            faults += next == INBOUND_FAULT;
        }
    }
    cr_expect_eq(inbound_receive(inbound, pair.router), ERR_AGAIN);
    cr_expect_gt(commands, 10000);
    cr_expect_gt(faults, 10000);
}
