/* broker.c - construction, turns and timers of the core; see broker.h. */
#include "broker/core/broker.h"

#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_order.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_running.h"
#include "broker/core/broker_schedule.h"
#include "wire/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SECOND_US INT64_C(1000000)
#define MEBIBYTE (UINT64_C(1024) * 1024)

/* Freed records that are kept for the next ones: as many as a few turns free, about 3 MB in all. A body block has room for
 * a function's name and a payload of 100 to 150 bytes; larger bodies are malloc's, as larger blocks would waste memory
 * when a queue is full of small tasks. */
enum { STOCK_KEPT_MAX = 4096, STOCK_BODY_BYTES = 256 };

/* The first numbers are the start in wall-clock time, so that those of an earlier run of the broker never come again, even
 * when it is restarted within a second (unless that had made a session in each microsecond). Sessions stay exact in a
 * double. */
enum { SESSION_EPOCH_SHIFT = 20, FENCE_EPOCH_SHIFT = 32, FENCES_PER_US = 4294 };

void
broker_settings_init(struct broker_settings *settings)
{
    *settings = (struct broker_settings){
        .epoch = 1,
        .version = "snakepitd",
        .heartbeat_us = 5 * SECOND_US,
        .heartbeats_missed_max = 3,
        .worker_grace_us = SECOND_US / 2,
        .client_retention_us = 60 * SECOND_US,
        .adopt_window_us = 2 * SECOND_US,
        .tasks_max = 1000000,
        .bytes_max = 1024 * MEBIBYTE,
        .client_tasks_max = 100000,
        .client_bytes_max = 256 * MEBIBYTE,
        .client_results_max = 100000,
        .peers_max = 10000,
        .inline_bytes_max = INLINE_BYTES_MAX,
        .control_bytes_max = CONTROL_BYTES_MAX,
        .frame_bytes_max = FRAME_BYTES_MAX,
    };
}

void
pool_settings_init(struct pool_settings *settings, const char *name)
{
    *settings = (struct pool_settings){
        .name = name,
        .queued_max = 100000,
        .queued_bytes_max = 256 * MEBIBYTE,
        .max_attempts = 5,
        .recycle_jitter_percent = 10,
        .recycle_parallel = 1,
        .start_timeout_us = 60 * SECOND_US,
        .circuit_window_us = 10 * SECOND_US,
        .circuit_pause_us = 30 * SECOND_US,
        .dedup_window_us = 300 * SECOND_US,
        .dedup_max = 10000,
        .dedup_bytes_max = 64 * MEBIBYTE,
        .cancel_grace_us = 5 * SECOND_US,
        .cancel_kill_grace_us = 5 * SECOND_US,
        .session_ttl_us = 600 * SECOND_US,
        .sessions_max = 100000,
        .retry_delay_us = SECOND_US,
        .retry_delay_max_us = 300 * SECOND_US,
        .retry_jitter_percent = 20,
        .kills_max = 2,
        .dead_max = 1000,
        .dead_bytes_max = 64 * MEBIBYTE,
    };
}

static char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (!copy)
        abort();
    memcpy(copy, text, size);
    return copy;
}

struct broker *
broker_new(const struct broker_settings *settings)
{
    struct broker *broker = calloc(1, sizeof *broker);

    if (!broker)
        abort();
    broker->settings = *settings;
    broker->version = copy_text(settings->version);
    broker->settings.version = broker->version;
    broker_set_default_pool(broker, settings->default_pool);
    broker->now_us = INT64_MIN;
    broker->judge_after_us = INT64_MIN;
    broker->adopt_until_us = INT64_MIN;
    broker->fence_next = (settings->epoch << FENCE_EPOCH_SHIFT) + (uint64_t)settings->epoch_us * FENCES_PER_US;
    broker->session_next = (settings->epoch << SESSION_EPOCH_SHIFT) + settings->epoch_us;
    broker->session_first = broker->session_next;
    broker->task_next = 1;
    broker->task_stock = stock_new(sizeof(struct task), STOCK_KEPT_MAX);
    broker->lease_stock = stock_new(sizeof(struct lease), STOCK_KEPT_MAX);
    broker->body_stock = stock_new(STOCK_BODY_BYTES, STOCK_KEPT_MAX);
    heap_init(&broker->timers);
    task_table_init(&broker->tasks);
    lease_table_init(&broker->leases);
    peers_init(&broker->client_peers);
    peers_init(&broker->worker_peers);
    /* It never leaves state NEW, which no timer and no review looks at. */
    broker->house = client_new(0, NULL);
    return broker;
}

