/* report_explain.h - the answer of `explain`: why a task or a pool waits, as a cause for programs and a sentence for
 * people. Changes nothing. */
#ifndef SNAKEPIT_IO_REPORT_EXPLAIN_H
#define SNAKEPIT_IO_REPORT_EXPLAIN_H

#include "broker/io/admin_report.h"

/* `recent` tells how fast the pool answers lately. */
void
report_explain(struct wire_buffer *buffer, const struct explanation *explanation, const struct load_stats *recent,
               int64_t now_us);

/* "all_busy"... */
const char *
wait_cause_name(enum wait_cause cause);

#endif
