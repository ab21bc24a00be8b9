/* test_vectors.c - the codec against the golden vectors. */
#include "tests/wire/describe.h"
#include "tests/wire/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Compare, and show both sides where they differ. Takes the reference to `found`. */
static void
expect_json(const struct vector *vector, json_t *expected, json_t *found)
{
    char *expected_text = json_dumps(expected, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *found_text = json_dumps(found, JSON_SORT_KEYS | JSON_ENCODE_ANY);

    cr_expect(json_equal(expected, found), "%s:\nexpected %s\n   found %s", vector->name,
              expected_text ? expected_text : "nothing", found_text);
    free(expected_text);
    free(found_text);
    json_decref(found);
}

/* Decode all of a frame into an array of what was found, with commands as they are or as {"command": ...}. */
static json_t *
decode_all(const struct vector *vector, bool as_outcomes)
{
    json_t *found = json_array();
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;
    enum wire_next next;

    wire_reader_init(&reader, vector->control, vector->side, vector->direction);
    while ((next = wire_next(&reader, &message, &fault)) != WIRE_END) {
        if (next != WIRE_COMMAND)
            json_array_append_new(found, describe_fault(&fault, next == WIRE_BROKEN));
        else if (as_outcomes)
            json_array_append_new(found, json_pack("{s:o}", "command", describe_command(&message)));
        else
            json_array_append_new(found, describe_command(&message));
    }
    return found;
}

Test(vectors, good_messages_are_understood_in_every_field)
{
    json_t *vectors = vectors_load("good.json");
    struct vector vector;

    cr_assert(json_array_size(vectors) >= 60);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        vector_init(&vector, vectors, i);
        expect_json(&vector, json_object_get(vector.json, "commands"), decode_all(&vector, false));
        vector_fini(&vector);
    }
    json_decref(vectors);
}

Test(vectors, bad_messages_are_refused_where_they_are_wrong_and_the_rest_is_understood)
{
    json_t *vectors = vectors_load("bad.json");
    struct vector vector;

    cr_assert(json_array_size(vectors) >= 60);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        vector_init(&vector, vectors, i);
        expect_json(&vector, json_object_get(vector.json, "outcomes"), decode_all(&vector, true));
        vector_fini(&vector);
    }
    json_decref(vectors);
}

/* Encode again what is decoded; the caller frees the buffer. */
static void
encode_again(const struct vector *vector, struct wire_buffer *buffer)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    wire_buffer_init(buffer, false);
    wire_reader_init(&reader, vector->control, vector->side, vector->direction);
    while (wire_next(&reader, &message, &fault) == WIRE_COMMAND)
        cr_expect(wire_encode(buffer, vector->side, &message) == OK, "%s: %s is not encoded", vector->name,
                  verb_name(message.verb));
}

Test(vectors, canonical_messages_are_encoded_to_the_same_bytes)
{
    json_t *vectors = vectors_load("good.json");
    struct vector vector;
    struct wire_buffer buffer;

    for (size_t i = 0; i < json_array_size(vectors); i++) {
        vector_init(&vector, vectors, i);
        if (!vector.is_canonical) {
            vector_fini(&vector);
            continue;
        }
        encode_again(&vector, &buffer);
        cr_expect(buffer.size == vector.control.size && memcmp(buffer.data, vector.control.data, buffer.size) == 0,
                  "%s: encoded in another way", vector.name);
        wire_buffer_fini(&buffer);
        vector_fini(&vector);
    }
    json_decref(vectors);
}

Test(vectors, commands_claim_the_attachments_that_the_good_messages_have)
{
    json_t *vectors = vectors_load("good.json");
    struct vector vector;
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    for (size_t i = 0; i < json_array_size(vectors); i++) {
        size_t claimed = 0;

        vector_init(&vector, vectors, i);
        wire_reader_init(&reader, vector.control, vector.side, vector.direction);
        while (wire_next(&reader, &message, &fault) == WIRE_COMMAND)
            if (message_payload(&message))
                claimed += message_payload(&message)->frames;
        if (vector.attachments > 0)
            cr_expect(claimed == vector.attachments, "%s: %zu frames claimed", vector.name, claimed);
        vector_fini(&vector);
    }
    json_decref(vectors);
}

Test(vectors, a_frame_cut_anywhere_never_gives_a_command_that_is_not_in_the_whole_frame)
{
    json_t *vectors = vectors_load("good.json");
    struct vector vector;

    for (size_t i = 0; i < json_array_size(vectors); i++) {
        json_t *whole;
        uint32_t step;

        vector_init(&vector, vectors, i);
        whole = decode_all(&vector, false);
        step = vector.control.size > 4096 ? 997 : 1;
        for (uint32_t size = 1; size < vector.control.size; size += step) {
            struct vector cut = vector;
            json_t *found, *command;
            size_t index;

            cut.control.data = memcpy(malloc(size), vector.control.data, size);
            cut.control.size = size;
            found = decode_all(&cut, false);
            json_array_foreach(found, index, command)
                cr_expect(json_object_get(command, "broken") || json_equal(command, json_array_get(whole, index)),
                          "%s: cut after %u bytes", vector.name, size);
            json_decref(found);
            vector_fini(&cut);
        }
        json_decref(whole);
        vector_fini(&vector);
    }
    json_decref(vectors);
}
