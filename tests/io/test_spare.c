/* test_spare.c - when memory is given back. */
#include "broker/io/spare.h"

#include <criterion/criterion.h>

TestSuite(spare, .timeout = 10);

Test(spare, is_given_back_when_a_backlog_has_gone_and_once_more_a_second_later)
{
    struct spare spare;

    spare_init(&spare);
    cr_assert(!spare_is_much(&spare, 100000, 0));
    cr_assert(!spare_is_much(&spare, 7000, 1));
    cr_assert(spare_is_much(&spare, 6000, 2));
    cr_assert(!spare_is_much(&spare, 0, 3), "it was few tasks already");
    cr_assert_eq(spare.again_us, 1000002);
    cr_assert(!spare_is_much(&spare, 0, 1000001));
    cr_assert(spare_is_much(&spare, 0, 1000002));
    cr_assert(!spare_is_much(&spare, 0, 2000002));
    cr_assert_eq(spare.again_us, INT64_MAX);
}

Test(spare, is_not_worth_it_for_few_tasks)
{
    struct spare spare;

    spare_init(&spare);
    for (int64_t now_us = 0; now_us < 100; now_us++)
        cr_assert(!spare_is_much(&spare, now_us % 2 ? 8000 : 0, now_us * 1000000));
}
