/* config_print.h - a configuration record as the text of a file that loads to the same record. Reads no file. */
#ifndef SNAKEPIT_IO_CONFIG_PRINT_H
#define SNAKEPIT_IO_CONFIG_PRINT_H

#include "broker/io/config.h"

#include <stdio.h>

/* The whole configuration in its modern form: every option that has a value and an effect; what is not the default has a
 * comment that says what would be. */
void
config_print(const struct config *config, FILE *stream);

/* Only what is not the default. It loads to the same record, too. */
void
config_print_brief(const struct config *config, FILE *stream);

#endif
