/* broker_check.c - asserts that everything in the broker agrees with everything else; see broker.h. Slow. */
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_order.h"
#include "broker/core/task_extra.h"

#include <assert.h>
#include <utlist.h>

static void
check_task(const struct broker *broker, const struct task *task)
{
    assert(task->number > 0 && task->number < broker->task_next);
    assert(task->key.session == task->client->session);
    assert((task->state == TASK_LEASED) == (task->lease != NULL));
    assert(task->state != TASK_NEW && task_is_linked(task) && task->older);
    if (task->extra)
        broker_check_order(task);
    assert(task->tries <= task->tries_max && task->tries <= task->attempt);
    if (task->state == TASK_FINAL) {
        assert(!heap_node_is_in(&task->timer));
        return;
    }
    assert(heap_node_is_in(&task->timer) == (task_next_due_us(task) != INT64_MAX));
    assert(!heap_node_is_in(&task->timer) || heap_key(&broker->timers, &task->timer) == task_next_due_us(task));
    assert(!task->lease || task->lease->task == task);
}

static void
check_tasks(const struct broker *broker)
{
    uint64_t bytes = 0, in_pools = 0, finals = 0, following = 0;

    for (uint32_t at = 0; at < broker->tasks.capacity; at++) {
        const struct task *task = broker->tasks.slots[at].task;

        if (!task)
            continue;
        check_task(broker, task);
        bytes += task_bytes(task);
        finals += task->state == TASK_FINAL;
        following += task->state == TASK_FOLLOWING;
    }
    for (size_t i = 0; i < broker->pools_count; i++)
        in_pools += pool_waiting(broker->pools[i]) + broker->pools[i]->running_count;
    for (size_t i = 0; i < broker->pools_count; i++)
        bytes += broker->pools[i]->dedups.kept_bytes;
    assert(bytes + broker->orphans.bytes == broker->bytes);
    assert(finals == broker->kept_count);
    assert(in_pools + finals + following == broker->tasks.count);
    assert(broker->kept_count <= broker->settings.tasks_max / 2);
}

static void
check_kept(const struct broker *broker)
{
    uint64_t count = 0, bytes = 0;
    const struct task *task;

    DL_FOREACH(broker->kept, task) {
        assert(task->state == TASK_FINAL);
        assert(!task->next || task->final.kept_us <= task->next->final.kept_us);
        bytes += body_bytes(task->body);
        count++;
    }
    assert(count == broker->kept_count && bytes == broker->kept_bytes);
}

/* A key has a work with somebody who waits for it, or a result. */
static void
check_dedups(const struct broker *broker, const struct pool *pool)
{
    const struct dedup_store *store = &pool->dedups;
    uint64_t kept = 0, bytes = 0;

    for (const struct dedup *dedup = store->hash; dedup; dedup = dedup->hh.next) {
        const struct task *task;

        assert((dedup->work != NULL) == (dedup->followers != NULL) && !dedup->work == (dedup->final.body != NULL));
        assert(heap_node_is_in(&dedup->timer) == !dedup->work && dedup->pool == pool);
        assert(!dedup->work || (dedup->work->extra->dedup == dedup && dedup->work->client == broker->house));
        DL_FOREACH(dedup->followers, task)
            assert(task->state == TASK_FOLLOWING && task->extra->dedup == dedup && task->pool == pool);
        kept += !dedup->work;
        bytes += dedup->work ? 0 : body_bytes(dedup->final.body);
    }
    assert(kept == store->kept_count && bytes == store->kept_bytes);
    assert(kept <= pool->settings.dedup_max && bytes <= pool->settings.dedup_bytes_max);
}

static void
check_circuit(const struct broker *broker, const struct pool *pool)
{
    const struct circuit *circuit = &pool->circuit;
    const struct lease *probe = circuit->probe ? lease_table_find(&broker->leases, circuit->probe) : NULL;

    assert(heap_node_is_in(&circuit->timer) == (circuit->state == CIRCUIT_OPEN));
    assert(circuit->state == CIRCUIT_CLOSED || pool->settings.circuit_failures > 0);
    assert(!circuit->probe || (circuit->state == CIRCUIT_HALF_OPEN && probe && probe->task));
}

static void
check_limit_timer(const struct broker *broker, const struct pool *pool)
{
    int64_t due_us = pool_limits_due_us(pool);

    assert(due_us == INT64_MAX || !heap_node_is_in(&pool->limit_timer) ||
           heap_key(&broker->timers, &pool->limit_timer) <= due_us);
    assert(due_us == INT64_MAX || heap_node_is_in(&pool->limit_timer) || broker->state != BROKER_RUNNING);
}

/* What waits in the queue of a pool in which a slot is free would be a dispatch forgotten. */
static void
check_pools(const struct broker *broker)
{
    size_t removing = 0;

    for (size_t i = 0; i < broker->pools_count; i++) {
        const struct pool *pool = broker->pools[i];

        pool_check(pool);
        broker_check_recycling(broker, pool);
        assert(!pool_refuses(pool) || pool_waiting(pool) == 0);
        removing += pool->state == POOL_REMOVED;
        assert(broker_pool_wants_workers(pool) || pool->workers);
        assert(heap_node_is_in(&pool->capacity.timer) || pool->capacity.is_full == pool->capacity.is_reached);
        check_circuit(broker, pool);
        assert(broker->state != BROKER_RUNNING || !pool_choose_task(pool) || pool->crew.count == 0 ||
               !circuit_admits(&pool->circuit));
        assert(broker->state != BROKER_RUNNING || !pool_next_suspect(pool) || !pool_choose_for_suspect(pool) ||
               !circuit_admits(&pool->circuit));
        pool_check_limits(pool, broker->now_us);
        check_limit_timer(broker, pool);
        check_dedups(broker, pool);
    }
    assert(removing == broker->removing_count);
}

