/* table.h - a table for people: aligned columns that fit a terminal. Cells may hold what a stranger wrote. Pure. */
#ifndef SNAKEPIT_CLI_TABLE_H
#define SNAKEPIT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum cell_style { CELL_PLAIN, CELL_GOOD, CELL_WARN, CELL_BAD, CELL_FAINT };

struct table_column {
    const char *title;
    bool is_right;   /* numbers */
    bool is_elastic; /* may be cut to make the table fit */
    unsigned drop;   /* may be left out if that is not enough, the highest first; 0: never */
};

struct table;

/* An empty table. `columns` must outlive it. The caller frees the result with table_destroy. Aborts when memory ends. */
struct table *
table_new(const struct table_column *columns, size_t count);

void
table_destroy(struct table **table_p);

/* Append a cell to the current row; a row that is full is followed by a new one. The text is copied and made safe. */
void
table_add(struct table *table, enum cell_style style, const char *text);

/* The same with a format. */
void
table_add_format(struct table *table, enum cell_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines of the table, the title first, as one text. width_max in columns of the terminal; 0: no limit. To fit, columns are
 * left out in the order of `drop`, until it is enough to cut elastic cells, the widest first, down to 8; a table that still
 * does not fit stays too wide. Caller frees. */
char *
table_format(const struct table *table, size_t width_max, bool with_colour);

#endif
