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

static void
measure(const struct table *table, size_t *widths)
{
    for (size_t c = 0; c < table->column_count; c++)
        widths[c] = text_width(table->columns[c].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = text_width(table->cells[i].text);

        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
}

/* Take columns from the widest elastic one until the table fits or nothing more can be taken. */
static void
shrink(const struct table *table, size_t *widths, size_t width_max)
{
    size_t total = GAP * (table->column_count - 1);

    for (size_t c = 0; c < table->column_count; c++)
        total += widths[c];
    while (total > width_max) {
        size_t widest = table->column_count;

        for (size_t c = 0; c < table->column_count; c++)
            if (table->columns[c].is_elastic && widths[c] > ELASTIC_MIN &&
                (widest == table->column_count || widths[c] > widths[widest]))
                widest = c;
        if (widest == table->column_count)
            return;
        widths[widest]--;
        total--;
    }
}

static void
put_blanks(FILE *out, size_t count)
{
    while (count-- > 0)
        fputc(' ', out);
}

/* One cell, cut and padded to `width`; the last of a line is not padded on the right. */
static void
put_cell(FILE *out, const char *text, const char *colour, size_t width, bool is_right, bool is_last)
{
    char *copy = must(malloc(strlen(text) + 4));

    strcpy(copy, text);
    text_cut(copy, width);

    size_t blanks = width - text_width(copy);

    if (is_right)
        put_blanks(out, blanks);
    fputs(colour, out);
    fputs(copy, out);
    if (*colour)
        fputs("\033[0m", out);
    if (!is_last)
        put_blanks(out, (is_right ? 0 : blanks) + GAP);
    free(copy);
}

char *
table_format(const struct table *table, size_t width_max, bool with_colour)
{
    static const char *const colours[] = {[CELL_PLAIN] = "",          [CELL_GOOD] = "\033[32m",
                                          [CELL_WARN] = "\033[33m",   [CELL_BAD] = "\033[31m",
                                          [CELL_FAINT] = "\033[2m"};
    size_t widths[COLUMNS_MAX], last = table->column_count - 1;
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = must(open_memstream(&text, &text_bytes));

    measure(table, widths);
    if (width_max > 0)
        shrink(table, widths, width_max);
    for (size_t c = 0; c <= last; c++)
        put_cell(out, table->columns[c].title, with_colour ? "\033[1m" : "", widths[c], table->columns[c].is_right,
                 c == last);
    fputc('\n', out);
    for (size_t i = 0; i < table->cell_count; i++) {
        const struct cell *cell = &table->cells[i];
        size_t c = i % table->column_count;

        put_cell(out, cell->text, with_colour ? colours[cell->style] : "", widths[c], table->columns[c].is_right,
                 c == last);
        if (c == last)
            fputc('\n', out);
    }
    fclose(out);
    return must(text);
}
