/* test_table.c - tests of client/cli/table.c. */
#include "client/cli/table.h"
#include "client/cli/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {
    {.title = "NAME", .is_elastic = true}, {.title = "QUEUED", .is_right = true}, {.title = "STATE"}};

static struct table *
make_table(void)
{
    return table_new(columns, sizeof columns / sizeof *columns);
}

static void
assert_text(struct table *table, size_t width, bool with_colour, const char *want)
{
    char *text = table_format(table, width, with_colour);

    cr_assert_str_eq(text, want);
    free(text);
    table_destroy(&table);
    cr_assert_null(table);
}

Test(table, an_empty_table_is_its_titles)
{
    assert_text(make_table(), 0, false, "NAME  QUEUED  STATE\n");
}

Test(table, numbers_stand_right_and_lines_have_no_blanks_at_their_end)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "numbers");
    table_add_format(table, CELL_PLAIN, "%d", 12);
    table_add(table, CELL_GOOD, "open");
    table_add(table, CELL_PLAIN, "t");
    table_add(table, CELL_PLAIN, "1,234,567");
    table_add(table, CELL_WARN, "draining");
    assert_text(table, 0, false,
                "NAME        QUEUED  STATE\n"
                "numbers         12  open\n"
                "t        1,234,567  draining\n");
}

Test(table, wide_characters_keep_the_columns_straight)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "日本語");
    table_add(table, CELL_PLAIN, "1");
    table_add(table, CELL_PLAIN, "open");
    table_add(table, CELL_PLAIN, "e\xcc\x81");
    table_add(table, CELL_PLAIN, "2");
    table_add(table, CELL_PLAIN, "open");
    assert_text(table, 0, false,
                "NAME    QUEUED  STATE\n"
                "日本語       1  open\n"
                "e\xcc\x81            2  open\n");
}

Test(table, elastic_cells_are_cut_to_fit)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "a-very-long-name-of-a-pool");
    table_add(table, CELL_PLAIN, "1");
    table_add(table, CELL_PLAIN, "open");
    assert_text(table, 28, false,
                "NAME           QUEUED  STATE\n"
                "a-very-long-…       1  open\n");
}

Test(table, a_table_that_cannot_fit_keeps_eight_columns_of_an_elastic_cell)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "a-very-long-name");
    table_add(table, CELL_PLAIN, "1");
    table_add(table, CELL_PLAIN, "open");
    assert_text(table, 5, false, "NAME      QUEUED  STATE\na-very-…       1  open\n");
}

Test(table, a_name_cannot_move_the_cursor)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "x\033[2J\n");
    table_add(table, CELL_PLAIN, "1");
    table_add(table, CELL_PLAIN, "open");
    assert_text(table, 0, false, "NAME        QUEUED  STATE\nx\\x1b[2J\\n       1  open\n");
}

Test(table, colours_are_there_only_when_asked_for_and_change_no_width)
{
    struct table *table = make_table();

    table_add(table, CELL_PLAIN, "n");
    table_add(table, CELL_PLAIN, "1");
    table_add(table, CELL_BAD, "lost");
    assert_text(table, 0, true,
                "\033[1mNAME\033[0m  \033[1mQUEUED\033[0m  \033[1mSTATE\033[0m\n"
                "n          1  \033[31mlost\033[0m\n");
}
