/* test_text.c - tests of client/cli/text.c. */
#include "client/cli/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(text, width_counts_columns_and_not_bytes)
{
    cr_assert_eq(text_width(""), 0);
    cr_assert_eq(text_width("abc"), 3);
    cr_assert_eq(text_width("é€"), 2);
    cr_assert_eq(text_width("日本"), 4);
    cr_assert_eq(text_width("🐍"), 2);
    cr_assert_eq(text_width("e\xcc\x81"), 1, "a combining accent takes no column");
    cr_assert_eq(text_width("\xff\xfe"), 2);
}

static void
assert_safe(const char *given, const char *want, int keep_lines)
{
    char *safe = text_make_safe(given, strlen(given), keep_lines);

    cr_assert_str_eq(safe, want);
    free(safe);
}

Test(text, control_characters_become_visible)
{
    assert_safe("a\033[31mb", "a\\x1b[31mb", 0);
    assert_safe("a\nb\tc\r", "a\\nb\\tc\\r", 0);
    assert_safe("\x7f", "\\x7f", 0);
    assert_safe("\xc2\x9b" "2J", "\\x9b2J", 0);
    assert_safe("\xff", "\\xff", 0);
}

Test(text, characters_that_turn_the_writing_direction_become_visible)
{
    assert_safe("a\xe2\x80\xae" "b", "a\\u202eb", 0);
}

Test(text, lines_stay_when_they_are_wanted)
{
    assert_safe("a\n\tb\033", "a\n\tb\\x1b", 1);
}

Test(text, other_text_stays_as_it_is)
{
    assert_safe("Grüße, 日本 🐍", "Grüße, 日本 🐍", 0);
}

static void
assert_cut(const char *given, size_t width, const char *want)
{
    char text[64];

    strcpy(text, given);
    text_cut(text, width);
    cr_assert_str_eq(text, want);
    cr_assert_leq(text_width(text), width);
}

Test(text, a_text_that_fits_is_not_cut)
{
    assert_cut("abc", 3, "abc");
    assert_cut("日本", 4, "日本");
}

Test(text, a_cut_text_ends_in_an_ellipsis)
{
    assert_cut("abcdef", 4, "abc…");
    assert_cut("日本語", 4, "日…");
    assert_cut("日本語", 5, "日本…");
    assert_cut("abc", 1, "…");
    assert_cut("abc", 0, "");
}
