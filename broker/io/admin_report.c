/* admin_report.c - answers of admin calls; see admin_report.h. */
#include "broker/io/admin_report.h"

#include <unistd.h>

static void
put_uint(struct wire_buffer *buffer, const char *key, uint64_t value)
{
    wire_write_text(buffer, key);
    wire_write_uint(buffer, value);
}

static void
put_text(struct wire_buffer *buffer, const char *key, const char *value)
{
    wire_write_text(buffer, key);
    wire_write_text(buffer, value ? value : "");
}

static void
put_seconds(struct wire_buffer *buffer, const char *key, int64_t duration_us)
{
    wire_write_text(buffer, key);
    wire_write_float(buffer, (double)duration_us / 1e6);
}

void
report_word(struct wire_buffer *buffer, const char *key, const char *value)
{
    wire_write_map(buffer, 1);
    put_text(buffer, key, value);
}

void
report_ping(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us)
{
    wire_write_map(buffer, 5);
    put_text(buffer, "version", sources->version);
    put_text(buffer, "protocol", PROTOCOL_NAME);
    put_uint(buffer, "epoch", sources->epoch);
    put_seconds(buffer, "uptime_seconds", now_us - sources->started_us);
    put_uint(buffer, "pid", (uint64_t)getpid());
}

/* --- pools and the whole -------------------------------------------------------------------------------------- */

static void
write_pool(struct wire_buffer *buffer, const struct pool_stats *pool)
{
    wire_write_map(buffer, 20);
    put_text(buffer, "name", pool->name);
    put_text(buffer, "state", pool->is_removed ? "removing" : pool->is_draining ? "draining" : "open");
    put_uint(buffer, "queued", pool->queued);
    put_uint(buffer, "delayed", pool->delayed);
    put_uint(buffer, "running", pool->running);
    put_uint(buffer, "workers", pool->workers);
    put_uint(buffer, "workers_wanted", pool->workers_wanted);
    put_uint(buffer, "slots", pool->slots);
    put_uint(buffer, "slots_busy", pool->slots_busy);
    put_uint(buffer, "succeeded", pool->succeeded);
    put_uint(buffer, "failed", pool->failed);
    put_uint(buffer, "cancelled", pool->cancelled);
    put_uint(buffer, "expired", pool->expired);
    put_uint(buffer, "dead", pool->dead);
    put_uint(buffer, "lost", pool->lost);
    put_uint(buffer, "requeued", pool->requeued);
    put_uint(buffer, "refused", pool->refused);
    put_uint(buffer, "queued_bytes", pool->queued_bytes);
    put_uint(buffer, "queued_max", pool->queued_max);
    put_uint(buffer, "queued_bytes_max", pool->queued_bytes_max);
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
put_link(struct wire_buffer *buffer, const struct admin_sources *sources)
{
    struct router_stats clients, workers;

    router_get_stats(sources->clients, &clients);
    router_get_stats(sources->workers, &workers);
    wire_write_text(buffer, "link");
    wire_write_map(buffer, 10);
    put_uint(buffer, "peers", clients.peers + workers.peers);
    put_uint(buffer, "messages_in", clients.messages_in + workers.messages_in);
    put_uint(buffer, "messages_out", clients.messages_out + workers.messages_out);
    put_uint(buffer, "faults", clients.faults + workers.faults);
    put_uint(buffer, "undeliverable", clients.undeliverable + workers.undeliverable);
    put_uint(buffer, "peers_ignored", clients.peers_ignored + workers.peers_ignored);
    put_uint(buffer, "peers_overflowed", clients.peers_overflowed + workers.peers_overflowed);
    put_uint(buffer, "peers_slow", clients.slow + workers.slow);
    put_uint(buffer, "handshakes_failed", clients.handshakes_failed + workers.handshakes_failed);
    put_uint(buffer, "connections_refused", clients.connections_refused + workers.connections_refused);
}

static void
put_events(struct wire_buffer *buffer, const struct admin_sources *sources)
{
    struct events_stats events;

    events_get_stats(sources->events, &events);
    wire_write_text(buffer, "events");
    wire_write_map(buffer, 3);
    put_uint(buffer, "published", events.published);
    put_uint(buffer, "overruns", events.overruns);
    put_uint(buffer, "subscriptions", events.subscriptions);
}

void
report_status(struct wire_buffer *buffer, const struct admin_sources *sources, int64_t now_us)
{
    struct broker_stats all;

    broker_get_stats(sources->broker, &all);
    wire_write_map(buffer, 12);
    put_text(buffer, "version", sources->version);
    put_seconds(buffer, "uptime_seconds", now_us - sources->started_us);
    put_text(buffer, "state", all.is_draining ? "draining" : "running");
    put_uint(buffer, "clients", all.clients);
    put_uint(buffer, "workers", all.workers);
    put_uint(buffer, "tasks", all.tasks);
    put_uint(buffer, "bytes", all.bytes);
    put_uint(buffer, "stale", all.stale);
    put_uint(buffer, "undeliverable", all.undeliverable);
    put_link(buffer, sources);
    put_events(buffer, sources);
    wire_write_text(buffer, "pools");
    report_pools(buffer, sources, (struct bytes){0});
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

static void
write_worker(void *context, const struct worker_stats *worker)
{
    struct list *list = context;
    struct wire_buffer *buffer = &list->items;

    list->count++;
    wire_write_map(buffer, 15);
    put_uint(buffer, "id", worker->id);
    put_text(buffer, "name", worker->name);
    put_text(buffer, "pool", worker->pool);
    put_text(buffer, "host", worker->host);
    put_uint(buffer, "pid", worker->pid);
    put_text(buffer, "profile", worker->profile == PROFILE_THREAD ? "thread" : "process");
    put_uint(buffer, "slots", worker->slots);
    put_uint(buffer, "busy", worker->busy);
    put_text(buffer, "state", worker->state);
    put_uint(buffer, "rss_bytes", worker->rss_bytes);
    put_uint(buffer, "cpu_us", worker->cpu_us);
    put_text(buffer, "python", worker->python);
    wire_write_text(buffer, "gil_enabled");
    wire_write_bool(buffer, worker->gil_enabled);
    put_seconds(buffer, "uptime_seconds", list->now_us - worker->started_us);
    put_uint(buffer, "tasks_done", worker->tasks_done);
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
write_task(void *context, const struct task_stats *task)
{
    struct list *list = context;
    struct wire_buffer *buffer = &list->items;

    list->count++;
    wire_write_map(buffer, 8);
    put_uint(buffer, "task", task->task);
    put_text(buffer, "pool", task->pool);
    wire_write_text(buffer, "function");
    wire_write_str(buffer, task->function);
    put_text(buffer, "state", task->state);
    put_uint(buffer, "priority", task->priority);
    put_uint(buffer, "attempt", task->attempt);
    put_uint(buffer, "worker", task->worker);
    put_seconds(buffer, "age_seconds", list->now_us - task->accepted_us);
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
