/* report_dead.c - what is known of dead tasks; see report_dead.h. */
#include "broker/io/report_dead.h"

struct list {
    struct wire_buffer items;
    uint32_t count;
    int64_t now_us;
};

static void
put_list(struct wire_buffer *buffer, struct list *list)
{
    wire_write_array(buffer, list->count);
    wire_write_raw(buffer, (struct bytes){list->items.data, (uint32_t)list->items.size});
    wire_buffer_fini(&list->items);
}

static void
put_dead(struct report_map *map, const struct dead_stats *dead, int64_t now_us)
{
    report_put_uint(map, "task", dead->task);
    report_put_text(map, "pool", dead->pool);
    report_put_str(map, "function", dead->function);
    report_put_uint(map, "attempts", dead->attempt);
    report_put_uint(map, "kills", dead->kills);
    report_put_seconds(map, "dead_seconds", now_us - dead->died_us);
    report_put_seconds(map, "age_seconds", now_us - dead->accepted_us);
    report_put_uint(map, "bytes", dead->bytes);
    report_put_text(map, "text", dead->text);
}

static void
write_dead(void *context, const struct dead_stats *dead)
{
    struct list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    put_dead(&map, dead, list->now_us);
    report_map_end(&map);
}

void
report_dead_list(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, uint64_t limit,
                 int64_t now_us)
{
    struct list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_dead(sources->broker, pool, (size_t)limit, write_dead, &list);
    put_list(buffer, &list);
}

/* --- one of them ---------------------------------------------------------------------------------------------------- */

static void
write_attempt(void *context, const struct dead_attempt *attempt)
{
    struct list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_uint(&map, "attempt", attempt->attempt);
    report_put_uint(&map, "worker", attempt->worker);
    report_put_text(&map, "worker_name", attempt->worker_name);
    report_put_seconds(&map, "run_seconds", attempt->run_us);
    report_put_bool(&map, "kill", attempt->is_kill);
    report_put_text(&map, "cause", attempt->cause);
    report_map_end(&map);
}

static void
put_attempts(struct report_map *map, const struct broker *broker, uint64_t task)
{
    struct list list = {.now_us = 0};

    wire_buffer_init(&list.items, false);
    broker_each_dead_attempt(broker, task, write_attempt, &list);
    report_put_key(map, "record");
    put_list(map->buffer, &list);
}

/* What travels in frames of its own may be large, and is not shown. */
static void
put_payload(struct report_map *map, const struct dead_stats *dead)
{
    if (dead->content_type.size > 0)
        report_put_str(map, "content_type", dead->content_type);
    else
        report_put_text(map, "content_type", "msgpack");
    report_put_uint(map, "payload_bytes", payload_bytes(dead->payload));
    report_put_uint(map, "payload_frames", dead->payload->frames);
    report_put_key(map, "payload");
    if (dead->payload->frames == 0)
        wire_write_bin(map->buffer, dead->payload->data);
    else
        wire_write_nil(map->buffer);
}

void
report_dead(struct wire_buffer *buffer, const struct admin_sources *sources, const struct dead_stats *dead,
            int64_t now_us)
{
    struct report_map map;

    report_map_begin(&map, buffer);
    put_dead(&map, dead, now_us);
    report_put_uint(&map, "priority", dead->priority);
    report_put_uint(&map, "max_attempts", dead->max_attempts);
    report_put_uint(&map, "kills_max", dead->kills_max);
    report_put_uint(&map, "retries", dead->retries);
    report_put_encoded(&map, "headers", dead->headers);
    put_payload(&map, dead);
    put_attempts(&map, sources->broker, dead->task);
    report_map_end(&map);
}
