/* test_again.c - the option that says that a task was offered before. */
#include "client/lib/again.h"
#include "wire/err.h"
#include "wire/reader.h"

#include <criterion/criterion.h>

Test(again, a_map_of_options_may_grow_beyond_what_a_short_one_can_be)
{
    uint8_t command[128] = {0x96, 8, 1, 0xa1, 'p', 0xa1, 'f', 0xc4, 1, 0x90, 0x8e};
    uint32_t size = 11;
    struct reader reader;
    uint32_t pairs;

    for (int i = 0; i < 14; i++) {
        command[size++] = 0xa1;
        command[size++] = (uint8_t)('a' + i);
        command[size++] = 0xc3;
    }
    for (uint32_t expected = 15; expected <= 17; expected++) {
        struct bytes name;
        bool value;

        size = again_mark(command, size);
        reader_init(&reader, (struct bytes){command + 10, size - 10});
        cr_assert_eq(reader_map(&reader, &pairs), OK);
        cr_assert_eq(pairs, expected);
        for (uint32_t i = 0; i < pairs; i++) {
            cr_assert_eq(reader_str(&reader, &name), OK);
            cr_assert_eq(name.data[0], i < 14 ? 'a' + i : 'a');
            cr_assert_eq(reader_bool(&reader, &value), OK);
        }
        cr_assert(reader_is_at_end(&reader));
    }
}

Test(again, what_is_no_submit_is_left_as_it_is)
{
    uint8_t command[32] = {0x92, 4, 0x80};

    cr_assert_eq(again_mark(command, 3), 3);
    cr_assert_eq(again_mark(command, 0), 0);
    cr_assert_eq(command[0], 0x92);
}
