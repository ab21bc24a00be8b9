/* admin_dead.h - the calls about dead tasks that may fail or do something: dead_show, dead_requeue, dead_remove. */
#ifndef SNAKEPIT_IO_ADMIN_DEAD_H
#define SNAKEPIT_IO_ADMIN_DEAD_H

#include "broker/core/event.h"
#include "broker/io/admin_answer.h"
#include "broker/io/admin_report.h"

/* Each answers `caller`. */
void
admin_dead_show(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                int64_t now_us, struct outbox *outbox);

void
admin_dead_requeue(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                   int64_t now_us, struct outbox *outbox);

void
admin_dead_remove(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                  int64_t now_us, struct outbox *outbox);

#endif
