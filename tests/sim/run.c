/* run.c - one seed; see run.h. */
#include "run.h"
#include "net.h"
#include "oracle.h"
#include "sabotage.h"
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { INBOX_MAX = 4096 };

struct trial {
    const struct run_options *options;
    struct world world;
    struct oracle oracle;
    struct broker *broker;
    struct outbox outbox;
    const struct sabotage *sabotage;
    struct rng mischief; /* the saboteur's own chance, so that the world stays the same */
    bool is_paused;
    struct agenda_entry inbox[INBOX_MAX]; /* what arrived while the broker was paused */
    size_t inbox_count, inbox_at;
};

static void
open_broker(struct trial *trial)
{
    trial->broker = broker_new(&trial->world.settings);
    for (uint32_t i = 0; i < trial->world.pool_count; i++)
        if (broker_add_pool(trial->broker, &trial->world.pools[i]) != OK)
            history_break(&trial->world.history, "sim", "a pool was refused");
    outbox_init(&trial->outbox);
    oracle_init(&trial->oracle, &trial->world);
}

static int64_t
next_due_us(const struct trial *trial)
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
    for (size_t i = 0; i < trial->outbox.count; i++)
        history_action(&world->history, &trial->outbox.actions[i], world->now_us);
    oracle_judge(&trial->oracle, trial->broker, event, status, &trial->outbox, world->now_us);
    for (size_t i = 0; i < trial->outbox.count && !history_is_broken(&world->history); i++)
        world_carry(world, &trial->outbox.actions[i]);
    outbox_clear(&trial->outbox);
    if (world->history.step % trial->options->check_every == 0)
        broker_check(trial->broker);
}

static void
tick(struct trial *trial)
{
    trial->world.history.step++;
    history_tick(&trial->world.history, trial->world.now_us);
    if (!trial->sabotage || !sabotage_skips(trial->sabotage, true, &trial->mischief))
        broker_tick(trial->broker, trial->world.now_us, &trial->outbox);
    conclude(trial, NULL, OK);
}

static void
handle(struct trial *trial, const struct event *event)
{
    struct world *world = &trial->world;
    int status = OK;

    /* The broker does what is due before it takes an event; seen apart, both can be judged exactly. */
    if (next_due_us(trial) <= world->now_us)
        tick(trial);
    if (history_is_broken(&world->history) || trial->oracle.model.is_shut)
        return;
    world->history.step++;
    history_event(&world->history, event, world->now_us);
    if (!trial->sabotage || !sabotage_skips(trial->sabotage, false, &trial->mischief))
        status = broker_handle(trial->broker, event, world->now_us, &trial->outbox);
    conclude(trial, event, status);
}

/* --- what comes from outside --------------------------------------------------------------------------------------- */

static void
hand_over(struct trial *trial, const struct agenda_entry *entry)
{
    struct world *world = &trial->world;
    struct parcel *parcel = entry->thing;
    struct event event = {.side = net_side(entry->who), .peer = net_peer(entry->who)};

    world->parcels -= parcel != NULL;
    if (net_reaches_broker(world, entry)) {
        event.kind = parcel ? EVENT_COMMAND : EVENT_PEER_GONE;
        event.message = parcel ? &parcel->message : NULL;
        handle(trial, &event);
        if (!parcel)
            net_forget(world, event.side, event.peer);
    }
    parcel_free(parcel);
}

static void
operate(struct trial *trial)
{
    struct world *world = &trial->world;
    struct rng *rng = &world->rng;
    struct event event = {.kind = EVENT_POOL_RESUME};

    if (!world->is_healed) {
        const char *name = rng_chance(rng, 300) ? "" : world->pools[rng_below(rng, world->pool_count)].name;

        event.kind = rng_chance(rng, 400)   ? EVENT_POOL_DRAIN
                     : rng_chance(rng, 300) ? EVENT_TASK_CANCEL
                                            : EVENT_POOL_RESUME;
        event.pool = bytes_of(rng_chance(rng, 20) ? "nowhere" : name);
        event.task = world->last_task;
        if (rng_chance(rng, 20)) {
            event.kind = EVENT_SHUTDOWN;
            event.shutdown_us = rng_between(rng, 0, 200 * world->scale_us);
        }
    }
    handle(trial, &event);
    if (!world->is_healed && world->has_agents && rng_chance(&world->fate, 300)) {
        event = (struct event){.kind = EVENT_RECYCLE,
                               .pool = bytes_of(world->pools[rng_below(&world->fate, world->pool_count)].name)};
        handle(trial, &event);
    }
    if (!world->is_healed)
        agenda_add(&world->agenda, (struct agenda_entry){
                                       .at_us = world->now_us + rng_between(rng, 1, 300 * world->scale_us),
                                       .kind = DUE_OPERATOR,
                                   });
}

