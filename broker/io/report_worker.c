/* report_worker.c - one worker and what it holds; see report_worker.h. */
#include "broker/io/report_worker.h"

struct lease_list {
    struct wire_buffer items;
    uint32_t count;
    int64_t now_us;
};

static void
write_lease(void *context, const struct lease_stats *lease)
{
    struct lease_list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_uint(&map, "fence", lease->fence);
    report_put_uint(&map, "task", lease->task.task);
    report_put_str(&map, "function", lease->task.function);
    report_put_uint(&map, "attempt", lease->task.attempt);
    report_put_seconds(&map, "running_seconds", list->now_us - lease->leased_us);
    report_put_bool(&map, "cancel_asked", lease->is_cancel_asked);
    report_map_end(&map);
}

static void
put_leases(struct report_map *map, const struct broker *broker, uint64_t worker, int64_t now_us)
{
    struct lease_list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_lease(broker, worker, write_lease, &list);
    report_put_key(map, "leases");
    wire_write_array(map->buffer, list.count);
    wire_write_raw(map->buffer, (struct bytes){list.items.data, (uint32_t)list.items.size});
    wire_buffer_fini(&list.items);
}

void
report_worker(struct wire_buffer *buffer, const struct admin_sources *sources, const struct worker_stats *worker,
              int64_t now_us)
{
    struct report_map map;

    report_map_begin(&map, buffer);
    report_put_worker(&map, worker, now_us);
    report_put_seconds(&map, "heard_seconds", now_us - worker->heard_us);
    report_put_uint(&map, "replaces", worker->replaces);
    report_put_encoded(&map, "report", worker->report);
    put_leases(&map, sources->broker, worker->id, now_us);
    report_map_end(&map);
}
