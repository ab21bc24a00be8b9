/* test_again.c - the option that says that a task was offered before. */
#include "client/lib/again.h"
#include "wire/err.h"
#include "wire/reader.h"

#include <criterion/criterion.h>
#include <string.h>

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

/* The options of SUBMIT [8, 1, "p", "f", [], options]. */
static uint32_t
make_submit(uint8_t *command, const char *options, uint32_t size)
{
    static const uint8_t head[] = {0x96, 8, 1, 0xa1, 'p', 0xa1, 'f', 0xc4, 1, 0x90};

    memcpy(command, head, sizeof head);
    memcpy(command + sizeof head, options, size);
    return (uint32_t)sizeof head + size;
}

Test(again, what_is_left_of_its_times_is_said_in_the_bytes_that_there_are)
{
    static const char before[] = "\x84\xa3" "ack\xc3\xa8" "delay_ms\x7f\xab" "deadline_ms\xcd\x10\x00\xa5" "group\xa1g";
    static const char after[] = "\x84\xa3" "ack\xc3\xa8" "delay_ms\x00\xab" "deadline_ms\xcd\x0f\x00\xa5" "group\xa1g";
    static const char none_left[] = "\x84\xa3" "ack\xc3\xa8" "delay_ms\x00\xab" "deadline_ms\xcd\x00\x00\xa5" "group\xa1g";
    uint8_t command[128], expected[128];
    uint32_t size = make_submit(command, before, sizeof before - 1);

    again_pass(command, size, 256);
    make_submit(expected, after, sizeof after - 1);
    cr_assert_arr_eq(command, expected, size);
    again_pass(command, size, 1 << 20);
    make_submit(expected, none_left, sizeof none_left - 1);
    cr_assert_arr_eq(command, expected, size);
}

Test(again, a_submit_without_options_has_no_times)
{
    uint8_t command[128], expected[128];
    uint32_t size = make_submit(command, "", 0);

    make_submit(expected, "", 0);
    again_pass(command, size, 256);
    cr_assert_arr_eq(command, expected, size);
}

Test(again, what_is_no_submit_is_left_as_it_is)
{
    uint8_t command[32] = {0x92, 4, 0x80};

    cr_assert_eq(again_mark(command, 3), 3);
    cr_assert_eq(again_mark(command, 0), 0);
    cr_assert_eq(command[0], 0x92);
}
