/* test_fault.c - tests of client/cli/fault.c. */
#include "client/cli/fault.h"
#include "client/cli/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
assert_shown(const char *text, const char *want)
{
    struct json_fault fault;
    json_t *value;
    char *shown;

    cr_assert_lt(json_value_parse(text, strlen(text), &value, &fault), 0, "%s", text);
    shown = fault_format(&fault, text, strlen(text), 40);
    cr_assert_str_eq(shown, want);
    free(shown);
}

Test(fault, the_caret_stands_below_the_place)
{
    assert_shown("[1, nope]", "  [1, nope]\n      ^\n");
}

Test(fault, a_bare_word_is_told_to_be_quoted)
{
    assert_shown("hello", "  hello\n  ^\n  a string needs quotes of its own: '\"hello\"'\n");
    assert_shown("/etc/hosts", "  /etc/hosts\n  ^\n  a string needs quotes of its own: '\"/etc/hosts\"'\n");
    assert_shown("größe", "  größe\n  ^\n  a string needs quotes of its own: '\"größe\"'\n");
}

Test(fault, other_mistakes_get_no_such_advice)
{
    assert_shown("{'a': 1}", "  {'a': 1}\n   ^\n");
    assert_shown("[1,", "  [1,\n     ^\n");
    assert_shown("it's", "  it's\n  ^\n");
}

Test(fault, of_several_lines_the_wrong_one_is_shown)
{
    assert_shown("[\n  1,\n  x]", "    x]\n    ^\n");
}

Test(fault, wide_characters_do_not_move_the_caret)
{
    assert_shown("[\"日本\", x]", "  [\"日本\", x]\n           ^\n");
}

Test(fault, of_a_long_line_the_part_around_the_place_is_shown)
{
    char text[2000] = "[";

    for (int i = 0; i < 400; i++)
        strcat(text, "1, ");
    strcat(text, "x, ");
    for (int i = 0; i < 100; i++)
        strcat(text, "2, ");
    assert_shown(text, "  …, 1, 1, 1, 1, 1, 1, x, 2, 2, 2, 2, 2, 2,…\n                       ^\n");
}

Test(fault, a_line_cannot_move_the_cursor)
{
    assert_shown("[\"\\u001b\", \033[2J]", "  [\"\\u001b\", \\x1b[2J]\n             ^\n");
}

Test(fault, a_fault_without_a_place_shows_nothing)
{
    struct json_fault fault = {.line = 0};
    char *shown = fault_format(&fault, "{}", 2, 40);

    cr_assert_str_eq(shown, "");
    free(shown);
}
