/* fuzz_wire.c - libFuzzer's entry to the decoder. docs/development.md says how to run it. */
#include "tests/wire/invariants.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses side and direction, the others are the control frame. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally tally = {0};
    struct bytes frame;

    if (size < 1 || size > CONTROL_BYTES_MAX)
        return 0;
    frame = (struct bytes){data + 1, (uint32_t)size - 1};
    invariants_check(frame, data[0] & 1 ? SIDE_WORKER : SIDE_CLIENT, data[0] & 2 ? FROM_BROKER : TO_BROKER, &tally);
    return 0;
}
