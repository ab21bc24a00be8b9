/* broker_schedule.h - tasks that the broker itself submits again and again: what its files call for that. For the files that
 * include broker_state.h only. */
#ifndef SNAKEPIT_CORE_BROKER_SCHEDULE_H
#define SNAKEPIT_CORE_BROKER_SCHEDULE_H

#include "broker/core/broker_state.h"

/* Add a schedule, or change the one of this name. OK, ERR_INVALID or ERR_FULL. */
int
broker_set_schedule(struct broker *broker, const struct schedule_settings *settings);

/* OK or ERR_NOT_FOUND. */
int
broker_remove_schedule(struct broker *broker, struct bytes name);

/* It is time for the next run. */
void
broker_schedule_due(struct broker *broker, struct schedule *schedule);

/* A run, which has `extra->schedule`, is final. */
void
broker_scheduled_final(struct broker *broker, const struct task *task);

void
broker_destroy_schedules(struct broker *broker);

#endif
