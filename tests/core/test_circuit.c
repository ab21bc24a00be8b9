/* test_circuit.c - when a circuit opens, and how it closes. */
#include "broker/core/circuit.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)

static struct circuit circuit;
static struct pool_settings settings;

static void
set_up(void)
{
    circuit = (struct circuit){0};
    settings = (struct pool_settings){
        .circuit_failures = 3, .circuit_window_us = 10 * SECOND, .circuit_pause_us = 30 * SECOND};
}

TestSuite(circuit, .init = set_up);

static bool
fail(int64_t at_us)
{
    return circuit_judge(&circuit, &settings, 1, ATTEMPT_FAILED, at_us);
}

static bool
succeed(int64_t at_us)
{
    return circuit_judge(&circuit, &settings, 1, ATTEMPT_SUCCEEDED, at_us);
}

static bool
probe(uint64_t fence, enum attempt_outcome outcome, int64_t at_us)
{
    circuit_half_open(&circuit);
    circuit_begin_probe(&circuit, fence);
    cr_assert_not(circuit_admits(&circuit), "one at a time");
    return circuit_judge(&circuit, &settings, fence, outcome, at_us);
}

static void
open_at(int64_t at_us)
{
    fail(at_us);
    fail(at_us);
    cr_assert(fail(at_us));
}

Test(circuit, opens_at_the_last_failure_that_is_allowed)
{
    cr_assert_not(fail(100 * SECOND));
    cr_assert_not(fail(101 * SECOND));
    cr_assert(circuit_admits(&circuit));
    cr_assert(fail(102 * SECOND));
    cr_assert_eq(circuit.state, CIRCUIT_OPEN);
    cr_assert_eq(circuit.until_us, 132 * SECOND);
    cr_assert_not(circuit_admits(&circuit));
}

Test(circuit, failures_that_left_the_window_do_not_count)
{
    fail(100 * SECOND);
    fail(101 * SECOND);
    cr_assert_not(fail(110 * SECOND), "the first is ten seconds old");
    cr_assert_not(fail(111 * SECOND));
    cr_assert(fail(112 * SECOND));
    circuit_reset(&circuit);
    fail(200 * SECOND);
    fail(200 * SECOND);
    cr_assert_not(fail(300 * SECOND), "a long time without anything forgets all");
}

Test(circuit, stays_closed_while_more_than_half_succeed)
{
    for (int i = 0; i < 4; i++)
        succeed(100 * SECOND);
    cr_assert_not(fail(100 * SECOND));
    cr_assert_not(fail(100 * SECOND));
    cr_assert_not(fail(100 * SECOND));
    cr_assert(fail(100 * SECOND), "four of eight");
}

Test(circuit, what_says_nothing_is_not_counted)
{
    for (int i = 0; i < 9; i++)
        cr_assert_not(circuit_judge(&circuit, &settings, 1, ATTEMPT_NEUTRAL, 100 * SECOND));
    open_at(100 * SECOND);
}

Test(circuit, without_a_number_of_failures_it_never_opens)
{
    settings.circuit_failures = 0;
    for (int i = 0; i < 9; i++)
        cr_assert_not(fail(100 * SECOND));
}

Test(circuit, attempts_from_before_the_pause_say_nothing_any_more)
{
    open_at(100 * SECOND);
    cr_assert_not(succeed(101 * SECOND));
    cr_assert_not(fail(101 * SECOND));
    cr_assert_eq(circuit.until_us, 130 * SECOND);
    circuit_half_open(&circuit);
    circuit_begin_probe(&circuit, 7);
    cr_assert_not(circuit_judge(&circuit, &settings, 6, ATTEMPT_SUCCEEDED, 131 * SECOND));
    cr_assert_eq(circuit.state, CIRCUIT_HALF_OPEN);
}

Test(circuit, a_probe_that_succeeds_closes_it_and_the_past_is_forgotten)
{
    open_at(100 * SECOND);
    cr_assert(probe(7, ATTEMPT_SUCCEEDED, 131 * SECOND));
    cr_assert_eq(circuit.state, CIRCUIT_CLOSED);
    cr_assert_not(fail(131 * SECOND));
    cr_assert_not(fail(131 * SECOND));
}

Test(circuit, a_probe_that_says_nothing_is_followed_by_another)
{
    open_at(100 * SECOND);
    cr_assert_not(probe(7, ATTEMPT_NEUTRAL, 131 * SECOND));
    cr_assert(circuit_admits(&circuit));
    circuit_begin_probe(&circuit, 8);
    cr_assert(circuit_judge(&circuit, &settings, 8, ATTEMPT_SUCCEEDED, 132 * SECOND));
}

Test(circuit, each_probe_that_fails_doubles_the_pause_up_to_ten_times)
{
    int64_t pauses[] = {60, 120, 240, 300, 300};

    open_at(100 * SECOND);
    for (int i = 0; i < 5; i++) {
        cr_assert(probe(7, ATTEMPT_FAILED, 1000 * SECOND));
        cr_assert_eq(circuit.until_us, (1000 + pauses[i]) * SECOND);
    }
    cr_assert(probe(7, ATTEMPT_SUCCEEDED, 2000 * SECOND));
    open_at(3000 * SECOND);
    cr_assert_eq(circuit.pause_us, 30 * SECOND, "the next time it begins anew");
}

Test(circuit, reset_says_whether_it_was_closed)
{
    cr_assert_not(circuit_reset(&circuit));
    open_at(100 * SECOND);
    cr_assert(circuit_reset(&circuit));
    cr_assert(circuit_admits(&circuit));
}
