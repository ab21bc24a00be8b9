/* test_outbound.c - tests of broker/io/outbound.c, with real sockets within the process. */
#include "broker/io/frames.h"
#include "broker/io/outbound.h"
#include "socket_pair.h"
#include "wire/wire.h"

#include <stdlib.h>

#define CONTROL_MAX (64 * 1024)

static struct socket_pair pair;
static struct parcel_store store;
static struct outbound outbound;

static void
set_up(void)
{
    socket_pair_init(&pair, 4);
    outbound_init(&outbound, &store, CONTROL_MAX);
}

static void
tear_down(void)
{
    outbound_fini(&outbound);
    parcel_store_fini(&store);
    socket_pair_fini(&pair);
}

TestSuite(outbound, .init = set_up, .fini = tear_down, .timeout = 30);

static struct message
make_result(uint64_t number, const void *data, uint32_t size)
{
    struct message message = {.verb = VERB_RESULT};

    message.result.ref = ref_number(number);
    message.result.payload.data = (struct bytes){data, size};
    return message;
}

/* Two frames of these sizes, filled with `byte`. */
static struct attachments *
make_frames(size_t first, size_t second, int byte)
{
    zmq_msg_t frames[2];

    zmq_msg_init_size(&frames[0], first);
    zmq_msg_init_size(&frames[1], second);
    memset(zmq_msg_data(&frames[0]), byte, first);
    memset(zmq_msg_data(&frames[1]), byte, second);
    return frames_new(frames, 2);
}

static int
send_all(uint64_t *sent)
{
    return outbound_send(&outbound, pair.router, socket_pair_id(&pair), false, sent);
}

/* Receive a control frame and count its commands. */
static unsigned
receive_commands(void)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    unsigned count = 0;
    zmq_msg_t frame;

    zmq_msg_init(&frame);
    cr_assert_geq(zmq_msg_recv(&frame, pair.dealer, 0), 0);
    wire_reader_init(&reader, (struct bytes){zmq_msg_data(&frame), (uint32_t)zmq_msg_size(&frame)}, SIDE_CLIENT,
                     FROM_BROKER);
    while (wire_next(&reader, &message, &fault) == WIRE_COMMAND)
        count++;
    zmq_msg_close(&frame);
    return count;
}

Test(outbound, all_commands_leave_as_one_message)
{
    uint64_t sent = 0;

    for (uint64_t n = 0; n < 100; n++) {
        struct message message = make_result(n, "abc", 3);
        cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
    }
    cr_assert_eq(send_all(&sent), OK);
    cr_expect_eq(sent, 1);
    cr_expect_eq(receive_commands(), 100);
    cr_expect_null(outbound.parcels);
}

Test(outbound, no_control_frame_is_larger_than_its_limit)
{
    static uint8_t data[30 * 1024];
    uint64_t sent = 0;
    unsigned commands = 0;

    for (uint64_t n = 0; n < 7; n++) {
        struct message message = make_result(n, data, sizeof data);
        cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
    }
    cr_assert_eq(send_all(&sent), OK);
    cr_expect_eq(sent, 4);
    for (unsigned i = 0; i < 4; i++) {
        unsigned in_frame = receive_commands();
        cr_expect_leq(in_frame, 2);
        commands += in_frame;
    }
    cr_expect_eq(commands, 7);
}

Test(outbound, a_delimiter_is_put_in_front_when_it_is_wanted)
{
    struct message message = make_result(1, "abc", 3);
    uint64_t sent = 0;
    char frame[8];

    cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
    cr_assert_eq(outbound_send(&outbound, pair.router, socket_pair_id(&pair), true, &sent), OK);
    cr_expect_eq(zmq_recv(pair.dealer, frame, sizeof frame, 0), 0);
    cr_expect_eq(receive_commands(), 1);
}

Test(outbound, attachments_follow_in_the_order_of_their_commands)
{
    uint64_t sent = 0;

    for (int n = 0; n < 3; n++) {
        struct attachments *frames = make_frames(10, 100000, n);
        struct message message = make_result((uint64_t)n, NULL, 0);

        message.result.payload.frames = 2;
        message.result.payload.attachments = frames;
        cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
        attachments_unref(frames);
    }
    cr_assert_eq(send_all(&sent), OK);
    cr_expect_eq(sent, 1);
    cr_expect_eq(receive_commands(), 3);
    for (int i = 0; i < 6; i++) {
        zmq_msg_t frame;

        zmq_msg_init(&frame);
        cr_expect_eq(zmq_msg_recv(&frame, pair.dealer, 0), i % 2 ? 100000 : 10);
        cr_expect_eq(((uint8_t *)zmq_msg_data(&frame))[9], i / 2);
        zmq_msg_close(&frame);
    }
}

Test(outbound, what_a_slow_peer_does_not_take_waits_and_is_counted)
{
    static uint8_t data[8000];
    uint64_t sent = 0;
    unsigned received = 0;
    int rc = OK, events;
    size_t size = sizeof events;

    for (uint64_t n = 0; rc == OK && n < 100; n++) {
        struct message message = make_result(n, data, sizeof data);
        cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
        rc = send_all(&sent);
    }
    cr_expect_eq(rc, ERR_AGAIN);
    cr_expect_not_null(outbound.parcels);
    cr_expect_geq(outbound_bytes(&outbound), (sent + 1) * sizeof data, "what ZeroMQ holds counts as well");
    for (; received < sent; received++)
        receive_commands();
    zmq_getsockopt(pair.router, ZMQ_EVENTS, &events, &size); /* a send looks for news only once in a while */
    cr_expect_eq(send_all(&sent), OK);
    receive_commands();
    cr_expect_null(outbound.parcels);
    cr_expect_eq(outbound_bytes(&outbound), 0);
}

Test(outbound, a_peer_that_is_unknown_to_zeromq_is_not_found)
{
    struct message message = make_result(1, "abc", 3);
    uint64_t sent = 0;

    cr_assert_eq(outbound_add(&outbound, SIDE_CLIENT, &message), OK);
    cr_expect_eq(outbound_send(&outbound, pair.router, (struct bytes){(const uint8_t *)"nobody", 6}, false, &sent),
                 ERR_NOT_FOUND);
    cr_expect_eq(sent, 0);
    outbound_drop(&outbound);
    cr_expect_eq(outbound_bytes(&outbound), 0);
}

Test(outbound, what_cannot_be_encoded_leaves_nothing_behind)
{
    static uint8_t name[1000];
    struct message message = {.verb = VERB_SUBMIT};
    uint64_t sent = 0;

    message.submit.function = (struct bytes){name, sizeof name};
    cr_expect_eq(outbound_add(&outbound, SIDE_CLIENT, &message), ERR_INVALID);
    cr_expect_null(outbound.parcels);
    cr_expect_eq(send_all(&sent), OK);
    cr_expect_eq(sent, 0);
}
