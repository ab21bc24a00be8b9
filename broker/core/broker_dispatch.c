/* broker_dispatch.c - hands tasks to workers, and takes them back; see broker_state.h. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_order.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_running.h"
#include "broker/core/dedup.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <assert.h>
#include <utlist.h>

struct lease *
broker_find_lease(const struct broker *broker, const struct worker *worker, uint64_t fence)
{
    struct lease *lease = lease_table_find(&broker->leases, fence);

    return lease && lease->worker == worker ? lease : NULL;
}

/* By what the task is known again after a restart; a client without an instance offers nothing again. What several ask for
 * is known by the first of them. */
static struct bytes
write_origin(struct broker *broker, const struct task *task)
{
    const struct task *asked = task->extra && task->extra->dedup ? task->extra->dedup->followers : task;
    uint8_t buffer[ORIGIN_BYTES_MAX];
    uint32_t size;

    if (!asked || asked->client->is_anonymous)
        return (struct bytes){0};
    size = origin_write(asked->client->instance, &asked->key.id, buffer);
    return (struct bytes){outbox_copy(broker->outbox, buffer, size), size};
}

static void
add_extra(struct broker *broker, const struct task *task, struct task_command *command)
{
    const struct affinity *session = task->extra->affinity;

    command->credit = broker_begin_credit(task);
    if (session) /* which may be freed before the message is sent */
        command->session = (struct bytes){outbox_copy(broker->outbox, session->name, session->size), session->size};
}

static void
set_limits(struct broker *broker, const struct task *task, struct task_command *command)
{
    command->run_ms = (uint64_t)broker_limit_run(broker, task->lease) / 1000;
    if (task->extra)
        add_extra(broker, task, command);
}

static void
send_task(struct broker *broker, const struct task *task)
{
    struct message *message =
        outbox_send(broker->outbox, SIDE_WORKER, task->lease->worker->peer, VERB_TASK, task->body);
    struct task_command *command = &message->task;

    command->fence = task->lease->fence;
    command->attempt = task->attempt;
    command->function = task->body->function;
    command->payload = task->body->payload;
    command->content_type = task->body->content_type;
    command->headers = task->body->headers;
    command->stream = task->is_streamed;
    command->progress = task->wants_progress;
    command->origin = write_origin(broker, task);
    if (task->extra || task->pool->settings.run_timeout_us > 0)
        set_limits(broker, task, command);
    if (task->live.deadline_us == INT64_MAX)
        return;
    command->has_deadline = true;
    command->deadline_ms = (uint64_t)(task->live.deadline_us - broker->now_us + 999) / 1000;
}

static struct lease *
open_lease(struct broker *broker, struct worker *worker, uint64_t fence)
{
    struct lease *lease = lease_new(broker->lease_stock, fence, worker, broker->now_us);

    lease->timer.tag = TIMER_LEASE;
    lease_table_add(&broker->leases, lease);
    if (!lease->is_ahead)
        worker->progress_us = broker->now_us;
    pool_review_worker(worker->pool, worker);
    return lease;
}

struct lease *
broker_open_lease(struct broker *broker, struct worker *worker, uint64_t fence)
{
    broker_touch_pool(broker, worker->pool);
    pool_load_dispatch(&worker->pool->load, -1);
    return open_lease(broker, worker, fence);
}

/* It has started already, so that no rate is asked. */
void
broker_tie_lease(struct broker *broker, struct lease *lease, struct task *task)
{
    broker_touch_pool(broker, task->pool);
    pool_withdraw(task->pool, task);
    lease->flow = task_flow(task);
    lease_tie_task(lease, task);
    pool_put(task->pool, task, TASK_LEASED);
    broker_limit_run(broker, lease);
    if (task->extra) {
        broker_begin_order(broker, lease);
        broker_open_stream(broker, task);
    }
    if (!lease->flow)
        return;
    pool_adopt_lease(task->pool, lease->flow, broker->now_us);
    broker_arm_limits(broker, task->pool);
}

