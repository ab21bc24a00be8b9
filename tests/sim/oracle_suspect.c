/* oracle_suspect.c - tasks with which a worker was lost: that they run alone and cost no more workers than they may, that the
 * others go on meanwhile, and that they get their turn; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

/* Is it the turn of a suspect? Among lanes that began to wait at the same time, it is not known whose turn comes first. */
enum turn { TURN_NOT, TURN_PERHAPS, TURN_SURELY };

bool
model_worker_is_alone(const struct model_worker *worker)
{
    const struct model_lease *lease;

    DL_FOREACH(worker->leases, lease)
        if (lease->is_suspect)
            return true;
    return false;
}

/* The first whose flow is at no limit. */
static const struct model_task *
first_suspect(const struct model_pool *pool)
{
    const struct model_task *task;

    DL_FOREACH(pool->suspects, task)
        if (task->flow->limit == MODEL_FREE)
            return task;
    return NULL;
}

/* The first task of this priority in a lane that may go, or NULL. */
static const struct model_task *
first_of(const struct model_flow *flow, int priority)
{
    return flow->limit == MODEL_FREE ? model_first_ready(flow->queues[priority]) : NULL;
}

/* Among the ordinary tasks of the suspect's priority, whichever has the next turn: is the suspect older? A lane's place is
 * known within bounds. */
static enum turn
compare(const struct model_pool *pool, const struct model_task *suspect)
{
    uint64_t latest = UINT64_MAX;
    bool is_older = false, is_younger = false;
    const struct model_flow *flow;

    DL_FOREACH(pool->flows, flow)
        if (first_of(flow, suspect->priority) && flow->positions[suspect->priority] < latest)
            latest = flow->positions[suspect->priority];
    DL_FOREACH(pool->flows, flow) {
        const struct model_task *first = first_of(flow, suspect->priority);

        if (!first || flow->earliest[suspect->priority] > latest)
            continue;
        is_older |= suspect->number < first->number;
        is_younger |= suspect->number > first->number;
    }
    if (is_older && is_younger)
        return TURN_PERHAPS;
    return is_younger ? TURN_NOT : TURN_SURELY;
}

/* Is there a suspect, and no ordinary task of a higher priority? Limits of the pool left aside. */
static bool
may_have_turn(const struct model_pool *pool)
{
    const struct model_task *suspect = first_suspect(pool);
    const struct model_flow *flow;

    if (!suspect)
        return false;
    DL_FOREACH(pool->flows, flow)
        for (int priority = suspect->priority + 1; flow->limit == MODEL_FREE && priority < PRIORITIES; priority++)
            if (first_of(flow, priority))
                return false;
    return true;
}

/* Whether the first suspect goes before all ordinary tasks. */
static enum turn
judge_turn(const struct model_pool *pool)
{
    return may_have_turn(pool) ? compare(pool, first_suspect(pool)) : TURN_NOT;
}

/* May a further worker with several slots serve a suspect? One at least, half of those that are ready at most. */
static bool
has_room(const struct model_pool *pool)
{
    uint64_t alone = 0, ready = 0;
    const struct model_worker *worker;

    DL_FOREACH(pool->workers, worker) {
        alone += worker->slots > 1 && model_worker_is_alone(worker);
        ready += model_worker_is_ready(worker);
    }
    return alone < (ready / 2 > 0 ? ready / 2 : 1);
}

bool
oracle_is_reserved(const struct oracle *oracle, const struct model_worker *worker)
{
    struct pool_stats stats;

    return broker_find_pool(oracle->broker, bytes_of(worker->pool->name), &stats) == OK &&
           stats.reserved == worker->session;
}

bool
oracle_is_kept_free(const struct oracle *oracle, const struct model_worker *worker)
{
    return worker->session == worker->pool->reserved || oracle_is_reserved(oracle, worker);
}

/* One that is reserved in this step and given back in it, nobody shows: but there is one of them at most. */
bool
oracle_may_be_passed(struct oracle *oracle, struct model_worker *worker)
{
    struct model_pool *pool = worker->pool;

    if (oracle_is_kept_free(oracle, worker))
        return true;
    if (worker->slots < 2 || !may_have_turn(pool) || !has_room(pool) ||
        (pool->passed_step == oracle->step && pool->passed != worker->session))
        return false;
    pool->passed = worker->session;
    pool->passed_step = oracle->step;
    return true;
}

/* --- a dispatch ----------------------------------------------------------------------------------------------------- */

