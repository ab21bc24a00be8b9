/* broker_submit.c - tasks from clients: taken, refused, found again, cancelled; see broker_state.h. */
#include "broker/core/broker_adopt.h"
#include "broker/core/broker_circuit.h"
#include "broker/core/broker_offer.h"
#include "broker/core/broker_order.h"
#include "broker/core/broker_patience.h"
#include "broker/core/broker_running.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <assert.h>
#include <string.h>

/* --- refusing --------------------------------------------------------------------------------------------------- */

static uint64_t
offer_bytes(const struct submit *submit)
{
    return sizeof(struct body) + submit->function.size + submit->content_type.size + submit->headers.size +
           payload_bytes(&submit->payload);
}

static struct error *
refuse(struct broker *broker, const struct offer *offer, enum error_code code, const char *text)
{
    if (offer->pool)
        offer->pool->refused++;
    if (offer->pool && code == ERROR_BUSY)
        offer->pool->refused_busy++;
    if (offer->unsent) {
        offer->unsent->code = code;
        return offer->unsent;
    }
    return broker_send_error(broker, SIDE_CLIENT, offer->client->peer, &offer->submit->id, code, text);
}

/* Fields that a decoder has checked already; the core stands on its own. */
static const char *
find_bad_field(const struct submit *submit)
{
    if (submit->id.kind == REF_NONE)
        return "id";
    if (submit->function.size == 0 || submit->function.size > FUNCTION_BYTES_MAX)
        return "function";
    if (submit->priority >= PRIORITIES)
        return "priority";
    if (submit->max_attempts > ATTEMPTS_MAX)
        return "max_attempts";
    if (submit->delay_ms > DURATION_MS_MAX)
        return "delay_ms";
    if (submit->has_deadline && submit->deadline_ms > DURATION_MS_MAX)
        return "deadline_ms";
    if (submit->fair_key.size > LABEL_BYTES_MAX)
        return "fair_key";
    if (submit->dedup_key.size > DEDUP_KEY_BYTES_MAX)
        return "dedup_key";
    if (submit->has_dedup_ms && (submit->dedup_key.size == 0 || submit->dedup_ms > DURATION_MS_MAX))
        return "dedup_ms";
    if (submit->group.size > LABEL_BYTES_MAX)
        return "group";
    if (submit->run_ms > DURATION_MS_MAX)
        return "run_ms";
    if (submit->credit > CREDIT_MAX)
        return "credit";
    if (submit->session.size > LABEL_BYTES_MAX)
        return "session";
    return broker_find_bad_patience(submit);
}

static void
refuse_pool(struct broker *broker, const struct offer *offer)
{
    if (offer->unsent)
        offer->unsent->code = ERROR_NO_SUCH_POOL;
    else
        broker_send_no_such_pool(broker, offer->client->peer, &offer->submit->id, offer->submit->pool);
}

/* A shared run has no parts: what came before a task joined it, nobody keeps. */
static const char *
find_unsupported(const struct submit *submit)
{
    if (submit->dedup_key.size == 0)
        return NULL;
    if (submit->stream)
        return "stream";
    return submit->progress ? "progress" : NULL;
}

static bool
is_closed(struct broker *broker, const struct offer *offer)
{
    const char *field = find_bad_field(offer->submit);

    if (field) {
        refuse(broker, offer, ERROR_BAD_FIELD, "a field is out of range")->field = text_bytes(field);
        return true;
    }
    field = find_unsupported(offer->submit);
    if (field) {
        refuse(broker, offer, ERROR_UNSUPPORTED, "not together with a dedup_key")->field = text_bytes(field);
        return true;
    }
    if (broker->state != BROKER_RUNNING) {
        refuse(broker, offer, ERROR_DRAINING, "the broker is shutting down");
        return true;
    }
    if (!offer->pool) {
        refuse_pool(broker, offer);
        return true;
    }
    if (offer->pool->state != POOL_OPEN) {
        refuse(broker, offer, ERROR_DRAINING, "")->text = broker_say_draining(broker, offer->pool);
        return true;
    }
    return false;
}

bool
broker_is_circuit_open(struct broker *broker, const struct offer *offer)
{
    uint64_t after_ms = broker_circuit_refusal_ms(broker, offer->pool);

    if (after_ms == 0)
        return false;
    refuse(broker, offer, ERROR_CIRCUIT_OPEN, "too many tasks of the pool failed; offer the task again later")
        ->retry_after_ms = after_ms;
    return true;
}

