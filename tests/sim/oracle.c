/* oracle.c - one step judged: what the event must do, whether each action may be, what must hold then; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

/* What takes long is done after so many steps; what is broken stays broken until then. */
enum { CHECK_DUE_EVERY = 16, INSPECT_EVERY = 128, SWEEP_EVERY = 65536 };

void
oracle_init(struct oracle *oracle, struct world *world)
{
    *oracle = (struct oracle){.history = &world->history, .tally = &world->tally, .checks_all = world->checks_all};
    oracle->has_agents = world->has_agents;
    model_init(&oracle->model, world, &world->tally);
}

void
oracle_fini(struct oracle *oracle)
{
    model_fini(&oracle->model);
}

struct expected *
oracle_expect(struct oracle *oracle, enum side side, uint32_t peer, enum verb verb, enum error_code code)
{
    static struct expected overflow; /* a step that owes more than fits is caught below */
    struct expected *expected = &overflow;

    if (oracle->expected_count < EXPECTED_MAX)
        expected = &oracle->expected[oracle->expected_count++];
    else
        BREAK(oracle, "sim", "more than %d answers are expected of one step", EXPECTED_MAX);
    *expected = (struct expected){.side = side, .peer = peer, .verb = verb, .code = code, .min = 1, .max = 1};
    return expected;
}

const struct message *
oracle_find_sent(const struct oracle *oracle, enum side side, uint32_t peer, enum verb verb)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];

        if (action->kind == ACTION_SEND && action->side == side && action->peer == peer &&
            action->message.verb == verb)
            return &action->message;
    }
    return NULL;
}

bool
oracle_was_told(const struct oracle *oracle, uint32_t peer, const struct ref *id, enum error_code code)
{
    for (size_t i = 0; i < oracle->outbox->count; i++) {
        const struct action *action = &oracle->outbox->actions[i];
        const struct message *message = &action->message;

        if (action->kind != ACTION_SEND || action->side != SIDE_CLIENT || action->peer != peer)
            continue;
        if (code == ERROR_NONE && message->verb == VERB_RESULT && ref_equal(&message->result.ref, id))
            return true;
        if (code != ERROR_NONE && message->verb == VERB_ERROR && message->error.code == code &&
            ref_equal(&message->error.ref, id))
            return true;
    }
    return false;
}

/* --- operators ------------------------------------------------------------------------------------------------------ */

static void
drain(struct oracle *oracle, struct bytes name, bool is_draining, int status)
{
    struct model *model = &oracle->model;
    struct model_pool *pool = model_find_pool(model, name);

    if (name.size > 0 && (status == OK) != (pool != NULL && !pool->is_removed))
        BREAK(oracle, "operator", "drain or resume of a pool returned %d", status);
    for (uint32_t i = 0; i < model->pool_count; i++)
        if ((name.size == 0 || pool == &model->pools[i]) && !model->pools[i].is_removed) {
            model->pools[i].is_draining = is_draining;
            if (!is_draining)
                oracle_close_circuit(oracle, &model->pools[i]);
        }
}

/* A reload took the pool out. */
static void
remove_pool(struct oracle *oracle, struct bytes name, int status)
{
    struct model_pool *pool = model_find_pool(&oracle->model, name);
    bool is_there = pool && !pool->is_removed;

    if ((status == OK) != is_there)
        BREAK(oracle, "operator", "the removal of a pool returned %d", status);
    if (!is_there)
        return;
    pool->is_removed = true;
    oracle->tally->sometimes[SOMETIMES_POOL_REMOVED] += model_pool_has_tasks(pool);
}

/* A reload brought the pool, or changed it. */
static void
set_pool(struct oracle *oracle, const struct pool_settings *settings, int status)
{
    struct model *model = &oracle->model;
    struct pool_settings old;

    if (status != OK)
        BREAK(oracle, "operator", "a pool could not be set: %d", status);
    for (uint32_t i = 0; i < model->pool_count; i++) {
        struct model_pool *pool = &model->pools[i];

        if (strcmp(pool->name, settings->name) != 0)
            continue;
        oracle->tally->sometimes[SOMETIMES_POOL_CAME_BACK] += pool->is_removed;
        if (pool->is_removed)
            pool->is_draining = false;
        pool->is_removed = pool->is_gone = false;
        old = pool->settings;
        pool->settings = *settings;
        model_change_limits(model, pool, &old);
        model_trim_dead(pool, settings->dead_max);
        if (settings->circuit_failures == 0)
            oracle_close_circuit(oracle, pool);
    }
}

