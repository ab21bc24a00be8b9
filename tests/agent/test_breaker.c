/* test_breaker.c - tests of agent/breaker.c and agent/start_gate.c: what may start when. */
#include "agent/breaker.h"
#include "agent/start_gate.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)

Test(breaker, opens_at_the_last_of_so_many_failures_within_the_window)
{
    static struct breaker breaker;

    breaker_init(&breaker, 3, 60 * SECOND);
    cr_expect_not(breaker_fail(&breaker, 1 * SECOND));
    cr_expect_not(breaker_fail(&breaker, 2 * SECOND));
    cr_expect(breaker_allows(&breaker, 2 * SECOND));
    cr_expect(breaker_fail(&breaker, 61 * SECOND));
    cr_expect_not(breaker_allows(&breaker, 61 * SECOND));
}

Test(breaker, forgets_failures_that_are_older_than_the_window)
{
    static struct breaker breaker;

    breaker_init(&breaker, 3, 60 * SECOND);
    for (int64_t at = 0; at < 100; at++)
        cr_expect_not(breaker_fail(&breaker, at * 31 * SECOND), "failure %d", (int)at);
}

Test(breaker, allows_one_try_each_window_while_it_is_open)
{
    static struct breaker breaker;

    breaker_init(&breaker, 1, 60 * SECOND);
    cr_expect(breaker_fail(&breaker, 0));
    cr_expect_not(breaker_allows(&breaker, 59 * SECOND));
    cr_expect(breaker_allows(&breaker, 60 * SECOND));
    breaker_try(&breaker, 60 * SECOND);
    cr_expect_not(breaker_allows(&breaker, 61 * SECOND));
    cr_expect_not(breaker_fail(&breaker, 62 * SECOND), "it was open already");
    cr_expect(breaker_allows(&breaker, 120 * SECOND));
}

Test(breaker, that_was_reset_counts_anew)
{
    static struct breaker breaker;

    breaker_init(&breaker, 2, 60 * SECOND);
    breaker_fail(&breaker, 0);
    cr_expect(breaker_fail(&breaker, 1));
    breaker_reset(&breaker);
    cr_expect(breaker_allows(&breaker, 2));
    cr_expect_not(breaker_fail(&breaker, 3));
    cr_expect(breaker_trip(&breaker, 4), "tripping needs no count");
}

Test(start_gate, without_a_batch_lets_all_start)
{
    struct start_gate gate;

    start_gate_init(&gate, 0, SECOND);
    for (int i = 0; i < 1000; i++)
        start_gate_pass(&gate);
    start_gate_watch(&gate, 1000, 0);
    cr_expect(start_gate_allows(&gate, 0));
    cr_expect_eq(start_gate_next_due_us(&gate), 0);
}

Test(start_gate, opens_for_the_next_batch_when_nobody_of_this_one_starts_any_more_and_the_delay_is_over)
{
    struct start_gate gate;

    start_gate_init(&gate, 2, 5 * SECOND);
    start_gate_pass(&gate);
    cr_expect(start_gate_allows(&gate, 0));
    start_gate_pass(&gate);
    start_gate_watch(&gate, 1, SECOND);
    cr_expect_not(start_gate_allows(&gate, 100 * SECOND));
    cr_expect_eq(start_gate_next_due_us(&gate), INT64_MAX);
    start_gate_watch(&gate, 0, 2 * SECOND);
    cr_expect_not(start_gate_allows(&gate, 6 * SECOND));
    cr_expect_eq(start_gate_next_due_us(&gate), 7 * SECOND);
    start_gate_watch(&gate, 0, 7 * SECOND);
    cr_expect(start_gate_allows(&gate, 7 * SECOND));
    start_gate_pass(&gate);
    start_gate_pass(&gate);
    cr_expect_not(start_gate_allows(&gate, 7 * SECOND));
}
