/* config_schedule.h - the list `schedules` of the configuration: read, printed, compared. Starts nothing. */
#ifndef SNAKEPIT_IO_CONFIG_SCHEDULE_H
#define SNAKEPIT_IO_CONFIG_SCHEDULE_H

#include "broker/io/config.h"
#include "broker/io/config_report.h"
#include "broker/io/config_schema.h"

#include <libconfig.h>
#include <stdio.h>

#define SCHEDULES_SECTION "schedules"

/* The options of one schedule, in a struct schedule_settings; ends in an entry without a name. */
extern const struct option schedule_options[];

/* Read the list (NULL: there is none) into the configuration, whose pools were read. */
void
config_read_schedules(struct config *config, const config_setting_t *list, struct config_report *report);

void
config_print_schedules(const struct config *config, FILE *stream);

void
config_free_schedules(struct config *config);

/* The schedule of this name, or NULL. */
const struct schedule_settings *
config_find_schedule(const struct config *config, const char *name);

bool
schedule_settings_differ(const struct schedule_settings *a, const struct schedule_settings *b);

/* The first run comes after `every`, unless something else was said. */
int64_t
schedule_first_us(const struct schedule_settings *settings);

#endif
