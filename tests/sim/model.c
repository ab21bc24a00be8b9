/* model.c - the oracle's own books: tasks and leases; see model.h. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
model_init(struct model *model, const struct world *world, struct tally *tally)
{
    *model = (struct model){.settings = world->settings, .pool_count = world->pool_count, .tally = tally};
    model->last_fence = (world->settings.epoch << 32) - 1;
    model->keeps_exactly = world->settings.client_bytes_max >= BYTES_UNLIMITED &&
                           world->settings.bytes_max >= BYTES_UNLIMITED;
    model->remembers_exactly = world->settings.bytes_max >= BYTES_UNLIMITED;
    model->house.is_anonymous = true; /* nothing is kept for it */
    model->house.serial = UINT64_MAX;
    for (uint32_t i = 0; i < world->pool_count; i++) {
        model->pools[i].settings = world->pools[i];
        model->pools[i].name = world->pools[i].name;
    }
}

static void
free_leases(struct model *model)
{
    struct model_lease *lease, *next;

    HASH_ITER(hh, model->leases, lease, next) {
        HASH_DEL(model->leases, lease);
        free(lease);
    }
}

void
model_fini(struct model *model)
{
    struct model_task *task, *next_task;
    struct model_client *client, *next_client;
    struct model_worker *worker, *next_worker;

    free_leases(model);
    for (uint32_t i = 0; i < model->pool_count; i++)
        model_free_flows(&model->pools[i]);
    model_forget_dedups(model, NULL);
    HASH_CLEAR(by_content, model->contents);
    HASH_ITER(hh, model->tasks, task, next_task) {
        HASH_DEL(model->tasks, task);
        free(task);
    }
    for (uint32_t i = 0; i < model->pool_count; i++) {
        free(model->pools[i].circuit.marks);
        model_free_groups(&model->pools[i]);
        model_free_sessions(&model->pools[i]);
        model_trim_dead(&model->pools[i], 0);
    }
    HASH_CLEAR(hh, model->clients);
    DL_FOREACH_SAFE(model->all_clients, client, next_client)
        free(client);
    HASH_ITER(hh, model->workers, worker, next_worker) {
        HASH_DEL(model->workers, worker);
        free(worker);
    }
}

/* --- finding ---------------------------------------------------------------------------------------------------- */

struct model_pool *
model_find_pool(struct model *model, struct bytes name)
{
    for (uint32_t i = 0; i < model->pool_count; i++)
        if (!model->pools[i].is_gone && strlen(model->pools[i].name) == name.size && memcmp(model->pools[i].name, name.data, name.size) == 0)
            return &model->pools[i];
    return NULL;
}

static struct model_key
make_key(const struct model_client *client, const struct ref *id)
{
    struct model_key key;

    memset(&key, 0, sizeof key);
    key.client = client->serial;
    key.id.kind = id->kind;
    if (id->kind == REF_NUMBER) {
        key.id.number = id->number;
    } else {
        key.id.size = id->size;
        memcpy(key.id.bytes, id->bytes, id->size);
    }
    return key;
}

struct model_task *
model_find_task(struct model *model, const struct model_client *client, const struct ref *id)
{
    struct model_key key = make_key(client, id);
    struct model_task *task;

    HASH_FIND(hh, model->tasks, &key, sizeof key, task);
    return task;
}

/* Does `a` come before `b` in a queue, or will it? */
static bool
is_sooner(const struct model_task *a, const struct model_task *b)
{
    if (a->state != b->state)
        return a->state == MODEL_QUEUED;
    if (a->state == MODEL_DELAYED && a->ready_us != b->ready_us)
        return a->ready_us < b->ready_us;
    return a->number < b->number;
}

/* Of all tasks with this content, the one that is dispatched next. */
static struct model_task *
choose_twin(struct model *model, struct model_task *task)
{
    struct model_task *other, *best = NULL;

    DL_FOREACH2(model->live, other, live_next) {
        if (other->content != task->content || other->state == MODEL_LEASED)
            continue;
        if (!best || is_sooner(other, best))
            best = other;
    }
    return best ? best : task;
}

