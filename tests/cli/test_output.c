/* test_output.c - tests of client/cli/output.c with real pipes. */
#include "client/cli/output.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct output output;
static int ends[2];

static void
open_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    output_init(&output, ends[1]);
}

static void
close_pipe(void)
{
    output_fini(&output);
    close(ends[0]);
    close(ends[1]);
}

TestSuite(output, .init = open_pipe, .fini = close_pipe, .timeout = 10);

static void
put(size_t size)
{
    uint8_t *bytes = malloc(size);

    cr_assert_not_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 4096);
    wire_write_raw(&output.pending, (struct bytes){bytes, (uint32_t)size});
    free(bytes);
}

Test(output, what_fits_is_written_at_once)
{
    char text[8];

    wire_write_raw(&output.pending, (struct bytes){(const uint8_t *)"hello", 5});
    cr_assert_eq(output_flush(&output), OK);
    cr_assert_eq(output_left(&output), 0);
    cr_assert_eq(read(ends[0], text, sizeof text), 5);
    cr_assert(memcmp(text, "hello", 5) == 0);
}

Test(output, a_full_pipe_does_not_block_and_nothing_is_lost)
{
    size_t size = 3000000, got = 0;
    uint8_t bytes[10000];

    put(size);
    cr_assert_eq(output_flush(&output), OK);
    cr_assert_gt(output_left(&output), 0);
    while (got < size) {
        ssize_t count = read(ends[0], bytes, sizeof bytes);

        cr_assert_gt(count, 0);
        for (ssize_t i = 0; i < count; i++, got++)
            if (bytes[i] != (uint8_t)(got * 31 + got / 4096))
                cr_assert_fail("byte %zu is wrong", got);
        cr_assert_eq(output_flush(&output), OK);
    }
    cr_assert_eq(output_left(&output), 0);
    cr_assert_leq(output.pending.capacity, 1024 * 1024, "the memory of a large result is given back");
}

Test(output, a_reader_that_is_gone_is_noticed_also_when_nothing_is_to_be_written)
{
    cr_assert_eq(output_flush(&output), OK);
    close(ends[0]);
    cr_assert_eq(output_flush(&output), ERR_SYSTEM);
    cr_assert_eq(output.error, EPIPE);
    put(100);
    cr_assert_eq(output_flush(&output), ERR_SYSTEM);
    cr_assert_eq(output_left(&output), 0, "what nobody reads is not collected");
}

Test(output, a_full_disk_is_an_error)
{
    struct output full;
    int fd = open("/dev/full", O_WRONLY);

    cr_assert_geq(fd, 0);
    output_init(&full, fd);
    wire_write_raw(&full.pending, (struct bytes){(const uint8_t *)"x", 1});
    cr_assert_eq(output_flush(&full), ERR_SYSTEM);
    cr_assert_eq(full.error, ENOSPC);
    output_fini(&full);
    close(fd);
}
