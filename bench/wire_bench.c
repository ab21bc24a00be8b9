/* wire_bench.c - nanoseconds that the codec takes for one command. Prints a table; takes the number of rounds. */
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = 100, /* commands in one control frame */
    PAYLOAD_BYTES = 64,
    ROUNDS_DEFAULT = 20000,
};

/* The times are the best of so many runs: what the code can do when nothing else disturbs it. */
enum { RUNS = 5 };

static int64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct bytes
text(const char *string)
{
    return (struct bytes){(const uint8_t *)string, (uint32_t)strlen(string)};
}

static void
fill(struct message *message, enum verb verb, uint64_t number)
{
    static const uint8_t bytes[PAYLOAD_BYTES];
    struct payload payload = {.data = {bytes, sizeof bytes}};

    *message = (struct message){.verb = verb};
    if (verb == VERB_SUBMIT)
        message->submit = (struct submit){.id = ref_number(number), .pool = text("numbers"), .payload = payload,
                                          .function = text("factorise"), .priority = PRIORITY_DEFAULT};
    if (verb == VERB_TASK)
        message->task = (struct task_command){.fence = UINT64_C(1700000000) << 32 | number, .attempt = 1,
                                              .function = text("factorise"), .payload = payload};
    if (verb == VERB_RESULT)
        message->result = (struct result){.ref = ref_number(UINT64_C(1700000000) << 32 | number), .payload = payload};
    if (verb == VERB_SEEN)
        message->seen_count = number;
}

static void
encode_batch(struct wire_buffer *buffer, enum side side, struct message *messages)
{
    buffer->size = 0;
    for (int i = 0; i < BATCH; i++)
        if (wire_encode(buffer, side, &messages[i]) != OK)
            abort();
}

static unsigned
decode_batch(const struct wire_buffer *buffer, enum side side, enum direction direction)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    unsigned commands = 0;

    wire_reader_init(&reader, (struct bytes){buffer->data, (uint32_t)buffer->size}, side, direction);
    while (wire_next(&reader, &message, &fault) == WIRE_COMMAND)
        commands++;
    return commands;
}

static double
best_ns(struct wire_buffer *buffer, enum side side, enum direction direction, struct message *messages, int rounds)
{
    double best = 1e9;

    for (int run = 0; run < RUNS; run++) {
        int64_t began_ns = now_ns();
        double ns;

        for (int round = 0; round < rounds; round++) {
            if (messages)
                encode_batch(buffer, side, messages);
            else if (decode_batch(buffer, side, direction) != BATCH)
                abort();
        }
        ns = (double)(now_ns() - began_ns) / rounds / BATCH;
        best = ns < best ? ns : best;
    }
    return best;
}

static void
measure(enum side side, enum direction direction, enum verb verb, int rounds)
{
    struct message messages[BATCH];
    struct wire_buffer buffer;
    double encode_ns, decode_ns;

    for (unsigned i = 0; i < BATCH; i++)
        fill(&messages[i], verb, i);
    wire_buffer_init(&buffer, false);
    encode_ns = best_ns(&buffer, side, direction, messages, rounds);
    decode_ns = best_ns(&buffer, side, direction, NULL, rounds);
    printf("%-8s %6zu %10.1f %10.1f\n", verb_name(verb), buffer.size / BATCH, encode_ns, decode_ns);
    wire_buffer_fini(&buffer);
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS_DEFAULT;

    if (rounds < 1) {
        fprintf(stderr, "usage: wire_bench [ROUNDS]\n");
        return 2;
    }
    printf("%-8s %6s %10s %10s\n", "command", "bytes", "encode ns", "decode ns");
    measure(SIDE_CLIENT, TO_BROKER, VERB_SUBMIT, rounds);
    measure(SIDE_WORKER, FROM_BROKER, VERB_TASK, rounds);
    measure(SIDE_WORKER, TO_BROKER, VERB_RESULT, rounds);
    measure(SIDE_CLIENT, FROM_BROKER, VERB_RESULT, rounds);
    measure(SIDE_CLIENT, TO_BROKER, VERB_SEEN, rounds);
    return 0;
}