static bool
fits(const struct broker_settings *settings, const struct offer *offer)
{
    return offer->submit->payload.data.size <= settings->inline_bytes_max &&
           offer->bytes <= offer->pool->settings.queued_bytes_max && offer->bytes <= settings->client_bytes_max &&
           offer->bytes <= settings->bytes_max;
}

bool
broker_is_too_large(struct broker *broker, const struct offer *offer)
{
    if (fits(&broker->settings, offer))
        return false;

    const struct {
        uint64_t bytes;
        uint64_t bytes_max;
        const char *limit;
    } rules[] = {
        {offer->submit->payload.data.size, broker->settings.inline_bytes_max, "inline_max"},
        {offer->bytes, offer->pool->settings.queued_bytes_max, "pool.queued_bytes_max"},
        {offer->bytes, broker->settings.client_bytes_max, "client_bytes_max"},
        {offer->bytes, broker->settings.bytes_max, "bytes_max"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct error *error;

        if (rules[i].bytes <= rules[i].bytes_max)
            continue;
        error = refuse(broker, offer, ERROR_TOO_LARGE, "the task is larger than a limit");
        error->limit = text_bytes(rules[i].limit);
        error->limit_bytes = rules[i].bytes_max;
        break;
    }
    return true;
}

/* The first limit that is reached, and how many tasks it allows; NULL: none. */
static const char *
find_full_limit(struct broker *broker, const struct offer *offer, uint64_t *ret_tasks)
{
    const struct broker_settings *settings = &broker->settings;
    const char *limit = offer->joins ? NULL : pool_full_limit(offer->pool, offer->bytes);
    uint64_t records = offer->records ? offer->records : 1;

    *ret_tasks = pool_waiting(offer->pool);
    if (limit)
        return limit;
    if (!offer->joins && !broker_has_session_room(broker, offer->pool, offer->submit))
        return "pool.sessions_max";
    *ret_tasks = offer->client->live_count;
    if (offer->client != broker->house && offer->client->live_count >= settings->client_tasks_max)
        return "client_tasks_max";
    if (offer->client != broker->house && offer->client->live_bytes + offer->bytes > settings->client_bytes_max)
        return "client_bytes_max";
    *ret_tasks = broker->tasks.count;
    if (broker->tasks.count + records > settings->tasks_max)
        return "tasks_max";
    if (offer->joins || broker->bytes + offer->bytes <= settings->bytes_max)
        return NULL;
    return broker_forget_results(broker, offer->bytes) ? NULL : "bytes_max";
}

static void
note_saturation(struct broker *broker, struct pool *pool, const char *limit)
{
    struct note *note;

    if (pool->is_saturated || strncmp(limit, "pool.queued", strlen("pool.queued")) != 0)
        return;
    pool->is_saturated = true;
    note = outbox_note(broker->outbox, NOTE_POOL_SATURATED);
    note->pool = pool->name;
    note->count = pool_waiting(pool);
    note->reason = limit;
}

bool
broker_is_busy(struct broker *broker, const struct offer *offer)
{
    uint64_t tasks;
    const char *limit = find_full_limit(broker, offer, &tasks);
    struct error *error;

    if (!limit)
        return false;
    error = refuse(broker, offer, ERROR_BUSY, "a limit is reached; offer the task again later");
    error->limit = text_bytes(limit);
    /* A tenth of the limit should be free by then: coming for a single place would bring the next refusal. */
    error->retry_after_ms = pool_retry_after_ms(offer->pool, tasks / 10 + 1, broker->now_us);
    note_saturation(broker, offer->pool, limit);
    return true;
}

bool
broker_is_session_refused(struct broker *broker, const struct offer *offer)
{
    if (!broker_is_session_busy(broker, offer->pool, offer->submit))
        return false;
    refuse(broker, offer, ERROR_SESSION_BUSY, "the worker of the session cannot take the task at once")
        ->retry_after_ms = pool_retry_after_ms(offer->pool, 1, broker->now_us);
    return true;
}

static bool
is_refused(struct broker *broker, const struct offer *offer)
{
    return broker_is_too_large(broker, offer) || broker_is_circuit_open(broker, offer) ||
           broker_is_busy(broker, offer) || broker_is_session_refused(broker, offer);
}

/* --- taking ----------------------------------------------------------------------------------------------------- */

void
broker_acknowledge(struct broker *broker, const struct task *task)
{
    struct message *message = outbox_send(broker->outbox, SIDE_CLIENT, task->client->peer, VERB_ACCEPTED, NULL);

    message->accepted.id = task->key.id;
    message->accepted.task = task->number;
}

void
broker_arm_task(struct broker *broker, struct task *task)
{
    int64_t due_us = task_next_due_us(task);

    if (due_us == INT64_MAX)
        heap_remove(&broker->timers, &task->timer);
    else
        heap_put(&broker->timers, &task->timer, due_us);
}

/* What few tasks ask for. */
static void
take_options(struct task *task, const struct submit *submit)
{
    if (submit->run_ms > 0)
        task_get_extra(task)->run_us = (int64_t)submit->run_ms * 1000;
    if (submit->credit > 0 && submit->stream)
        task_get_extra(task)->credit = submit->credit;
}

/* Does the task take turns with others under a name? */
static void
join_flow(struct broker *broker, struct task *task, const struct offer *offer)
{
    struct pool *pool = task->pool;
    struct flow_key key;

    if (offer->submit->fair_key.size > 0)
        key = flow_key_of_text(offer->submit->fair_key);
    else if (pool->settings.fairness == FAIRNESS_CLIENT)
        key = flow_key_of_client(offer->client->session);
    else
        return;
    task_get_extra(task)->flow = pool_join_flow(pool, &key, broker->now_us);
    broker_arm_limits(broker, pool);
}

void
broker_leave_flow(struct broker *broker, struct task *task)
{
    struct flow *flow = task_flow(task);

    if (!flow)
        return;
    task->extra->flow = NULL;
    pool_leave_flow(task->pool, flow, broker->now_us);
    broker_arm_limits(broker, task->pool);
}

struct task *
broker_make_task(struct broker *broker, const struct offer *offer)
{
    const struct submit *submit = offer->submit;
    struct body *body = body_new(broker->body_stock, submit->function, submit->content_type, submit->headers, &submit->payload);
    struct task *task = task_new(broker->task_stock, &offer->key, offer->hash, body);

    task->number = broker->task_next++;
    task->pool = offer->pool;
    task->timer.tag = TIMER_TASK;
    task->accepted_us = broker->now_us;
    task->live.not_before_us = broker->now_us + (int64_t)submit->delay_ms * 1000;
    if (submit->has_deadline)
        task->live.deadline_us = broker->now_us + (int64_t)submit->deadline_ms * 1000;
    task->tries_max = (uint16_t)(submit->max_attempts ? submit->max_attempts : offer->pool->settings.max_attempts);
    task->priority = submit->priority;
    task->is_streamed = submit->stream;
    task->wants_progress = submit->progress;
    task->wants_info = submit->info;
    task->is_lost_once_lost = submit->on_loss == LOSS_FINAL;
    join_flow(broker, task, offer);
    if (submit->group.size > 0 || submit->session.size > 0)
        broker_join_order(broker, task, submit);
    take_options(task, submit);
    if (offer->schedule)
        task_get_extra(task)->schedule = offer->schedule;
    if (submit->has_retries || submit->has_backoff || submit->retry_on.count > 0 || submit->kills_max > 0)
        broker_take_retry_options(task, submit);
    if (offer->is_suspect)
        task_get_extra(task)->is_suspect = true;
    if (submit->again || submit->group.size > 0)
        broker_hold_back(broker, task);
    assert(body_bytes(task->body) == offer->bytes);
    return task;
}

void
broker_enter_task(struct broker *broker, struct client *client, struct task *task)
{
    task_table_add(&broker->tasks, task);
    broker->bytes += task_bytes(task);
    client_add_live(client, task);
}

void
broker_enqueue_task(struct broker *broker, struct task *task)
{
    broker_touch_pool(broker, task->pool);
    if (task->live.not_before_us > broker->now_us)
        pool_put(task->pool, task, TASK_DELAYED);
    else
        broker_enqueue(broker, task);
    pool_load_accept(&task->pool->load, pool_queued(task->pool));
    broker_arm_task(broker, task);
}

void
broker_begin_task(struct broker *broker, struct task *task)
{
    if (pool_refuses(task->pool)) {
        struct verdict failed = verdict_make(ERROR_POOL_FAILED);

        broker_finish(broker, task, &failed);
        return;
    }
    if (task->state == TASK_QUEUED)
        broker_dispatch(broker, task->pool);
}

static void
accept(struct broker *broker, const struct offer *offer)
{
    struct task *task = broker_make_task(broker, offer);

    broker_enter_task(broker, offer->client, task);
    broker_enqueue_task(broker, task);
    if (offer->submit->ack)
        broker_acknowledge(broker, task);
    if (broker_adopt(broker, task, task) || (offer->submit->again && broker_gives_up(broker, task)))
        return;
    broker_begin_task(broker, task);
}

/* The client does not know whether the task had come through. */
static void
offer_again(struct broker *broker, struct task *task, const struct submit *submit)
{
    if (task->state == TASK_FINAL) {
        broker_repeat_final(broker, task);
        return;
    }
    if (submit->ack)
        broker_acknowledge(broker, task);
    if (task->extra)
        broker_renew_credit(broker, task);
}

void
broker_submit(struct broker *broker, struct client *client, const struct submit *submit)
{
    struct offer offer = {.client = client, .submit = submit, .key = task_key_make(client->session, &submit->id)};
    struct task *task;

    offer.hash = task_key_hash(&offer.key, broker->settings.hash_seed);
    task = task_table_find(&broker->tasks, &offer.key, offer.hash);
    if (task) {
        offer_again(broker, task, submit);
        return;
    }
    offer.pool = submit->pool.size > 0 ? broker_pool_asked(broker, submit->pool) : broker_default_pool(broker);
    offer.bytes = offer_bytes(submit);
    if (is_closed(broker, &offer))
        return;
    if (submit->dedup_key.size > 0)
        broker_submit_shared(broker, &offer);
    else if (!is_refused(broker, &offer))
        accept(broker, &offer);
}

static enum error_code
submit_for_house(struct broker *broker, const struct submit *submit, uint64_t schedule, bool is_suspect,
                 uint64_t *ret_number)
{
    struct submit own = *submit;
    struct error refusal = {.code = ERROR_NONE};
    struct offer offer = {.client = broker->house, .submit = &own, .schedule = schedule, .unsent = &refusal,
                          .is_suspect = is_suspect};
    uint64_t number = broker->task_next;

    own.id = ref_number(number); /* numbers never come again, so neither does this id */
    own.ack = false;
    own.credit = 0; /* nobody reads its stream */
    offer.key = task_key_make(broker->house->session, &own.id);
    offer.hash = task_key_hash(&offer.key, broker->settings.hash_seed);
    offer.pool = own.pool.size > 0 ? broker_pool(broker, own.pool) : broker_default_pool(broker);
    offer.bytes = offer_bytes(&own);
    if (is_closed(broker, &offer) || is_refused(broker, &offer))
        return refusal.code;
    accept(broker, &offer);
    *ret_number = number;
    return ERROR_NONE;
}

enum error_code
broker_submit_scheduled(struct broker *broker, const struct submit *submit, uint64_t schedule, uint64_t *ret_number)
{
    return submit_for_house(broker, submit, schedule, false, ret_number);
}

enum error_code
broker_replay(struct broker *broker, const struct submit *submit, bool is_suspect, uint64_t *ret_number)
{
    return submit_for_house(broker, submit, 0, is_suspect, ret_number);
}

enum error_code
broker_house_submit(struct broker *broker, const struct submit *submit, uint64_t *ret_number)
{
    return submit_for_house(broker, submit, 0, false, ret_number);
}

/* --- cancelling and timers -------------------------------------------------------------------------------------- */

int
broker_cancel_task(struct broker *broker, struct task *task)
{
    struct verdict cancelled = verdict_make(ERROR_CANCELLED);

    if (task->state == TASK_LEASED) {
        task->is_cancel_asked = true;
        broker_ask_end(broker, task->lease);
        return ERR_AGAIN;
    }
    broker_finish(broker, task, &cancelled);
    return OK;
}

void
broker_task_due(struct broker *broker, struct task *task)
{
    struct verdict expired = verdict_make(ERROR_EXPIRED);

    if (task->live.deadline_us <= broker->now_us) {
        broker_finish(broker, task, &expired);
        return;
    }
    assert(task->state == TASK_DELAYED);
    if (task->is_held_back && broker_holds_on(broker, task))
        return;
    broker_touch_pool(broker, task->pool);
    pool_withdraw(task->pool, task);
    broker_enqueue(broker, task);
    broker_arm_task(broker, task);
    broker_dispatch(broker, task->pool);
}
