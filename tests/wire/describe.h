/* describe.h - a decoded command as the JSON of wire/vectors/README.md. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_DESCRIBE_H
#define SNAKEPIT_TESTS_WIRE_DESCRIBE_H

#include "wire/wire.h"

#include <jansson.h>

/* The caller owns the result. */
json_t *
describe_command(const struct message *message);

json_t *
describe_ref(const struct ref *ref);

/* Without what is only a C sentence (`text`). */
json_t *
describe_fault(const struct wire_fault *fault, bool is_broken);

#endif
