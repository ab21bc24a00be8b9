/* oracle_client.c - what a client's event must do; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

void
oracle_end_client(struct oracle *oracle, struct model_client *client)
{
    struct model_task *task, *next;

    model_end_client(&oracle->model, client);
    if (client->is_anonymous || client->on_disconnect == DISCONNECT_CONTINUE)
        return;
    DL_FOREACH_SAFE2(oracle->model.live, task, next, live_next) {
        if (task->client != client)
            continue;
        oracle->tally->sometimes[SOMETIMES_CANCEL_ON_DISCONNECT]++;
        oracle_cancel(oracle, task);
    }
}

/* --- HELLO ---------------------------------------------------------------------------------------------------------- */

/* A new connection: what was sent on the old one counts no more. */
static void
attach(struct oracle *oracle, struct model_client *client, uint32_t peer)
{
    struct model *model = &oracle->model;
    struct model_task *task;

    oracle_client_is_back(oracle, client);
    if (client->peer && client->peer != peer) {
        model->client_of[client->peer] = NULL;
        model->is_deaf[SIDE_CLIENT][client->peer] = true;
        oracle->tally->sometimes[SOMETIMES_CLIENT_TAKEOVER]++;
    }
    client->peer = peer;
    client->sent_finals = 0;
    model->client_of[peer] = client;
    DL_FOREACH2(client->kept, task, younger)
        task->position = 0;
}

static void
check_welcome(struct oracle *oracle, const struct welcome *welcome, const struct model_client *known)
{
    const struct broker_settings *settings = &oracle->model.settings;

    if (welcome->resumed != (known != NULL))
        BREAK(oracle, "session", "WELCOME says resumed=%d, and the instance was %sknown", welcome->resumed,
              known ? "" : "un");
    else if (known && welcome->session != known->session)
        BREAK(oracle, "session", "a resumed client had session %" PRIu64 ", now %" PRIu64, known->session,
              welcome->session);
    else if (welcome->epoch != settings->epoch || welcome->heartbeat_ms != (uint64_t)settings->heartbeat_us / 1000)
        BREAK(oracle, "session", "WELCOME has a wrong epoch or interval");
}

static uint64_t
count_clients(const struct model *model)
{
    uint64_t count = 0;
    const struct model_client *client;

    DL_FOREACH(model->all_clients, client)
        count += !client->is_gone;
    return count;
}

static void
check_refuse(struct oracle *oracle, enum error_code code)
{
    oracle->tally->sometimes[SOMETIMES_REFUSED_PEER]++;
    if (code == ERROR_UNAVAILABLE && count_clients(&oracle->model) < oracle->model.settings.peers_max)
        BREAK(oracle, "P15", "a client was refused below the limit of peers");
}

/* A final message that need not be kept any more may have been dropped; then its task is not known, and the copy is the
 * task. What became of the copy tells. */
static bool
was_forgotten(struct oracle *oracle, const struct model_task *own, const struct model_task *copy)
{
    struct explanation explanation;

    return own->state == MODEL_FINAL && !own->is_kept &&
           broker_explain_task(oracle->broker, copy->number, &explanation) == OK &&
           (copy->state == MODEL_FOLLOWING || !explanation.is_cancel_asked);
}

/* What came over the connection before its HELLO is the same client's. P20: what it has already does not become
 * two: the copies end with the connection's first session. */
static void
absorb(struct oracle *oracle, struct model_client *known, struct model_client *anonymous)
{
    struct model_task *task, *own;

    DL_FOREACH2(oracle->model.live, task, live_next) {
        if (task->client != anonymous)
            continue;
        own = model_find_task(&oracle->model, known, &task->key.id);
        if (own && was_forgotten(oracle, own, task)) {
            model_drop_task(&oracle->model, own);
            own = NULL;
        }
        if (own)
            oracle->tally->sometimes[task->state == MODEL_LEASED ? SOMETIMES_ABSORBED_RUNNING : SOMETIMES_ABSORBED_COPY]++;
        if (!own)
            model_move_task(&oracle->model, task, known);
    }
}

static void
cancel_copies(struct oracle *oracle, struct model_client *anonymous)
{
    struct model_task *task, *next;

    DL_FOREACH_SAFE2(oracle->model.live, task, next, live_next)
        if (task->client == anonymous)
            oracle_cancel(oracle, task);
}

/* A client that submitted before its HELLO keeps its tasks. */
static struct model_client *
introduce(struct oracle *oracle, uint32_t peer, struct model_client *client, const struct hello *hello)
{
    if (!client || !client->is_anonymous)
        return model_add_client(&oracle->model, peer, hello->instance.data);
    model_introduce(&oracle->model, client, hello->instance.data);
    return client;
}

