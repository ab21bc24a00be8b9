/* admin_report.h - what admin calls answer, encoded; docs/protocol.md section 10 is their contract. Changes nothing. */
#ifndef SNAKEPIT_IO_ADMIN_REPORT_H
#define SNAKEPIT_IO_ADMIN_REPORT_H

#include "broker/core/broker.h"
#include "broker/io/events.h"
#include "broker/io/report_map.h"
#include "broker/io/router.h"
#include "wire/writer.h"

/* What reports read. Nothing in it is owned. */
struct admin_sources {
    struct broker *broker;
    const struct router *clients;
    const struct router *workers;
    const struct events *events;
    const char *version;
    uint64_t epoch;
    int64_t started_us; /* monotonic */
};

void
report_ping(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us);

void
report_status(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us);

/* `pool` empty: all pools. */
void
report_pools(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes pool);

/* `pool` NULL: of all pools. */
void
report_workers(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, int64_t now_us);

void
report_agents(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us);

void
report_tasks(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, uint64_t limit,
             int64_t now_us);

/* The fields of a pool, a worker or a task, for maps that have more. */
void
report_put_pool(struct report_map *map, const struct pool_stats *pool);

void
report_put_worker(struct report_map *map, const struct worker_stats *worker, int64_t now_us);

void
report_put_task(struct report_map *map, const struct task_stats *task, int64_t now_us);

/* "open"... */
const char *
report_pool_state(const struct pool_stats *pool);

#endif
