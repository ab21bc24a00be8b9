/* view.c - showing what the broker says; see view.h. */
#include "client/cli/view.h"

#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"
#include "client/cli/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
view_ask(struct cli *cli, const char *function, const char *pool, const char *name, uint64_t number,
         struct snakepit_result **ret_result)
{
    struct snakepit_args *args = snakepit_args_new();
    int exit_code;

    if (pool) {
        snakepit_args_name(args, "pool");
        snakepit_args_str(args, pool);
    }
    if (name) {
        snakepit_args_name(args, name);
        snakepit_args_uint(args, number);
    }
    exit_code = cli_admin(cli, function, args, cli_timeout_ms(cli, CONNECT_TIMEOUT_US), ret_result);
    snakepit_args_destroy(&args);
    return exit_code;
}

static void
print_json(struct cli *cli, const struct snakepit_result *result)
{
    struct wire_buffer text;

    wire_buffer_init(&text, false);
    outcome_put_payload(&text, result->content_type, result->parts, result->part_count);
    json_text_raw(&text, "\n");
    cli_print(cli, text.data, text.size);
    wire_buffer_fini(&text);
}

bool
view_take_value(struct cli *cli, const struct snakepit_result *result, struct snakepit_value *ret_value)
{
    if (cli->is_json) {
        print_json(cli, result);
        return false;
    }
    if (snakepit_result_value(result, ret_value) == SNAKEPIT_OK)
        return true;
    cli_say(cli, "the broker's answer cannot be read");
    return false;
}

bool
view_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour) && (!term || strcmp(term, "dumb") != 0);
}

void
view_print_table(struct table **table_p)
{
    char *text = table_format(*table_p, cli_terminal_width(STDOUT_FILENO), view_wants_colour());

    fputs(text, stdout);
    free(text);
    table_destroy(table_p);
}

enum cell_style
view_style(const char *state)
{
    static const struct {
        const char *state;
        enum cell_style style;
    } styles[] = {{"open", CELL_GOOD},     {"ready", CELL_GOOD},   {"running", CELL_GOOD}, {"draining", CELL_WARN},
                  {"removing", CELL_WARN}, {"detached", CELL_WARN}, {"stalled", CELL_BAD}, {"failed", CELL_BAD},
                  {"delayed", CELL_FAINT}, {"critical", CELL_BAD}, {"warning", CELL_WARN}, {"info", CELL_FAINT}};

    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (strcmp(styles[i].state, state) == 0)
            return styles[i].style;
    return CELL_PLAIN;
}

const char *
view_escape(enum cell_style style, bool with_colour)
{
    static const char *const escapes[] = {[CELL_PLAIN] = "\033[0m", [CELL_GOOD] = "\033[32m", [CELL_WARN] = "\033[33m",
                                          [CELL_BAD] = "\033[31m", [CELL_FAINT] = "\033[2m"};

    return with_colour ? escapes[style] : "";
}

/* --- cells ---------------------------------------------------------------------------------------------------- */

void
view_add_text(struct table *table, const struct snakepit_value *map, const char *key)
{
    char text[512];

    field_text(map, key, text, sizeof text);
    table_add(table, CELL_PLAIN, text[0] ? text : "-");
}

void
view_add_state(struct table *table, const struct snakepit_value *map)
{
    char text[64];

    field_text(map, "state", text, sizeof text);
    table_add(table, view_style(text), text);
}

void
view_add_pool_state(struct table *table, const struct snakepit_value *pool)
{
    char circuit[32];

    field_text(pool, "circuit", circuit, sizeof circuit);
    if (circuit[0] == '\0' || strcmp(circuit, "closed") == 0)
        view_add_state(table, pool);
    else
        table_add(table, CELL_BAD, strcmp(circuit, "open") == 0 ? "circuit open" : "circuit tried");
}

void
view_add_count(struct table *table, const struct snakepit_value *map, const char *key, enum cell_style style)
{
    char text[UNITS_TEXT_BYTES];
    uint64_t count = field_uint(map, key);

    table_add(table, count > 0 ? style : CELL_FAINT, units_format_count(text, count));
}

void
view_add_uint(struct table *table, const struct snakepit_value *map, const char *key)
{
    table_add_format(table, CELL_PLAIN, "%llu", (unsigned long long)field_uint(map, key));
}

void
view_add_id(struct table *table, const struct snakepit_value *map, const char *key)
{
    uint64_t number = field_uint(map, key);

    table_add_format(table, CELL_PLAIN, number ? "%llu" : "-", (unsigned long long)number);
}

void
view_add_bytes(struct table *table, const struct snakepit_value *map, const char *key)
{
    char text[UNITS_TEXT_BYTES];

    table_add(table, CELL_PLAIN, units_format_bytes(text, field_uint(map, key)));
}

void
view_add_seconds(struct table *table, const struct snakepit_value *map, const char *key)
{
    char text[UNITS_TEXT_BYTES];

    table_add(table, CELL_PLAIN, units_format_duration(text, field_double(map, key)));
}

void
view_add_quantile(struct table *table, const struct snakepit_value *latency, const char *key)
{
    if (field_uint(latency, "count") > 0)
        view_add_seconds(table, latency, key);
    else
        table_add(table, CELL_FAINT, "-");
}

void
view_add_rate(struct table *table, const struct snakepit_value *map, const char *key)
{
    char text[UNITS_TEXT_BYTES];

    table_add(table, CELL_PLAIN, units_format_rate(text, field_double(map, key)));
}

void
view_add_workers(struct table *table, uint64_t workers, uint64_t wanted)
{
    enum cell_style style = workers == 0 ? CELL_BAD : workers < wanted ? CELL_WARN : CELL_PLAIN;

    table_add_format(table, style, wanted > 0 ? "%llu/%llu" : "%llu", (unsigned long long)workers,
                     (unsigned long long)wanted);
}

void
view_add_share(struct table *table, const struct snakepit_value *map, const char *key)
{
    struct snakepit_value value;

    if (snakepit_value_get(map, key, &value) == SNAKEPIT_OK && value.kind != SNAKEPIT_NIL)
        table_add_format(table, CELL_PLAIN, "%.0f %%", field_double(map, key) * 100);
    else
        table_add(table, CELL_FAINT, "-");
}

void
view_add_part(struct table *table, uint64_t part, uint64_t whole)
{
    table_add_format(table, CELL_PLAIN, "%llu/%llu", (unsigned long long)part, (unsigned long long)whole);
}

struct snakepit_value
view_map(const struct snakepit_value *map, const char *key)
{
    struct snakepit_value value;

    if (snakepit_value_get(map, key, &value) != SNAKEPIT_OK)
        value = (struct snakepit_value){.kind = SNAKEPIT_NIL};
    return value;
}
