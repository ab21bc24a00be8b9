/* run.c - one seed; see run.h. */
#include "run.h"
#include "net.h"
#include "shrink.h"
#include "trial.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { INBOX_MAX = 4096 };

/* Against a life without end in one instant: time is what bounds the rest. Where vanished clients hold the last sessions
 * until their retention is over, those who wait offer hundreds of tasks again and again meanwhile. */
enum { SETTLE_STEPS_MAX = 2000000 };

/* The one seed: large, and what an assert in the core must be able to report. */
struct course {
    struct trial trial;
    bool is_paused;
    struct agenda_entry inbox[INBOX_MAX]; /* what arrived while the broker was paused */
    size_t inbox_count, inbox_at;
};

/* Where to go on after an assert when a script is, or will be, written: what was written until then is good. */
static sigjmp_buf after_abort;

/* --- what comes from outside --------------------------------------------------------------------------------------- */

static void
hand_over(struct course *course, const struct agenda_entry *entry)
{
    struct world *world = &course->trial.world;
    struct parcel *parcel = entry->thing;
    struct event event = {.side = net_side(entry->who), .peer = net_peer(entry->who)};

    world->parcels -= parcel != NULL;
    if (net_reaches_broker(world, entry)) {
        event.kind = parcel ? EVENT_COMMAND : EVENT_PEER_GONE;
        event.message = parcel ? &parcel->message : NULL;
        trial_handle(&course->trial, &event);
        if (!parcel)
            net_forget(world, event.side, event.peer);
    }
    parcel_free(parcel);
}

/* One is set, changed or taken away; in the end, all are. */
static void
operate_schedules(struct course *course)
{
    struct world *world = &course->trial.world;
    struct schedule_settings settings;
    struct event set = {.kind = EVENT_SCHEDULE_SET, .schedule_settings = &settings};

    if (!world->is_healed && rng_chance(&world->extras, 500)) {
        world_draw_schedule(world, &settings);
        trial_handle(&course->trial, &set);
    }
    for (uint32_t i = 0; i < SCHEDULES_SIM_MAX; i++) {
        struct event removal = {.kind = EVENT_SCHEDULE_REMOVE, .schedule = bytes_of(world_schedule_name(i))};

        if (world->is_healed || rng_chance(&world->extras, 50))
            trial_handle(&course->trial, &removal);
    }
}

/* An operator looks at the dead tasks and picks one. */
struct pick {
    struct rng *rng;
    uint64_t seen, number;
};

static void
pick_dead(void *context, const struct dead_stats *stats)
{
    struct pick *pick = context;

    if (rng_below(pick->rng, ++pick->seen) == 0)
        pick->number = stats->task;
}

static void
tend_dead(struct trial *trial)
{
    struct world *world = &trial->world;
    struct rng *rng = &world->mishaps;
    struct dead_outcome outcome = {0};
    struct event event = {.kind = EVENT_DEAD_REQUEUE, .ret_dead = &outcome};
    struct pick pick = {.rng = rng};

    broker_each_dead(trial->broker, NULL, SIZE_MAX, pick_dead, &pick);
    event.task = rng_chance(rng, 50) ? 1 : pick.number;
    if (rng_chance(rng, 200)) {
        event.kind = EVENT_DEAD_REMOVE;
        event.task = rng_chance(rng, 300) ? 0 : event.task;
        event.pool = bytes_of(world->pools[rng_below(rng, world->pool_count)].name);
    }
    if (!world->has_suspects && event.kind == EVENT_DEAD_REQUEUE)
        return; /* those that are run again are suspects */
    if (event.task > 0 || event.kind == EVENT_DEAD_REMOVE)
        trial_handle(trial, &event);
}

static void
operate(struct course *course)
{
    struct world *world = &course->trial.world;
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
    trial_handle(&course->trial, &event);
    if (!world->is_healed && world->has_agents && rng_chance(&world->fate, 300)) {
        event = (struct event){.kind = EVENT_RECYCLE,
                               .pool = bytes_of(world->pools[rng_below(&world->fate, world->pool_count)].name)};
        trial_handle(&course->trial, &event);
    }
    if (world->has_schedules)
        operate_schedules(course);
    if (!world->is_healed && rng_chance(&world->mishaps, 500))
        tend_dead(&course->trial);
    if (!world->is_healed)
        agenda_add(&world->agenda, (struct agenda_entry){
                                       .at_us = world->now_us + rng_between(rng, 1, 300 * world->scale_us),
                                       .kind = DUE_OPERATOR,
                                   });
}

