/* trial.c - broker and oracle, step by step; see trial.h. */
#include "trial.h"
#include "net.h"

#include <inttypes.h>
#include <string.h>

/* What the broker is told about a pool. */
static struct pool_settings
tell_settings(const struct trial *trial, const struct pool_settings *settings)
{
    struct pool_settings told = *settings;

    if (trial->sabotage)
        sabotage_settings(trial->sabotage, &told);
    return told;
}

static void
open_broker(struct trial *trial)
{
    trial->broker = broker_new(&trial->world.settings);
    for (uint32_t i = 0; i < trial->world.pool_count; i++) {
        struct pool_settings told = tell_settings(trial, &trial->world.pools[i]);

        if (broker_add_pool(trial->broker, &told) != OK)
            history_break(&trial->world.history, "sim", "a pool was refused");
    }
    outbox_init(&trial->outbox);
    oracle_init(&trial->oracle, &trial->world);
}

void
trial_open(struct trial *trial, const struct run_options *options)
{
    memset(trial, 0, sizeof *trial);
    trial->options = options;
    trial->sabotage = options->sabotage ? sabotage_find(options->sabotage) : NULL;
    rng_init(&trial->mischief, options->seed + 1);
    world_init(&trial->world, options->seed);
    open_broker(trial);
}

void
trial_close(struct trial *trial)
{
    struct world *world = &trial->world;

    outbox_fini(&trial->outbox);
    broker_destroy(&trial->broker);
    oracle_fini(&trial->oracle);
    world_fini(world);
    if (world->attachments_alive > 0)
        history_break(&world->history, "memory", "%" PRIu64 " attachments were never released",
                      world->attachments_alive);
}

void
trial_replace_broker(struct trial *trial)
{
    struct world *world = &trial->world;

    outbox_fini(&trial->outbox);
    broker_destroy(&trial->broker);
    oracle_fini(&trial->oracle);
    net_cut_all(world);
    if (trial->script)
        script_add_restart(trial->script, world);
    open_broker(trial);
}

int64_t
trial_next_due_us(const struct trial *trial)
{
    int64_t due_us = broker_next_due_us(trial->broker);

    return trial->sabotage && due_us < INT64_MAX ? due_us + sabotage_delay_us(trial->sabotage) : due_us;
}

/* --- one step of the broker ---------------------------------------------------------------------------------------- */

/* Judge what the broker did, and let it take effect. */
static void
conclude(struct trial *trial, const struct event *event, int status)
{
    struct world *world = &trial->world;

    if (trial->sabotage)
        sabotage_apply(trial->sabotage, &trial->outbox, &trial->mischief);
    for (size_t i = 0; i < trial->outbox.count; i++) {
        history_action(&world->history, &trial->outbox.actions[i], world->now_us);
        if (trial->script)
            script_learn(trial->script, &trial->outbox.actions[i]);
        if (trial->cast)
            cast_learn(trial->cast, &trial->outbox.actions[i]);
    }
    oracle_judge(&trial->oracle, trial->broker, event, status, &trial->outbox, world->now_us);
    for (size_t i = 0; i < trial->outbox.count && !trial->cast && trial_goes_on(trial); i++)
        world_carry(world, &trial->outbox.actions[i]);
    outbox_clear(&trial->outbox);
    if (world->history.step % trial->options->check_every == 0)
        broker_check(trial->broker);
}

void
trial_tick(struct trial *trial)
{
    trial->world.history.step++;
    history_tick(&trial->world.history, trial->world.now_us);
    if (!trial->sabotage || !sabotage_skips(trial->sabotage, true, &trial->mischief))
        broker_tick(trial->broker, trial->world.now_us, &trial->outbox);
    conclude(trial, NULL, OK);
}

/* The broker gets an event; of settings, what it is told of them. */
static int
pass_on(struct trial *trial, const struct event *event)
{
    struct event seen = *event;
    struct pool_settings told;
    struct message message;

    if (event->pool_settings) {
        told = tell_settings(trial, event->pool_settings);
        seen.pool_settings = &told;
    }
    if (trial->sabotage && event->kind == EVENT_COMMAND && event->side == SIDE_CLIENT && event->message->verb == VERB_SUBMIT) {
        message = *event->message;
        if (sabotage_submit(trial->sabotage, &message.submit, &trial->mischief))
            seen.message = &message;
    }
    return broker_handle(trial->broker, &seen, trial->world.now_us, &trial->outbox);
}

void
trial_handle(struct trial *trial, const struct event *event)
{
    struct world *world = &trial->world;
    int status = OK;

    /* The broker does what is due before it takes an event; seen apart, both can be judged exactly. */
    if (trial_next_due_us(trial) <= world->now_us)
        trial_tick(trial);
    if (history_is_broken(&world->history) || trial->oracle.model.is_shut)
        return;
    world->history.step++;
    history_event(&world->history, event, world->now_us);
    if (trial->script)
        script_add_event(trial->script, world, event);
    if (!trial->sabotage || !sabotage_skips(trial->sabotage, false, &trial->mischief))
        status = pass_on(trial, event);
    conclude(trial, event, status);
}

/* --- the finding ---------------------------------------------------------------------------------------------------- */

void
trial_report(const struct trial *trial, FILE *out)
{
    const struct history *history = &trial->world.history;

    fprintf(out, "seed %" PRIu64 ", step %" PRIu64 ": %s is broken: %s\n", trial->options->seed,
            history->finding_step, history->promise, history->finding);
    world_print(&trial->world, out);
    fprintf(out, "the last events:\n");
    history_print(history, out);
}
