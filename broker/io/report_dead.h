/* report_dead.h - tasks that ended as dead, for admin calls; docs/protocol.md section 10 is the contract. Changes nothing. */
#ifndef SNAKEPIT_IO_REPORT_DEAD_H
#define SNAKEPIT_IO_REPORT_DEAD_H

#include "broker/io/admin_report.h"

/* At most `limit` of the pool (NULL: of all), the latest first. */
void
report_dead_list(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, uint64_t limit,
                 int64_t now_us);

/* One with its arguments and attempts. */
void
report_dead(struct wire_buffer *buffer, const struct admin_sources *sources, const struct dead_stats *dead,
            int64_t now_us);

#endif
