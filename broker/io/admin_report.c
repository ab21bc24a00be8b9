/* admin_report.c - answers of admin calls; see admin_report.h. */
#include "broker/io/admin_report.h"

#include <unistd.h>

void
report_ping(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us)
{
    struct report_map map;

    report_map_begin(&map, buffer);
    report_put_text(&map, "version", sources->version);
    report_put_text(&map, "protocol", PROTOCOL_NAME);
    report_put_uint(&map, "epoch", sources->epoch);
    report_put_seconds(&map, "uptime_seconds", now_us - sources->started_us);
    report_put_uint(&map, "pid", (uint64_t)getpid());
    report_map_end(&map);
}

/* --- pools and the whole -------------------------------------------------------------------------------------- */

const char *
report_pool_state(const struct pool_stats *pool)
{
    if (pool->is_removed)
        return "removing";
    if (pool->is_failed)
        return "failed";
    return pool->is_draining ? "draining" : "open";
}

/* How many workers were replaced, by reason. */
static void
put_recycled(struct report_map *pool, const struct pool_stats *stats)
{
    struct report_map map;

    report_put_key(pool, "recycled");
    report_map_begin(&map, pool->buffer);
    for (enum recycle_reason reason = RECYCLE_NONE + 1; reason < RECYCLE_REASONS; reason++)
        report_put_uint(&map, recycle_reason_name(reason), stats->recycled[reason]);
    report_map_end(&map);
}

void
report_put_pool(struct report_map *map, const struct pool_stats *pool)
{
    report_put_text(map, "name", pool->name);
    report_put_text(map, "state", report_pool_state(pool));
    report_put_uint(map, "queued", pool->queued);
    report_put_uint(map, "delayed", pool->delayed);
    report_put_uint(map, "running", pool->running);
    report_put_uint(map, "workers", pool->workers);
    report_put_uint(map, "workers_wanted", pool->workers_wanted);
    report_put_uint(map, "slots", pool->slots);
    report_put_uint(map, "slots_busy", pool->slots_busy);
    report_put_uint(map, "succeeded", pool->succeeded);
    report_put_uint(map, "failed", pool->failed);
    report_put_uint(map, "cancelled", pool->cancelled);
    report_put_uint(map, "expired", pool->expired);
    report_put_uint(map, "dead", pool->dead);
    report_put_uint(map, "lost", pool->lost);
    report_put_uint(map, "requeued", pool->requeued);
    report_put_uint(map, "retried", pool->retried);
    report_put_uint(map, "quarantined", pool->quarantined);
    report_put_uint(map, "dead_listed", pool->dead_listed);
    report_put_uint(map, "dead_dropped", pool->dead_dropped);
    report_put_uint(map, "refused", pool->refused);
    report_put_uint(map, "queued_bytes", pool->queued_bytes);
    report_put_uint(map, "queued_max", pool->queued_max);
    report_put_uint(map, "queued_bytes_max", pool->queued_bytes_max);
    report_put_uint(map, "workers_ready", pool->workers_ready);
    report_put_uint(map, "agents", pool->agents);
    report_put_uint(map, "recycling", pool->recycling);
    report_put_uint(map, "recycle_due", pool->recycle_due);
    put_recycled(map, pool);
    report_put_text(map, "circuit", circuit_state_name(pool->circuit));
    report_put_uint(map, "deduplicated", pool->deduplicated);
    report_put_uint(map, "dedup_kept", pool->dedup_kept);
    report_put_uint(map, "dedup_bytes", pool->dedup_bytes);
    report_put_uint(map, "keys", pool->keys);
}

static void
write_pool(struct wire_buffer *buffer, const struct pool_stats *pool)
{
    struct report_map map;

    report_map_begin(&map, buffer);
    report_put_pool(&map, pool);
    report_map_end(&map);
}

void
report_pools(struct wire_buffer *buffer, const struct admin_sources *sources, struct bytes name)
{
    struct broker_stats all;
    struct pool_stats pool;

    if (name.size > 0) {
        bool is_known = broker_find_pool(sources->broker, name, &pool) == OK;

        wire_write_array(buffer, is_known);
        if (is_known)
            write_pool(buffer, &pool);
        return;
    }
    broker_get_stats(sources->broker, &all);
    wire_write_array(buffer, (uint32_t)all.pools);
    for (size_t i = 0; broker_get_pool(sources->broker, i, &pool) == OK; i++)
        write_pool(buffer, &pool);
}

/* What the sockets saw, both sides together. */
static void
put_link(struct report_map *status, const struct admin_sources *sources)
{
    struct report_map map;
    struct router_stats clients, workers;

    router_get_stats(sources->clients, &clients);
    router_get_stats(sources->workers, &workers);
    report_put_key(status, "link");
    report_map_begin(&map, status->buffer);
    report_put_uint(&map, "peers", clients.peers + workers.peers);
    report_put_uint(&map, "messages_in", clients.messages_in + workers.messages_in);
    report_put_uint(&map, "messages_out", clients.messages_out + workers.messages_out);
    report_put_uint(&map, "faults", clients.faults + workers.faults);
    report_put_uint(&map, "undeliverable", clients.undeliverable + workers.undeliverable);
    report_put_uint(&map, "peers_ignored", clients.peers_ignored + workers.peers_ignored);
    report_put_uint(&map, "peers_overflowed", clients.peers_overflowed + workers.peers_overflowed);
    report_put_uint(&map, "peers_endless", clients.peers_endless + workers.peers_endless);
    report_put_uint(&map, "peers_slow", clients.slow + workers.slow);
    report_put_uint(&map, "handshakes_failed", clients.handshakes_failed + workers.handshakes_failed);
    report_put_uint(&map, "connections_refused", clients.connections_refused + workers.connections_refused);
    report_map_end(&map);
}

