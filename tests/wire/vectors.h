/* vectors.h - reads the golden vectors. For tests only. */
#ifndef SNAKEPIT_TESTS_WIRE_VECTORS_H
#define SNAKEPIT_TESTS_WIRE_VECTORS_H

#include "wire/wire.h"

#include <jansson.h>

struct vector {
    const char *name;
    enum side side;
    enum direction direction;
    bool is_canonical;
    struct bytes control; /* malloc'ed at its exact size, so that a sanitizer sees what is read behind it */
    size_t attachments;
    json_t *json; /* borrowed: the entry */
};

/* Read one of the files, "good.json" or "bad.json"; ends the test when it cannot. Free the result with json_decref. */
json_t *
vectors_load(const char *file);

/* Fill in from entry `index`; the caller frees it with vector_fini. */
void
vector_init(struct vector *vector, json_t *vectors, size_t index);

void
vector_fini(struct vector *vector);

#endif
