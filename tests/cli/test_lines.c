/* test_lines.c - tests of client/cli/lines.c with real pipes. */
#include "client/cli/lines.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
put(int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
assert_line(struct lines *lines, const char *want)
{
    const char *text;
    size_t size;

    cr_assert_eq(lines_next(lines, &text, &size), OK, "no line where \"%s\" was expected", want);
    cr_assert(size == strlen(want) && memcmp(text, want, size) == 0, "\"%.*s\"", (int)size, text);
}

static void
assert_no_line(struct lines *lines)
{
    const char *text;
    size_t size;

    cr_assert_eq(lines_next(lines, &text, &size), ERR_NOT_FOUND);
}

Test(lines, lines_come_whole_although_their_bytes_come_in_pieces)
{
    struct lines lines;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    lines_init(&lines, ends[0]);
    assert_no_line(&lines);
    put(ends[1], "one\ntw");
    cr_assert_eq(lines_fill(&lines), OK);
    assert_line(&lines, "one");
    assert_no_line(&lines);
    put(ends[1], "o\r\n\nlast");
    cr_assert_eq(lines_fill(&lines), OK);
    assert_line(&lines, "two");
    assert_line(&lines, "");
    assert_no_line(&lines);
    close(ends[1]);
    cr_assert_eq(lines_fill(&lines), OK);
    cr_assert(lines.is_at_end);
    assert_line(&lines, "last");
    assert_no_line(&lines);
    cr_assert_eq(lines.number, 4);
    cr_assert_eq(lines.bytes_read, strlen("one\ntwo\r\n\nlast"));
    lines_fini(&lines);
    close(ends[0]);
}

Test(lines, an_empty_input_has_no_line)
{
    struct lines lines;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    close(ends[1]);
    lines_init(&lines, ends[0]);
    cr_assert_eq(lines_fill(&lines), OK);
    assert_no_line(&lines);
    cr_assert(lines.is_at_end);
    lines_fini(&lines);
    close(ends[0]);
}

Test(lines, a_closed_descriptor_is_an_error_and_not_an_end)
{
    struct lines lines;

    lines_init(&lines, -1);
    cr_assert_eq(lines_fill(&lines), ERR_SYSTEM);
    lines_fini(&lines);
}

Test(lines, memory_stays_at_what_the_longest_line_needs)
{
    struct lines lines;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    lines_init(&lines, ends[0]);
    for (int i = 0; i < 20000; i++) {
        put(ends[1], "a line of some forty characters, no more\n");
        cr_assert_eq(lines_fill(&lines), OK);
        assert_line(&lines, "a line of some forty characters, no more");
    }
    cr_assert_leq(lines.capacity, 256 * 1024);
    lines_fini(&lines);
    close(ends[0]);
    close(ends[1]);
}

Test(lines, a_line_without_end_is_refused)
{
    struct lines lines;
    int zero;
    FILE *endless = fopen("/dev/zero", "r");
    int status = OK;

    cr_assert_not_null(endless);
    zero = fileno(endless);
    lines_init(&lines, zero);
    for (int i = 0; i < 10000 && status == OK; i++) {
        status = lines_fill(&lines);
        assert_no_line(&lines);
    }
    cr_assert_eq(status, ERR_FULL);
    cr_assert_leq(lines.capacity, 2 * (size_t)LINE_BYTES_MAX + 256 * 1024);
    lines_fini(&lines);
    fclose(endless);
}
