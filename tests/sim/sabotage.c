/* sabotage.c - each saboteur spoils one kind of action now and then; see sabotage.h. */
#include "sabotage.h"
#include "sim_client.h"

#include <string.h>

/* What is done to an action. It may append to the outbox, so `index` is given and no pointer. */
typedef void spoil(struct outbox *outbox, size_t index);

struct sabotage {
    const char *name;
    enum side side;
    enum verb verb; /* which actions; VERB_NONE: none, see `skips` */
    bool (*suits)(const struct message *message); /* NULL: all */
    spoil *spoil;
    bool skips_events, skips_ticks;
    int64_t delay_us;
    void (*lie)(struct pool_settings *settings);
    void (*spoil_submit)(struct submit *submit); /* what clients offer, now and then */
};

static void
drop(struct outbox *outbox, size_t index)
{
    struct action *action = &outbox->actions[index];

    body_unref(action->hold);
    memmove(action, action + 1, (outbox->count - index - 1) * sizeof *action);
    outbox->count--;
}

static void
repeat(struct outbox *outbox, size_t index)
{
    struct action original = outbox->actions[index];
    struct message *copy = outbox_send(outbox, original.side, original.peer, original.message.verb, original.hold);

    *copy = original.message;
}

static void
repeat_with_next_fence(struct outbox *outbox, size_t index)
{
    repeat(outbox, index);
    outbox->actions[outbox->count - 1].message.task.fence++;
}

static void
recall_next(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.fence++;
}

static void
lower_fence(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.task.fence -= 1000000;
}

static void
raise_attempt(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.task.attempt++;
}

static void
change_headers(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.task.headers = bytes_of("\x81\xa1k\xa1w");
}

static void
send_elsewhere(struct outbox *outbox, size_t index)
{
    outbox->actions[index].peer += 1;
}

/* Two tasks change places: what stands behind is dispatched first, to the worker that should have got the other. */
static void
swap_with_next(struct outbox *outbox, size_t index)
{
    for (size_t other = index + 1; other < outbox->count; other++) {
        struct action *first = &outbox->actions[index], *second = &outbox->actions[other];
        struct action kept = *first;

        if (second->kind != ACTION_SEND || second->message.verb != VERB_TASK)
            continue;
        first->message.task = second->message.task;
        first->message.task.fence = kept.message.task.fence;
        first->hold = second->hold;
        kept.message.task.fence = second->message.task.fence;
        second->message.task = kept.message.task;
        second->hold = kept.hold;
        return;
    }
}

static void
change_result(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.result.info.content_type = bytes_of("other");
}

static void
call_it_failed(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.error.code = ERROR_FAILED;
}

/* Say that it is done when it was only accepted. */
static void
end_at_once(struct outbox *outbox, size_t index)
{
    struct message *message = &outbox->actions[index].message;
    struct ref id = message->accepted.id;

    *message = (struct message){.verb = VERB_RESULT};
    message->result.ref = id;
}

static void
refuse_after_all(struct outbox *outbox, size_t index)
{
    struct message *message = &outbox->actions[index].message;
    struct ref id = message->accepted.id;

    *message = (struct message){.verb = VERB_ERROR};
    message->error.ref = id;
    message->error.code = ERROR_BUSY;
}

static void
shorten_pause(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.error.retry_after_ms = 0;
}

static void
change_number(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.accepted.task += 7;
}

static void
flip_resumed(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.welcome.resumed ^= true;
}

static void
confirm_no_lease(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.welcome.leases.count = 0;
}

/* A worker that gets a task is asked to end, too, for no reason. */
static void
ask_to_end(struct outbox *outbox, size_t index)
{
    outbox_send(outbox, SIDE_WORKER, outbox->actions[index].peer, VERB_STOP, NULL)->stop.reason = bytes_of("ttl");
}

static void
raise_at_once(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.cancel.raise = true;
}

static void
ask_only(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.cancel.raise = false;
}

/* The agent of whoever is replaced kills it. */
static void
kill_instead(struct outbox *outbox, size_t index)
{
    struct action *action = &outbox->actions[index];
    struct replace replace = action->message.replace;

    action->message = (struct message){.verb = VERB_RETIRE};
    action->message.retire.pid = replace.pid;
    action->message.retire.kill = true;
}