static void
take_hello(struct oracle *oracle, uint32_t peer, const struct hello *hello)
{
    struct model *model = &oracle->model;
    const struct message *welcome = oracle_find_sent(oracle, SIDE_CLIENT, peer, VERB_WELCOME);
    const struct message *refuse = oracle_find_sent(oracle, SIDE_CLIENT, peer, VERB_REFUSE);
    struct model_client *client = model->client_of[peer], *known = NULL;
    bool absorbs;

    if (refuse) {
        oracle_expect(oracle, SIDE_CLIENT, peer, VERB_REFUSE, ERROR_NONE);
        check_refuse(oracle, refuse->error.code);
        return;
    }
    oracle_expect(oracle, SIDE_CLIENT, peer, VERB_WELCOME, ERROR_NONE);
    if (!welcome)
        return;
    model->is_deaf[SIDE_CLIENT][peer] = false;
    HASH_FIND(hh, model->clients, hello->instance.data, INSTANCE_BYTES, known);
    check_welcome(oracle, &welcome->welcome, known);
    absorbs = known && client && client != known && client->is_anonymous;
    if (absorbs)
        absorb(oracle, known, client);
    if (client && client != known && (known || !client->is_anonymous))
        oracle_end_client(oracle, client);
    if (absorbs)
        cancel_copies(oracle, client);
    if (known)
        oracle->tally->sometimes[SOMETIMES_CLIENT_RESUMED]++;
    else
        known = introduce(oracle, peer, client, hello);
    known->session = welcome->welcome.session;
    known->on_disconnect = hello->on_disconnect;
    attach(oracle, known, peer);
}

/* --- SUBMIT --------------------------------------------------------------------------------------------------------- */

/* The ERROR by which this SUBMIT was refused, or NULL. */
static const struct message *
find_refusal(const struct oracle *oracle, uint32_t peer, const struct ref *id)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind != ACTION_SEND || action->side != SIDE_CLIENT || action->peer != peer ||
            action->message.verb != VERB_ERROR || !ref_equal(&action->message.error.ref, id))
            continue;
        switch (action->message.error.code) {
        case ERROR_BUSY:
        case ERROR_DRAINING:
        case ERROR_NO_SUCH_POOL:
        case ERROR_TOO_LARGE:
        case ERROR_BAD_FIELD:
        case ERROR_UNSUPPORTED:
        case ERROR_CIRCUIT_OPEN:
        case ERROR_SESSION_BUSY:
            return &action->message;
        default:
            break;
        }
    }
    return NULL;
}

static uint64_t
size_submit(const struct submit *submit)
{
    return sizeof(struct body) + submit->function.size + submit->content_type.size + submit->headers.size +
           payload_bytes(&submit->payload);
}

/* What a SUBMIT takes. */
struct demand {
    uint64_t size_bytes;
    uint64_t records;          /* tasks that it will be */
    struct model_dedup *dedup; /* it follows this, and needs no place in the queue */
    bool is_vague;             /* refused, and perhaps it would have followed, perhaps not */
};

/* Which limits forbid this task, by the model's own numbers: a bit for each SOMETIMES_BUSY_*. */
static unsigned
find_limits(const struct oracle *oracle, const struct model_client *client, const struct model_pool *pool,
            const struct submit *submit, const struct demand *demand)
{
    const struct broker_settings *settings = &oracle->model.settings;
    uint64_t size_bytes = demand->size_bytes;
    unsigned over = 0;

    over |= (!demand->dedup && pool->queued + pool->delayed >= pool->settings.queued_max) << 0;
    over |= (!demand->dedup && pool->waiting_bytes + size_bytes > pool->settings.queued_bytes_max) << 1;
    over |= (client->live_tasks >= settings->client_tasks_max) << 2;
    over |= (client->live_bytes + size_bytes > settings->client_bytes_max) << 3;
    /* Kept final messages count, too. How many are held is known from the step before. */
    over |= (oracle->held_tasks + demand->records > settings->tasks_max) << 4;
    over |= (!demand->dedup && oracle->held_bytes - oracle->held_results + size_bytes > settings->bytes_max) << 5;
    over |= (!demand->dedup && oracle_is_session_full(pool, submit)) << 6;
    return over;
}