static void
expect_run(struct broker *broker, struct lease *lease)
{
    int64_t expected_us = broker_expect_run(broker, lease->task, &lease->run_cell);

    if (expected_us > 0)
        lease_expect(lease, expected_us);
}

static void
lease_task(struct broker *broker, struct task *task, struct worker *worker)
{
    struct pool *pool = task->pool;
    struct lease *lease;

    broker_touch_pool(broker, pool);
    pool_load_dispatch(&pool->load, task->attempt == 0 ? broker->now_us - task->live.not_before_us : -1);
    pool_take(pool, task);
    lease = open_lease(broker, worker, broker->fence_next++);
    lease->flow = task_flow(task);
    if (lease->flow || limit_is_set(&pool->settings.limit))
        pool_start_lease(pool, lease->flow, broker->now_us);
    lease_tie_task(lease, task);
    pool_put(pool, task, TASK_LEASED);
    if (task->extra)
        broker_begin_order(broker, lease);
    if (pool->circuit.state == CIRCUIT_HALF_OPEN)
        circuit_begin_probe(&pool->circuit, lease->fence);
    if (pool->settings.prefetch > 0)
        expect_run(broker, lease);
    task->attempt++;
    task->tries++;
    send_task(broker, task);
}

void
broker_lease_task(struct broker *broker, struct task *task, struct worker *worker)
{
    assert(worker->busy < worker->slots);
    lease_task(broker, task, worker);
}

void
broker_lease_ahead(struct broker *broker, struct task *task, struct worker *worker)
{
    assert(worker->busy == worker->slots && !task->extra);
    lease_task(broker, task, worker);
}

void
broker_arm_limits(struct broker *broker, struct pool *pool)
{
    int64_t due_us = pool_limits_due_us(pool);

    if (due_us == INT64_MAX)
        heap_remove(&broker->timers, &pool->limit_timer);
    else if (!heap_node_is_in(&pool->limit_timer) || heap_key(&broker->timers, &pool->limit_timer) != due_us)
        heap_put(&broker->timers, &pool->limit_timer, due_us);
}

void
broker_limits_due(struct broker *broker, struct pool *pool)
{
    pool_pass_limits(pool, broker->now_us);
    broker_arm_limits(broker, pool);
    broker_dispatch(broker, pool);
}

void
broker_dispatch(struct broker *broker, struct pool *pool)
{
    if (broker->state != BROKER_RUNNING || broker->is_doing_due)
        return;
    for (;;) {
        struct worker *worker;
        struct task *task;

        if (broker->has_suspects)
            broker_dispatch_suspects(broker, pool);
        worker = pool_choose_worker(pool);
        task = worker ? pool_choose_task(pool) : NULL;
        if (!task || !circuit_admits(&pool->circuit))
            break;
        if (task->live.deadline_us <= broker->now_us) {
            struct verdict expired = verdict_make(ERROR_EXPIRED);

            broker_finish(broker, task, &expired);
            continue;
        }
        if (task->extra)
            worker = broker_route(broker, task, worker);
        if (worker)
            broker_lease_task(broker, task, worker);
    }
    if (pool->ahead)
        broker_recall(broker, pool);
    if (pool->flows || limit_is_set(&pool->settings.limit))
        broker_arm_limits(broker, pool);
    pool->is_stirred = false;
    if (pool->is_saturated && pool_has_recovered(pool))
        pool->is_saturated = false;
    if (pool->capacity.is_full != pool_is_full(pool))
        broker_review_capacity(broker, pool);
}

void
broker_end_lease(struct broker *broker, struct lease *lease)
{
    struct worker *worker = lease->worker;

    broker_touch_pool(broker, worker->pool);
    if (lease->flow)
        pool_end_lease(worker->pool, lease->flow, broker->now_us);
    if (lease->group)
        broker_let_go_group(broker, lease);
    heap_remove(&broker->timers, &lease->timer);
    lease_table_remove(&broker->leases, lease);
    if (lease->is_alone)
        pool_set_alone(worker->pool, worker, false);
    lease_destroy(&lease);
    lease_move_up(worker, broker->now_us);
    worker->progress_us = broker->now_us;
    pool_review_worker(worker->pool, worker);
}