static void
check_former_pools(const struct broker *broker)
{
    for (size_t i = 0; i < broker->former_count; i++) {
        const struct pool *pool = broker->former_pools[i];

        pool_check(pool);
        assert(pool_waiting(pool) == 0 && pool->running_count == 0 && !pool->workers);
        assert(pool->state == POOL_REMOVED && !heap_node_is_in(&pool->capacity.timer));
        assert(!heap_node_is_in(&pool->limit_timer));
    }
}

static void
check_leases(const struct broker *broker)
{
    for (uint32_t at = 0; at < broker->leases.capacity; at++) {
        const struct lease *lease = broker->leases.slots[at].lease;

        if (!lease)
            continue;
        assert(lease_table_find(&broker->leases, lease->fence) == lease);
        assert(lease->fence < broker->fence_next && !lease->is_named);
        assert(!lease->task || lease->task->lease == lease);
        assert(!lease->task || lease->task->pool == lease->worker->pool);
    }
}

/* An orphan with a lease has one without a task; a task that waits has none that could be its own. */
static void
check_orphans(const struct broker *broker)
{
    const struct orphan *orphan;

    for (orphan = broker->orphans.by_origin; orphan; orphan = orphan->hh.next) {
        assert(!orphan->worker || orphan_find_fence(orphan->worker, orphan->fence) == orphan);
        assert(!orphan->lease || (!orphan->lease->task && orphan->lease->worker == orphan->worker));
        assert(!orphan->lease || orphan->lease->fence == orphan->fence);
        assert(!orphan->answer || !orphan->worker);
    }
}

static void
check_worker(const struct broker *broker, const struct worker *worker)
{
    uint32_t leases = 0;
    const struct lease *lease;

    DL_FOREACH(worker->leases, lease) {
        assert(lease->worker == worker && broker_find_lease(broker, worker, lease->fence) == lease);
        leases++;
    }
    heap_check(&worker->parked);
    assert(worker->parked.count == 0 || !worker_has_credit(worker) || worker->pool->queue.count > 0 ||
           broker->state != BROKER_RUNNING);
    assert(leases == worker->busy + worker->ahead && worker->busy <= worker->slots);
    assert(worker->state != WORKER_NEW && worker->state != WORKER_GONE);
    assert((worker->peer == 0) == (worker->state == WORKER_DETACHED));
    assert(heap_node_is_in(&worker->timer) == (worker->state == WORKER_DETACHED));
    assert((worker->heard_prev != NULL) == (worker->state == WORKER_READY));
    assert(worker->state != WORKER_GONE && worker->tasks_done < worker->tasks_due);
    assert(worker->peer == 0 || (worker->peer < broker->worker_peers.count &&
                                 broker->worker_peers.array[worker->peer].session == worker));
}

static void
check_workers(const struct broker *broker)
{
    uint64_t busy = 0, in_pools = 0, ready = 0;
    const struct worker *worker;

    for (worker = broker->workers; worker; worker = worker->hh.next) {
        check_worker(broker, worker);
        busy += worker->busy + worker->ahead;
        ready += worker->state == WORKER_READY;
    }
    DL_FOREACH2(broker->heard, worker, heard_next) {
        assert(!worker->heard_next || worker->heard_us <= worker->heard_next->heard_us);
        ready--;
    }
    for (size_t i = 0; i < broker->pools_count; i++)
        in_pools += broker->pools[i]->workers_count;
    assert(ready == 0 && busy == broker->leases.count);
    assert(in_pools == HASH_COUNT(broker->workers) && in_pools <= broker->settings.peers_max);
}

static void
check_agents(const struct broker *broker)
{
    for (const struct agent *agent = broker->agents; agent; agent = agent->hh.next) {
        assert(heap_node_is_in(&agent->timer));
        assert(agent->peer == 0 || (broker->worker_peers.array[agent->peer].agent == agent &&
                                    !broker->worker_peers.array[agent->peer].session));
    }
    assert(HASH_CNT(by_process, broker->processes) <= HASH_COUNT(broker->workers));
}

static void
check_clients(const struct broker *broker)
{
    uint64_t clients = 0, live = 0, kept = 0, named = 0;
    const struct client *client;

    client_check(broker->house);
    assert(broker->house->state == CLIENT_NEW && broker->house->kept_count == 0);
    live = broker->house->live_count;
    DL_FOREACH(broker->clients, client) {
        client_check(client);
        assert(!client->is_departed && (client->state != CLIENT_GONE || client->live_count > 0));
        assert(client->peer == 0 || broker->client_peers.array[client->peer].session == client);
        assert(client->kept_count <= broker->settings.client_results_max);
        assert(!client->is_vacant || (client->state == CLIENT_DETACHED && client_holds_nothing(client)));
        named += !client->is_anonymous && client->state != CLIENT_GONE;
        live += client->live_count;
        kept += client->kept_count;
        clients += client->state != CLIENT_GONE;
    }
    assert(clients == broker->clients_count && named == HASH_COUNT(broker->clients_by_instance));
    assert(kept == broker->kept_count && live + kept == broker->tasks.count);
}

void
broker_check(const struct broker *broker)
{
    heap_check(&broker->timers);
    task_table_check(&broker->tasks);
    check_tasks(broker);
    check_kept(broker);
    check_pools(broker);
    check_former_pools(broker);
    check_leases(broker);
    check_workers(broker);
    orphanage_check(&broker->orphans);
    check_orphans(broker);
    check_agents(broker);
    check_clients(broker);
    assert(!broker->departed_clients && !broker->departed_workers && !broker->outbox);
}
