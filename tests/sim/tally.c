/* tally.c - names and sums; see tally.h. */
#include "tally.h"

#include <inttypes.h>

static const char *const fault_names[FAULTS] = {
    [FAULT_CONNECTION_CUT] = "connection-cut",
    [FAULT_MESSAGE_LOST] = "message-lost",
    [FAULT_WORKER_KILLED] = "worker-killed",
    [FAULT_WORKER_STALLED] = "worker-stalled",
    [FAULT_CLIENT_VANISHED] = "client-vanished",
    [FAULT_BROKER_PAUSED] = "broker-paused",
    [FAULT_BROKER_RESTARTED] = "broker-restarted",
    [FAULT_DUPLICATE_ANSWER] = "duplicate-answer",
    [FAULT_STALE_FENCE] = "stale-fence",
    [FAULT_FOREIGN_FENCE] = "foreign-fence",
    [FAULT_LYING_LEASES] = "lying-leases",
    [FAULT_WRONG_VERB] = "wrong-verb",
    [FAULT_SILENT_TASK] = "silent-task",
    [FAULT_DUPLICATE_ID] = "duplicate-id",
    [FAULT_SECOND_HELLO] = "second-hello",
    [FAULT_EARLY_SUBMIT] = "early-submit",
    [FAULT_AGENT_CUT] = "agent-cut",
    [FAULT_NO_MEMORY] = "no-memory",
    [FAULT_START_FAILED] = "start-failed",
    [FAULT_GREEDY_STREAM] = "greedy-stream",
};

