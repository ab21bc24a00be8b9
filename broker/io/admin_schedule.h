/* admin_schedule.h - the admin calls about schedules: set, removed, shown. */
#ifndef SNAKEPIT_IO_ADMIN_SCHEDULE_H
#define SNAKEPIT_IO_ADMIN_SCHEDULE_H

#include "broker/core/broker.h"
#include "broker/io/admin_args.h"
#include "wire/writer.h"

/* OK, or why not in *ret_fault. */
int
admin_set_schedule(struct broker *broker, const struct admin_args *args, int64_t now_us, struct outbox *outbox,
                   struct admin_fault *ret_fault);

int
admin_remove_schedule(struct broker *broker, const struct admin_args *args, int64_t now_us, struct outbox *outbox,
                      struct admin_fault *ret_fault);

/* An array of all. */
void
report_schedules(struct wire_buffer *buffer, const struct broker *broker, int64_t now_us);

#endif
