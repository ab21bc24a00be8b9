/* table.c - a table for people; see table.h. */
#include "client/cli/table.h"

#include "client/cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, ELASTIC_MIN = 8, COLUMNS_MAX = 24 };

struct cell {
    char *text; /* safe; owned */
    enum cell_style style;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count, cell_capacity;
};

/* Memory that ends while we print a table for a person: there is nothing better to do. */
static void *
must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

struct table *
table_new(const struct table_column *columns, size_t count)
{
    struct table *table = must(calloc(1, sizeof *table));

    if (count > COLUMNS_MAX)
        abort();
    table->columns = columns;
    table->column_count = count;
    return table;
}

void
table_destroy(struct table **table_p)
{
    struct table *table = *table_p;

    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table);
    *table_p = NULL;
}

void
table_add(struct table *table, enum cell_style style, const char *text)
{
    if (table->cell_count == table->cell_capacity) {
        table->cell_capacity = table->cell_capacity ? table->cell_capacity * 2 : 64;
        table->cells = must(realloc(table->cells, table->cell_capacity * sizeof *table->cells));
    }
    table->cells[table->cell_count++] = (struct cell){must(text_make_safe(text, strlen(text), 0)), style};
}

void
table_add_format(struct table *table, enum cell_style style, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_add(table, style, text);
}

/* What is printed of each column: its width; 0: it is left out. */
struct layout {
    size_t widths[COLUMNS_MAX];
    size_t last; /* the last column that is printed */
};

static void
measure(const struct table *table, struct layout *layout)
{
    for (size_t c = 0; c < table->column_count; c++)
        layout->widths[c] = text_width(table->columns[c].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = text_width(table->cells[i].text), c = i % table->column_count;

        if (width > layout->widths[c])
            layout->widths[c] = width;
    }
}

/* Width of the table; with `is_least`, if all elastic cells were cut as far as they can be. */
static size_t
total_width(const struct table *table, const struct layout *layout, bool is_least)
{
    size_t total = 0;

    for (size_t c = 0; c < table->column_count; c++) {
        size_t width = layout->widths[c];

        if (width == 0)
            continue;
        if (is_least && table->columns[c].is_elastic && width > ELASTIC_MIN)
            width = ELASTIC_MIN;
        total += width + (total > 0 ? GAP : 0);
    }
    return total;
}

/* Leave columns out until the table can be made to fit. */
static void
drop_columns(const struct table *table, struct layout *layout, size_t width_max)
{
    while (total_width(table, layout, true) > width_max) {
        size_t dropped = COLUMNS_MAX;

        for (size_t c = 0; c < table->column_count; c++)
            if (layout->widths[c] > 0 && table->columns[c].drop > 0 &&
                (dropped == COLUMNS_MAX || table->columns[c].drop > table->columns[dropped].drop))
                dropped = c;
        if (dropped == COLUMNS_MAX)
            return;
        layout->widths[dropped] = 0;
    }
}

/* Take columns of the terminal from the widest elastic cells until the table fits or nothing more can be taken. */
static void
cut_cells(const struct table *table, struct layout *layout, size_t width_max)
{
    for (size_t total = total_width(table, layout, false); total > width_max; total--) {
        size_t widest = COLUMNS_MAX;

        for (size_t c = 0; c < table->column_count; c++)
            if (table->columns[c].is_elastic && layout->widths[c] > ELASTIC_MIN &&
                (widest == COLUMNS_MAX || layout->widths[c] > layout->widths[widest]))
                widest = c;
        if (widest == COLUMNS_MAX)
            return;
        layout->widths[widest]--;
    }
}

static void
put_blanks(FILE *out, size_t count)
{
    while (count-- > 0)
        fputc(' ', out);
}

/* The cell of column `c`, cut and padded; the last of a line is not padded on the right. */
static void
put_cell(FILE *out, const struct table *table, const struct layout *layout, size_t c, const char *text,
         const char *colour)
{
    bool is_right = table->columns[c].is_right, is_last = c == layout->last;
    char *copy;
    size_t blanks;

    if (layout->widths[c] == 0)
        return;
    copy = must(malloc(strlen(text) + 4));
    strcpy(copy, text);
    text_cut(copy, layout->widths[c]);
    blanks = layout->widths[c] - text_width(copy);
    if (is_right)
        put_blanks(out, blanks);
    fprintf(out, "%s%s%s", colour, copy, *colour ? "\033[0m" : "");
    if (!is_last)
        put_blanks(out, (is_right ? 0 : blanks) + GAP);
    free(copy);
}

char *
table_format(const struct table *table, size_t width_max, bool with_colour)
{
    static const char *const colours[] = {[CELL_PLAIN] = "",        [CELL_GOOD] = "\033[32m", [CELL_WARN] = "\033[33m",
                                          [CELL_BAD] = "\033[31m", [CELL_FAINT] = "\033[2m"};
    struct layout layout;
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = must(open_memstream(&text, &text_bytes));

    measure(table, &layout);
    if (width_max > 0) {
        drop_columns(table, &layout, width_max);
        cut_cells(table, &layout, width_max);
    }
    layout.last = table->column_count - 1;
    while (layout.last > 0 && layout.widths[layout.last] == 0)
        layout.last--;
    for (size_t c = 0; c < table->column_count; c++)
        put_cell(out, table, &layout, c, table->columns[c].title, with_colour ? "\033[1m" : "");
    fputc('\n', out);
    for (size_t i = 0; i < table->cell_count; i++) {
        const struct cell *cell = &table->cells[i];

        put_cell(out, table, &layout, i % table->column_count, cell->text, with_colour ? colours[cell->style] : "");
        if ((i + 1) % table->column_count == 0)
            fputc('\n', out);
    }
    fclose(out);
    return must(text);
}