static void
note_attempt(struct broker *broker, enum note_kind kind, const struct task *task, uint64_t worker, const char *reason)
{
    struct note *note = outbox_note(broker->outbox, kind);

    note->pool = task->pool->name;
    note->task = task->number;
    note->worker = worker;
    note->count = task->attempt;
    note->reason = reason;
}

void
broker_requeue(struct broker *broker, struct task *task, uint64_t worker, const char *reason)
{
    struct verdict failed;

    broker_touch_pool(broker, task->pool);
    pool_withdraw(task->pool, task);
    broker_enqueue(broker, task);
    task->pool->requeued++;
    note_attempt(broker, NOTE_TASK_REQUEUED, task, worker, reason);
    if (!pool_refuses(task->pool))
        return;
    failed = verdict_make(ERROR_POOL_FAILED);
    broker_finish(broker, task, &failed);
}

static bool
has_killed_enough(const struct task *task)
{
    uint32_t kills_max = task->extra->kills_max ? task->extra->kills_max : task->pool->settings.kills_max;

    return kills_max > 0 && task->extra->kills >= kills_max;
}

/* Its attempts are used up, or the workers that it may cost. */
static bool
is_dead(const struct task *task)
{
    return task->tries >= task->tries_max || has_killed_enough(task);
}

static struct bytes
say_end(struct broker *broker, const struct task *task, const struct verdict *verdict, const char *reason)
{
    if (verdict->code == ERROR_DEAD && task->tries < task->tries_max)
        return broker_say_kills(broker, task->extra->kills, reason);
    return broker_say_loss(broker, verdict->text, reason);
}

/* What the end of this attempt without an answer means for its task. ERROR_NONE: it may try again. */
static struct verdict
judge_loss(struct broker *broker, const struct lease *lease, const char *reason)
{
    const struct task *task = lease->task;
    enum error_code code = broker_judge_end(lease);
    struct verdict verdict;

    if (code == ERROR_NONE && task->is_lost_once_lost)
        code = ERROR_LOST;
    else if (code == ERROR_NONE && task->extra && broker_is_session_lost(task, lease->worker))
        code = ERROR_SESSION_LOST;
    else if (code == ERROR_NONE && is_dead(task) && !lease->worker->is_condemned)
        code = ERROR_DEAD;
    if (code == ERROR_NONE)
        return (struct verdict){.code = ERROR_NONE};
    verdict = verdict_make(code);
    if (code == ERROR_TIMED_OUT)
        verdict.text = broker_say_timed_out(broker, lease);
    else if (code != ERROR_CANCELLED)
        verdict.text = say_end(broker, task, &verdict, reason);
    return verdict;
}

void
broker_lose_lease(struct broker *broker, struct lease *lease, bool is_kill, const char *reason)
{
    const struct worker *worker = lease->worker;
    struct task *task = lease->task;
    struct verdict verdict = {.code = ERROR_NONE};

    if (task) {
        broker_record_attempt(broker, task, lease, is_kill, reason);
        verdict = judge_loss(broker, lease, reason);
        lease_release_task(lease);
    } else if (lease->worker->orphans) {
        broker_drop_orphan(broker, lease->worker, lease->fence);
    }
    broker_end_lease(broker, lease);
    if (!task)
        return;
    if (verdict.code == ERROR_DEAD)
        note_attempt(broker, NOTE_TASK_DEAD, task, worker->session, reason);
    if (verdict.code != ERROR_NONE) {
        broker_finish(broker, task, &verdict);
        return;
    }
    task->tries -= worker->is_condemned; /* for the sake of another task, which does not count against this one */
    broker_requeue(broker, task, worker->session, reason);
}