static const char *const sometimes_names[SOMETIMES_KINDS] = {
    [SOMETIMES_RESUMED_WITH_LEASES] = "a worker resumed with its leases",
    [SOMETIMES_RESUME_LOST_LEASE] = "a resumed worker did not hold a lease that was open",
    [SOMETIMES_RESUME_TOO_LATE] = "a worker came back after the grace",
    [SOMETIMES_RESUME_TOOK_OVER] = "a worker resumed before its old connection was seen to end",
    [SOMETIMES_DEAD] = "a task used up its attempts",
    [SOMETIMES_LOST] = "an at-most-once task was lost",
    [SOMETIMES_EXPIRED_QUEUED] = "a queued task expired",
    [SOMETIMES_EXPIRED_DELAYED] = "a delayed task expired",
    [SOMETIMES_EXPIRED_LEASED] = "a running task expired",
    [SOMETIMES_CANCELLED_QUEUED] = "a queued task was cancelled",
    [SOMETIMES_CANCELLED_DELAYED] = "a delayed task was cancelled",
    [SOMETIMES_CANCEL_WON] = "a running task ended cancelled",
    [SOMETIMES_RESULT_WON] = "a result came before the cancel that was asked",
    [SOMETIMES_CANCEL_OF_LOST] = "a worker was lost with a task whose cancel was asked",
    [SOMETIMES_CANCEL_TOO_LATE] = "a cancel came too late",
    [SOMETIMES_CANCEL_NOT_FOUND] = "a cancel found nothing",
    [SOMETIMES_OPERATOR_CANCEL] = "an operator cancelled a task",
    [SOMETIMES_CLIENT_RESUMED] = "a client came back with its instance",
    [SOMETIMES_CLIENT_TAKEOVER] = "an instance moved to a second connection",
    [SOMETIMES_CLIENT_RETENTION_ENDED] = "a client stayed away too long",
    [SOMETIMES_ABSORBED_COPY] = "a task was offered again before HELLO",
    [SOMETIMES_ABSORBED_RUNNING] = "the copy ran already when HELLO came",
    [SOMETIMES_CANCEL_ON_DISCONNECT] = "a client's tasks were cancelled because it went away",
    [SOMETIMES_OFFERED_LIVE] = "a live task was offered again",
    [SOMETIMES_OFFERED_FINAL] = "a final task was offered again and answered from memory",
    [SOMETIMES_OFFERED_FORGOTTEN] = "a forgotten task was offered again and ran again",
    [SOMETIMES_RESULTS_MAX] = "kept final messages reached their limit",
    [SOMETIMES_SEEN_DROPPED] = "SEEN dropped a kept final message",
    [SOMETIMES_BUSY_POOL_TASKS] = "busy: tasks of a pool",
    [SOMETIMES_BUSY_POOL_BYTES] = "busy: bytes of a pool",
    [SOMETIMES_BUSY_CLIENT_TASKS] = "busy: tasks of a client",
    [SOMETIMES_BUSY_CLIENT_BYTES] = "busy: bytes of a client",
    [SOMETIMES_BUSY_BROKER_TASKS] = "busy: tasks in all",
    [SOMETIMES_BUSY_BROKER_BYTES] = "busy: bytes in all",
    [SOMETIMES_REFUSED_DRAINING] = "refused: draining",
    [SOMETIMES_REFUSED_TOO_LARGE] = "refused: too large",
    [SOMETIMES_REFUSED_NO_POOL] = "refused: no such pool",
    [SOMETIMES_REFUSED_PEER] = "a peer was refused",
    [SOMETIMES_STALE_RESULT] = "a stale result was answered",
    [SOMETIMES_STALE_NACK] = "a stale nack was answered",
    [SOMETIMES_NACK] = "a task was given back unstarted",
    [SOMETIMES_SENT_AHEAD] = "a task was sent ahead",
    [SOMETIMES_MOVED_UP] = "a task that was sent ahead got a slot",
    [SOMETIMES_RECALLED] = "a task that was sent ahead was recalled",
    [SOMETIMES_RECALLED_IDLE] = "it was recalled for a slot that fell free",
    [SOMETIMES_RECALLED_SLOW] = "it was recalled from behind a long task",
    [SOMETIMES_RECALL_REPEATED] = "a recall was repeated on a new connection",
    [SOMETIMES_RECALL_NACK] = "a recalled task was given back",
    [SOMETIMES_RECALL_TOO_LATE] = "a recalled task had begun",
    [SOMETIMES_LOST_AHEAD] = "a worker was killed with a task that was sent ahead",
    [SOMETIMES_REQUEUED_AHEAD] = "a requeued task went ahead of younger ones",
    [SOMETIMES_PRIORITY_OVERTOOK] = "a priority overtook an older task",
    [SOMETIMES_TURN_TAKEN] = "a fair key had its turn before an older task of another",
    [SOMETIMES_RUNNING_MAX] = "a pool was at its running_max beside a free slot",
    [SOMETIMES_RATE_LIMITED] = "a pool was at its rate beside a free slot",
    [SOMETIMES_KEY_RUNNING_MAX] = "a key was at its running_max beside a free slot",
    [SOMETIMES_KEY_RATE_LIMITED] = "a key was at its rate beside a free slot",
    [SOMETIMES_LIMIT_RAISED] = "a reload let tasks go",
    [SOMETIMES_WORKER_STALLED] = "a worker stalled",
    [SOMETIMES_WORKER_RECOVERED] = "a stalled worker was heard again",
    [SOMETIMES_WORKER_LOST_BUSY] = "a worker was lost with leases",
    [SOMETIMES_BYE_WITH_LEASES] = "a worker said BYE with open leases",
    [SOMETIMES_WORKER_DRAINED] = "a draining worker ended in good order",
    [SOMETIMES_POOL_REMOVED] = "a pool with tasks was removed",
    [SOMETIMES_POOL_CAME_BACK] = "a removed pool came back",
    [SOMETIMES_POOL_WENT] = "a removed pool went with its last worker",
    [SOMETIMES_REHELLO] = "a peer was told to say HELLO again",
    [SOMETIMES_CHUNK_PASSED] = "a chunk was passed on",
    [SOMETIMES_LEAST_LOADED] = "a dispatch had to choose between unlike loads",
    [SOMETIMES_SHUTDOWN_CLEAN] = "a shutdown let all leases end",
    [SOMETIMES_SHUTDOWN_TIMED_OUT] = "a shutdown ran out of time",
    [SOMETIMES_RESTARTED_BUSY] = "the broker was killed while clients waited",
    [SOMETIMES_REPLACED_READY] = "a worker was asked to end when its replacement was ready",
    [SOMETIMES_REPLACED_BUSY] = "a worker was asked to end while it ran tasks",
    [SOMETIMES_ENDED_FIRST] = "a worker was asked to end before its replacement was ready",
    [SOMETIMES_ENDED_WITHOUT_AGENT] = "a worker without an agent was asked to end",
    [SOMETIMES_REPLACE_FAILED] = "a replacement failed or was late",
    [SOMETIMES_AGENT_LOST] = "an agent was lost",
    [SOMETIMES_STALLED_KILLED] = "a stalled worker was given up",
    [SOMETIMES_EXIT_TOLD] = "an agent told the end of a worker before its grace was over",
    [SOMETIMES_STOP_REPEATED] = "a worker that was asked to end was asked again",
    [SOMETIMES_RETRIED] = "a failed attempt was tried again",
    [SOMETIMES_RETRIES_USED_UP] = "the last retry failed",
    [SOMETIMES_RETRY_OF_ANOTHER_TYPE] = "a failure was of a type that is not tried again",
    [SOMETIMES_RETRY_BEHIND_DEADLINE] = "a retry would have come after the deadline",
    [SOMETIMES_KILLED_ENOUGH] = "a task used up its lost workers before its attempts",
    [SOMETIMES_SUSPECT_ALONE] = "a suspect ran alone in a worker with many slots",
    [SOMETIMES_SUSPECT_OVERTAKEN] = "a younger task went while a suspect waited for an idle worker",
    [SOMETIMES_SUSPECT_INNOCENT] = "a suspect ended ok",
    [SOMETIMES_WORKER_RESERVED] = "a worker was kept free for a suspect",
    [SOMETIMES_DEAD_DROPPED] = "the list of dead tasks was full",
    [SOMETIMES_DEAD_REQUEUED] = "a dead task was requeued",
    [SOMETIMES_DEAD_REFUSED] = "a dead task could not be requeued",
    [SOMETIMES_DEAD_REMOVED] = "a dead task was removed",
    [SOMETIMES_REPLAY_ENDED] = "a requeued dead task ended ok",
    [SOMETIMES_CIRCUIT_OPENED] = "a circuit opened",
    [SOMETIMES_CIRCUIT_OPENED_AGAIN] = "a probe failed",
    [SOMETIMES_CIRCUIT_CLOSED] = "a probe succeeded",
    [SOMETIMES_CIRCUIT_RESET] = "an operator or a reload closed a circuit",
    [SOMETIMES_PROBE_SAID_NOTHING] = "a probe ended and said nothing",
    [SOMETIMES_REFUSED_CIRCUIT] = "refused: an open circuit",
    [SOMETIMES_GROUP_WAITED] = "a slot was free while tasks waited for their turn in a group",
    [SOMETIMES_GROUP_HEAD_LOST] = "the running task of a group was lost while others of it waited",
    [SOMETIMES_GROUP_HELD_BY_ENDED] = "a group waited for the answer of a worker whose task had ended",
    [SOMETIMES_GROUP_OVERTAKEN] = "a task ran before an older one that waited for its group",
    [SOMETIMES_SESSION_KEPT] = "a task went to the worker of its session",
    [SOMETIMES_SESSION_MOVED] = "a hint moved its session to another worker",
    [SOMETIMES_SESSION_WAITED] = "a slot was free while a strict task waited for its session's worker",
    [SOMETIMES_SESSION_BUSY] = "refused: the worker of a session is busy",
    [SOMETIMES_SESSION_WORKER_GONE] = "the worker of a session with strict tasks was gone or draining",
    [SOMETIMES_SESSION_LOST_WAITING] = "a waiting task ended with its session's worker",
    [SOMETIMES_SESSION_LOST_RUNNING] = "a running task ended with its session's worker",
    [SOMETIMES_SESSION_FORGOTTEN] = "an unused session was forgotten",
    [SOMETIMES_SESSION_MADE_ROOM] = "an unused session made room for another one",
    [SOMETIMES_BUSY_SESSIONS] = "busy: sessions of a pool",
    [SOMETIMES_FOLLOWED] = "a task followed the run of another with its key",
    [SOMETIMES_REMEMBERED] = "a task got the result that was remembered for its key",
    [SOMETIMES_RESULT_FORGOTTEN] = "a remembered result was forgotten in time",
    [SOMETIMES_RESULT_MADE_ROOM] = "a remembered result made room for another",
    [SOMETIMES_CANCELLED_FOLLOWING] = "one of those that shared a run was cancelled",
    [SOMETIMES_EXPIRED_FOLLOWING] = "one of those that shared a run expired",
    [SOMETIMES_NOBODY_FOLLOWED] = "a run was cancelled since nobody shared it any more",
    [SOMETIMES_RUN] = "a schedule had a run",
    [SOMETIMES_RUN_SKIPPED] = "a schedule skipped a run, since the former one was open",
    [SOMETIMES_RUN_REFUSED] = "a run of a schedule was refused",
    [SOMETIMES_RUN_MADE_UP] = "several runs were missed, and made up for by one",
    [SOMETIMES_RAISED] = "an exception was raised in a task that did not end when asked",
    [SOMETIMES_RAISED_AFTER_RESUME] = "that was due while its worker was away",
    [SOMETIMES_KILLED_FOR_TASK] = "a process was ended for a task that did not end",
    [SOMETIMES_KILLED_AGAIN] = "and again, since it did not end",
    [SOMETIMES_CANCEL_IGNORED] = "a task did not end, and its process stayed for the others' sake",
    [SOMETIMES_TIMED_OUT] = "a task ran for too long and ended",
    [SOMETIMES_TIMED_OUT_BY_KILL] = "a task ran for too long and ended with its process",
    [SOMETIMES_LIMIT_RESULT_WON] = "a result came after the run-time limit and counted",
    [SOMETIMES_BYSTANDER_REQUEUED] = "a task was requeued because of another one in its process",
    [SOMETIMES_CREDIT_PASSED] = "a reader's credit was passed on",
    [SOMETIMES_CREDIT_USED_UP] = "a stream used its credit up",
    [SOMETIMES_CREDIT_LIFTED] = "a reader gave its stream free",
    [SOMETIMES_CREDIT_STALE] = "a reader's credit came too late to mean anything",
    [SOMETIMES_CREDIT_RENEWED] = "credit was renewed after a connection was lost",
    [SOMETIMES_CHUNK_BEYOND_CREDIT] = "a chunk was beyond the credit",
    [SOMETIMES_STREAM_OPENED] = "a stream whose reader is gone was let run on",
};

