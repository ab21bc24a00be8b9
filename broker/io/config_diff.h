/* config_diff.h - what differs between two configurations. Decides nothing. */
#ifndef SNAKEPIT_IO_CONFIG_DIFF_H
#define SNAKEPIT_IO_CONFIG_DIFF_H

#include "broker/io/config.h"
#include "broker/io/config_report.h"

/* What changes from the old to the new one, for people: "limits.tasks_max = 20 (was 10), pool \"a\" added". Each option
 * that cannot change without a restart becomes a problem of the report, with its line in the new file. The caller frees
 * the text; NULL: they are the same. */
char *
config_diff(const struct config *old, const struct config *new, struct config_report *report);

/* The pool of this name, or NULL. */
const struct pool_config *
config_find_pool(const struct config *config, const char *name);

/* Whether anything that the broker's core knows of the pool differs. */
bool
pool_config_differs(const struct pool_config *pool, const struct pool_config *other);

#endif
