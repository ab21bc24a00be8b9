/* invariants.h - what must hold for every frame, however wrong. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_INVARIANTS_H
#define SNAKEPIT_TESTS_WIRE_INVARIANTS_H

#include "wire/wire.h"

struct tally {
    uint64_t frames;
    uint64_t commands;
    uint64_t faults;
    uint64_t broken;
};

/* Decode a frame and check: the reader goes forward and ends; all views lie in the frame; faults are filled in; a
 * command that is accepted can be encoded, and that decodes to the same. A break is printed and ends the program. */
void
invariants_check(struct bytes frame, enum side side, enum direction direction, struct tally *tally);

#endif
