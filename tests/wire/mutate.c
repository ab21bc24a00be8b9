/* mutate.c - random frames, right and spoiled, through the decoder, on both sides and in both directions.
 * Usage: mutate SEED COUNT [FIRST]: frames FIRST to COUNT - 1. Ends at the first finding, and names its frame. */
#include "tests/wire/generate.h"
#include "tests/wire/invariants.h"
#include "tests/wire/mangle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 4 };

/* Append some commands that are right at a random place. */
static void
make_frame(struct random *random, struct wire_buffer *frame)
{
    enum side side = random_below(random, 2) == 0 ? SIDE_CLIENT : SIDE_WORKER;
    enum direction direction = random_below(random, 2) == 0 ? TO_BROKER : FROM_BROKER;
    struct message message;

    frame->size = 0;
    for (uint32_t i = 1 + random_below(random, COMMANDS_MAX); i > 0; i--) {
        generate_command(random, side, direction, &message);
        if (wire_encode(frame, side, &message) != OK) {
            fprintf(stderr, "mutate: a right %s is not encoded\n", verb_name(message.verb));
            abort();
        }
    }
}

/* Check the bytes in a block of exactly their size, so that a sanitizer sees what is read behind them. */
static void
check_everywhere(const struct wire_buffer *frame, struct tally *tally)
{
    uint8_t *copy = malloc(frame->size > 0 ? frame->size : 1);
    struct bytes bytes = {copy, (uint32_t)frame->size};

    if (!copy)
        abort();
    if (frame->size > 0)
        memcpy(copy, frame->data, frame->size);
    for (int place = 0; place < 4; place++)
        invariants_check(bytes, place & 1 ? SIDE_WORKER : SIDE_CLIENT, place & 2 ? FROM_BROKER : TO_BROKER, tally);
    free(copy);
}

/* Each frame has its own random numbers, so that one can be repeated alone. */
static void
run_frame(uint64_t seed, uint64_t index, struct wire_buffer *frame, struct wire_buffer *other, struct tally *tally)
{
    struct random random = {seed * UINT64_C(0xd1342543de82ef95) + index};

    random.state = random_next(&random);
    make_frame(&random, frame);
    make_frame(&random, other);
    if (!random_once_in(&random, 16))
        mangle(&random, frame, (struct bytes){other->data, (uint32_t)other->size});
    check_everywhere(frame, tally);
}

int
main(int argc, char **argv)
{
    struct wire_buffer frame, other;
    struct tally tally = {0};
    uint64_t seed, count, first;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: mutate SEED COUNT [FIRST]\n");
        return 2;
    }
    seed = strtoull(argv[1], NULL, 10);
    count = strtoull(argv[2], NULL, 10);
    first = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    wire_buffer_init(&frame, false);
    wire_buffer_init(&other, false);
    for (uint64_t i = first; i < count; i++)
        run_frame(seed, i, &frame, &other, &tally);
    wire_buffer_fini(&frame);
    wire_buffer_fini(&other);
    printf("mutate: seed %llu, %llu frames decoded at 4 places each: "
           "%llu commands, %llu faults, %llu broken; no finding\n",
           (unsigned long long)seed, (unsigned long long)(count - first), (unsigned long long)tally.commands,
           (unsigned long long)tally.faults, (unsigned long long)tally.broken);
    return 0;
}
