/* broker_final.c - how tasks end, and how long their final messages are kept; see broker_state.h.
 *
 * A final task's body holds the result, or the texts of an error: `function` is the text, `content_type` the exception's
 * type and `headers` its traceback. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_running.h"
#include "broker/core/broker_order.h"
#include "broker/core/broker_schedule.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <assert.h>
#include <utlist.h>

struct verdict
verdict_make(enum error_code code)
{
    static const char *const texts[] = {
        [ERROR_CANCELLED] = "the task was cancelled",
        [ERROR_EXPIRED] = "the deadline passed",
        [ERROR_DEAD] = "the worker was lost in every allowed attempt",
        [ERROR_LOST] = "the worker was lost, and the task may run at most once",
        [ERROR_SESSION_LOST] = "the worker that kept the state of the task's session is gone",
        [ERROR_TIMED_OUT] = "the task ran for longer than it may",
        [ERROR_POOL_FAILED] = "no worker can be started for the pool, and its tasks are not to wait for that",
    };

    assert((code >= ERROR_CANCELLED && code <= ERROR_LOST) || code == ERROR_POOL_FAILED || code == ERROR_TIMED_OUT ||
           code == ERROR_SESSION_LOST);
    return (struct verdict){.code = code, .text = text_bytes(texts[code])};
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static uint64_t
duration(int64_t us)
{
    return us > 0 ? (uint64_t)us : 0;
}

static void
send_result(struct broker *broker, const struct task *task)
{
    struct message *message =
        outbox_send(broker->outbox, SIDE_CLIENT, task->client->peer, VERB_RESULT, task->body);
    struct info *info = &message->result.info;

    message->result.ref = task->key.id;
    message->result.payload = task->body->payload;
    info->content_type = task->body->content_type;
    info->chunks = task->final.chunks;
    if (task->attempt > 1 || task->wants_info)
        info->attempt = task->attempt;
    if (!task->wants_info)
        return;
    info->timed = true;
    info->worker = task->final.worker;
    info->queue_us = duration(task->final.queue_us);
    info->run_us = duration(task->final.run_us);
}

static void
send_failure(struct broker *broker, const struct task *task)
{
    struct error *error =
        &outbox_send(broker->outbox, SIDE_CLIENT, task->client->peer, VERB_ERROR, task->body)->error;

    error->ref = task->key.id;
    error->code = task->verdict;
    error->text = task->body->function;
    error->type = task->body->content_type;
    error->traceback = task->body->headers;
    if (task->attempt > 1)
        error->attempt = task->attempt;
}

static void
send_final(struct broker *broker, const struct task *task)
{
    if (task->verdict == ERROR_NONE)
        send_result(broker, task);
    else
        send_failure(broker, task);
}

/* --- keeping ---------------------------------------------------------------------------------------------------- */

void
broker_free_task(struct broker *broker, struct task *task)
{
    task_table_remove(&broker->tasks, task);
    broker->bytes -= task_bytes(task);
    task_destroy(&task);
}

static void
keep(struct broker *broker, struct task *task)
{
    task->final.kept_us = broker->now_us;
    DL_APPEND(broker->kept, task);
    broker->kept_count++;
    broker->kept_bytes += body_bytes(task->body);
    client_keep(task->client, task);
}

/* Take a final task out of both its lists. */
static void
unkeep(struct broker *broker, struct task *task)
{
    client_unkeep(task->client, task);
    DL_DELETE(broker->kept, task);
    task->prev = task->next = NULL;
    broker->kept_count--;
    broker->kept_bytes -= body_bytes(task->body);
}

/* Drop a kept task. */
static void
forget(struct broker *broker, struct task *task)
{
    struct client *client = task->client;

    unkeep(broker, task);
    broker_free_task(broker, task);
    broker_review_client(broker, client);
}

/* A limit makes room: somebody may still have wanted this one. */
static void
drop(struct broker *broker, struct task *task)
{
    broker->undeliverable++;
    forget(broker, task);
}

/* Kept messages are worth less than new tasks: they may take half of what the broker may hold, and each client a share
 * of it. */
static void
trim(struct broker *broker, struct client *client)
{
    const struct broker_settings *settings = &broker->settings;

    while (client->kept_count > settings->client_results_max || client->kept_bytes > settings->client_bytes_max)
        drop(broker, client_oldest_kept(client));
    while (broker->kept_count > settings->tasks_max / 2 || broker->kept_bytes > settings->bytes_max / 2)
        drop(broker, broker->kept);
}

void
broker_trim_all(struct broker *broker)
{
    struct client *client, *next;

    DL_FOREACH_SAFE(broker->clients, client, next)
        if (client->kept_count > 0)
            trim(broker, client);
}

