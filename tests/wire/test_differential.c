/* test_differential.c - the cursor against msgpack-c's unpacker: both accept the same bytes and read the same. */
#include "tests/wire/generate.h"
#include "tests/wire/mangle.h"
#include "wire/reader.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAMES = 30000,
    DEPTH = 30, /* msgpack-c stops at 32, the cursor's skip as well */
    VALUE_DEPTH = 6,
};

static bool
same_value(struct reader *reader, const msgpack_object *object);

static bool
same_number(struct reader *reader, const msgpack_object *object)
{
    uint64_t number = 0;
    int64_t integer = 0;
    double real = 0;

    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return reader_uint(reader, &number) == OK && number == object->via.u64;
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return reader_int(reader, &integer) == OK && integer == object->via.i64;
    return reader_float(reader, &real) == OK && memcmp(&real, &object->via.f64, sizeof real) == 0;
}

static bool
same_bytes(struct reader *reader, const msgpack_object *object)
{
    bool is_str = object->type == MSGPACK_OBJECT_STR;
    const void *data = is_str ? object->via.str.ptr : object->via.bin.ptr;
    uint32_t size = is_str ? object->via.str.size : object->via.bin.size;
    struct bytes bytes;

    if ((is_str ? reader_str : reader_bin)(reader, &bytes) != OK || bytes.size != size)
        return false;
    return size == 0 || memcmp(bytes.data, data, size) == 0;
}

static bool
same_array(struct reader *reader, const msgpack_object_array *array)
{
    uint32_t count;

    if (reader_array(reader, &count) != OK || count != array->size)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!same_value(reader, &array->ptr[i]))
            return false;
    return true;
}

static bool
same_map(struct reader *reader, const msgpack_object_map *map)
{
    uint32_t pairs;

    if (reader_map(reader, &pairs) != OK || pairs != map->size)
        return false;
    for (uint32_t i = 0; i < pairs; i++)
        if (!same_value(reader, &map->ptr[i].key) || !same_value(reader, &map->ptr[i].val))
            return false;
    return true;
}

/* Read with the cursor what msgpack-c has read. Recursive, as deep as msgpack-c allows. */
static bool
same_value(struct reader *reader, const msgpack_object *object)
{
    bool truth = false;

    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return reader_nil(reader) == OK;
    case MSGPACK_OBJECT_BOOLEAN:
        return reader_bool(reader, &truth) == OK && truth == object->via.boolean;
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        return same_bytes(reader, object);
    case MSGPACK_OBJECT_ARRAY:
        return same_array(reader, &object->via.array);
    case MSGPACK_OBJECT_MAP:
        return same_map(reader, &object->via.map);
    case MSGPACK_OBJECT_EXT:
        return reader_peek(reader) == VALUE_EXT && reader_skip(reader, 0, NULL) == OK;
    default:
        return same_number(reader, object);
    }
}

/* The first value of the bytes, by both. */
static void
compare(struct bytes bytes, unsigned *accepted, unsigned *refused)
{
    msgpack_unpacked unpacked;
    size_t offset = 0;
    struct reader reader;
    struct bytes value = {NULL, 0};
    int err;
    bool theirs;

    reader_init(&reader, bytes);
    err = reader_skip(&reader, DEPTH, &value);
    if (err == ERR_FULL)
        return;
    msgpack_unpacked_init(&unpacked);
    theirs = msgpack_unpack_next(&unpacked, (const char *)bytes.data, bytes.size, &offset) == MSGPACK_UNPACK_SUCCESS;
    cr_assert(theirs == (err == OK), "msgpack-c %s, the cursor %s", theirs ? "accepts" : "refuses",
              err == OK ? "accepts" : "refuses");
    if (theirs) {
        cr_assert(offset == value.size, "%zu bytes, and %u", offset, value.size);
        reader_init(&reader, bytes);
        cr_assert(same_value(&reader, &unpacked.data));
        cr_assert(reader.at == offset);
    }
    ++*(theirs ? accepted : refused);
    msgpack_unpacked_destroy(&unpacked);
}

Test(differential, msgpack_c_and_the_cursor_accept_the_same_bytes_and_read_the_same_values)
{
    struct random random = {2024};
    struct wire_buffer frame, other;
    unsigned accepted = 0, refused = 0;

    wire_buffer_init(&frame, false);
    wire_buffer_init(&other, false);
    for (int i = 0; i < FRAMES; i++) {
        uint8_t *copy;

        frame.size = other.size = 0;
        generate_value(&random, &frame, VALUE_DEPTH);
        generate_value(&random, &other, VALUE_DEPTH);
        if (!random_once_in(&random, 4))
            mangle(&random, &frame, (struct bytes){other.data, (uint32_t)other.size});
        copy = malloc(frame.size + 1);
        memcpy(copy, frame.data, frame.size);
        compare((struct bytes){copy, (uint32_t)frame.size}, &accepted, &refused);
        free(copy);
    }
    wire_buffer_fini(&frame);
    wire_buffer_fini(&other);
    cr_expect(accepted > FRAMES / 10 && refused > FRAMES / 10, "%u and %u: too much of one kind", accepted, refused);
}

Test(differential, the_cursor_goes_as_deep_as_msgpack_c)
{
    uint8_t nested[40];
    unsigned accepted = 0, refused = 0;

    memset(nested, 0x91, sizeof nested);
    for (uint32_t depth = 1; depth <= DEPTH; depth++) {
        nested[depth] = 0xc0;
        compare((struct bytes){nested, depth + 1}, &accepted, &refused);
        nested[depth] = 0x91;
    }
    cr_expect(accepted == DEPTH && refused == 0);
}
