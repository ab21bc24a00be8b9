/* test_json_number.c - tests of client/cli/json_number.c. */
#include "client/cli/json_number.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

static void
assert_marked(const char *text, const char *want)
{
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    json_number_mark(text, strlen(text), &out);
    cr_assert_eq(out.size, strlen(want), "%.*s", (int)out.size, (const char *)out.data);
    cr_assert(memcmp(out.data, want, out.size) == 0, "%.*s", (int)out.size, (const char *)out.data);
    wire_buffer_fini(&out);
}

Test(json_number, only_whole_numbers_beyond_63_bits_are_marked)
{
    assert_marked("[1, -2, 9223372036854775807, -9223372036854775808]", "[1, -2, 9223372036854775807, -9223372036854775808]");
    assert_marked("9223372036854775808", "{\"$int\":\"9223372036854775808\"}");
    assert_marked("[18446744073709551615,-9223372036854775809]",
                  "[{\"$int\":\"18446744073709551615\"},{\"$int\":\"-9223372036854775809\"}]");
    assert_marked("12345678901234567890.5", "12345678901234567890.5");
    assert_marked("12345678901234567890e3", "12345678901234567890e3");
    assert_marked("012345678901234567890", "012345678901234567890");
}

Test(json_number, numbers_in_strings_stay)
{
    assert_marked("{\"99999999999999999999\": \"a\\\"99999999999999999999\"}",
                  "{\"99999999999999999999\": \"a\\\"99999999999999999999\"}");
    assert_marked("\"99999999999999999999", "\"99999999999999999999");
}

Test(json_number, places_are_found_again)
{
    const char *text = "[99999999999999999999, x, 99999999999999999999, y]";
    size_t size = strlen(text);
    size_t x = (size_t)(strchr(text, 'x') - text), y = (size_t)(strchr(text, 'y') - text);

    cr_assert_eq(json_number_unmark_offset(text, size, 0), 0);
    cr_assert_eq(json_number_unmark_offset(text, size, 5), 1, "inside of a mark: where its number begins");
    cr_assert_eq(json_number_unmark_offset(text, size, x + 11), x);
    cr_assert_eq(json_number_unmark_offset(text, size, y + 22), y);
    cr_assert_eq(json_number_unmark_offset(text, size, 1000), size);
}

Test(json_number, a_whole_number_is_what_json_calls_one)
{
    const char *const wrong[] = {"", "-", "00", "01", "-01", "1.0", "1e3", "+1", " 1", "1 ", "--1", "x"};

    cr_assert(json_number_is_whole("0", 1) && json_number_is_whole("-0", 2) && json_number_is_whole("-12", 3));
    cr_assert(json_number_is_whole("123456789012345678901234567890", 30));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(json_number_is_whole(wrong[i], strlen(wrong[i])), "\"%s\"", wrong[i]);
}

Test(json_number, sixty_four_bits_are_read)
{
    int64_t number;
    uint64_t large;

    cr_assert_eq(json_number_parse("18446744073709551615", &number, &large), OK);
    cr_assert(number == 0 && large == UINT64_MAX);
    cr_assert_eq(json_number_parse("-9223372036854775808", &number, &large), OK);
    cr_assert(number == INT64_MIN && large == 0);
    cr_assert_eq(json_number_parse("0", &number, &large), OK);
    cr_assert(number == 0 && large == 0);
}

Test(json_number, more_than_that_is_refused)
{
    const char *const wrong[] = {"", "-", "18446744073709551616", "-9223372036854775809", "1.0", "1e3", " 1", "+1",
                                 "100000000000000000000000"};
    int64_t number;
    uint64_t large;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(json_number_parse(wrong[i], &number, &large), ERR_INVALID, "\"%s\"", wrong[i]);
}