static void
allow_more(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.credit.count++;
}

static void
forget_credit(struct outbox *outbox, size_t index)
{
    outbox->actions[index].message.task.credit = 0;
}

static bool
is_raise(const struct message *message)
{
    return message->cancel.raise;
}

static bool
is_no_raise(const struct message *message)
{
    return !message->cancel.raise;
}

static bool
has_credit(const struct message *message)
{
    return message->task.credit > 0;
}

static bool
is_final_error(const struct message *message)
{
    return message_is_final(message) && message->error.code != ERROR_FAILED;
}

static bool
is_stale(const struct message *message)
{
    return message->error.code == ERROR_STALE;
}

static bool
is_busy(const struct message *message)
{
    return message->error.code == ERROR_BUSY;
}

static bool
is_circuit_open(const struct message *message)
{
    return message->error.code == ERROR_CIRCUIT_OPEN;
}

static bool
has_leases(const struct message *message)
{
    return message->welcome.leases.count > 0;
}

/* --- lies about settings ------------------------------------------------------------------------------------------- */

static void
forget_clients(struct pool_settings *settings)
{
    settings->fairness = FAIRNESS_KEY;
}

static void
let_one_more_run(struct pool_settings *settings)
{
    settings->limit.running_max += settings->limit.running_max > 0;
}

static void
let_one_more_run_of_key(struct pool_settings *settings)
{
    settings->key_limit.running_max += settings->key_limit.running_max > 0;
}

static void
raise_rate(struct pool_settings *settings)
{
    settings->limit.rate.count *= 2;
}

static void
lower_rate_of_key(struct pool_settings *settings)
{
    settings->key_limit.rate.count /= 2;
}

static void
raise_burst_of_key(struct pool_settings *settings)
{
    settings->key_limit.rate_burst += settings->key_limit.rate_burst > 0;
}

static void
wait_for_more_failures(struct pool_settings *settings)
{
    settings->circuit_failures += settings->circuit_failures > 0;
}

static void
pause_for_less(struct pool_settings *settings)
{
    settings->circuit_pause_us /= 2;
}

static void
remember_for_longer(struct pool_settings *settings)
{
    settings->dedup_window_us *= 2;
}

static void
retry_once_more(struct pool_settings *settings)
{
    settings->retries++;
}

static void
retry_any_type(struct pool_settings *settings)
{
    settings->retry_on = NULL;
}

static void
retry_sooner(struct pool_settings *settings)
{
    settings->retry_delay_us = settings->retry_delay_us / 2;
}

static void
risk_one_more(struct pool_settings *settings)
{
    settings->kills_max++;
}

static void
list_one_more(struct pool_settings *settings)
{
    settings->dead_max++;
}

/* --- changed offers ------------------------------------------------------------------------------------------------ */

static void
forget_group(struct submit *submit)
{
    submit->group = (struct bytes){0};
}

static void
forget_dedup_key(struct submit *submit)
{
    submit->dedup_key = (struct bytes){0};
    submit->has_dedup_ms = false;
}

static void
take_strictness(struct submit *submit)
{
    submit->session_mode = SESSION_HINT;
}

static void
let_sessions_rebind(struct pool_settings *settings)
{
    settings->session_on_loss = SESSION_LOSS_REBIND;
}

static void
remember_longer(struct pool_settings *settings)
{
    settings->session_ttl_us *= 2;
}

static void
send_more_ahead(struct pool_settings *settings)
{
    settings->prefetch *= 2;
}