static void
cancel(struct oracle *oracle, uint64_t number, int status)
{
    struct model_task *task;
    int wanted = ERR_NOT_FOUND;

    DL_FOREACH2(oracle->model.live, task, live_next)
        if (task->number == number)
            break;
    if (task) {
        wanted = task->state == MODEL_LEASED ? ERR_AGAIN : OK;
        oracle_cancel(oracle, task);
        oracle->tally->sometimes[SOMETIMES_OPERATOR_CANCEL]++;
    }
    if (status != wanted)
        BREAK(oracle, "operator", "TASK_CANCEL of task %" PRIu64 " returned %d, not %d", number, status, wanted);
}

static void
take_operator(struct oracle *oracle, const struct event *event, int status)
{
    switch (event->kind) {
    case EVENT_POOL_DRAIN:
        drain(oracle, event->pool, true, status);
        break;
    case EVENT_POOL_RESUME:
        drain(oracle, event->pool, false, status);
        break;
    case EVENT_POOL_SET:
        set_pool(oracle, event->pool_settings, status);
        break;
    case EVENT_POOL_REMOVE:
        remove_pool(oracle, event->pool, status);
        break;
    case EVENT_SCHEDULE_SET:
        oracle_set_schedule(oracle, event->schedule_settings, status);
        break;
    case EVENT_SCHEDULE_REMOVE:
        oracle_remove_schedule(oracle, event->schedule, status);
        break;
    case EVENT_TASK_CANCEL:
        cancel(oracle, event->task, status);
        break;
    case EVENT_DEAD_REQUEUE:
    case EVENT_DEAD_REMOVE:
        oracle_dead_event(oracle, event, status);
        break;
    case EVENT_SHUTDOWN:
        if (!oracle->model.is_shutting || oracle->now_us + event->shutdown_us < oracle->model.shutdown_us)
            oracle->model.shutdown_us = oracle->now_us + event->shutdown_us;
        oracle->model.is_shutting = true;
        break;
    default:
        break;
    }
}

/* --- a step --------------------------------------------------------------------------------------------------------- */

static void
take_event(struct oracle *oracle, const struct event *event, int status)
{
    if (event->kind == EVENT_COMMAND && event->side == SIDE_CLIENT)
        oracle_client_event(oracle, event->peer, event->message);
    else if (event->kind == EVENT_COMMAND)
        oracle_worker_event(oracle, event->peer, event->message);
    else if (event->kind == EVENT_PEER_GONE && event->side == SIDE_CLIENT)
        oracle_client_gone(oracle, event->peer);
    else if (event->kind == EVENT_PEER_GONE)
        oracle_worker_gone(oracle, event->peer);
    else
        take_operator(oracle, event, status);
}

/* Every task that ended in this step told its client so; those that nobody may ask for again are forgotten. */
static void
settle_finished(struct oracle *oracle)
{
    struct model_task *task, *next;

    DL_FOREACH_SAFE2(oracle->model.finished, task, next, live_next) {
        DL_DELETE2(oracle->model.finished, task, live_prev, live_next);
        if (task->owed > 0)
            BREAK(oracle, "P4", "task %" PRIu64 " ended %s, and its client was not told", task->number,
                  task->verdict == ERROR_NONE ? "ok" : error_code_name(task->verdict));
        if (task->client->is_gone || task->client->is_anonymous)
            model_drop_task(&oracle->model, task);
    }
}

static uint64_t
count_running(const struct model *model)
{
    uint64_t running = 0;

    for (uint32_t i = 0; i < model->pool_count; i++)
        running += model->pools[i].running;
    return running;
}

static bool
has_shut(const struct outbox *outbox)
{
    return outbox->count > 0 && outbox->actions[outbox->count - 1].kind == ACTION_SHUT;
}

/* P16: the end comes when nothing runs any more or time is up, not earlier and not later. */
static void
expect_shutdown(struct oracle *oracle)
{
    struct model *model = &oracle->model;
    uint64_t running = count_running(model);
    struct model_task *task;

    if (!model->is_shutting)
        return;
    if (has_shut(oracle->outbox) != (running == 0 || oracle->now_us >= model->shutdown_us))
        BREAK(oracle, "P16", "shut is %d with %" PRIu64 " running tasks, %" PRIi64 " us before the end",
              has_shut(oracle->outbox), running, model->shutdown_us - oracle->now_us);
    if (!has_shut(oracle->outbox))
        return;
    oracle->tally->sometimes[running ? SOMETIMES_SHUTDOWN_TIMED_OUT : SOMETIMES_SHUTDOWN_CLEAN]++;
    DL_FOREACH2(model->live, task, live_next)
        task->owes_shutdown = task->client->peer > 0;
}

static void
settle_shutdown(struct oracle *oracle)
{
    const struct model_task *task;

    if (!oracle->model.is_shut)
        return;
    DL_FOREACH2(oracle->model.live, task, live_next)
        if (task->owes_shutdown)
            BREAK(oracle, "P16", "task %" PRIu64 " was left, and its client was not told", task->number);
}

