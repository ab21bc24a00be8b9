/* oracle_session.c - whether tasks of a session go where they must, and what the end of a worker means for them; see
 * oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

static struct bytes
name_of(const struct model_affinity *affinity)
{
    return bytes_of(affinity->name);
}

/* Does the broker still know the session, and bind it to this worker? */
static bool
is_bound(const struct oracle *oracle, const struct model_pool *pool, const struct model_affinity *affinity)
{
    struct session_stats stats;

    return broker_find_session(oracle->broker, bytes_of(pool->name), name_of(affinity), &stats) == OK &&
           stats.worker == affinity->worker->session;
}

/* --- SUBMIT --------------------------------------------------------------------------------------------------------- */

bool
oracle_is_session_full(const struct model_pool *pool, const struct submit *submit)
{
    uint64_t used = HASH_COUNT(pool->affinities) - model_count_unused(pool);

    return submit->session.size > 0 && !model_find_affinity(pool, submit->session) &&
           used >= pool->settings.sessions_max;
}

bool
oracle_is_session_busy(const struct model_pool *pool, const struct submit *submit)
{
    const struct model_affinity *affinity;

    if (submit->session.size == 0 || submit->session_mode != SESSION_STRICT_FAIL_FAST)
        return false;
    affinity = model_find_affinity(pool, submit->session);
    return affinity && affinity->worker && !model_has_credit(affinity->worker);
}

/* The one that is unused for longest. Of several, the one that the broker has forgotten. */
static struct model_affinity *
find_oldest(const struct oracle *oracle, struct model_pool *pool)
{
    struct model_affinity *affinity, *oldest = NULL;

    for (affinity = pool->affinities; affinity; affinity = affinity->hh.next) {
        if (affinity->count > 0 || (oldest && affinity->unused_us > oldest->unused_us))
            continue;
        if (!oldest || affinity->unused_us < oldest->unused_us || is_bound(oracle, pool, oldest))
            oldest = affinity;
    }
    return oldest;
}

void
oracle_make_session_room(struct oracle *oracle, struct model_pool *pool, const struct submit *submit)
{
    if (submit->session.size == 0 || model_find_affinity(pool, submit->session))
        return;
    while (HASH_COUNT(pool->affinities) >= pool->settings.sessions_max) {
        struct model_affinity *oldest = find_oldest(oracle, pool);

        if (!oldest)
            return;
        oracle->tally->sometimes[SOMETIMES_SESSION_MADE_ROOM]++;
        if (is_bound(oracle, pool, oldest))
            BREAK(oracle, "session", "session %s of pool %s should have made room", oldest->name, pool->name);
        model_drop_affinity(pool, oldest);
    }
}

/* --- TASK ----------------------------------------------------------------------------------------------------------- */

bool
oracle_check_session(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task,
                     struct bytes said)
{
    struct model_affinity *affinity = task->affinity;
    struct bytes name = affinity ? name_of(affinity) : (struct bytes){0};
    uint64_t *sometimes = oracle->tally->sometimes;

    if (said.size != name.size || (name.size > 0 && memcmp(said.data, name.data, name.size) != 0))
        BREAK(oracle, "session", "task %" PRIu64 " reached its worker with another session", task->number);
    if (!affinity)
        return false;
    if (affinity->worker && model_has_credit(affinity->worker)) {
        if (worker != affinity->worker)
            BREAK(oracle, "session", "task %" PRIu64 " of session %s went to worker %" PRIu64 ", and worker %" PRIu64
                  ", which keeps its state, has a free slot", task->number, affinity->name, worker->session,
                  affinity->worker->session);
        sometimes[SOMETIMES_SESSION_KEPT]++;
        return true;
    }
    if (affinity->worker && task->is_strict)
        BREAK(oracle, "session", "task %" PRIu64 " of session %s went to worker %" PRIu64
              ", and the state is at worker %" PRIu64, task->number, affinity->name, worker->session,
              affinity->worker->session);
    sometimes[SOMETIMES_SESSION_MOVED] += affinity->worker && affinity->stricts == 0;
    if (!affinity->worker || affinity->stricts == 0)
        affinity->worker = worker;
    return false;
}

/* --- workers that go ------------------------------------------------------------------------------------------------ */

/* Its deadline is over, too: what its client was told, or else the broker's sum, says which came first. */
static bool
has_expired_first(struct oracle *oracle, struct model_task *task)
{
    if (!oracle->is_tick || task->deadline_us > oracle->now_us)
        return false;
    if (task->client->peer)
        return oracle_was_told(oracle, task->client->peer, &task->key.id, ERROR_EXPIRED);
    task->pool->doubtful++;
    return true;
}

static struct model_task *
find_waiting(const struct model *model, const struct model_worker *worker)
{
    struct model_task *task;

    DL_FOREACH2(model->live, task, live_next)
        if (task->affinity && task->affinity->worker == worker && task->is_strict && task->state != MODEL_LEASED)
            return task;
    return NULL;
}