static void
set_pool(struct trial *trial, uint32_t index)
{
    const struct pool_settings *pool = &trial->world.pools[index];
    struct event event = {.kind = EVENT_POOL_SET, .pool = bytes_of(pool->name), .pool_settings = pool};

    handle(trial, &event);
}

/* A reload of the configuration: one pool goes, comes back, or gets another limit. */
static void
reload(struct trial *trial)
{
    struct world *world = &trial->world;
    struct rng *rng = &world->reloads;
    uint32_t index = (uint32_t)rng_below(rng, world->pool_count);
    struct pool_settings *pool = &world->pools[index];
    struct event event = {.kind = EVENT_POOL_REMOVE, .pool = bytes_of(pool->name)};

    if (world->is_healed)
        return;
    if (rng_chance(rng, 500)) {
        handle(trial, &event);
    } else {
        if (pool->queued_bytes_max == BYTES_UNLIMITED)
            pool->queued_max = 1 + rng_below(rng, 200);
        set_pool(trial, index);
    }
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + rng_between(rng, 1, 500 * world->scale_us),
                                   .kind = DUE_RELOAD,
                               });
}

/* The broker's process stands still: what arrives waits, and time goes on. */
static void
pause_broker(struct trial *trial)
{
    struct world *world = &trial->world;
    int64_t for_us = rng_between(&world->rng, 1, 8 * world->settings.heartbeat_us);

    if (world->is_healed)
        return;
    world->tally.faults[FAULT_BROKER_PAUSED]++;
    trial->is_paused = true;
    agenda_add(&world->agenda, (struct agenda_entry){.at_us = world->now_us + for_us, .kind = DUE_UNPAUSE});
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + for_us + rng_between(&world->rng, 1, 2000 * world->scale_us),
                                   .kind = DUE_PAUSE,
                               });
}

/* A new broker takes the place of the old one, of which nothing is left but its peers. What it had promised, they will
 * ask for again. */
static void
replace_broker(struct trial *trial)
{
    struct world *world = &trial->world;

    outbox_fini(&trial->outbox);
    broker_destroy(&trial->broker);
    oracle_fini(&trial->oracle);
    net_cut_all(world);
    world->settings.epoch += 1 + rng_below(&world->rng, 10);
    open_broker(trial);
}

/* kill -9 */
static void
kill_broker(struct trial *trial)
{
    struct world *world = &trial->world;

    if (world->is_healed)
        return;
    world->tally.faults[FAULT_BROKER_RESTARTED]++;
    world->tally.sometimes[SOMETIMES_RESTARTED_BUSY] += trial->oracle.model.live != NULL;
    replace_broker(trial);
}

static void
take(struct trial *trial, const struct agenda_entry *entry)
{
    struct world *world = &trial->world;
    bool for_broker = entry->kind == DUE_AT_BROKER || entry->kind == DUE_GONE;

    if (for_broker && trial->is_paused && trial->inbox_count < INBOX_MAX)
        trial->inbox[trial->inbox_count++] = *entry;
    else if (for_broker)
        hand_over(trial, entry);
    else if (entry->kind == DUE_AT_PEER)
        world_arrive(world, entry);
    else if (entry->kind == DUE_OPERATOR && !trial->is_paused)
        operate(trial);
    else if (entry->kind == DUE_RELOAD && !trial->is_paused)
        reload(trial);
    else if (entry->kind == DUE_PAUSE)
        pause_broker(trial);
    else if (entry->kind == DUE_UNPAUSE)
        trial->is_paused = false;
    else if (entry->kind == DUE_KILL)
        kill_broker(trial);
    else
        world_act(world, entry);
}

