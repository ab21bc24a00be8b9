/* test_event_table.c - docs/operations.md names every event and every field of it, and no other. */
#include "broker/io/event_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *document;

static void
set_up(void)
{
    const char *root = getenv("SOURCE_ROOT");
    char path[4096];
    FILE *file;
    long size;

    snprintf(path, sizeof path, "%s/docs/operations.md", root ? root : ".");
    file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    document = calloc(1, (size_t)size + 1);
    cr_assert_eq(fread(document, 1, (size_t)size, file), (size_t)size);
    fclose(file);
}

static void
tear_down(void)
{
    free(document);
}

TestSuite(event_table, .init = set_up, .fini = tear_down);

/* The line of the table that begins with the name, copied; "" when there is none. */
static void
find_row(const char *name, char *row, size_t size)
{
    char head[128];
    const char *start;

    snprintf(head, sizeof head, "\n| `%s` | ", name);
    start = strstr(document, head);
    snprintf(row, size, "%.*s", start ? (int)strcspn(start + 1, "\n") : 0, start ? start + 1 : "");
}

/* The last cell that a row must have: its fields, in order. */
static void
list_fields(const struct event_kind *kind, char *cell, size_t size)
{
    size_t used = 0;

    for (const struct event_field *field = event_fields; field->name; field++)
        if (kind->fields & field->bit)
            used += (size_t)snprintf(cell + used, size - used, "%s`%s`", used ? ", " : "", field->name);
    if (kind->count)
        snprintf(cell + used, size - used, "%s`%s`", used ? ", " : "", kind->count);
}

Test(event_table, every_event_has_fields)
{
    for (enum note_kind kind = 0; kind < NOTE_KINDS; kind++)
        cr_assert(event_table_find(kind)->fields || event_table_find(kind)->count, "%s", note_name(kind));
}

Test(event_table, every_event_is_documented_with_exactly_its_fields)
{
    for (enum note_kind kind = 0; kind < NOTE_KINDS; kind++) {
        char row[1024], fields[512] = "";
        const char *cell;

        find_row(note_name(kind), row, sizeof row);
        list_fields(event_table_find(kind), fields, sizeof fields);
        cr_assert(row[0], "%s is not in docs/operations.md; its fields are %s", note_name(kind), fields);
        cell = row + strlen(row) - 2;
        cr_assert_str_eq(cell, " |");
        while (cell > row && strncmp(cell, "| ", 2) != 0)
            cell--;
        cr_assert_eq(strncmp(cell + 2, fields, strlen(fields)), 0, "%s: %s\nis documented as\n%s", note_name(kind),
                     fields, row);
        cr_assert_eq(strlen(cell + 2), strlen(fields) + 2, "%s: %s\nis documented as\n%s", note_name(kind), fields, row);
    }
}

Test(event_table, every_field_is_documented_with_its_type)
{
    static const char *const types[] = {[FIELD_TEXT] = "string", [FIELD_UINT] = "integer", [FIELD_SECONDS] = "seconds"};

    for (const struct event_field *field = event_fields; field->name; field++) {
        char row[1024], wanted[128];

        find_row(field->name, row, sizeof row);
        snprintf(wanted, sizeof wanted, "| `%s` | %s | ", field->name, types[field->type]);
        cr_assert_eq(strncmp(row, wanted, strlen(wanted)), 0, "docs/operations.md should have \"%s...\"", wanted);
    }
    for (enum note_kind kind = 0; kind < NOTE_KINDS; kind++) {
        char row[1024];

        if (!event_table_find(kind)->count)
            continue;
        find_row(event_table_find(kind)->count, row, sizeof row);
        cr_assert(strstr(row, "| integer |"), "the field %s of %s is not documented", event_table_find(kind)->count,
                  note_name(kind));
    }
}

Test(event_table, every_documented_event_exists)
{
    const char *row = strstr(document, "| event | when | fields |");
    unsigned rows = 0;

    cr_assert_not_null(row);
    row = strchr(strchr(row, '\n') + 1, '\n') + 1;
    for (; *row == '|'; row = strchr(row, '\n') + 1)
        rows++;
    cr_assert_eq(rows, NOTE_KINDS, "%u rows, and %u events", rows, NOTE_KINDS);
}