/* Larger than a limit, so that it would never fit. */
static bool
is_too_large(const struct oracle *oracle, const struct model_pool *pool, uint64_t size_bytes)
{
    const struct broker_settings *settings = &oracle->model.settings;

    return size_bytes > pool->settings.queued_bytes_max || size_bytes > settings->client_bytes_max ||
           size_bytes > settings->bytes_max;
}

/* Is the answer to this SUBMIT right? Returns whether it was accepted. */
static bool
check_answer(struct oracle *oracle, const struct model_client *client, const struct submit *submit,
             const struct demand *demand, const struct message *refusal)
{
    struct model_pool *pool = model_find_pool(&oracle->model, submit->pool);
    enum error_code code = refusal ? refusal->error.code : ERROR_NONE;
    bool drains = oracle->model.is_shutting || (pool && (pool->is_draining || pool->is_removed));
    unsigned over = pool ? find_limits(oracle, client, pool, submit, demand) : 0;
    uint64_t circuit_ms = pool && !demand->dedup ? oracle_circuit_refusal_ms(oracle, pool) : 0;
    bool is_session_busy = pool && !demand->dedup && oracle_is_session_busy(pool, submit);

    if (refusal)
        oracle_expect(oracle, SIDE_CLIENT, client->peer, VERB_ERROR, code)->ref = submit->id;
    if (pool)
        pool->offered++;
    if (!pool && drains && code == ERROR_DRAINING)
        return false;
    if (!pool && code != ERROR_NO_SUCH_POOL)
        BREAK(oracle, "P2", "a task of an unknown pool was answered with %s", error_code_name(code));
    if (!pool)
        return oracle->tally->sometimes[SOMETIMES_REFUSED_NO_POOL]++, false;
    pool->refused += refusal != NULL;
    if (code == ERROR_DRAINING && drains)
        return oracle->tally->sometimes[SOMETIMES_REFUSED_DRAINING]++, false;
    if (code == ERROR_TOO_LARGE && !demand->dedup && is_too_large(oracle, pool, demand->size_bytes))
        return oracle->tally->sometimes[SOMETIMES_REFUSED_TOO_LARGE]++, false;
    if (code == ERROR_CIRCUIT_OPEN && circuit_ms > 0 && refusal->error.retry_after_ms == circuit_ms)
        return oracle->tally->sometimes[SOMETIMES_REFUSED_CIRCUIT]++, false;
    if (code == ERROR_BUSY && over && circuit_ms == 0) {
        for (int bit = 0; bit < 6; bit++)
            oracle->tally->sometimes[SOMETIMES_BUSY_POOL_TASKS + bit] += over >> bit == 1;
        oracle->tally->sometimes[SOMETIMES_BUSY_SESSIONS] += over == 1 << 6;
        return false;
    }
    if (code == ERROR_SESSION_BUSY && is_session_busy && !over && circuit_ms == 0 && refusal->error.retry_after_ms > 0)
        return oracle->tally->sometimes[SOMETIMES_SESSION_BUSY]++, false;
    if (refusal && demand->is_vague)
        return false;
    if (refusal || drains || over || circuit_ms > 0 || is_session_busy)
        BREAK(oracle, "P15", "SUBMIT was answered with %s; draining %d, limits reached %#x, circuit open for %" PRIu64 " ms",
              error_code_name(code), drains, over, circuit_ms);
    return !refusal;
}

/* The key of this SUBMIT, if it is taken. Where it is not known whether a result was remembered for so long, the
 * broker's answer tells. */
static struct model_dedup *
find_dedup(struct oracle *oracle, uint32_t peer, const struct submit *submit, bool is_refused, bool *ret_is_vague)
{
    struct model *model = &oracle->model;
    struct model_pool *pool = model_find_pool(model, submit->pool);
    struct model_dedup *dedup = pool ? model_find_dedup(model, pool, submit->dedup_key) : NULL;

    *ret_is_vague = dedup && !dedup->work && !model->remembers_exactly && is_refused;
    if (!dedup || dedup->work || model->remembers_exactly || is_refused ||
        oracle_was_told(oracle, peer, &submit->id, ERROR_NONE))
        return dedup;
    model_forget_dedup(model, dedup);
    return NULL;
}

static struct demand
measure(struct oracle *oracle, uint32_t peer, const struct submit *submit, bool is_refused)
{
    struct demand demand = {.size_bytes = size_submit(submit), .records = 1};

    if (submit->dedup_key.size == 0)
        return demand;
    demand.dedup = find_dedup(oracle, peer, submit, is_refused, &demand.is_vague);
    if (!demand.dedup)
        demand.records = 2;
    else
        demand.size_bytes = demand.dedup->work ? demand.dedup->work->size_bytes : demand.dedup->result_bytes;
    return demand;
}

