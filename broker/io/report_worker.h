/* report_worker.h - the answer of `worker`: all that is known of one. Changes nothing. */
#ifndef SNAKEPIT_IO_REPORT_WORKER_H
#define SNAKEPIT_IO_REPORT_WORKER_H

#include "broker/io/admin_report.h"

/* The worker must be there. */
void
report_worker(struct wire_buffer *buffer, const struct admin_sources *sources, const struct worker_stats *worker,
              int64_t now_us);

#endif
