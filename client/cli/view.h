/* view.h - what commands that show something share: the broker's answer as JSON or as a value, tables, their cells. */
#ifndef SNAKEPIT_CLI_VIEW_H
#define SNAKEPIT_CLI_VIEW_H

#include "client/cli/cli.h"
#include "client/cli/table.h"

/* Make an admin call with at most a pool (NULL: none) and one number (`name` NULL: none) as arguments. EXIT_DONE and a
 * result that the caller frees, or an exit code after saying why. */
int
view_ask(struct cli *cli, const char *function, const char *pool, const char *name, uint64_t number,
         struct snakepit_result **ret_result);

/* With -o json, print the result and answer false. Else true: *ret_value is what to show. */
bool
view_take_value(struct cli *cli, const struct snakepit_result *result, struct snakepit_value *ret_value);

/* Colours are for terminals whose owner has not asked for none (https://no-color.org). */
bool
view_wants_colour(void);

/* Print and destroy. */
void
view_print_table(struct table **table_p);

/* How a state, or the severity of a recommendation, looks. */
enum cell_style
view_style(const char *state);

/* The escape that begins a style, and with CELL_PLAIN the one that ends them; "" without colours. */
const char *
view_escape(enum cell_style style, bool with_colour);

/* --- cells ---------------------------------------------------------------------------------------------------- */

void
view_add_text(struct table *table, const struct snakepit_value *map, const char *key);

void
view_add_state(struct table *table, const struct snakepit_value *map);

/* The state of a pool, or, as it is worse, that its circuit is not closed. */
void
view_add_pool_state(struct table *table, const struct snakepit_value *pool);

/* A counter; `style` when it is not zero, for zero is what nobody looks for. */
void
view_add_count(struct table *table, const struct snakepit_value *map, const char *key, enum cell_style style);

void
view_add_uint(struct table *table, const struct snakepit_value *map, const char *key);

/* A number of something that may not be there: "-" when it is 0. */
void
view_add_id(struct table *table, const struct snakepit_value *map, const char *key);

void
view_add_bytes(struct table *table, const struct snakepit_value *map, const char *key);

void
view_add_seconds(struct table *table, const struct snakepit_value *map, const char *key);

/* Seconds of wait or run times; "-" when none were counted. */
void
view_add_quantile(struct table *table, const struct snakepit_value *latency, const char *key);

void
view_add_rate(struct table *table, const struct snakepit_value *map, const char *key);

/* "1/2": one of the two that are wanted; 0 wanted: "1". */
void
view_add_workers(struct table *table, uint64_t workers, uint64_t wanted);

/* A share of 0 to 1 in percent, "-" when it is nil. */
void
view_add_share(struct table *table, const struct snakepit_value *map, const char *key);

/* "3/8". */
void
view_add_part(struct table *table, uint64_t part, uint64_t whole);

/* The map at this key of a map; an empty one when there is none. */
struct snakepit_value
view_map(const struct snakepit_value *map, const char *key);

#endif
