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

Test(table, columns_are_left_out_in_their_order_when_cutting_is_not_enough)
{
    static const struct table_column many[] = {
        {.title = "ID"}, {.title = "NAME", .is_elastic = true}, {.title = "FIRST", .drop = 2}, {.title = "SECOND", .drop = 1}};
    const char *const cells[] = {"1", "a-long-name", "x", "y"};
    const struct {
        size_t width;
        const char *want;
    } cases[] = {
        {30, "ID  NAME         FIRST  SECOND\n1   a-long-name  x      y\n"},
        {27, "ID  NAME      FIRST  SECOND\n1   a-long-…  x      y\n"},
        {26, "ID  NAME         SECOND\n1   a-long-name  y\n"},
        {19, "ID  NAME\n1   a-long-name\n"},
        {12, "ID  NAME\n1   a-long-…\n"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table *table = table_new(many, 4);

        for (size_t c = 0; c < 4; c++)
            table_add(table, CELL_PLAIN, cells[c]);
        assert_text(table, cases[i].width, false, cases[i].want);
    }
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
