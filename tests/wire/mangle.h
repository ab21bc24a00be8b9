/* mangle.h - ways to spoil a frame. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_MANGLE_H
#define SNAKEPIT_TESTS_WIRE_MANGLE_H

#include "tests/wire/random.h"
#include "wire/writer.h"

/* Spoil the bytes in one to four random ways: bits, cuts, insertions, bytes from elsewhere, lies about lengths, nesting
 * without end, noise. `other` is a frame to take bytes from. */
void
mangle(struct random *random, struct wire_buffer *frame, struct bytes other);

#endif
