/* oracle_turn.c - whose turn it is, and whether limits allow it; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <utlist.h>

/* At no time more than the limits say. */
static void
check_limits(struct oracle *oracle, const struct model_task *task)
{
    enum model_limit limit = model_pool_limit(&oracle->model, task->pool);

    if (limit != MODEL_FREE)
        BREAK(oracle, "P13", "task %" PRIu64 " was dispatched while pool %s is at its %s", task->number, task->pool->name,
              limit == MODEL_AT_RATE ? "rate" : "running_max");
    if (task->flow->limit != MODEL_FREE)
        BREAK(oracle, "P13", "task %" PRIu64 " was dispatched while its key is at its %s", task->number,
              task->flow->limit == MODEL_AT_RATE ? "key_rate" : "key_running_max");
}

static void
check_own_lane(struct oracle *oracle, const struct model_task *task)
{
    const struct model_task *first = model_first_ready(task->flow->queues[task->priority]);

    if (first && first != task)
        BREAK(oracle, "P8", "task %" PRIu64 " was dispatched before task %" PRIu64 " of the same key and priority",
              task->number, first->number);
    if (task->was_requeued && task->next)
        oracle->tally->sometimes[SOMETIMES_REQUEUED_AHEAD]++;
}

/* Another flow, whose tasks may go. */
static void
check_other_lanes(struct oracle *oracle, const struct model_task *task, const struct model_flow *other)
{
    const struct model_task *first = model_first_ready(other->queues[task->priority]);

    if (!first)
        return;
    if (other->positions[task->priority] < task->flow->earliest[task->priority])
        BREAK(oracle, "P13", "task %" PRIu64 " was dispatched, and it was the turn of task %" PRIu64, task->number,
              first->number);
    oracle->tally->sometimes[SOMETIMES_TURN_TAKEN] += first->number < task->number;
}

/* P8: nothing that certainly waits may stand before it. */
static void
check_priorities(struct oracle *oracle, const struct model_task *task, const struct model_flow *flow)
{
    for (int priority = 0; priority < PRIORITIES; priority++) {
        const struct model_task *first = model_first_ready(flow->queues[priority]);

        if (!first || priority == task->priority)
            continue;
        if (priority > task->priority)
            BREAK(oracle, "P8", "task %" PRIu64 " (priority %u) was dispatched before task %" PRIu64 " (priority %u)",
                  task->number, task->priority, first->number, first->priority);
        else if (first->number < task->number)
            oracle->tally->sometimes[SOMETIMES_PRIORITY_OVERTOOK]++;
    }
}

void
oracle_check_turn(struct oracle *oracle, const struct model_task *task)
{
    const struct model_flow *flow;

    oracle->tally->sometimes[SOMETIMES_LIMIT_RAISED] += oracle->is_reload;
    check_limits(oracle, task);
    if (task->is_parked) {
        BREAK(oracle, "P8", "task %" PRIu64 " was dispatched, and it is not its turn in its group", task->number);
        return;
    }
    if (task->pool->parked && task->pool->parked->number < task->number)
        oracle->tally->sometimes[SOMETIMES_GROUP_OVERTAKEN]++;
    check_own_lane(oracle, task);
    DL_FOREACH(task->pool->flows, flow) {
        if (flow->limit != MODEL_FREE)
            continue;
        check_priorities(oracle, task, flow);
        if (flow != task->flow)
            check_other_lanes(oracle, task, flow);
    }
}
