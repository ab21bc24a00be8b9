/* test_json_check.c - which texts are JSON arrays. */
#include "broker/io/json_check.h"

#include <criterion/criterion.h>
#include <string.h>

Test(json_check, arrays_of_anything_are_taken)
{
    static const char *const good[] = {
        "[]", " [ ] ", "[1, -2.5e+3, 0, 0.1]", "[\"a\\n\\u00e4\\\"\", true, false, null]", "[{\"a\": [1, {}], \"b\": {}}]",
        "[[[[]]]]", "[\"\xc3\xa4\"]",
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(json_is_array(good[i]), "%s", good[i]);
}

Test(json_check, all_else_is_refused)
{
    static const char *const bad[] = {
        "",      "1",      "{}",       "[",       "[1",       "[1,]",      "[,1]",   "[1 2]",    "[1] 2", "[01]",  "[1.]",
        "[.5]",  "[1e]",   "[+1]",     "[tru]",   "[\"a]",    "[\"\\x\"]", "[\"\\u12\"]", "[{\"a\"}]", "[{a: 1}]", "[{1: 1}]",
        "['a']", "[\"\n\"]", "[{\"a\":1,}]", "[\"\\", "[\"\\u", "[nul", "[-]",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(json_is_array(bad[i]), "%s", bad[i]);
}

Test(json_check, nesting_has_a_limit)
{
    char text[301];

    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    cr_assert_not(json_is_array(text));
    cr_assert(json_is_array(text + 40 + 0) == false, "unbalanced");
    text[140] = '\0';
    cr_assert_not(json_is_array(text + 60 - 1));
    cr_assert(json_is_array(text + 60));
}
