/* broker_ladder.c - how running tasks are ended: asked, by an exception, with their process; see broker_state.h.
 *
 * Whoever wants an attempt to end (a client, an operator, its deadline, its run-time limit) begins the same ladder. A step
 * is taken when the one before did not help in its time. The slot stays taken until the worker has answered or is gone;
 * the client is told by then, or when the ladder has no more steps. */
#include "broker/core/broker_lifecycle.h"
#include "broker/core/broker_running.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <assert.h>

/* A process that is told to end has so long before its task's client is told, and it is tried again. */
#define KILL_PATIENCE_US INT64_C(5000000)

static const struct pool_settings *
settings_of(const struct lease *lease)
{
    return &lease->worker->pool->settings;
}

/* 0: never. */
static void
arm(struct broker *broker, struct lease *lease, int64_t after_us)
{
    if (after_us > 0)
        heap_put(&broker->timers, &lease->timer, broker->now_us + after_us);
    else
        heap_remove(&broker->timers, &lease->timer);
}

static struct note *
note_lease(struct broker *broker, enum note_kind kind, const struct lease *lease)
{
    struct note *note = broker_note_worker(broker, kind, lease->worker);

    note->task = lease->task ? lease->task->number : 0;
    note->count = lease->task ? lease->task->attempt : 0;
    note->run_us = broker->now_us - lease->leased_us;
    return note;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void
send_cancel(struct broker *broker, const struct lease *lease)
{
    struct cancel *cancel;

    if (lease->worker->peer == 0)
        return; /* it is asked when it is back */
    cancel = &outbox_send(broker->outbox, SIDE_WORKER, lease->worker->peer, VERB_CANCEL, NULL)->cancel;
    cancel->ref = ref_number(lease->fence);
    cancel->raise = lease->ladder >= LADDER_RAISED;
}

void
broker_ask_end(struct broker *broker, struct lease *lease)
{
    if (lease->ladder != LADDER_NONE)
        return;
    lease->ladder = LADDER_ASKED;
    send_cancel(broker, lease);
    arm(broker, lease, settings_of(lease)->cancel_grace_us);
}

void
broker_ask_end_again(struct broker *broker, const struct lease *lease)
{
    if (lease->ladder != LADDER_NONE)
        send_cancel(broker, lease);
}

int64_t
broker_limit_run(struct broker *broker, struct lease *lease)
{
    const struct task_extra *extra = lease->task->extra;
    int64_t run_us = extra && extra->run_us > 0 ? extra->run_us : settings_of(lease)->run_timeout_us;

    arm(broker, lease, run_us);
    return run_us;
}

/* --- the last steps ----------------------------------------------------------------------------------------------- */

enum error_code
broker_judge_end(const struct lease *lease)
{
    if (lease->task->is_cancel_asked)
        return ERROR_CANCELLED;
    return lease->is_timed_out ? ERROR_TIMED_OUT : ERROR_NONE;
}

/* Its client has waited for long enough. The attempt may still run, so that no other may begin: not even where a task
 * that ran for too long would be tried again. */
static void
tell_client(struct broker *broker, struct lease *lease)
{
    struct verdict verdict;

    if (!lease->task)
        return;
    verdict = verdict_make(broker_judge_end(lease));
    if (verdict.code == ERROR_TIMED_OUT)
        verdict.text = broker_say_timed_out(broker, lease);
    broker_finish(broker, lease->task, &verdict);
}

/* May its process end for this one task, or do others run there? */
static bool
may_kill(const struct lease *lease)
{
    return lease->worker->slots == 1 || settings_of(lease)->cancel_kill_shared;
}

/* An agent kills it at once. A worker without one can only be told, and ends if its I/O thread still runs. */
static void
kill_process(struct broker *broker, struct worker *worker)
{
    worker->is_condemned = true;
    worker->reason = RECYCLE_CANCEL;
    worker->tasks_due = UINT64_MAX; /* it ends before it has done them */
    broker_ask_to_end(broker, worker, recycle_reason_name(RECYCLE_CANCEL), STOP_GRACE_MS);
    recycle_send_retire(broker, worker, true);
}

static void
kill_for(struct broker *broker, struct lease *lease, const char *reason)
{
    note_lease(broker, NOTE_TASK_CANCEL_IGNORED, lease)->reason = reason;
    kill_process(broker, lease->worker);
    arm(broker, lease, KILL_PATIENCE_US);
}

static void
climb_last(struct broker *broker, struct lease *lease)
{
    if (may_kill(lease)) {
        lease->ladder = LADDER_KILLED;
        kill_for(broker, lease, "its process is ended");
        return;
    }
    lease->ladder = LADDER_SPENT;
    heap_remove(&broker->timers, &lease->timer);
    note_lease(broker, NOTE_TASK_CANCEL_IGNORED, lease)->reason =
        "its process has slots for other tasks and stays; this one's is taken until it ends";
    tell_client(broker, lease);
}

void
broker_lease_due(struct broker *broker, struct lease *lease)
{
    switch ((enum ladder)lease->ladder) {
    case LADDER_NONE:
        lease->is_timed_out = true;
        note_lease(broker, NOTE_TASK_TIMED_OUT, lease);
        broker_ask_end(broker, lease);
        return;
    case LADDER_ASKED:
        lease->ladder = LADDER_RAISED;
        send_cancel(broker, lease);
        arm(broker, lease, settings_of(lease)->cancel_kill_grace_us);
        return;
    case LADDER_RAISED:
        climb_last(broker, lease);
        return;
    case LADDER_KILLED: /* its agent may have been away, and the order lost */
        kill_for(broker, lease, "its process does not end");
        tell_client(broker, lease);
        return;
    case LADDER_SPENT:
        assert(false);
        return;
    }
}
