/* templates.h - the commands that golden vectors send to the broker, and the pairs of their maps. For tests only.
 * They are made from wire/vectors, so that a new verb, option or fact is here with its vector. */
#ifndef SNAKEPIT_TESTS_FUZZ_TEMPLATES_H
#define SNAKEPIT_TESTS_FUZZ_TEMPLATES_H

#include "wire/message.h"

struct template {
    enum side side;
    uint8_t verb;
    uint8_t place; /* on a ring of 256 */
    uint16_t size;
    const uint8_t *data;
};

/* By side, verb and place; made by templates.py. */
extern const struct template template_list[];
extern const size_t template_count;

/* The command of this verb whose place is next to `place`. NULL: there is none. */
const struct template *
template_find(enum side side, uint8_t verb, uint8_t place);

/* One pair of the maps that commands of this verb have, key and value encoded; empty when they have none. */
struct bytes
template_pair(enum side side, uint8_t verb, uint8_t number);

/* Any value within a command. */
struct bytes
template_value(uint16_t number);

#endif