static void
set_pool(struct course *course, uint32_t index)
{
    const struct pool_settings *pool = &course->trial.world.pools[index];
    struct event event = {.kind = EVENT_POOL_SET, .pool = bytes_of(pool->name), .pool_settings = pool};

    trial_handle(&course->trial, &event);
}

/* A reload of the configuration: one pool goes, comes back, or gets another limit. */
static void
reload(struct course *course)
{
    struct world *world = &course->trial.world;
    struct rng *rng = &world->reloads;
    uint32_t index = (uint32_t)rng_below(rng, world->pool_count);
    struct pool_settings *pool = &world->pools[index];
    struct event event = {.kind = EVENT_POOL_REMOVE, .pool = bytes_of(pool->name)};

    if (world->is_healed)
        return;
    if (rng_chance(rng, 500)) {
        trial_handle(&course->trial, &event);
    } else {
        if (pool->queued_bytes_max == BYTES_UNLIMITED)
            pool->queued_max = 1 + rng_below(rng, 200);
        if (world->has_shares)
            world_draw_shares(world, pool);
        set_pool(course, index);
    }
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + rng_between(rng, 1, 500 * world->scale_us),
                                   .kind = DUE_RELOAD,
                               });
}

/* The broker's process stands still: what arrives waits, and time goes on. */
static void
pause_broker(struct course *course)
{
    struct world *world = &course->trial.world;
    int64_t for_us = rng_between(&world->rng, 1, 8 * world->settings.heartbeat_us);

    if (world->is_healed)
        return;
    world->tally.faults[FAULT_BROKER_PAUSED]++;
    course->is_paused = true;
    agenda_add(&world->agenda, (struct agenda_entry){.at_us = world->now_us + for_us, .kind = DUE_UNPAUSE});
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + for_us + rng_between(&world->rng, 1, 2000 * world->scale_us),
                                   .kind = DUE_PAUSE,
                               });
}

static void
end_pause(struct course *course)
{
    course->is_paused = false;
    if (course->trial.script)
        script_pause(course->trial.script);
}

static void
replace_broker(struct course *course)
{
    struct world *world = &course->trial.world;

    world->settings.epoch += 1 + rng_below(&world->rng, 10);
    trial_replace_broker(&course->trial);
}

/* kill -9 */
static void
kill_broker(struct course *course)
{
    struct world *world = &course->trial.world;

    if (world->is_healed)
        return;
    world->tally.faults[FAULT_BROKER_RESTARTED]++;
    world->tally.sometimes[SOMETIMES_RESTARTED_BUSY] += course->trial.oracle.model.live != NULL;
    replace_broker(course);
}

static void
take(struct course *course, const struct agenda_entry *entry)
{
    struct world *world = &course->trial.world;
    bool for_broker = entry->kind == DUE_AT_BROKER || entry->kind == DUE_GONE;

    if (for_broker && course->is_paused && course->inbox_count < INBOX_MAX)
        course->inbox[course->inbox_count++] = *entry;
    else if (for_broker)
        hand_over(course, entry);
    else if (entry->kind == DUE_AT_PEER)
        world_arrive(world, entry);
    else if (entry->kind == DUE_OPERATOR && !course->is_paused)
        operate(course);
    else if (entry->kind == DUE_RELOAD && !course->is_paused)
        reload(course);
    else if (entry->kind == DUE_PAUSE)
        pause_broker(course);
    else if (entry->kind == DUE_UNPAUSE)
        end_pause(course);
    else if (entry->kind == DUE_KILL)
        kill_broker(course);
    else
        world_act(world, entry);
}

/* Let the next thing happen. False when nothing will ever happen again. */
static bool
advance(struct course *course)
{
    struct world *world = &course->trial.world;
    struct agenda_entry entry;
    int64_t due_us;

    if (course->trial.oracle.model.is_shut)
        replace_broker(course);
    due_us = course->is_paused ? INT64_MAX : trial_next_due_us(&course->trial);
    if (!course->is_paused && course->inbox_at < course->inbox_count) {
        hand_over(course, &course->inbox[course->inbox_at++]);
        if (course->inbox_at == course->inbox_count)
            course->inbox_at = course->inbox_count = 0;
        return true;
    }
    if (due_us < INT64_MAX && due_us <= agenda_next_us(&world->agenda)) {
        if (due_us > world->now_us)
            world->now_us = due_us;
        trial_tick(&course->trial);
        return true;
    }
    if (!agenda_take(&world->agenda, &entry))
        return false;
    if (entry.at_us > world->now_us)
        world->now_us = entry.at_us;
    take(course, &entry);
    return true;
}

