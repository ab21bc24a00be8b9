/* oracle_ladder.c - how running tasks are made to end: asked, interrupted, with their process; see oracle.h.
 *
 * What is promised (P9): the steps come in their order, none early and none late; a process is ended only where that harms
 * no other task, or the pool allows it; the slot stays taken until the worker has answered or is gone. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

/* The broker's patience with a process that does not end. */
#define KILL_PATIENCE_US INT64_C(5000000)

static void
step(struct oracle *oracle, struct model_lease *lease, enum model_ladder ladder)
{
    lease->ladder = ladder;
    lease->step_us = lease->step_min_us = oracle->now_us;
}

static void
expect_cancel(struct oracle *oracle, const struct model_lease *lease)
{
    if (lease->worker->peer)
        oracle_expect(oracle, SIDE_WORKER, lease->worker->peer, VERB_CANCEL, ERROR_NONE)->ref = ref_number(lease->fence);
}

void
oracle_ask_end(struct oracle *oracle, struct model_lease *lease)
{
    if (lease->ladder != RUNG_NONE)
        return;
    step(oracle, lease, RUNG_ASKED);
    expect_cancel(oracle, lease);
}

static const struct pool_settings *
settings_of(const struct model_lease *lease)
{
    return &lease->worker->pool->settings;
}

/* 0: none. */
static int64_t
limit_of(const struct model_lease *lease)
{
    return lease->task->run_us > 0 ? lease->task->run_us : settings_of(lease)->run_timeout_us;
}

/* --- the exception ---------------------------------------------------------------------------------------------------- */

static void
take_raise(struct oracle *oracle, struct model_lease *lease)
{
    int64_t grace_us = settings_of(lease)->cancel_grace_us;

    if (lease->ladder >= RUNG_RAISED) {
        if (oracle->is_tick)
            BREAK(oracle, "P9", "an exception was raised twice, fence %" PRIu64, lease->fence);
        return;
    }
    if (grace_us == 0 || lease->step_us + grace_us > oracle->now_us)
        BREAK(oracle, "P9", "an exception was raised %" PRIi64 " us after the cancel, and the grace is %" PRIi64,
              oracle->now_us - lease->step_us, grace_us);
    oracle->tally->sometimes[oracle->is_tick ? SOMETIMES_RAISED : SOMETIMES_RAISED_AFTER_RESUME]++;
    lease->ladder = RUNG_RAISED;
    lease->step_min_us = oracle->is_tick ? oracle->now_us : lease->step_us + grace_us;
    lease->step_us = oracle->now_us;
    if (oracle->is_tick)
        expect_cancel(oracle, lease);
}

/* A worker that was away when the exception was due gets it when it is back. */
static void
check_repeated(struct oracle *oracle, const struct model_lease *lease)
{
    int64_t grace_us = settings_of(lease)->cancel_grace_us;
    bool is_due = grace_us > 0 && lease->step_us + grace_us < oracle->now_us && oracle->now_us >= oracle->lenient_us;

    if (lease->ladder >= RUNG_RAISED || is_due)
        BREAK(oracle, "P9", "a task in which an exception is to be raised was only asked, fence %" PRIu64, lease->fence);
}

/* A tick asks a worker to end a task first, and tells its client then. */
static void
expire_asked(struct oracle *oracle, struct model_task *task)
{
    struct model_task *follower, *next;

    if (task->deadline_us <= oracle->now_us)
        oracle_expire(oracle, task);
    else if (task->dedup)
        DL_FOREACH_SAFE(task->dedup->followers, follower, next)
            if (follower->deadline_us <= oracle->now_us) {
                bool is_last = follower->prev == follower;

                oracle_expire(oracle, follower);
                if (is_last) /* the key is free, and its record gone */
                    break;
            }
}

void
oracle_check_cancel(struct oracle *oracle, uint32_t peer, const struct cancel *cancel)
{
    struct model_lease *lease = model_find_lease(&oracle->model, cancel->ref.number);

    if (!lease || lease->worker->peer != peer)
        return; /* nothing calls for it */
    if (lease->ladder == RUNG_NONE && oracle->is_tick && lease->task)
        expire_asked(oracle, lease->task);
    if (lease->ladder == RUNG_NONE)
        return;
    if (cancel->raise)
        take_raise(oracle, lease);
    else
        check_repeated(oracle, lease);
}

/* --- notes ------------------------------------------------------------------------------------------------------------ */

static struct model_worker *
find_worker(struct oracle *oracle, uint64_t session)
{
    struct model_worker *worker;

    HASH_FIND(hh, oracle->model.workers, &session, sizeof session, worker);
    return worker;
}

