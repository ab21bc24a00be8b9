/* generate.h - random commands that are right. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_GENERATE_H
#define SNAKEPIT_TESTS_WIRE_GENERATE_H

#include "tests/wire/random.h"
#include "wire/wire.h"

/* Fill in a random command that is allowed at this place; its views are of static bytes. */
void
generate_command(struct random *random, enum side side, enum direction direction, struct message *message);

/* Append one random MessagePack value, at most `depth` deep, of any type. */
void
generate_value(struct random *random, struct wire_buffer *buffer, unsigned depth);

#endif