static const struct sabotage all[] = {
    {"drop-task", SIDE_WORKER, VERB_TASK, NULL, drop, false, false, 0, NULL, NULL},
    {"repeat-task", SIDE_WORKER, VERB_TASK, NULL, repeat, false, false, 0, NULL, NULL},
    {"dispatch-twice", SIDE_WORKER, VERB_TASK, NULL, repeat_with_next_fence, false, false, 0, NULL, NULL},
    {"lower-fence", SIDE_WORKER, VERB_TASK, NULL, lower_fence, false, false, 0, NULL, NULL},
    {"raise-attempt", SIDE_WORKER, VERB_TASK, NULL, raise_attempt, false, false, 0, NULL, NULL},
    {"change-headers", SIDE_WORKER, VERB_TASK, NULL, change_headers, false, false, 0, NULL, NULL},
    {"wrong-worker", SIDE_WORKER, VERB_TASK, NULL, send_elsewhere, false, false, 0, NULL, NULL},
    {"swap-tasks", SIDE_WORKER, VERB_TASK, NULL, swap_with_next, false, false, 0, NULL, NULL},
    {"drop-cancel", SIDE_WORKER, VERB_CANCEL, NULL, drop, false, false, 0, NULL, NULL},
    {"drop-stale", SIDE_WORKER, VERB_ERROR, is_stale, drop, false, false, 0, NULL, NULL},
    {"drop-result", SIDE_CLIENT, VERB_RESULT, NULL, drop, false, false, 0, NULL, NULL},
    {"repeat-result", SIDE_CLIENT, VERB_RESULT, NULL, repeat, false, false, 0, NULL, NULL},
    {"change-result", SIDE_CLIENT, VERB_RESULT, NULL, change_result, false, false, 0, NULL, NULL},
    {"wrong-client", SIDE_CLIENT, VERB_RESULT, NULL, send_elsewhere, false, false, 0, NULL, NULL},
    {"wrong-verdict", SIDE_CLIENT, VERB_ERROR, is_final_error, call_it_failed, false, false, 0, NULL, NULL},
    {"silent-busy", SIDE_CLIENT, VERB_ERROR, is_busy, drop, false, false, 0, NULL, NULL},
    {"early-retry", SIDE_CLIENT, VERB_ERROR, is_circuit_open, shorten_pause, false, false, 0, NULL, NULL},
    {"drop-accepted", SIDE_CLIENT, VERB_ACCEPTED, NULL, drop, false, false, 0, NULL, NULL},
    {"early-result", SIDE_CLIENT, VERB_ACCEPTED, NULL, end_at_once, false, false, 0, NULL, NULL},
    {"needless-busy", SIDE_CLIENT, VERB_ACCEPTED, NULL, refuse_after_all, false, false, 0, NULL, NULL},
    {"changing-number", SIDE_CLIENT, VERB_ACCEPTED, NULL, change_number, false, false, 0, NULL, NULL},
    {"wrong-resumed", SIDE_CLIENT, VERB_WELCOME, NULL, flip_resumed, false, false, 0, NULL, NULL},
    {"unconfirmed-lease", SIDE_WORKER, VERB_WELCOME, has_leases, confirm_no_lease, false, false, 0, NULL, NULL},
    {"drop-stop", SIDE_WORKER, VERB_STOP, NULL, drop, false, false, 0, NULL, NULL},
    {"wrong-stop", SIDE_WORKER, VERB_STOP, NULL, send_elsewhere, false, false, 0, NULL, NULL},
    {"needless-stop", SIDE_WORKER, VERB_TASK, NULL, ask_to_end, false, false, 0, NULL, NULL},
    {"wrong-replace", SIDE_WORKER, VERB_REPLACE, NULL, send_elsewhere, false, false, 0, NULL, NULL},
    {"wrong-retire", SIDE_WORKER, VERB_RETIRE, NULL, send_elsewhere, false, false, 0, NULL, NULL},
    {"early-raise", SIDE_WORKER, VERB_CANCEL, is_no_raise, raise_at_once, false, false, 0, NULL, NULL},
    {"no-raise", SIDE_WORKER, VERB_CANCEL, is_raise, ask_only, false, false, 0, NULL, NULL},
    {"drop-raise", SIDE_WORKER, VERB_CANCEL, is_raise, drop, false, false, 0, NULL, NULL},
    {"needless-kill", SIDE_WORKER, VERB_REPLACE, NULL, kill_instead, false, false, 0, NULL, NULL},
    {"drop-credit", SIDE_WORKER, VERB_CREDIT, NULL, drop, false, false, 0, NULL, NULL},
    {"more-credit", SIDE_WORKER, VERB_CREDIT, NULL, allow_more, false, false, 0, NULL, NULL},
    {"no-credit", SIDE_WORKER, VERB_TASK, has_credit, forget_credit, false, false, 0, NULL, NULL},
    {"lost-event", SIDE_CLIENT, VERB_NONE, NULL, NULL, true, false, 0, NULL, NULL},
    {"late-tick", SIDE_CLIENT, VERB_NONE, NULL, NULL, false, true, 0, NULL, NULL},
    {"late-due", SIDE_CLIENT, VERB_NONE, NULL, NULL, false, false, 150000, NULL, NULL},
    {.name = "unfair-to-clients", .verb = VERB_NONE, .lie = forget_clients},
    {.name = "one-more-running", .verb = VERB_NONE, .lie = let_one_more_run},
    {.name = "one-more-of-key", .verb = VERB_NONE, .lie = let_one_more_run_of_key},
    {.name = "faster", .verb = VERB_NONE, .lie = raise_rate},
    {.name = "slower-key", .verb = VERB_NONE, .lie = lower_rate_of_key},
    {.name = "larger-burst", .verb = VERB_NONE, .lie = raise_burst_of_key},
    {.name = "late-circuit", .verb = VERB_NONE, .lie = wait_for_more_failures},
    {.name = "short-pause", .verb = VERB_NONE, .lie = pause_for_less},
    {.name = "long-memory", .verb = VERB_NONE, .lie = remember_for_longer},
    {.name = "no-dedup", .verb = VERB_NONE, .spoil_submit = forget_dedup_key},
    {.name = "no-groups", .verb = VERB_NONE, .spoil_submit = forget_group},
    {.name = "lax-sessions", .verb = VERB_NONE, .spoil_submit = take_strictness},
    {.name = "sessions-rebind", .verb = VERB_NONE, .lie = let_sessions_rebind},
    {.name = "sessions-linger", .verb = VERB_NONE, .lie = remember_longer},
    {.name = "one-more-retry", .verb = VERB_NONE, .lie = retry_once_more},
    {.name = "retry-any-type", .verb = VERB_NONE, .lie = retry_any_type},
    {.name = "sooner-retry", .verb = VERB_NONE, .lie = retry_sooner},
    {.name = "one-more-kill", .verb = VERB_NONE, .lie = risk_one_more},
    {"drop-recall", SIDE_WORKER, VERB_RECALL, NULL, drop, false, false, 0, NULL, NULL},
    {"repeat-recall", SIDE_WORKER, VERB_RECALL, NULL, repeat, false, false, 0, NULL, NULL},
    {"wrong-recall", SIDE_WORKER, VERB_RECALL, NULL, recall_next, false, false, 0, NULL, NULL},
    {.name = "more-ahead", .verb = VERB_NONE, .lie = send_more_ahead},
    {.name = "one-more-dead", .verb = VERB_NONE, .lie = list_one_more},
};

