/* test_examples.c - every example does what it says, against a real broker and worker. */
#include "tests/client/stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stage *stage;

static void
set_up(void)
{
    stage = stage_new(TRANSPORT_TCP);
    stage_start_broker(stage);
    stage_start_worker(stage, "16");
}

static void
tear_down(void)
{
    stage_destroy(&stage);
}

TestSuite(examples, .init = set_up, .fini = tear_down, .timeout = 60);

static void
expect_output(const char *name, const char *input, const char *expected)
{
    char program[256], output[1024];

    snprintf(program, sizeof program, "%s/example_%s", getenv("EXAMPLES"), name);
    cr_assert_eq(stage_run(stage, program, input, output, sizeof output), 0);
    cr_assert_str_eq(output, expected);
}

Test(examples, call_prints_the_value)
{
    expect_output("call", "", "hello, pit\n");
}

Test(examples, batch_adds_up_all_results)
{
    expect_output("batch", "", "sum 499500, failed 0\n");
}

Test(examples, poll_turns_lines_into_results_also_the_last_without_an_end)
{
    expect_output("poll", "one\ntwo\n\nthree", "one\ntwo\n\nthree\n");
}

Test(examples, pool_shows_its_workers_and_what_they_did)
{
    expect_output("pool", "", "worker of echo: ready, 16 slots\n1 succeeded, 0 queued\n");
}

Test(examples, stream_prints_each_chunk)
{
    expect_output("stream", "", "chunk 1: drip\nchunk 2: drip\nchunk 3: drip\nend\n");
}

Test(examples, cancel_ends_a_running_task)
{
    expect_output("cancel", "", "accepted\ncancelled\n");
}
