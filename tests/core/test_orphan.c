/* test_orphan.c - what is left of an earlier broker's tasks. */
#include "broker/core/orphan.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t instance[INSTANCE_BYTES] = "sixteen bytes...";

static uint32_t
write(const struct ref *id, uint8_t *buffer)
{
    return origin_write(instance, id, buffer);
}

static int
read(const uint8_t *data, uint32_t size)
{
    struct origin origin;

    return origin_read((struct bytes){data, size}, &origin);
}

Test(orphan, an_origin_with_a_number_is_read_as_it_was_written)
{
    const uint64_t numbers[] = {0, 1, 255, 256, 70000, UINT64_MAX};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct ref id = ref_number(numbers[i]);
        uint8_t buffer[ORIGIN_BYTES_MAX];
        uint32_t size = write(&id, buffer);
        struct origin origin, made = origin_make(instance, &id);

        cr_assert_eq(origin_read((struct bytes){buffer, size}, &origin), OK);
        cr_assert_eq(memcmp(&origin, &made, sizeof origin), 0);
    }
}

Test(orphan, an_origin_with_bytes_is_read_as_it_was_written)
{
    for (uint8_t size = 1; size <= ID_BYTES_MAX; size++) {
        struct ref id = {.kind = REF_BYTES, .size = size};
        uint8_t buffer[ORIGIN_BYTES_MAX];
        struct origin origin, made;

        memset(id.bytes, 'a' + size, size);
        made = origin_make(instance, &id);
        cr_assert_eq(write(&id, buffer), INSTANCE_BYTES + 1 + size);
        cr_assert_eq(origin_read((struct bytes){buffer, INSTANCE_BYTES + 1u + size}, &origin), OK);
        cr_assert_eq(memcmp(&origin, &made, sizeof origin), 0);
    }
}

Test(orphan, an_origin_of_a_small_number_is_short)
{
    struct ref id = ref_number(7);
    uint8_t buffer[ORIGIN_BYTES_MAX];

    cr_assert_eq(write(&id, buffer), INSTANCE_BYTES + 2);
}

Test(orphan, what_is_no_origin_is_refused)
{
    uint8_t bytes[ORIGIN_BYTES_MAX + 1] = {0};

    cr_assert_eq(read(bytes, 0), ERR_INVALID, "empty");
    cr_assert_eq(read(bytes, INSTANCE_BYTES), ERR_INVALID, "no id");
    cr_assert_eq(read(bytes, INSTANCE_BYTES + 1), ERR_INVALID, "an id of no kind");
    bytes[INSTANCE_BYTES] = REF_BYTES;
    cr_assert_eq(read(bytes, INSTANCE_BYTES + 1), ERR_INVALID, "an id of no bytes");
    cr_assert_eq(read(bytes, ORIGIN_BYTES_MAX + 1), ERR_INVALID, "an id too long");
    bytes[INSTANCE_BYTES] = REF_NUMBER;
    cr_assert_eq(read(bytes, INSTANCE_BYTES + 1 + 9), ERR_INVALID, "a number of 72 bits");
}