void
broker_shed(struct broker *broker)
{
    stock_shed(broker->task_stock);
    stock_shed(broker->lease_stock);
    stock_shed(broker->body_stock);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void
destroy_live_task(struct broker *broker, struct task *task)
{
    heap_remove(&broker->timers, &task->timer);
    if (task->lease)
        lease_release_task(task->lease);
    if (task->state == TASK_FOLLOWING)
        dedup_unfollow(task);
    else
        pool_withdraw(task->pool, task);
    broker_leave_flow(broker, task);
    client_remove_live(task->client, task);
    if (task->extra)
        broker_leave_order(broker, task);
    broker_free_task(broker, task);
}

static void
destroy_tasks(struct broker *broker)
{
    struct client *client, *next;

    while (broker->house->live)
        destroy_live_task(broker, broker->house->live);
    DL_FOREACH_SAFE(broker->clients, client, next) {
        while (client->live)
            destroy_live_task(broker, client->live);
        broker_forget_all(broker, client);
    }
}

static void
destroy_workers(struct broker *broker)
{
    struct worker *worker, *next;

    HASH_ITER(hh, broker->workers, worker, next) {
        while (worker->leases)
            broker_end_lease(broker, worker->leases);
        if (worker->pool->reserved == worker)
            pool_end_reservation(worker->pool);
        if (worker->is_in_crew)
            crew_remove(&worker->pool->crew, worker);
        if (worker->heard_prev) {
            DL_DELETE2(broker->heard, worker, heard_prev, heard_next);
            worker->heard_prev = NULL;
        }
        heap_remove(&broker->timers, &worker->timer);
        heap_remove(&broker->timers, &worker->due_timer);
        while (worker->affinities)
            affinity_unbind(&worker->pool->affinities, worker->affinities);
        broker_drop_recycle(broker, worker);
        pool_remove_worker(worker->pool, worker);
        HASH_DELETE(hh, broker->workers, worker);
        if (worker->process.agent > 0)
            HASH_DELETE(by_process, broker->processes, worker);
        worker_destroy(&worker);
    }
}

static void
destroy_agents(struct broker *broker)
{
    struct agent *agent, *next;

    HASH_ITER(hh, broker->agents, agent, next) {
        heap_remove(&broker->timers, &agent->timer);
        HASH_DELETE(hh, broker->agents, agent);
        agent_destroy(&agent);
    }
}

static void
destroy_clients(struct broker *broker)
{
    struct client *client, *next;

    HASH_CLEAR(hh, broker->clients_by_instance);
    DL_CONCAT(broker->clients, broker->departed_clients);
    DL_FOREACH_SAFE(broker->clients, client, next) {
        heap_remove(&broker->timers, &client->timer);
        client->is_vacant = false;
        client_destroy(&client);
    }
    client_destroy(&broker->house);
}

void
broker_destroy(struct broker **broker_p)
{
    struct broker *broker = *broker_p;
    struct outbox unsent;

    if (!broker)
        return;
    outbox_init(&unsent);
    broker->outbox = &unsent;
    broker_destroy_orphans(broker);
    destroy_tasks(broker);
    destroy_workers(broker);
    destroy_agents(broker);
    destroy_clients(broker);
    outbox_fini(&unsent);
    broker_destroy_schedules(broker);
    broker_destroy_pools(broker);
    task_table_fini(&broker->tasks);
    lease_table_fini(&broker->leases);
    peers_fini(&broker->client_peers);
    peers_fini(&broker->worker_peers);
    heap_fini(&broker->timers);
    stock_destroy(&broker->task_stock);
    stock_destroy(&broker->lease_stock);
    stock_destroy(&broker->body_stock);
    free(broker->version);
    free(broker->default_pool);
    free(broker);
    *broker_p = NULL;
}

/* --- turns ------------------------------------------------------------------------------------------------------ */

static int64_t
earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

int64_t
broker_next_due_us(const struct broker *broker)
{
    int64_t due_us;

    if (broker->state == BROKER_SHUT)
        return INT64_MAX;
    due_us = earlier(heap_first_key(&broker->timers), broker_silence_due_us(broker));
    due_us = earlier(due_us, broker_kept_due_us(broker));
    due_us = earlier(due_us, broker_orphans_due_us(broker));
    return broker->state == BROKER_DRAINING ? earlier(due_us, broker->shutdown_at_us) : due_us;
}

/* Was the broker itself stopped (SIGSTOP, a frozen machine)? It is so when something was due, and nobody called for
 * longer than a heartbeat. What its peers sent meanwhile is still unread, so their silence proves nothing. */
static bool
was_away(const struct broker *broker, int64_t due_us, int64_t now_us)
{
    int64_t heartbeat_us = broker->settings.heartbeat_us;

    return broker->now_us != INT64_MIN && now_us - broker->now_us > heartbeat_us && due_us < now_us &&
           now_us - due_us > heartbeat_us / 10;
}

static void
run_session_timer(struct broker *broker, struct heap_node *node)
{
    switch ((enum timer_kind)node->tag) {
    case TIMER_WORKER:
        broker_worker_overdue(broker, heap_owner(node, struct worker, timer));
        return;
    case TIMER_LIFESPAN:
        broker_lifespan_due(broker, heap_owner(node, struct worker, due_timer));
        return;
    case TIMER_RECYCLE:
        broker_recycle_due(broker, heap_owner(node, struct recycle, timer));
        return;
    case TIMER_LEASE:
        broker_lease_due(broker, heap_owner(node, struct lease, timer));
        return;
    case TIMER_AGENT:
        broker_agent_due(broker, heap_owner(node, struct agent, timer));
        return;
    default:
        broker_client_overdue(broker, heap_owner(node, struct client, timer));
    }
}

/* False: it is not a pool's. */
static bool
run_pool_timer(struct broker *broker, struct heap_node *node)
{
    switch ((enum timer_kind)node->tag) {
    case TIMER_POOL:
        broker_capacity_due(broker, heap_owner(node, struct pool, capacity.timer));
        return true;
    case TIMER_CIRCUIT:
        broker_circuit_due(broker, heap_owner(node, struct pool, circuit.timer));
        return true;
    case TIMER_LIMIT:
        broker_limits_due(broker, heap_owner(node, struct pool, limit_timer));
        return true;
    case TIMER_SESSIONS:
        broker_sessions_due(broker, heap_owner(node, struct pool, affinities.timer));
        return true;
    case TIMER_AHEAD:
        broker_ahead_due(broker, heap_owner(node, struct pool, ahead_timer));
        return true;
    default:
        return false;
    }
}

static void
run_timer(struct broker *broker, struct heap_node *node)
{
    if (node->tag == TIMER_TASK) {
        broker_task_due(broker, heap_owner(node, struct task, timer));
        return;
    }
    if (run_pool_timer(broker, node))
        return;
    if (node->tag == TIMER_SCHEDULE) {
        broker_schedule_due(broker, heap_owner(node, struct schedule, timer));
        return;
    }
    if (node->tag == TIMER_DEDUP) {
        broker_dedup_due(broker, heap_owner(node, struct dedup, timer));
        return;
    }
    if (broker->judge_after_us > broker->now_us) {
        heap_put(&broker->timers, node, broker->judge_after_us);
        return;
    }
    heap_remove(&broker->timers, node);
    run_session_timer(broker, node);
}

/* Several things may be due at one time, above all after a pause. Their order is that of a heap, so nothing is dispatched
 * between them: else a task whose delay is over would go before an older one, or to a worker that is about to stall. */
static void
do_due(struct broker *broker)
{
    broker->is_doing_due = true;
    while (heap_first_key(&broker->timers) <= broker->now_us)
        run_timer(broker, heap_first(&broker->timers));
    broker_judge_silence(broker);
    broker_expire_kept(broker);
    broker_expire_orphans(broker);
    broker->is_doing_due = false;
    for (size_t i = 0; i < broker->pools_count; i++)
        broker_dispatch(broker, broker->pools[i]);
}

/* Time begins: that of the pools, and the one in which an earlier broker's workers may come, too. */
static void
begin_time(struct broker *broker, int64_t now_us)
{
    broker->now_us = now_us;
    if (broker->settings.adopt_window_us > 0)
        broker->adopt_until_us = now_us + broker->settings.adopt_window_us;
    for (size_t i = 0; i < broker->pools_count; i++)
        broker_touch_pool(broker, broker->pools[i]);
}

static void
advance_time(struct broker *broker, int64_t now_us)
{
    int64_t due_us = broker_next_due_us(broker);

    if (was_away(broker, due_us, now_us))
        broker->judge_after_us = now_us + broker->settings.heartbeat_us;
    /* It stood still, and who came meanwhile is still unheard: he gets his time. */
    if (broker->now_us < broker->adopt_until_us && due_us < now_us - broker->settings.adopt_window_us / 8)
        broker->adopt_until_us = now_us + broker->settings.adopt_window_us;
    if (broker->now_us == INT64_MIN)
        begin_time(broker, now_us);
    broker->now_us = now_us;
    if (due_us <= now_us)
        do_due(broker);
}

/* Many commands come in one instant. What was due in it is done with the first; what they themselves make due waits for the
 * next tick. */
static void
begin_turn(struct broker *broker, int64_t now_us, struct outbox *outbox)
{
    assert(!broker->outbox && outbox);
    broker->outbox = outbox;
    if (now_us > broker->now_us)
        advance_time(broker, now_us);
}

static void
end_turn(struct broker *broker)
{
    if (broker->has_suspects)
        broker_review_suspects(broker);
    while (broker->is_stirred)
        broker_dispatch_stirred(broker);
    if (broker->removing_count > 0)
        broker_advance_removals(broker);
    if (broker->state == BROKER_DRAINING)
        broker_advance_shutdown(broker);
    while (broker->departed_clients) {
        struct client *client = broker->departed_clients;

        DL_DELETE(broker->departed_clients, client);
        client_destroy(&client);
    }
    while (broker->departed_workers) {
        struct worker *worker = broker->departed_workers;

        DL_DELETE(broker->departed_workers, worker);
        worker_destroy(&worker);
    }
    broker->outbox = NULL;
}

static int
handle_event(struct broker *broker, const struct event *event)
{
    switch (event->kind) {
    case EVENT_COMMAND:
        if (event->side == SIDE_CLIENT)
            broker_handle_client(broker, event->peer, event->message);
        else
            broker_handle_worker(broker, event->peer, event->message);
        return OK;
    case EVENT_PEER_GONE:
        if (event->side == SIDE_CLIENT)
            broker_client_peer_gone(broker, event->peer);
        else
            broker_worker_peer_gone(broker, event->peer);
        return OK;
    case EVENT_POOL_SET:
        return broker_set_pool(broker, event->pool_settings);
    case EVENT_POOL_REMOVE:
        return broker_remove_pool(broker, event->pool);
    case EVENT_SETTINGS:
        broker_change_settings(broker, event->settings);
        return OK;
    default:
        return broker_handle_operator(broker, event);
    }
}

int
broker_handle(struct broker *broker, const struct event *event, int64_t now_us, struct outbox *outbox)
{
    int status = OK;

    if (broker->state == BROKER_SHUT)
        return OK;
    begin_turn(broker, now_us, outbox);
    status = handle_event(broker, event);
    end_turn(broker);
    return status;
}

void
broker_tick(struct broker *broker, int64_t now_us, struct outbox *outbox)
{
    if (broker->state == BROKER_SHUT)
        return;
    begin_turn(broker, now_us, outbox);
    if (broker_next_due_us(broker) <= broker->now_us)
        do_due(broker);
    end_turn(broker);
}
