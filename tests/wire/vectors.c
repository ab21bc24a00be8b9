/* vectors.c - reads the golden vectors; see vectors.h. */
#include "tests/wire/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *
vectors_load(const char *file)
{
    char path[512];
    json_error_t error;
    json_t *vectors;

    snprintf(path, sizeof path, "%s/wire/vectors/%s", SOURCE_ROOT, file);
    vectors = json_load_file(path, 0, &error);
    cr_assert(json_is_array(vectors), "%s:%d: %s", path, error.line, error.text);
    return vectors;
}

static void
append_hex(uint8_t **data, size_t *size, const char *hex, size_t times)
{
    size_t bytes = strlen(hex) / 2;

    *data = realloc(*data, *size + bytes * times + 1);
    while (times-- > 0) {
        for (size_t i = 0; i < bytes; i++) {
            unsigned byte = 0;

            cr_assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
            (*data)[(*size)++] = (uint8_t)byte;
        }
    }
}

/* The bytes of `control`, in a block of exactly that size. */
static struct bytes
load_control(json_t *control)
{
    uint8_t *data = malloc(1);
    size_t size = 0;
    size_t index;
    json_t *piece;

    if (json_is_string(control))
        append_hex(&data, &size, json_string_value(control), 1);
    json_array_foreach(control, index, piece) {
        if (json_is_string(piece))
            append_hex(&data, &size, json_string_value(piece), 1);
        else
            append_hex(&data, &size, json_string_value(json_object_get(piece, "hex")),
                       (size_t)json_integer_value(json_object_get(piece, "times")));
    }
    data = realloc(data, size > 0 ? size : 1);
    return (struct bytes){data, (uint32_t)size};
}

void
vector_init(struct vector *vector, json_t *vectors, size_t index)
{
    json_t *entry = json_array_get(vectors, index);

    *vector = (struct vector){
        .name = json_string_value(json_object_get(entry, "name")),
        .is_canonical = json_is_true(json_object_get(entry, "canonical")),
        .control = load_control(json_object_get(entry, "control")),
        .attachments = json_array_size(json_object_get(entry, "attachments")),
        .json = entry,
    };
    if (strcmp(json_string_value(json_object_get(entry, "side")), "worker") == 0)
        vector->side = SIDE_WORKER;
    if (strcmp(json_string_value(json_object_get(entry, "direction")), "from_broker") == 0)
        vector->direction = FROM_BROKER;
}

void
vector_fini(struct vector *vector)
{
    free((void *)(uintptr_t)vector->control.data);
}