/* When the last step may be taken; INT64_MAX: never. What was due while the worker was away happened in silence. */
static int64_t
last_step_us(const struct model_lease *lease)
{
    const struct pool_settings *settings = settings_of(lease);
    bool is_silent = lease->ladder == RUNG_ASKED && !lease->worker->peer && settings->cancel_grace_us > 0;

    if (lease->ladder == RUNG_KILLED)
        return lease->step_us + KILL_PATIENCE_US;
    if (settings->cancel_kill_grace_us == 0 || (lease->ladder != RUNG_RAISED && !is_silent))
        return INT64_MAX;
    return lease->step_min_us + settings->cancel_kill_grace_us + (is_silent ? settings->cancel_grace_us : 0);
}

/* The lease of which a note speaks: by its task, or, when that has ended, one for which it is time. */
static struct model_lease *
find_ignored(struct oracle *oracle, struct model_worker *worker, uint64_t number)
{
    struct model_lease *lease;

    DL_FOREACH(worker->leases, lease) {
        bool has_expired = lease->task && lease->task->deadline_us <= oracle->now_us;

        if (number > 0 && lease->task && lease->task->number == number)
            return lease;
        if (number == 0 && (!lease->task || has_expired) && last_step_us(lease) <= oracle->now_us)
            return lease;
    }
    return NULL;
}

static void
tell_client(struct oracle *oracle, const struct model_lease *lease)
{
    if (!lease->task)
        return;
    oracle_judge_attempt(oracle, lease, ATTEMPT_NEUTRAL);
    model_finish(&oracle->model, lease->task, lease->task->cancel_asked ? ERROR_CANCELLED : ERROR_TIMED_OUT,
                 oracle->now_us);
}

static void
take_ignored(struct oracle *oracle, const struct note *note)
{
    struct model_worker *worker = find_worker(oracle, note->worker);
    struct model_lease *lease = worker ? find_ignored(oracle, worker, note->task) : NULL;
    enum model_ladder ladder;

    if (!lease || last_step_us(lease) > oracle->now_us) {
        BREAK(oracle, "P9", "task %" PRIu64 " was given up too early", note->task);
        return;
    }
    if (lease->task && note->task == 0)
        oracle_expire(oracle, lease->task);
    ladder = worker->slots == 1 || worker->pool->settings.cancel_kill_shared ? RUNG_KILLED : RUNG_SPENT;
    if (ladder == RUNG_SPENT || lease->ladder == RUNG_KILLED)
        tell_client(oracle, lease);
    oracle->tally->sometimes[ladder == RUNG_SPENT            ? SOMETIMES_CANCEL_IGNORED
                             : lease->ladder == RUNG_KILLED ? SOMETIMES_KILLED_AGAIN
                                                            : SOMETIMES_KILLED_FOR_TASK]++;
    worker->is_condemned |= ladder == RUNG_KILLED;
    worker->is_draining |= ladder == RUNG_KILLED;
    step(oracle, lease, ladder);
    if (ladder == RUNG_KILLED)
        oracle_leave_sessions(oracle, worker);
}

static void
take_timed_out(struct oracle *oracle, const struct note *note)
{
    struct model_worker *worker = find_worker(oracle, note->worker);
    struct model_lease *lease = NULL;

    if (worker)
        DL_FOREACH(worker->leases, lease)
            if (lease->task && lease->task->number == note->task)
                break;
    if (!lease || lease->ladder != RUNG_NONE || limit_of(lease) == 0 ||
        lease->leased_us + limit_of(lease) > oracle->now_us) {
        BREAK(oracle, "P9", "task %" PRIu64 " was said to have run for too long, and it had not", note->task);
        return;
    }
    lease->timed_out = true;
    oracle_ask_end(oracle, lease);
}

void
oracle_ladder_note(struct oracle *oracle, const struct note *note)
{
    if (note->kind == NOTE_TASK_TIMED_OUT)
        take_timed_out(oracle, note);
    else if (note->kind == NOTE_TASK_CANCEL_IGNORED)
        take_ignored(oracle, note);
}

/* --- in time ------------------------------------------------------------------------------------------------------------ */

static int64_t
next_step_us(const struct model_lease *lease)
{
    const struct pool_settings *settings = settings_of(lease);
    int64_t after_us = 0;

    if (lease->ladder == RUNG_NONE)
        return lease->task && limit_of(lease) > 0 ? lease->leased_us + limit_of(lease) : INT64_MAX;
    if (lease->ladder == RUNG_ASKED)
        after_us = settings->cancel_grace_us;
    else if (lease->ladder == RUNG_RAISED)
        after_us = settings->cancel_kill_grace_us;
    else if (lease->ladder == RUNG_KILLED)
        after_us = KILL_PATIENCE_US;
    return after_us > 0 ? lease->step_us + after_us : INT64_MAX;
}

void
oracle_check_ladders(struct oracle *oracle)
{
    int64_t until_us = oracle->now_us - !oracle->is_tick;
    struct model_lease *lease, *next;

    HASH_ITER(hh, oracle->model.leases, lease, next)
        if (lease->worker->peer && next_step_us(lease) <= until_us)
            BREAK(oracle, "P9", "fence %" PRIu64 ": the step after %d is %" PRIi64 " us late", lease->fence, lease->ladder,
                  oracle->now_us - next_step_us(lease));
}