const char *
fault_name(enum fault fault)
{
    return fault_names[fault];
}

const char *
sometimes_name(enum sometimes kind)
{
    return sometimes_names[kind];
}

void
tally_add(struct tally *tally, const struct tally *more)
{
    tally->seeds += more->seeds;
    tally->steps += more->steps;
    tally->tasks += more->tasks;
    tally->dispatches += more->dispatches;
    tally->messages += more->messages;
    tally->simulated_us += more->simulated_us;
    for (int i = 0; i < FAULTS; i++)
        tally->faults[i] += more->faults[i];
    for (int i = 0; i < SOMETIMES_KINDS; i++)
        tally->sometimes[i] += more->sometimes[i];
}

void
tally_print(const struct tally *tally, FILE *out)
{
    fprintf(out, "faults:\n");
    for (int i = 0; i < FAULTS; i++)
        fprintf(out, "  %10" PRIu64 "  %s\n", tally->faults[i], fault_names[i]);
    fprintf(out, "reached:\n");
    for (int i = 0; i < SOMETIMES_KINDS; i++)
        fprintf(out, "  %10" PRIu64 "  %s\n", tally->sometimes[i], sometimes_names[i]);
}

enum sometimes
tally_missing(const struct tally *tally)
{
    for (int i = 0; i < SOMETIMES_KINDS; i++)
        if (tally->sometimes[i] == 0)
            return (enum sometimes)i;
    return SOMETIMES_KINDS;
}
