/* config_option.h - one libconfig setting into one field of a record, as the schema says. Knows no combination. */
#ifndef SNAKEPIT_IO_CONFIG_OPTION_H
#define SNAKEPIT_IO_CONFIG_OPTION_H

#include "broker/io/config_report.h"
#include "broker/io/config_schema.h"

#include <libconfig.h>

enum { SETTING_TEXT_BYTES = 80 };

/* Store the default of each option of this section; fields without a default are zeroed. */
void
options_set_defaults(const char *section, void *record);

/* Free the strings of each option of this section. */
void
options_free(const char *section, void *record);

/* Read the setting into the option's field of `record`. What is not allowed becomes a problem, and the field stays as
 * it was. `path` names the setting in problems. */
void
option_read(const struct option *option, const config_setting_t *setting, void *record, const char *path,
            struct config_report *report);

/* The value as it stands in the file, for people, cut at SETTING_TEXT_BYTES. */
void
setting_format(const config_setting_t *setting, char ret_text[SETTING_TEXT_BYTES]);

#endif
