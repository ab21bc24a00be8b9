/* report_load.h - the answers of `stats` and `inspect`: how busy pools are, and what to change. Changes nothing. */
#ifndef SNAKEPIT_IO_REPORT_LOAD_H
#define SNAKEPIT_IO_REPORT_LOAD_H

#include "broker/io/admin_report.h"

/* `pool` empty: all pools. */
void
report_stats(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes pool, int64_t now_us);

void
report_inspect(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes pool, int64_t now_us);

#endif