/* Let the next thing happen. False when nothing will ever happen again. */
static bool
advance(struct trial *trial)
{
    struct world *world = &trial->world;
    struct agenda_entry entry;
    int64_t due_us;

    if (trial->oracle.model.is_shut)
        replace_broker(trial);
    due_us = trial->is_paused ? INT64_MAX : next_due_us(trial);
    if (!trial->is_paused && trial->inbox_at < trial->inbox_count) {
        hand_over(trial, &trial->inbox[trial->inbox_at++]);
        if (trial->inbox_at == trial->inbox_count)
            trial->inbox_at = trial->inbox_count = 0;
        return true;
    }
    if (due_us < INT64_MAX && due_us <= agenda_next_us(&world->agenda)) {
        if (due_us > world->now_us)
            world->now_us = due_us;
        tick(trial);
        return true;
    }
    if (!agenda_take(&world->agenda, &entry))
        return false;
    if (entry.at_us > world->now_us)
        world->now_us = entry.at_us;
    take(trial, &entry);
    return true;
}

/* --- a whole seed ---------------------------------------------------------------------------------------------------- */

static bool
goes_on(const struct trial *trial)
{
    return !history_is_broken(&trial->world.history);
}

static bool
is_settled(const struct trial *trial)
{
    return !trial->oracle.model.live && !world_is_waiting(&trial->world);
}

/* P1, P3: once all is healed, every task ends within a bound, and everybody is told. */
static void
settle(struct trial *trial)
{
    struct world *world = &trial->world;
    uint64_t steps_max = world->history.step + 200000;
    int64_t end_us;

    trial->is_paused = false;
    world_heal(world);
    for (uint32_t i = 0; i < world->pool_count; i++)
        set_pool(trial, i);
    operate(trial);
    /* What vanished clients left behind may take room until its retention is over. */
    end_us = world->now_us + INT64_C(50000) * world->scale_us + 10 * world->settings.heartbeat_us +
             2 * world->settings.client_retention_us;
    while (goes_on(trial) && (trial->oracle.model.is_shut || !is_settled(trial)) && world->now_us < end_us && world->history.step < steps_max)
        if (!advance(trial))
            break;
    if (!goes_on(trial))
        return;
    oracle_judge_end(&trial->oracle, trial->broker);
    if (!is_settled(trial))
        history_break(&world->history, "P1", "a client never heard of its task, although all faults were healed");
}

static void
report(const struct trial *trial, FILE *out)
{
    const struct history *history = &trial->world.history;

    fprintf(out, "seed %" PRIu64 ", step %" PRIu64 ": %s is broken: %s\n", trial->options->seed,
            history->finding_step, history->promise, history->finding);
    world_print(&trial->world, out);
    fprintf(out, "the last events:\n");
    history_print(history, out);
}

static void
close_all(struct trial *trial)
{
    struct world *world = &trial->world;

    for (size_t i = trial->inbox_at; i < trial->inbox_count; i++)
        parcel_free(trial->inbox[i].thing);
    outbox_fini(&trial->outbox);
    broker_destroy(&trial->broker);
    oracle_fini(&trial->oracle);
    world_fini(world);
    if (world->attachments_alive > 0)
        history_break(&world->history, "memory", "%" PRIu64 " attachments were never released",
                      world->attachments_alive);
}

/* The one that runs: large, and what an assert in the core must be able to report. */
static struct trial trial;

/* An assert failed, in the core or in broker_check. It was called from here, so that printing is no danger. */
static void
report_abort(int number)
{
    history_break(&trial.world.history, "assert", "the broker ended itself by signal %d", number);
    report(&trial, stdout);
    fflush(stdout);
    signal(SIGABRT, SIG_DFL);
    abort();
}

bool
run_seed(const struct run_options *options, struct tally *tally, FILE *out)
{
    int64_t began_us;

    signal(SIGABRT, report_abort);
    memset(&trial, 0, sizeof trial);
    trial.options = options;
    trial.sabotage = options->sabotage ? sabotage_find(options->sabotage) : NULL;
    rng_init(&trial.mischief, options->seed + 1);
    world_init(&trial.world, options->seed);
    if (options->verbose)
        trial.world.history.echo = out;
    began_us = trial.world.now_us;
    open_broker(&trial);
    while (goes_on(&trial) && trial.world.history.step < options->steps && advance(&trial))
        continue;
    if (goes_on(&trial))
        settle(&trial);
    close_all(&trial);
    trial.world.tally.seeds = 1;
    trial.world.tally.steps = trial.world.history.step;
    trial.world.tally.simulated_us = trial.world.now_us - began_us;
    tally_add(tally, &trial.world.tally);
    if (history_is_broken(&trial.world.history))
        report(&trial, out);
    return !history_is_broken(&trial.world.history);
}
