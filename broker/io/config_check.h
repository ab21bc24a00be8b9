/* config_check.h - what no single option shows: combinations that cannot work, or that are probably not meant. */
#ifndef SNAKEPIT_IO_CONFIG_CHECK_H
#define SNAKEPIT_IO_CONFIG_CHECK_H

#include "broker/io/config.h"
#include "broker/io/config_report.h"

#include <libconfig.h>

/* Check the endpoints, limits and timers. `root` is the file's top, for line numbers. */
void
config_check(const struct config *config, const config_setting_t *root, struct config_report *report);

/* Check one pool against itself; `group` is its place in the file, `path` its name in problems. */
void
config_check_pool(const struct pool_config *pool, const config_setting_t *group, const char *path,
                  struct config_report *report);

#endif