/* It was its turn when a worker was kept free for it. */
void
oracle_check_suspect(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task)
{
    bool has_worker = worker->session == task->pool->reserved && may_have_turn(task->pool);
    enum model_limit limit = model_pool_limit(&oracle->model, task->pool);

    if (first_suspect(task->pool) != task)
        BREAK(oracle, "P8", "the suspect %" PRIu64 " was dispatched out of its turn", task->number);
    else if (judge_turn(task->pool) == TURN_NOT && !has_worker)
        BREAK(oracle, "P8", "the suspect %" PRIu64 " was dispatched before an ordinary task whose turn it was",
              task->number);
    if (limit != MODEL_FREE || task->flow->limit != MODEL_FREE)
        BREAK(oracle, "P13", "the suspect %" PRIu64 " was dispatched beyond a limit", task->number);
}

void
oracle_check_alone(struct oracle *oracle, const struct model_worker *worker, const struct model_task *task)
{
    if (model_worker_is_alone(worker))
        BREAK(oracle, "P14", "worker %" PRIu64 " runs a suspect and got task %" PRIu64 " besides", worker->session,
              task->number);
    if (task->kills >= model_kills_max(task))
        BREAK(oracle, "P14", "task %" PRIu64 " has cost %u workers and was dispatched", task->number, task->kills);
    if (!task->is_suspect) {
        oracle->tally->sometimes[SOMETIMES_SUSPECT_OVERTAKEN] += judge_turn(task->pool) == TURN_SURELY;
        return;
    }
    oracle->tally->sometimes[SOMETIMES_SUSPECT_ALONE] += worker->slots > 1;
    if (worker->busy > 0)
        BREAK(oracle, "P14", "the suspect %" PRIu64 " went to worker %" PRIu64 ", which runs %u other tasks",
              task->number, worker->session, worker->busy);
    if (worker->slots > 1 && !has_room(task->pool))
        BREAK(oracle, "P14", "the suspect %" PRIu64 " takes more than half of the workers", task->number);
}

/* --- after a step --------------------------------------------------------------------------------------------------- */

static bool
may_go(const struct oracle *oracle, const struct model_pool *pool)
{
    return model_circuit_admits(&pool->circuit) && model_pool_limit(&oracle->model, pool) == MODEL_FREE;
}

static void
check_reserved(struct oracle *oracle, const struct model_pool *pool, uint64_t session)
{
    struct model_worker *worker;

    HASH_FIND(hh, oracle->model.workers, &session, sizeof session, worker);
    oracle->tally->sometimes[SOMETIMES_WORKER_RESERVED] += pool->reserved != session;
    if (!worker || worker->pool != pool || worker->slots < 2 || !model_worker_is_ready(worker))
        BREAK(oracle, "P14", "worker %" PRIu64 " is kept free and cannot be", session);
    else if (!may_have_turn(pool))
        BREAK(oracle, "P12", "worker %" PRIu64 " is kept free for nobody", session);
    else if (may_go(oracle, pool) && worker->busy == 0)
        BREAK(oracle, "P14", "worker %" PRIu64 " is idle, and the suspect that it is kept free for waits", session);
}

/* The suspect goes next, and somebody could take it, or could be kept free for it. */
static void
check_waiting(struct oracle *oracle, const struct model_pool *pool, uint64_t reserved)
{
    bool room = has_room(pool), goes = may_go(oracle, pool);
    const struct model_worker *worker;

    DL_FOREACH(pool->workers, worker) {
        if (!model_worker_is_ready(worker) || model_worker_is_alone(worker))
            continue;
        if (goes && worker->busy == 0 && (worker->slots == 1 || room))
            BREAK(oracle, "P14", "the suspect %" PRIu64 " waits while worker %" PRIu64 " is idle",
                  first_suspect(pool)->number, worker->session);
        if (worker->slots > 1 && room && reserved == 0)
            BREAK(oracle, "P14", "the suspect %" PRIu64 " waits, and no worker is kept free for it",
                  first_suspect(pool)->number);
    }
}

void
oracle_check_suspects(struct oracle *oracle, struct model_pool *pool, const struct pool_stats *stats)
{
    if (oracle->model.is_shutting)
        return;
    if (stats->reserved)
        check_reserved(oracle, pool, stats->reserved);
    if (judge_turn(pool) == TURN_SURELY)
        check_waiting(oracle, pool, stats->reserved);
    pool->reserved = stats->reserved;
}