/* Accept a new task. */
static struct model_task *
accept(struct oracle *oracle, struct model_client *client, const struct submit *submit, const struct demand *demand)
{
    struct model *model = &oracle->model;
    struct model_task *task;

    oracle->tally->tasks++;
    if (!demand->dedup)
        oracle_make_session_room(oracle, model_find_pool(model, submit->pool), submit);
    if (submit->dedup_key.size == 0) {
        task = model_accept(model, client, submit, oracle->now_us);
        /* Its time is over at once; a free worker or the next tick finds that out. */
        if (task->deadline_us <= oracle->now_us && oracle_was_told(oracle, client->peer, &submit->id, ERROR_EXPIRED))
            model_finish(model, task, ERROR_EXPIRED, oracle->now_us);
        return task;
    }
    if (demand->dedup)
        oracle->tally->sometimes[demand->dedup->work ? SOMETIMES_FOLLOWED : SOMETIMES_REMEMBERED]++;
    task = model_share(model, client, submit, demand->dedup, oracle->now_us);
    if (task->state == MODEL_FOLLOWING && task->deadline_us <= oracle->now_us)
        oracle_expire(oracle, task);
    return task;
}

/* Is the final message of a task, which need not be kept any more, there nevertheless? Where a new task that expires at
 * once, or gets a remembered result, would look the same, the pool's counts tell. */
static bool
is_repeated(const struct oracle *oracle, uint32_t peer, const struct model_task *task)
{
    if (!oracle_was_told(oracle, peer, &task->key.id, task->verdict))
        return false;
    for (uint32_t i = 0; i < oracle->model.pool_count; i++) { /* an id may come again, in another pool */
        const struct model_pool *pool = &oracle->model.pools[i];
        struct pool_stats stats;

        if (broker_find_pool(oracle->broker, bytes_of(pool->name), &stats) == OK &&
            (stats.expired != pool->finals[ERROR_EXPIRED] || stats.deduplicated != pool->deduplicated ||
             stats.cancelled != pool->finals[ERROR_CANCELLED])) /* a run that nobody followed */
            return false;
    }
    return true;
}

static bool
names_limit(const struct message *refusal, const char *name)
{
    struct bytes limit = refusal->error.limit;

    return limit.size == strlen(name) && memcmp(limit.data, name, limit.size) == 0;
}

static void
take_submit(struct oracle *oracle, uint32_t peer, const struct submit *submit)
{
    struct model *model = &oracle->model;
    struct model_client *client = model->client_of[peer];
    const struct message *refusal = find_refusal(oracle, peer, &submit->id);
    struct model_task *task;

    if (!client && refusal && names_limit(refusal, "peers_max")) {
        oracle_expect(oracle, SIDE_CLIENT, peer, VERB_ERROR, ERROR_BUSY)->ref = submit->id;
        check_refuse(oracle, ERROR_UNAVAILABLE);
        return;
    }
    if (!client)
        client = model_add_client(model, peer, NULL);
    task = model_find_task(model, client, &submit->id);
    if (task && task->state == MODEL_FINAL && (task->is_kept || is_repeated(oracle, peer, task))) {
        oracle->tally->sometimes[SOMETIMES_OFFERED_FINAL]++;
        task->owed++;
        DL_APPEND2(model->finished, task, live_prev, live_next);
        return;
    }
    if (task && task->state == MODEL_FINAL) {
        oracle->tally->sometimes[SOMETIMES_OFFERED_FORGOTTEN]++;
        model_drop_task(model, task);
        task = NULL;
    }
    if (task) {
        oracle->tally->sometimes[SOMETIMES_OFFERED_LIVE]++;
        oracle_renew_credit(oracle, task);
    } else {
        struct demand demand = measure(oracle, peer, submit, refusal != NULL);

        if (!check_answer(oracle, client, submit, &demand, refusal))
            return;
        task = accept(oracle, client, submit, &demand);
    }
    if (submit->ack)
        oracle_expect(oracle, SIDE_CLIENT, peer, VERB_ACCEPTED, ERROR_NONE)->ref = submit->id;
}

/* --- the rest ------------------------------------------------------------------------------------------------------- */

void
oracle_cancel(struct oracle *oracle, struct model_task *task)
{
    struct model_lease *lease = task->lease;

    if (model_cancel(&oracle->model, task, oracle->now_us))
        oracle_ask_end(oracle, lease);
    else
        oracle_leave_dedup(oracle, task);
}

