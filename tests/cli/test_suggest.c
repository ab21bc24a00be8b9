/* test_suggest.c - tests of client/cli/suggest.c. */
#include "client/cli/suggest.h"

#include <criterion/criterion.h>

Test(suggest, near_words_and_beginnings_are_suggested)
{
    cr_assert(suggest_is_near("stauts", "status"));
    cr_assert(suggest_is_near("work", "workers"));
    cr_assert(suggest_is_near("cal", "call"));
}

Test(suggest, far_words_are_not_suggested)
{
    cr_assert_not(suggest_is_near("frobnicate", "status"));
    cr_assert_not(suggest_is_near("ls", "call"));
}

Test(suggest, a_word_of_any_length_is_taken)
{
    char word[1000];

    for (size_t i = 0; i < sizeof word; i++)
        word[i] = 'x';
    word[sizeof word - 1] = '\0';
    cr_assert_not(suggest_is_near(word, "status"));
}
