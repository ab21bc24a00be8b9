/* config_legacy.h - the old form of the configuration, with one pool at the top of the file, read into the modern record. */
#ifndef SNAKEPIT_IO_CONFIG_LEGACY_H
#define SNAKEPIT_IO_CONFIG_LEGACY_H

#include "broker/io/config.h"
#include "broker/io/config_report.h"

#include <libconfig.h>

/* The pool that the old form describes. */
#define LEGACY_POOL "default"

struct legacy_option {
    const char *name;
    const char *section; /* of the modern option */
    const char *modern;  /* its name, or what becomes of it */
    int kind;            /* enum legacy_kind of config_legacy.c */
};

/* All of them, ends in an entry without a name. */
extern const struct legacy_option legacy_options[];

/* The old option of this name, or NULL. */
const struct legacy_option *
legacy_find(const char *name);

/* The first setting of the file that is an old option, or NULL. */
const config_setting_t *
legacy_first(const config_setting_t *root);

/* The old name that this one most likely means, or NULL. */
const char *
legacy_nearest(const char *name);

/* Read the old options at the top of the file into one pool and the options that they set; what is wrong is reported with
 * their lines. `config` must have no pools yet, and room for one. Returns the pool's group, for config_check_pool; it lives
 * as long as *scratch, which the caller destroys with libconfig's config_destroy. */
const config_setting_t *
legacy_read(struct config *config, const config_setting_t *root, config_t *scratch, struct config_report *report);

/* Report each old option beside a list of pools. */
void
legacy_refuse_mixed(const config_setting_t *root, const config_setting_t *pools, struct config_report *report);

#endif