/* Each may take others with it that follow it, so the search begins anew. */
static void
fail_waiting(struct oracle *oracle, const struct model_worker *worker)
{
    struct model_task *task;

    while ((task = find_waiting(&oracle->model, worker))) {
        oracle->tally->sometimes[SOMETIMES_SESSION_LOST_WAITING]++;
        if (has_expired_first(oracle, task))
            oracle_expire(oracle, task);
        else
            model_finish(&oracle->model, task, ERROR_SESSION_LOST, oracle->now_us);
    }
}

void
oracle_leave_sessions(struct oracle *oracle, const struct model_worker *worker)
{
    const struct model_affinity *affinity;

    for (affinity = worker->pool->affinities; affinity; affinity = affinity->hh.next)
        oracle->tally->sometimes[SOMETIMES_SESSION_WORKER_GONE] += affinity->worker == worker && affinity->stricts > 0;
    if (worker->pool->settings.session_on_loss == SESSION_LOSS_FAIL)
        fail_waiting(oracle, worker);
    model_unbind_worker(worker);
}

void
oracle_end_worker(struct oracle *oracle, struct model_worker *worker, enum model_end end)
{
    oracle_leave_sessions(oracle, worker);
    model_end_worker(&oracle->model, worker, end, oracle->now_us);
}

/* Is the session bound to no worker any more? An unused one may be gone for another reason, when a task is offered; and a
 * hint may just have moved. */
static bool
has_left(const struct oracle *oracle, const struct model_pool *pool, const struct model_affinity *affinity,
         bool is_offer)
{
    struct session_stats stats;
    bool is_known = broker_find_session(oracle->broker, bytes_of(pool->name), name_of(affinity), &stats) == OK;

    if (affinity->count == 0)
        return !is_known && !is_offer;
    if (!is_known) /* all its tasks ended with it */
        return pool->settings.session_on_loss == SESSION_LOSS_FAIL && affinity->stricts == affinity->count;
    return affinity->stricts > 0 ? stats.worker != affinity->worker->session : stats.worker == 0;
}

/* A note says when it is lost, and what came before that in the same tick has ended some of its tasks otherwise. */
static bool
is_only_lost(const struct oracle *oracle, const struct model_worker *worker)
{
    return oracle_was_worker_noted(oracle, NOTE_WORKER_LOST, worker->session) &&
           !oracle_was_worker_noted(oracle, NOTE_WORKER_RECYCLED, worker->session);
}

/* Workers that are asked to end while they are away: nobody is told, but their sessions know. */
static void
find_silent_drains(struct oracle *oracle, struct model_pool *pool, bool is_offer)
{
    struct model_affinity *affinity, *next;

    HASH_ITER(hh, pool->affinities, affinity, next) {
        if (!affinity->worker || affinity->worker->peer || is_only_lost(oracle, affinity->worker) ||
            !has_left(oracle, pool, affinity, is_offer))
            continue;
        oracle_leave_sessions(oracle, affinity->worker);
        return;
    }
}

static void
forget_unused(struct oracle *oracle, struct model_pool *pool)
{
    struct model_affinity *affinity, *next;

    HASH_ITER(hh, pool->affinities, affinity, next) {
        if (affinity->count > 0 || affinity->unused_us + pool->settings.session_ttl_us > oracle->now_us)
            continue;
        oracle->tally->sometimes[SOMETIMES_SESSION_FORGOTTEN]++;
        model_drop_affinity(pool, affinity);
    }
}

void
oracle_begin_sessions(struct oracle *oracle, bool is_offer)
{
    for (uint32_t i = 0; i < oracle->model.pool_count; i++) {
        forget_unused(oracle, &oracle->model.pools[i]);
        if (oracle->has_agents)
            find_silent_drains(oracle, &oracle->model.pools[i], is_offer);
    }
}

/* --- what is shown -------------------------------------------------------------------------------------------------- */

void
oracle_inspect_sessions(struct oracle *oracle, const struct model_pool *pool)
{
    const struct model_affinity *affinity;
    struct session_stats stats;
    struct pool_stats pool_stats;

    for (affinity = pool->affinities; affinity; affinity = affinity->hh.next) {
        if (broker_find_session(oracle->broker, bytes_of(pool->name), name_of(affinity), &stats) != OK)
            BREAK(oracle, "session", "session %s of pool %s is not known", affinity->name, pool->name);
        else if (stats.tasks != affinity->count ||
                 stats.worker != (affinity->worker ? affinity->worker->session : 0))
            BREAK(oracle, "session", "session %s of pool %s is shown with %" PRIu64 " tasks at worker %" PRIu64
                  ", and has %" PRIu64 " at worker %" PRIu64, affinity->name, pool->name, stats.tasks, stats.worker,
                  affinity->count, affinity->worker ? affinity->worker->session : 0);
    }
    if (broker_find_pool(oracle->broker, bytes_of(pool->name), &pool_stats) == OK &&
        pool_stats.sessions != HASH_COUNT(pool->affinities))
        BREAK(oracle, "session", "pool %s shows %" PRIu64 " sessions", pool->name, pool_stats.sessions);
}
