/* test_text.c - names and texts. */
#include "wire/text.h"

#include <criterion/criterion.h>
#include <string.h>

static unsigned
distance(const char *a, const char *b)
{
    return text_distance(text_bytes(a), text_bytes(b));
}

Test(text, names_have_letters_digits_and_three_signs)
{
    char longest[NAME_BYTES_MAX + 2];

    memset(longest, 'a', sizeof longest);
    longest[NAME_BYTES_MAX + 1] = 0;
    cr_assert(text_is_name(text_bytes("Text-2.small_ones")));
    cr_assert_not(text_is_name(text_bytes("")));
    cr_assert_not(text_is_name(text_bytes("a b")));
    cr_assert_not(text_is_name(text_bytes("$snakepit")));
    cr_assert_not(text_is_name(text_bytes("gr\xc3\xbcn")));
    cr_assert_not(text_is_name(text_bytes(longest)));
    longest[NAME_BYTES_MAX] = 0;
    cr_assert(text_is_name(text_bytes(longest)));
}

Test(text, a_text_is_a_string_of_the_same_bytes)
{
    cr_assert(text_is(text_bytes("text"), "text"));
    cr_assert_not(text_is(text_bytes("tex"), "text"));
    cr_assert_not(text_is(text_bytes("texts"), "text"));
    cr_assert_not(text_is(text_bytes("Text"), "text"));
}

Test(text, a_cut_never_splits_a_character)
{
    struct bytes text = text_bytes("ab\xe2\x82\xac"); /* ab and the euro sign */

    cr_assert_eq(text_head(text, 5).size, 5);
    cr_assert_eq(text_head(text, 4).size, 2);
    cr_assert_eq(text_head(text, 3).size, 2);
    cr_assert_eq(text_head(text, 2).size, 2);
    cr_assert_eq(text_head(text, 1).size, 1);
    cr_assert_eq(text_head(text, 0).size, 0);
}

Test(text, code_points_of_each_length_are_decoded)
{
    uint32_t code = 0;

    cr_assert_eq(text_decode("a", 1, &code), 1);
    cr_assert_eq(code, 'a');
    cr_assert_eq(text_decode("é", 2, &code), 2);
    cr_assert_eq(code, 0xe9);
    cr_assert_eq(text_decode("€", 3, &code), 3);
    cr_assert_eq(code, 0x20ac);
    cr_assert_eq(text_decode("🐍", 4, &code), 4);
    cr_assert_eq(code, 0x1f40d);
}

Test(text, bytes_that_are_not_utf8_are_refused)
{
    const char *const wrong[] = {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"};
    uint32_t code;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(text_decode(wrong[i], strlen(wrong[i]), &code), 0, "case %zu", i);
    cr_assert_eq(text_decode("€", 2, &code), 0, "cut in its middle");
}

Test(text, what_moves_a_cursor_turns_a_line_or_hides_is_unsafe)
{
    const uint32_t unsafe[] = {0, '\n', 0x1b, 0x7f, 0x9b, 0x61c, 0x200f, 0x202e, 0x2060, 0x2069, 0xfeff};
    const uint32_t safe[] = {' ', '~', 0xa0, 0xe9, 0x200d, 0x20ac, 0x1f40d};

    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        cr_expect(text_is_unsafe(unsafe[i]), "%x", unsafe[i]);
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        cr_expect_not(text_is_unsafe(safe[i]), "%x", safe[i]);
}

Test(text, distance_counts_single_changes)
{
    cr_assert_eq(distance("text", "text"), 0);
    cr_assert_eq(distance("text", "txt"), 1);
    cr_assert_eq(distance("text", "texts"), 1);
    cr_assert_eq(distance("text", "tent"), 1);
    cr_assert_eq(distance("text", "etxt"), 1);
    cr_assert_eq(distance("", "abc"), 3);
    cr_assert_eq(distance("kitten", "sitting"), 3);
    cr_assert_eq(distance("numbers", "text"), 6);
}

Test(text, what_is_too_long_for_a_name_is_far_from_all)
{
    char longest[NAME_BYTES_MAX + 2];

    memset(longest, 'a', sizeof longest);
    longest[NAME_BYTES_MAX + 1] = 0;
    cr_assert_eq(distance(longest, "a"), NAME_BYTES_MAX);
}