void
broker_repeat_final(struct broker *broker, struct task *task)
{
    assert(task->state == TASK_FINAL && task->client->peer > 0);
    unkeep(broker, task);
    keep(broker, task);
    send_final(broker, task);
}

void
broker_seen(struct broker *broker, struct client *client, uint64_t count)
{
    while (client->sent && client->sent->final.position <= count)
        forget(broker, client->sent);
}

void
broker_forget_all(struct broker *broker, struct client *client)
{
    while (client->sent)
        forget(broker, client->sent);
    while (client->unsent)
        forget(broker, client->unsent);
}

int64_t
broker_kept_due_us(const struct broker *broker)
{
    int64_t due_us;

    if (!broker->kept)
        return INT64_MAX;
    due_us = broker->kept->final.kept_us + broker->settings.client_retention_us;
    return due_us > broker->judge_after_us ? due_us : broker->judge_after_us;
}

void
broker_expire_kept(struct broker *broker)
{
    while (broker_kept_due_us(broker) <= broker->now_us) {
        if (broker->kept->final.position == 0)
            broker->undeliverable++;
        forget(broker, broker->kept);
    }
}

/* --- ending ----------------------------------------------------------------------------------------------------- */

struct body *
broker_make_answer(struct broker *broker, const struct verdict *verdict)
{
    static const struct payload nothing;

    if (verdict->shared) {
        body_ref(verdict->shared->body);
        return verdict->shared->body;
    }
    if (verdict->code == ERROR_NONE)
        return body_new(broker->body_stock, (struct bytes){0}, verdict->content_type, (struct bytes){0}, verdict->payload);
    return body_new(broker->body_stock, verdict->text, verdict->type, verdict->traceback, &nothing);
}

/* Take a live task out of all lists and accounts; it has no lease after this. */
static void
withdraw(struct broker *broker, struct task *task)
{
    heap_remove(&broker->timers, &task->timer);
    if (task->state == TASK_FOLLOWING)
        dedup_unfollow(task);
    else
        pool_withdraw(task->pool, task);
    broker_leave_flow(broker, task);
    client_remove_live(task->client, task);
    if (task->lease) {
        broker_judge_attempt(broker, task->lease, ATTEMPT_NEUTRAL);
        broker_ask_end(broker, task->lease);
        lease_release_task(task->lease);
    }
    if (task->extra)
        broker_leave_order(broker, task);
}

/* It ended by an attempt at another task, which ran for both. */
static void
take_shared(struct task *task, const struct shared_final *shared)
{
    task->attempt = shared->attempt;
    task->final.worker = shared->worker;
    task->final.queue_us = shared->worker ? shared->leased_us - task->accepted_us : 0;
    task->final.run_us = shared->run_us;
}

/* Turn the record of a live task into that of a final one. */
static void
settle(struct broker *broker, struct task *task, const struct verdict *verdict)
{
    struct body *body = broker_make_answer(broker, verdict);

    broker->bytes -= task_bytes(task);
    broker->bytes += body_bytes(body);
    task_become(task, TASK_FINAL);
    body_unref(task->body);
    task->body = body;
    task->verdict = (uint8_t)verdict->code;
    task->final.position = 0;
    task->final.worker = verdict->worker;
    task->final.chunks = task->is_streamed || task->wants_progress ? verdict->chunks : 0;
    task->final.queue_us = task->final.run_us = 0;
    if (verdict->shared)
        take_shared(task, verdict->shared);
    if (!verdict->lease)
        return;
    task->final.worker = verdict->lease->worker->session;
    task->final.chunks = task->is_streamed || task->wants_progress ? verdict->lease->chunk_seq : 0;
    task->final.queue_us = verdict->lease->leased_us - task->accepted_us;
    task->final.run_us = broker->now_us - verdict->lease->leased_us;
}

void
broker_finish(struct broker *broker, struct task *task, const struct verdict *verdict)
{
    struct client *client = task->client;

    broker_touch_pool(broker, task->pool);
    if (task->state != TASK_FOLLOWING) /* what it follows is counted */
        pool_count_final(task->pool, verdict->code, broker->now_us);
    withdraw(broker, task);
    if (verdict->code == ERROR_DEAD && task->state != TASK_FOLLOWING)
        broker_bury(broker, task, verdict->text);
    settle(broker, task, verdict);
    if (task->extra && task->extra->dedup)
        broker_dedup_final(broker, task);
    if (task->extra && task->extra->schedule)
        broker_scheduled_final(broker, task);
    if (client->peer > 0)
        send_final(broker, task);
    if (client->state != CLIENT_GONE && !client->is_anonymous) {
        keep(broker, task);
        trim(broker, client);
        return;
    }
    if (client->peer == 0 && verdict->code != ERROR_CANCELLED && client != broker->house)
        broker->undeliverable++;
    broker_free_task(broker, task);
    broker_review_client(broker, client);
}