/* --- a whole seed ---------------------------------------------------------------------------------------------------- */

static bool
is_settled(const struct course *course)
{
    return !course->trial.oracle.model.live && !world_is_waiting(&course->trial.world);
}

/* P1, P3: once all is healed, every task ends within a bound, and everybody is told. */
static void
settle(struct course *course)
{
    struct world *world = &course->trial.world;
    uint64_t steps_max = world->history.step + SETTLE_STEPS_MAX;
    int64_t end_us;

    course->is_paused = false;
    world_heal(world);
    if (world->has_shares && rng_chance(&world->shares, 500))
        for (uint32_t i = 0; i < world->pool_count; i++)
            world->pools[i].limit = world->pools[i].key_limit = (struct limit_settings){0};
    for (uint32_t i = 0; i < world->pool_count; i++)
        set_pool(course, i);
    operate(course);
    /* What vanished clients left behind may take room until its retention is over. */
    end_us = world->now_us + INT64_C(50000) * world->scale_us + 10 * world->settings.heartbeat_us +
             2 * world->settings.client_retention_us;
    while (trial_goes_on(&course->trial) && (course->trial.oracle.model.is_shut || !is_settled(course)) && world->now_us < end_us && world->history.step < steps_max)
        if (!advance(course))
            break;
    if (!trial_goes_on(&course->trial))
        return;
    oracle_judge_end(&course->trial.oracle, course->trial.broker);
    if (!is_settled(course))
        history_break(&world->history, "P1", "a client never heard of its task, although all faults were healed");
}

static struct course course;

/* An assert failed, in the core or in broker_check. It was called from here, so that printing is no danger. */
static void
report_abort(int number)
{
    history_break(&course.trial.world.history, "assert", "the broker ended itself by signal %d", number);
    trial_report(&course.trial, stdout);
    fflush(stdout);
    if (course.trial.options->shrinks)
        siglongjmp(after_abort, 1);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void
run_to_the_end(void)
{
    struct trial *trial = &course.trial;

    if (sigsetjmp(after_abort, 1) != 0)
        return;
    while (trial_goes_on(trial) && trial->world.history.step < trial->options->steps && advance(&course))
        continue;
    if (trial_goes_on(trial))
        settle(&course);
}

static void
close_run(void)
{
    if (strcmp(course.trial.world.history.promise, "assert") == 0)
        return; /* its memory is as the assert left it */
    for (size_t i = course.inbox_at; i < course.inbox_count; i++)
        parcel_free(course.inbox[i].thing);
    trial_close(&course.trial);
}

static void
open_run(const struct run_options *options, FILE *out)
{
    signal(SIGABRT, report_abort);
    memset(&course, 0, sizeof course);
    trial_open(&course.trial, options);
    if (options->verbose)
        course.trial.world.history.echo = out;
}

bool
run_seed(const struct run_options *options, struct tally *tally, FILE *out)
{
    struct world *world = &course.trial.world;
    int64_t began_us;

    open_run(options, out);
    began_us = world->now_us;
    run_to_the_end();
    close_run();
    world->tally.seeds = 1;
    world->tally.steps = world->history.step;
    world->tally.simulated_us = world->now_us - began_us;
    tally_add(tally, &world->tally);
    if (history_is_broken(&world->history))
        trial_report(&course.trial, out);
    return !history_is_broken(&world->history);
}

void
run_shrink(const struct run_options *options, FILE *out)
{
    struct history *history = &course.trial.world.history;
    struct script *script = script_new();

    open_run(options, out);
    course.trial.script = script;
    run_to_the_end();
    course.trial.script = NULL;
    if (history_is_broken(history))
        shrink(script, options, history->promise, course.trial.world.now_us, out);
    else
        fprintf(out, "seed %" PRIu64 " holds all promises: there is nothing to shorten\n", options->seed);
    script_destroy(&script);
    close_run();
}