static void
put_events(struct report_map *status, const struct admin_sources *sources)
{
    struct report_map map;
    struct events_stats events;

    events_get_stats(sources->events, &events);
    report_put_key(status, "events");
    report_map_begin(&map, status->buffer);
    report_put_text(&map, "endpoint", events_address(sources->events));
    report_put_uint(&map, "published", events.published);
    report_put_uint(&map, "overruns", events.overruns);
    report_put_uint(&map, "subscriptions", events.subscriptions);
    report_map_end(&map);
}

void
report_status(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us)
{
    struct report_map map;
    struct broker_stats all;

    broker_get_stats(sources->broker, &all);
    report_map_begin(&map, buffer);
    report_put_text(&map, "version", sources->version);
    report_put_seconds(&map, "uptime_seconds", now_us - sources->started_us);
    report_put_text(&map, "state", all.is_draining ? "draining" : "running");
    report_put_uint(&map, "clients", all.clients);
    report_put_uint(&map, "workers", all.workers);
    report_put_uint(&map, "tasks", all.tasks);
    report_put_uint(&map, "bytes", all.bytes);
    report_put_uint(&map, "stale", all.stale);
    report_put_uint(&map, "undeliverable", all.undeliverable);
    put_link(&map, sources);
    put_events(&map, sources);
    report_put_key(&map, "pools");
    report_pools(buffer, sources, (struct bytes){0});
    report_map_end(&map);
}

/* --- lists of workers and tasks: counted while they are written, the count is put in front at the end ---------- */

struct list {
    struct wire_buffer items;
    uint32_t count;
    int64_t now_us;
};

static void
finish_list(struct list *list, struct wire_buffer *buffer)
{
    wire_write_array(buffer, list->count);
    wire_write_raw(buffer, (struct bytes){list->items.data, (uint32_t)list->items.size});
    wire_buffer_fini(&list->items);
}

void
report_put_worker(struct report_map *map, const struct worker_stats *worker, int64_t now_us)
{
    report_put_uint(map, "id", worker->id);
    report_put_text(map, "name", worker->name);
    report_put_text(map, "pool", worker->pool);
    report_put_text(map, "host", worker->host);
    report_put_uint(map, "pid", worker->pid);
    report_put_text(map, "profile", worker->profile == PROFILE_THREAD ? "thread" : "process");
    report_put_uint(map, "slots", worker->slots);
    report_put_uint(map, "busy", worker->busy);
    report_put_text(map, "state", worker->state);
    report_put_uint(map, "rss_bytes", worker->rss_bytes);
    report_put_uint(map, "cpu_us", worker->cpu_us);
    report_put_text(map, "python", worker->python);
    report_put_bool(map, "gil_enabled", worker->gil_enabled);
    report_put_seconds(map, "uptime_seconds", now_us - worker->started_us);
    report_put_uint(map, "tasks_done", worker->tasks_done);
    report_put_bool(map, "free_threaded", worker->free_threaded);
    report_put_text(map, "gil_module", worker->gil_module);
    report_put_uint(map, "agent", worker->agent);
    report_put_text(map, "reason", worker->reason);
    report_put_bool(map, "alone", worker->is_alone);
}

static void
write_worker(void *context, const struct worker_stats *worker)
{
    struct list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_worker(&map, worker, list->now_us);
    report_map_end(&map);
}

void
report_workers(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, int64_t now_us)
{
    struct list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_worker(sources->broker, pool, write_worker, &list);
    finish_list(&list, buffer);
}

static void
write_agent(void *context, const struct agent_stats *agent)
{
    struct list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_uint(&map, "id", agent->id);
    report_put_uint(&map, "agent", agent->number);
    report_put_text(&map, "name", agent->name);
    report_put_text(&map, "host", agent->host);
    report_put_uint(&map, "pid", agent->pid);
    report_put_text(&map, "state", agent->is_connected ? "ready" : "detached");
    report_put_uint(&map, "pools", agent->pools);
    report_put_uint(&map, "pools_failed", agent->pools_failed);
    report_put_uint(&map, "workers_wanted", agent->workers_wanted);
    report_put_seconds(&map, "uptime_seconds", list->now_us - agent->started_us);
    report_put_seconds(&map, "heard_seconds", list->now_us - agent->heard_us);
    report_map_end(&map);
}

void
report_agents(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us)
{
    struct list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_agent(sources->broker, write_agent, &list);
    finish_list(&list, buffer);
}

void
report_put_task(struct report_map *map, const struct task_stats *task, int64_t now_us)
{
    report_put_uint(map, "task", task->task);
    report_put_text(map, "pool", task->pool);
    report_put_str(map, "function", task->function);
    report_put_text(map, "state", task->state);
    report_put_uint(map, "priority", task->priority);
    report_put_uint(map, "attempt", task->attempt);
    report_put_uint(map, "worker", task->worker);
    report_put_seconds(map, "age_seconds", now_us - task->accepted_us);
}

static void
write_task(void *context, const struct task_stats *task)
{
    struct list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_task(&map, task, list->now_us);
    report_map_end(&map);
}

void
report_tasks(struct wire_buffer *buffer, const struct admin_sources *sources, const char *pool, uint64_t limit,
             int64_t now_us)
{
    struct list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_task(sources->broker, pool, (size_t)limit, write_task, &list);
    finish_list(&list, buffer);
}