/* One that followed a dedup key has ended by itself. The last one ends what it followed. */
void
oracle_leave_dedup(struct oracle *oracle, struct model_task *task)
{
    struct model_task *work = task->has_no_content ? model_leave_dedup(&oracle->model, task) : NULL;

    if (!work)
        return;
    oracle->tally->sometimes[SOMETIMES_NOBODY_FOLLOWED]++;
    oracle_cancel(oracle, work);
}

static void
take_cancel(struct oracle *oracle, uint32_t peer, const struct ref *id)
{
    struct model_client *client = oracle->model.client_of[peer];
    struct model_task *task = client ? model_find_task(&oracle->model, client, id) : NULL;
    enum error_code code = ERROR_NOT_FOUND;

    if (task && task->state != MODEL_FINAL) {
        oracle_cancel(oracle, task);
        return;
    }
    if (task)
        code = task->is_kept ? ERROR_TOO_LATE : ERROR_NONE; /* perhaps it is kept for longer than it must be */
    oracle->tally->sometimes[task ? SOMETIMES_CANCEL_TOO_LATE : SOMETIMES_CANCEL_NOT_FOUND]++;
    oracle_expect(oracle, SIDE_CLIENT, peer, VERB_ERROR, code)->ref = *id;
}

static void
take_seen(struct oracle *oracle, struct model_client *client, uint64_t count)
{
    struct model_task *task, *next;

    DL_FOREACH_SAFE2(client->kept, task, next, younger) {
        if (task->position == 0 || task->position > count)
            continue;
        oracle->tally->sometimes[SOMETIMES_SEEN_DROPPED]++;
        model_unkeep(&oracle->model, task);
    }
}

void
oracle_client_event(struct oracle *oracle, uint32_t peer, const struct message *message)
{
    struct model_client *client = oracle->model.client_of[peer];

    if (message->verb == VERB_HELLO) {
        take_hello(oracle, peer, &message->hello);
        return;
    }
    if (oracle->model.is_deaf[SIDE_CLIENT][peer] && message->verb != VERB_HEARTBEAT)
        return;
    switch (message->verb) {
    case VERB_SUBMIT:
        take_submit(oracle, peer, &message->submit);
        break;
    case VERB_CREDIT:
        oracle_take_credit(oracle, client ? model_find_task(&oracle->model, client, &message->credit.ref) : NULL,
                           &message->credit);
        break;
    case VERB_CANCEL:
        take_cancel(oracle, peer, &message->cancel.ref);
        break;
    case VERB_SEEN:
        if (client && !client->is_anonymous)
            take_seen(oracle, client, message->seen_count);
        else
            oracle_expect(oracle, SIDE_CLIENT, peer, VERB_REHELLO, ERROR_NONE)->min = 0;
        break;
    case VERB_HEARTBEAT:
        oracle_expect(oracle, SIDE_CLIENT, peer, client && !client->is_anonymous ? VERB_HEARTBEAT : VERB_REHELLO,
                      ERROR_NONE);
        break;
    case VERB_BYE:
        if (client)
            oracle_end_client(oracle, client);
        break;
    default:
        oracle_expect(oracle, SIDE_CLIENT, peer, VERB_ERROR, ERROR_UNKNOWN_VERB)->min = 0;
        break;
    }
}

void
oracle_client_gone(struct oracle *oracle, uint32_t peer)
{
    struct model *model = &oracle->model;
    struct model_client *client = model->client_of[peer];

    model->is_deaf[SIDE_CLIENT][peer] = false;
    model->client_of[peer] = NULL;
    if (!client)
        return;
    if (client->is_anonymous) {
        oracle_end_client(oracle, client);
        return;
    }
    client->peer = 0;
    client->detached_us = oracle->now_us;
}

void
oracle_client_lost(struct oracle *oracle, uint64_t session)
{
    const struct broker_settings *settings = &oracle->model.settings;
    struct model_client *client;

    DL_FOREACH(oracle->model.all_clients, client)
        if (client->session == session && !client->is_gone)
            break;
    if (!client || client->peer)
        return;
    if (client->live_tasks > 0 && client->on_disconnect == DISCONNECT_CONTINUE)
        BREAK(oracle, "P1", "client %" PRIu64 " was given up while its tasks go on", session);
    if (client->detached_us + settings->client_retention_us > oracle->now_us &&
        (client->live_tasks > 0 || client->kept_count > 0))
        BREAK(oracle, "session", "client %" PRIu64 " was given up too early", session);
    oracle->tally->sometimes[SOMETIMES_CLIENT_RETENTION_ENDED]++;
    oracle_end_client(oracle, client);
}
