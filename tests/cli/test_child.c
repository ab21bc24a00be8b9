/* test_child.c - tests of client/cli/child.c. */
#include "client/cli/child.h"

#include "broker/io/clock.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct child_result result;

static void
tear_down(void)
{
    child_fini(&result);
}

TestSuite(child, .fini = tear_down);

static void
run(const char *script, int timeout_ms)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    char *environment[] = {"DOCTOR_TEST=there", NULL};
    const struct child_plan plan = {
        .argv = argv, .directory = "/", .environment = environment, .timeout_ms = timeout_ms};

    cr_assert_eq(child_run(&plan, &result), OK);
}

Test(child, what_it_prints_and_how_it_ends_is_told)
{
    run("pwd; echo $DOCTOR_TEST; echo wrong >&2; exit 3", 10000);
    cr_assert_str_eq(result.output, "/\nthere\n");
    cr_assert_str_eq(result.errors, "wrong\n");
    cr_assert_eq(result.status, 3);
    cr_assert_not(result.timed_out);
}

Test(child, a_program_that_closes_its_output_before_it_ends_is_waited_for)
{
    run("exec >&- 2>&-; sleep 0.1; exit 5", 10000);
    cr_assert_eq(result.status, 5);
}

Test(child, one_that_takes_too_long_is_killed_with_what_it_started)
{
    int64_t start_us = clock_now_us();

    run("sleep 60 & echo $!; sleep 60", 200);
    cr_assert(result.timed_out);
    cr_assert_lt(clock_now_us() - start_us, INT64_C(10000000));
    /* Killed at once; only its reaping, by another process, may take a moment. */
    for (int64_t end_us = clock_now_us() + 10000000; kill(atoi(result.output), 0) == 0;)
        cr_assert_lt(clock_now_us(), end_us);
    cr_assert_eq(errno, ESRCH);
}

Test(child, of_the_errors_the_end_is_kept)
{
    run("i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i + 1)); done >&2", 10000);
    cr_assert_eq(strlen(result.errors), 1000);
    cr_assert(strstr(result.errors, "line 399\n"));
    cr_assert_null(strstr(result.errors, "line 1\n"));
}

Test(child, output_is_bounded)
{
    run("head -c 3000000 /dev/zero | tr '\\0' x", 10000);
    cr_assert_eq(strlen(result.output), 1024 * 1024);
}

Test(child, a_program_that_is_not_there_says_so)
{
    char *argv[] = {"no-such-program-here", NULL};

    cr_assert_eq(child_run(&(struct child_plan){.argv = argv, .timeout_ms = 10000}, &result), OK);
    cr_assert_eq(result.status, 127);
    cr_assert(strstr(result.errors, "cannot run no-such-program-here"));
}
