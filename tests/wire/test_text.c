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
