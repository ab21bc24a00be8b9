/* test_progress.c - tests of client/cli/progress.c. */
#include "client/cli/progress.h"
#include "client/cli/text.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static char text[PROGRESS_TEXT_BYTES];

Test(progress, it_is_due_ten_times_a_second)
{
    struct progress progress;

    progress_init(&progress, 5 * SECOND);
    cr_assert(progress_is_due(&progress, 5 * SECOND));
    cr_assert_not(progress_is_due(&progress, 5 * SECOND + 99999));
    cr_assert(progress_is_due(&progress, 5 * SECOND + 100000));
    cr_assert_not(progress_is_due(&progress, 5 * SECOND + 100001));
}

Test(progress, without_a_total_it_counts)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.done = 1500;
    cr_assert_str_eq(progress_format(&progress, 1 + SECOND / 2, 80, false, text), "1,500 done  3,000/s");
}

Test(progress, with_a_total_it_has_a_bar_a_rate_and_an_estimate)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.done = 50;
    progress.total = 200;
    progress_format(&progress, 1 + SECOND / 2, 72, false, text);
    cr_assert_str_eq(text, " 25 %  #######-----------------------  50/200  100/s  ETA 1.5 s");
}

Test(progress, unicode_bars_have_the_same_width)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.done = 50;
    progress.total = 200;
    progress_format(&progress, 1 + SECOND / 2, 72, true, text);
    cr_assert(strstr(text, "███████░░░"));
    cr_assert_eq(text_width(text), strlen(" 25 %  #######-----------------------  50/200  100/s  ETA 1.5 s"));
}

Test(progress, failures_and_estimates_are_marked)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.done = 10;
    progress.failed = 2;
    progress.total = 2000;
    progress.is_estimate = true;
    progress_format(&progress, 1 + SECOND / 10, 120, false, text);
    cr_assert(strstr(text, "10/~2,000"), "%s", text);
    cr_assert(strstr(text, "2 failed"), "%s", text);
}

Test(progress, it_says_100_percent_only_at_the_end)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.total = 100000;
    progress.done = 99999;
    progress_format(&progress, SECOND, 80, false, text);
    cr_assert(strstr(text, " 99 %"), "%s", text);
    progress.done = 100000;
    progress_format(&progress, SECOND, 80, false, text);
    cr_assert(strstr(text, "100 %"), "%s", text);
    cr_assert_not(strstr(text, "ETA"), "%s", text);
}

Test(progress, a_total_that_was_estimated_too_low_does_not_pass_100_percent)
{
    struct progress progress;

    progress_init(&progress, 1);
    progress.total = 10;
    progress.done = 30;
    progress_format(&progress, SECOND, 80, false, text);
    cr_assert(strstr(text, "100 %"), "%s", text);
}

Test(progress, it_never_is_wider_than_the_terminal)
{
    for (size_t width = 0; width <= 120; width++) {
        struct progress progress;

        progress_init(&progress, 1);
        progress.done = 123456;
        progress.failed = 789;
        progress.total = 1234567;
        progress_format(&progress, 1 + SECOND / 2, width, width % 2, text);
        cr_assert_leq(text_width(text), width, "%zu columns: %s", width, text);
    }
}

Test(progress, the_rate_follows_a_change_of_speed_and_does_not_jump)
{
    struct progress progress;

    progress_init(&progress, 0);
    for (int second = 1; second <= 10; second++) {
        progress.done += 1000;
        progress_format(&progress, second * SECOND, 80, false, text);
    }
    cr_assert_str_eq(text, "10,000 done  1,000/s");
    progress.done += 100;
    progress_format(&progress, 11 * SECOND, 80, false, text);
    cr_assert_str_eq(text, "10,100 done  640/s");
    for (int second = 12; second <= 30; second++) {
        progress.done += 100;
        progress_format(&progress, second * SECOND, 80, false, text);
    }
    cr_assert_str_eq(text, "12,000 done  100/s");
}

Test(progress, the_rate_over_all_is_zero_before_any_time_has_passed)
{
    struct progress progress;

    progress_init(&progress, 7);
    progress.done = 5;
    cr_assert_eq(progress_rate(&progress, 7), 0);
    cr_assert_float_eq(progress_rate(&progress, 7 + SECOND), 5, 1e-9);
}