struct model_task *
model_find_content(struct model *model, struct bytes function)
{
    struct model_task *task;
    char digits[17] = {0};
    uint64_t content;

    if (function.size != sizeof digits)
        return NULL;
    memcpy(digits, function.data + 1, sizeof digits - 1);
    content = strtoull(digits, NULL, 16);
    HASH_FIND(by_content, model->contents, &content, sizeof content, task);
    return task && model->has_twins ? choose_twin(model, task) : task;
}

struct model_lease *
model_find_lease(struct model *model, uint64_t fence)
{
    struct model_lease *lease;

    HASH_FIND(hh, model->leases, &fence, sizeof fence, lease);
    return lease;
}

/* --- queues ------------------------------------------------------------------------------------------------------- */

/* Take the task out of whatever its state names. */
static void
unlink_task(struct model *model, struct model_task *task)
{
    struct model_pool *pool = task->pool;

    if (task->state == MODEL_QUEUED) {
        model_dequeue_task(model, task);
    } else if (task->state == MODEL_DELAYED) {
        DL_DELETE(model->delayed, task);
        pool->delayed--;
        pool->waiting_bytes -= task->size_bytes;
    } else if (task->state == MODEL_FOLLOWING) {
        DL_DELETE(task->dedup->followers, task);
    } else if (task->state == MODEL_LEASED) {
        task->lease->task = NULL;
        task->lease = NULL;
        pool->running--;
    }
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

static uint64_t
hash_submit(const struct submit *submit)
{
    uint64_t hash = hash_bytes(0, submit->function);

    hash = hash_bytes(hash, submit->content_type);
    hash = hash_bytes(hash, submit->headers);
    return hash_payload(hash, &submit->payload) ^ submit->stream;
}

static void
fill_task(struct model_task *task, const struct submit *submit, int64_t now_us)
{
    char digits[17] = {0};

    memcpy(digits, submit->function.data + 1, sizeof digits - 1);
    task->content = strtoull(digits, NULL, 16);
    task->hash = hash_submit(submit);
    task->size_bytes = sizeof(struct body) + submit->function.size + submit->content_type.size +
                       submit->headers.size + payload_bytes(&submit->payload);
    if (submit->content_type.size > 0)
        memcpy(task->content_type, submit->content_type.data, submit->content_type.size);
    task->priority = submit->priority;
    task->stream = submit->stream;
    task->info = submit->info;
    task->at_most_once = submit->on_loss == LOSS_FINAL;
    task->accepted_us = now_us;
    task->ready_us = now_us + (int64_t)submit->delay_ms * 1000;
    task->deadline_us = submit->has_deadline ? now_us + (int64_t)submit->deadline_ms * 1000 : INT64_MAX;
    task->patience = (struct model_patience){submit->retries, submit->kills_max, submit->has_retries,
                                             submit->has_backoff, submit->backoff_ms, submit->retry_on};
    task->tries_max = submit->max_attempts ? submit->max_attempts : task->pool->settings.max_attempts;
    task->run_us = (int64_t)submit->run_ms * 1000;
    task->credit = submit->stream ? submit->credit : 0;
}

static bool
has_content(const struct model *model, uint64_t content)
{
    const struct model_task *task;

    HASH_FIND(by_content, model->contents, &content, sizeof content, task);
    return task != NULL;
}

static void
enter(struct model *model, struct model_task *task)
{
    HASH_ADD(hh, model->tasks, key, sizeof task->key, task);
    DL_APPEND2(model->live, task, live_prev, live_next);
    model->live_tasks++;
    model->live_bytes += task->size_bytes;
    task->client->live_tasks++;
    task->client->live_bytes += task->size_bytes;
}

struct model_task *
model_follow(struct model *model, struct model_client *client, const struct submit *submit, struct model_dedup *dedup,
             int64_t now_us)
{
    struct model_task *task = calloc(1, sizeof *task);

    if (!task)
        abort();
    task->key = make_key(client, &submit->id);
    task->client = client;
    task->pool = dedup->pool;
    task->number = ++model->numbers;
    fill_task(task, submit, now_us);
    task->has_no_content = true;
    task->size_bytes = dedup->work ? dedup->work->size_bytes : dedup->result_bytes;
    task->state = MODEL_FOLLOWING;
    task->dedup = dedup;
    DL_APPEND(dedup->followers, task);
    enter(model, task);
    task->pool->accepted++;
    return task;
}

void
model_enlist(struct model *model, struct model_task *task, struct model_client *client, const struct ref *id, int64_t now_us)
{
    task->key = make_key(client, id);
    task->client = client;
    model->has_twins |= has_content(model, task->content);
    HASH_ADD(by_content, model->contents, content, sizeof task->content, task);
    enter(model, task);
    task->pool->accepted += client != &model->house;
    if (task->ready_us > now_us) {
        task->state = MODEL_DELAYED;
        task->pool->delayed++;
        task->pool->waiting_bytes += task->size_bytes;
        DL_APPEND(model->delayed, task);
    } else {
        model_enqueue_task(model, task);
    }
}

struct model_task *
model_accept(struct model *model, struct model_client *client, const struct submit *submit, int64_t now_us)
{
    struct model_task *task = calloc(1, sizeof *task);

    if (!task)
        abort();
    task->pool = model_find_pool(model, submit->pool);
    task->flow = model_join_flow(task->pool, submit, client == &model->house ? model->first : client);
    task->number = ++model->numbers;
    fill_task(task, submit, now_us);
    model_join_group(task, submit->group);
    model_join_session(task, submit);
    model_enlist(model, task, client, &submit->id, now_us);
    return task;
}

void
model_promote(struct model *model, struct model_task *task)
{
    unlink_task(model, task);
    model_enqueue_task(model, task);
}

void
model_lease_task(struct model *model, struct model_task *task, struct model_worker *worker, uint64_t fence,
                 int64_t now_us)
{
    struct model_lease *lease = calloc(1, sizeof *lease);

    if (!lease)
        abort();
    unlink_task(model, task);
    model_start(model, task);
    lease->fence = fence;
    lease->flow = task->flow;
    lease->task = task;
    lease->worker = worker;
    lease->leased_us = now_us;
    lease->credit_total = task->credit;
    lease->is_suspect = task->is_suspect;
    HASH_ADD(hh, model->leases, fence, sizeof lease->fence, lease);
    DL_APPEND(worker->leases, lease);
    lease->is_ahead = worker->busy == worker->slots;
    worker->ahead += lease->is_ahead;
    worker->busy += !lease->is_ahead;
    if (!lease->is_ahead)
        worker->progress_us = now_us;
    model_hold_group(lease);
    task->state = MODEL_LEASED;
    task->lease = lease;
    task->attempt++;
    task->tries++;
    task->pool->running++;
}

/* The oldest kept message of all, or NULL. */
static struct model_task *
find_oldest(const struct model *model)
{
    struct model_task *oldest = NULL;
    const struct model_client *client;

    DL_FOREACH(model->all_clients, client)
        if (client->kept && (!oldest || client->kept->kept_order < oldest->kept_order))
            oldest = client->kept;
    return oldest;
}

/* Of messages that came at one time, any may be the oldest: then none of them needs to be there. `only` is whose limit is
 * reached; NULL: that of all. */
static void
unkeep_oldest(struct model *model, const struct model_client *only, int64_t kept_us)
{
    struct model_client *client;

    model->purged_us = kept_us;
    DL_FOREACH(model->all_clients, client)
        while ((!only || client == only) && client->kept && client->kept->kept_us == kept_us) {
            model_unkeep(model, client->kept);
            model->phantoms += only != NULL;
        }
}

/* What is kept is bounded: a client's messages by its own limit, all together by half of what the broker may hold. */
static void
trim(struct model *model, struct model_client *client)
{
    const struct broker_settings *settings = &model->settings;

    while (client->kept_count > settings->client_results_max) {
        model->tally->sometimes[SOMETIMES_RESULTS_MAX]++;
        unkeep_oldest(model, client, client->kept->kept_us);
    }
    while (model->kept_count > 0 && model->kept_count + model->phantoms > settings->tasks_max / 2)
        unkeep_oldest(model, NULL, find_oldest(model)->kept_us);
}

static void
unkeep_all(struct model *model)
{
    struct model_client *client;

    DL_FOREACH(model->all_clients, client)
        while (client->kept)
            model_unkeep(model, client->kept);
}

static void
keep(struct model *model, struct model_task *task, int64_t now_us)
{
    struct model_client *client = task->client;

    /* Others of this instant had to go already; which, is not known, and so it is not known what stays. */
    if (now_us == model->purged_us) {
        unkeep_all(model);
        return;
    }
    task->is_kept = true;
    task->kept_us = now_us;
    task->kept_order = ++model->keeps;
    DL_APPEND2(client->kept, task, older, younger);
    client->kept_count++;
    model->kept_count++;
    trim(model, client);
}

void
model_keep_again(struct model *model, struct model_task *task, int64_t now_us)
{
    if (!model->keeps_exactly || task->client->is_anonymous)
        return;
    model_unkeep(model, task);
    keep(model, task, now_us);
}

void
model_finish(struct model *model, struct model_task *task, enum error_code verdict, int64_t now_us)
{
    struct model_client *client = task->client;
    bool is_failure =
        verdict == ERROR_NO_SUCH_FUNCTION || verdict == ERROR_BAD_PAYLOAD || verdict == ERROR_TIMED_OUT ||
        verdict == ERROR_SESSION_LOST;
    bool is_following = task->state == MODEL_FOLLOWING;

    unlink_task(model, task);
    model_leave_session(model, task);
    model_leave_group(model, task);
    if (verdict == ERROR_DEAD && task->state != MODEL_FOLLOWING)
        model_bury(model, task);
    model->tally->sometimes[SOMETIMES_DEAD] += verdict == ERROR_DEAD;
    model->tally->sometimes[SOMETIMES_LOST] += verdict == ERROR_LOST;
    if (task->flow) /* one that follows takes no turns */
        task->flow->tasks--;
    task->flow = NULL;
    task->state = MODEL_FINAL;
    task->final_step = model->step;
    task->final_us = now_us;
    task->verdict = verdict;
    task->owed = client->peer ? 1 : 0;
    if (!is_following)
        task->pool->finals[is_failure ? ERROR_FAILED : verdict]++;
    model->live_tasks--;
    model->live_bytes -= task->size_bytes;
    client->live_tasks--;
    client->live_bytes -= task->size_bytes;
    DL_DELETE2(model->live, task, live_prev, live_next);
    DL_APPEND2(model->finished, task, live_prev, live_next);
    if (model->keeps_exactly && !client->is_anonymous && !client->is_gone)
        keep(model, task, now_us);
    if (task->dedup && !is_following)
        model_hand_on(model, task, now_us);
    if (task->schedule && task->schedule->number == task->schedule_number) {
        task->schedule->open--;
        task->schedule->ended_us = now_us;
    }
}

static void
requeue(struct model *model, struct model_task *task)
{
    unlink_task(model, task);
    model_enqueue_task(model, task);
    task->was_requeued = true;
    task->pool->requeued++;
}

/* The slot that fell free is that of the one that was sent ahead first. */
static void
move_up(struct model *model, struct model_worker *worker)
{
    struct model_lease *lease;

    DL_FOREACH(worker->leases, lease)
        if (lease->is_ahead)
            break;
    if (!lease || worker->busy == worker->slots)
        return;
    model->tally->sometimes[SOMETIMES_MOVED_UP]++;
    lease->was_recalled = lease->is_recalled;
    lease->is_ahead = lease->is_recalled = false;
    lease->leased_us = model->now_us;
    worker->ahead--;
    worker->busy++;
}

void
model_drop_lease(struct model *model, struct model_lease *lease)
{
    struct model_worker *worker = lease->worker;

    model_let_go_group(model, lease);
    DL_DELETE(worker->leases, lease);
    worker->busy -= !lease->is_ahead;
    worker->ahead -= lease->is_ahead;
    worker->progress_us = model->now_us;
    model_end_run(model, worker->pool, lease->flow);
    HASH_DEL(model->leases, lease);
    free(lease);
    move_up(model, worker);
}

void
model_delay_again(struct model *model, struct model_task *task, int64_t ready_us)
{
    unlink_task(model, task);
    task->state = MODEL_DELAYED;
    task->ready_us = ready_us;
    task->pool->delayed++;
    task->pool->waiting_bytes += task->size_bytes;
    task->pool->retried++;
    DL_APPEND(model->delayed, task);
}

uint32_t
model_kills_max(const struct model_task *task)
{
    return task->patience.kills_max ? task->patience.kills_max : task->pool->settings.kills_max;
}

/* What becomes of a task whose attempt ended without an answer; ERROR_NONE: it goes back to its place. */
static enum error_code
judge_end(struct model *model, const struct model_lease *lease, enum model_end end)
{
    struct model_task *task = lease->task;

    if (task->cancel_asked) {
        model->tally->sometimes[SOMETIMES_CANCEL_OF_LOST] += end != END_NACK;
        return ERROR_CANCELLED;
    }
    if (end == END_NACK)
        return ERROR_NONE;
    if (lease->timed_out) {
        model->tally->sometimes[SOMETIMES_TIMED_OUT_BY_KILL] += lease->worker->is_condemned;
        return ERROR_TIMED_OUT;
    }
    if (task->at_most_once)
        return ERROR_LOST;
    if ((end == END_LOST || end == END_KILLED) && model_needs_worker(task)) {
        model->tally->sometimes[SOMETIMES_SESSION_LOST_RUNNING]++;
        return ERROR_SESSION_LOST;
    }
    if (lease->worker->is_condemned) {
        model->tally->sometimes[SOMETIMES_BYSTANDER_REQUEUED]++;
        task->tries--;
        return ERROR_NONE;
    }
    if (task->kills >= model_kills_max(task)) {
        model->tally->sometimes[SOMETIMES_KILLED_ENOUGH] += task->tries < task->tries_max;
        return ERROR_DEAD;
    }
    return task->tries >= task->tries_max ? ERROR_DEAD : ERROR_NONE;
}

void
model_end_lease(struct model *model, struct model_lease *lease, enum model_end end, int64_t now_us)
{
    struct model_task *task = lease->task;
    enum error_code verdict;

    if (task) {
        model->tally->sometimes[SOMETIMES_GROUP_HEAD_LOST] += end != END_NACK && task->group_next;
        task->tries -= end == END_NACK;
        task->kills += end == END_KILLED && !lease->is_ahead;
        model->tally->sometimes[SOMETIMES_LOST_AHEAD] += end == END_KILLED && lease->is_ahead;
        task->is_suspect |= end == END_KILLED && !task->affinity;
        verdict = judge_end(model, lease, end);
        if (verdict == ERROR_NONE)
            requeue(model, task);
        else
            model_finish(model, task, verdict, now_us);
    }
    model_drop_lease(model, lease);
}

void
model_unkeep(struct model *model, struct model_task *task)
{
    if (!task->is_kept)
        return;
    task->is_kept = false;
    DL_DELETE2(task->client->kept, task, older, younger);
    task->client->kept_count--;
    model->kept_count--;
}

void
model_move_task(struct model *model, struct model_task *task, struct model_client *client)
{
    HASH_DEL(model->tasks, task);
    task->key.client = client->serial;
    HASH_ADD(hh, model->tasks, key, sizeof task->key, task);
    task->client->live_tasks--;
    task->client->live_bytes -= task->size_bytes;
    task->client = client;
    client->live_tasks++;
    client->live_bytes += task->size_bytes;
}

void
model_drop_task(struct model *model, struct model_task *task)
{
    model_unkeep(model, task);
    HASH_DEL(model->tasks, task);
    if (!task->has_no_content)
        HASH_DELETE(by_content, model->contents, task);
    free(task);
}

void
model_sweep(struct model *model, int64_t now_us)
{
    /* Pauses of the broker make it keep things for longer; twice the time is enough. */
    int64_t before_us = now_us - 2 * model->settings.client_retention_us - 100 * model->settings.heartbeat_us;
    struct model_client *client, *next_client;
    struct model_task *task, *next;

    HASH_ITER(hh, model->tasks, task, next)
        if (task->state == MODEL_FINAL && !task->is_kept && task->final_us < before_us)
            model_drop_task(model, task);
    HASH_ITER(hh, model->tasks, task, next)
        task->client->is_needed = true;
    DL_FOREACH_SAFE(model->all_clients, client, next_client) {
        if (client->is_gone && !client->is_needed) {
            DL_DELETE(model->all_clients, client);
            free(client);
        } else {
            client->is_needed = false;
        }
    }
}