static void
settle_expected(struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->expected_count; i++) {
        const struct expected *expected = &oracle->expected[i];

        if (expected->seen < expected->min)
            BREAK(oracle, expected->code == ERROR_STALE ? "P5" : "answer", "no %s %s went to %s peer %u",
                  verb_name(expected->verb), expected->code == ERROR_NONE ? "" : error_code_name(expected->code),
                  expected->side == SIDE_CLIENT ? "client" : "worker", expected->peer);
    }
    oracle->expected_count = 0;
}

/* A tick first does all that is due, then dispatches. A shutdown's farewells come last. */
static bool
is_last_part(const struct oracle *oracle, const struct action *action)
{
    if (action->kind != ACTION_SEND)
        return action->kind == ACTION_SHUT;
    return (oracle->is_tick && action->message.verb == VERB_TASK) ||
           (action->message.verb == VERB_ERROR && action->message.error.code == ERROR_SHUTDOWN);
}

/* All that this step does is done, but for the last part. */
static void
finish_turn(struct oracle *oracle)
{
    if (oracle->is_turn_finished)
        return;
    oracle->is_turn_finished = true;
    if (oracle->is_tick)
        oracle_tick(oracle);
    oracle_pass_pauses(oracle);
    expect_shutdown(oracle);
}

static void
begin_step(struct oracle *oracle)
{
    struct model *model = &oracle->model;

    model->step = oracle->step;
    model->now_us = oracle->now_us;
    for (uint32_t i = 0; i < model->pool_count; i++)
        model_review_flows(model, &model->pools[i]);
}

void
oracle_judge(struct oracle *oracle, const struct broker *broker, const struct event *event, int status,
             const struct outbox *outbox, int64_t now_us)
{
    /* A broker that was itself away does not hold silence against others for one more heartbeat. */
    if (oracle->step > 0 && now_us - oracle->now_us > oracle->model.settings.heartbeat_us)
        oracle->lenient_us = now_us + oracle->model.settings.heartbeat_us + 1;
    oracle->now_us = now_us;
    oracle->outbox = outbox;
    oracle->broker = broker;
    oracle->step++;
    oracle->is_tick = event == NULL;
    oracle->is_turn_finished = false;
    oracle->is_reload = event && event->kind == EVENT_POOL_SET;
    oracle->is_arrival = event && event->kind == EVENT_COMMAND && event->side == SIDE_WORKER &&
                         event->message->verb == VERB_HELLO;
    begin_step(oracle);
    oracle_begin_sessions(oracle, event && event->side == SIDE_CLIENT && event->message && event->message->verb == VERB_SUBMIT);
    if (event)
        take_event(oracle, event, status);
    for (size_t i = 0; i < outbox->count && !history_is_broken(oracle->history); i++) {
        if (is_last_part(oracle, &outbox->actions[i]))
            finish_turn(oracle);
        oracle_check_action(oracle, &outbox->actions[i]);
    }
    if (history_is_broken(oracle->history))
        return;
    finish_turn(oracle);
    settle_finished(oracle);
    settle_expected(oracle);
    settle_shutdown(oracle);
    if (oracle->is_tick || oracle->checks_all || oracle->step % CHECK_DUE_EVERY == 0)
        oracle_check_due(oracle);
    if (oracle->step % SWEEP_EVERY == 0)
        model_sweep(&oracle->model, now_us);
    oracle_check_schedules(oracle);
    oracle_check_busy(oracle);
    oracle_check_stats(oracle);
    /* Last: the statistics say how much of what is kept had room. */
    if (oracle->checks_all || oracle->step % INSPECT_EVERY == 0)
        oracle_inspect(oracle);
}

void
oracle_judge_end(struct oracle *oracle, const struct broker *broker)
{
    struct broker_stats stats;

    for (uint32_t i = 0; i < oracle->model.pool_count; i++) {
        const struct model_pool *pool = &oracle->model.pools[i];

        if (pool->queued + pool->delayed + pool->running > 0)
            BREAK(oracle, "P1", "pool %s still holds %" PRIu64 " queued, %" PRIu64 " delayed, %" PRIu64 " running",
                  pool->name, pool->queued, pool->delayed, pool->running);
        if (pool->offered != pool->accepted + pool->refused)
            BREAK(oracle, "P15", "pool %s: %" PRIu64 " offered, %" PRIu64 " accepted, %" PRIu64 " refused",
                  pool->name, pool->offered, pool->accepted, pool->refused);
    }
    broker_get_stats(broker, &stats);
    if (oracle->model.live)
        BREAK(oracle, "P1", "task %" PRIu64 " never ended", oracle->model.live->number);
}