enum { COUNT = sizeof all / sizeof all[0] };

const struct sabotage *
sabotage_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

const char *
sabotage_name(size_t index)
{
    return index < COUNT ? all[index].name : NULL;
}

void
sabotage_settings(const struct sabotage *sabotage, struct pool_settings *settings)
{
    if (sabotage->lie)
        sabotage->lie(settings);
}

void
sabotage_apply(const struct sabotage *sabotage, struct outbox *outbox, struct rng *rng)
{
    for (size_t i = 0; i < outbox->count; i++) {
        const struct action *action = &outbox->actions[i];

        if (!sabotage->spoil || action->kind != ACTION_SEND || action->side != sabotage->side ||
            action->message.verb != sabotage->verb || (sabotage->suits && !sabotage->suits(&action->message)))
            continue;
        if (rng_chance(rng, 100)) {
            sabotage->spoil(outbox, i);
            return;
        }
    }
}

bool
sabotage_skips(const struct sabotage *sabotage, bool is_tick, struct rng *rng)
{
    return (is_tick ? sabotage->skips_ticks : sabotage->skips_events) && rng_chance(rng, 100);
}

bool
sabotage_submit(const struct sabotage *sabotage, struct submit *submit, struct rng *rng)
{
    if (!sabotage->spoil_submit || !rng_chance(rng, 100))
        return false;
    sabotage->spoil_submit(submit);
    return true;
}

int64_t
sabotage_delay_us(const struct sabotage *sabotage)
{
    return sabotage->delay_us;
}
