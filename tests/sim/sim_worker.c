/* sim_worker.c - what simulated workers do; see sim_worker.h. */
#include "sim_worker.h"
#include "net.h"
#include "sim_agent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void
plan(struct world *world, struct sim_worker *worker, int64_t after_us)
{
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + after_us,
                                   .kind = DUE_WORKER,
                                   .who = worker->index,
                                   .generation = worker->life,
                               });
}

static void
send(struct world *world, struct sim_worker *worker, const struct message *message)
{
    if (worker->is_stalled)
        return;
    worker->beat_us = world->now_us;
    net_send(world, &worker->line, message);
}

static void
send_verb(struct world *world, struct sim_worker *worker, enum verb verb, uint64_t fence)
{
    struct message message = {.verb = verb};

    if (verb == VERB_NACK)
        message.nack.fence = fence;
    else if (verb == VERB_STARTED)
        message.fence = fence;
    else if (verb == VERB_HEARTBEAT)
        message.heartbeat.gil_enabled = -1;
    send(world, worker, &message);
}

static uint32_t
count_runs(const struct sim_worker *worker)
{
    uint32_t count = 0;

    for (int i = 0; i < RUNS_MAX; i++)
        count += worker->runs[i].fence != 0;
    return count;
}

static struct run *
find_run(struct sim_worker *worker, uint64_t fence)
{
    for (int i = 0; i < RUNS_MAX; i++)
        if (worker->runs[i].fence == fence)
            return &worker->runs[i];
    return NULL;
}

static uint32_t
count_begun(const struct sim_worker *worker)
{
    uint32_t count = 0;

    for (int i = 0; i < RUNS_MAX; i++)
        count += worker->runs[i].fence && !worker->runs[i].is_waiting;
    return count;
}

/* Of those that wait for a slot, the one that came first. */
static struct run *
find_waiting(struct sim_worker *worker)
{
    struct run *first = NULL;

    for (int i = 0; i < RUNS_MAX; i++)
        if (worker->runs[i].fence && worker->runs[i].is_waiting && (!first || worker->runs[i].fence < first->fence))
            first = &worker->runs[i];
    return first;
}

static void
forget_run(struct sim_worker *worker, struct run *run)
{
    worker->old_fences[worker->old_count++ % FOREIGN_MAX] = run->fence;
    *run = (struct run){0};
}

/* --- coming and going ------------------------------------------------------------------------------------------- */

uint64_t
worker_pid(const struct sim_worker *worker)
{
    return 1 + worker->index + WORKERS_MAX * worker->life;
}

static void
say_hello(struct world *world, struct sim_worker *worker)
{
    struct message message = {.verb = VERB_HELLO};
    struct hello *hello = &message.hello;
    uint64_t fences[RUNS_MAX + 1];
    uint8_t encoded[9 * (RUNS_MAX + 1)];
    uint32_t count = 0;
    bool lies = worker->session && rng_chance(&world->rng, worker->mood.lie);

    for (int i = 0; i < RUNS_MAX; i++)
        if (worker->runs[i].fence && !(lies && rng_chance(&world->rng, 500)))
            fences[count++] = worker->runs[i].fence;
    if (lies)
        fences[count++] = world->fences[rng_below(&world->rng, FOREIGN_MAX)];
    world->tally.faults[FAULT_LYING_LEASES] += lies;
    hello->is_worker = true;
    hello->protocol = bytes_of(PROTOCOL_NAME);
    hello->pool = bytes_of(!world->is_healed && rng_chance(&world->rng, 3) ? "nowhere" : world->pools[worker->pool].name);
    hello->slots = worker->mood.slots;
    hello->profile = worker->mood.slots > 1 ? PROFILE_THREAD : PROFILE_PROCESS;
    hello->name = bytes_of("worker");
    hello->pid = worker_pid(worker);
    hello->agent = worker->agent;
    hello->replaces = worker->replaces;
    hello->gil_enabled = true;
    hello->session = worker->session;
    hello->leases = fences_encode(encoded, fences, count);
    send(world, worker, &message);
}

static void
connect_again(struct world *world, struct sim_worker *worker)
{
    if (net_connect(world, SIDE_WORKER, worker->index, &worker->line))
        say_hello(world, worker);
}

static unsigned
draw_chance(struct world *world, unsigned often, unsigned permille)
{
    return rng_chance(&world->rng, often) ? (unsigned)rng_below(&world->rng, permille + 1) : 0;
}

static void
draw_mood(struct world *world, struct worker_mood *mood)
{
    static const int64_t runs[] = {1, 1, 4, 20, 200};
    static const int64_t slots[] = {1, 1, 1, 2, 4, 16};
    struct rng *rng = &world->rng;

    *mood = (struct worker_mood){
        .slots = (uint32_t)rng_pick(rng, slots, 6),
        .wake_us = world->scale_us * rng_between(rng, 2, 30),
        .run_us = world->scale_us * rng_pick(rng, runs, 5),
        .kill = draw_chance(world, 500, 30),
        .cut = draw_chance(world, 500, 40),
        .resume = rng_chance(rng, 800) ? 900 : 0,
        .lie = draw_chance(world, 300, 500),
        .duplicate = draw_chance(world, 400, 100),
        .stale = draw_chance(world, 300, 50),
        .foreign = draw_chance(world, 200, 50),
        .nack = draw_chance(world, 400, 200),
        .silent = draw_chance(world, 300, 20),
        .fail = draw_chance(world, 500, 300),
        .stall = draw_chance(world, 300, 30),
        .drain = draw_chance(world, 400, 15),
        .bye = draw_chance(world, 300, 15),
        .wrong = draw_chance(world, 200, 20),
        .second_hello = draw_chance(world, 200, 15),
        .started = rng_chance(rng, 500) ? 500 : 0,
        .obeys_cancel = rng_chance(rng, 700) ? 800 : 0,
        .obeys_raise = rng_chance(&world->ladders, 600) ? 800 : 0,
        .ignores_stop = rng_chance(&world->ladders, 200) ? 1000 : 0,
        .greedy = rng_chance(&world->ladders, 200) ? 300 : 0,
    };
    if (world->sessions > 0 && world->has_suspects)
        mood->slots = 1; /* which one is kept free for a suspect within a step, the oracle cannot say to a session */
}

void
worker_start(struct world *world, struct sim_worker *worker)
{
    worker->life++;
    worker->line = (struct line){.side = SIDE_WORKER};
    worker->session = 0;
    worker->is_stalled = false;
    worker->is_draining = false;
    worker->stop_by_us = 0;
    memset(worker->runs, 0, sizeof worker->runs);
    draw_mood(world, &worker->mood);
    if (worker->agent == 0)
        worker->pool = (uint32_t)rng_below(&world->rng, world->pool_count);
    if (world->is_healed) {
        if (worker->agent == 0)
            worker->pool = worker->index % world->pool_count;
        worker_heal(world, worker);
        return;
    }
    if (rng_chance(&world->rng, 800))
        connect_again(world, worker);
    plan(world, worker, rng_between(&world->rng, 1, worker->mood.wake_us));
}

/* The process has ended. Its agent, or whoever watches it, starts another one, unless it was replaced. */
static void
follow(struct world *world, struct sim_worker *worker)
{
    worker->replaces = worker->next_replaces;
    worker->next_replaces = 0;
    if (!worker->is_doomed) {
        worker_start(world, worker);
        return;
    }
    worker->is_doomed = false;
    worker->is_off = true;
    worker->life++;
    worker->session = 0;
    memset(worker->runs, 0, sizeof worker->runs);
}

static void
die(struct world *world, struct sim_worker *worker)
{
    world->tally.faults[FAULT_WORKER_KILLED]++;
    net_cut(world, &worker->line, rng_between(&world->rng, 0, world->scale_us));
    if (worker->agent > 0)
        agent_saw_end(world, worker);
    follow(world, worker);
}

void
worker_kill(struct world *world, struct sim_worker *worker)
{
    die(world, worker);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void
plan_run(struct world *world, struct sim_worker *worker, const struct run *run, int64_t after_us)
{
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + after_us,
                                   .kind = DUE_RUN,
                                   .who = worker->index,
                                   .generation = run->fence,
                               });
}

/* Where tasks are sent ahead, one takes much longer than the others now and then. */
static int64_t
stretch(struct world *world)
{
    return world->has_ahead && rng_chance(&world->ahead, 60) ? 100 : 1;
}

static void
begin_run(struct world *world, struct sim_worker *worker, struct run *run)
{
    struct rng *rng = &world->rng;

    if (run->is_silent && !world->is_healed) {
        world->tally.faults[FAULT_SILENT_TASK]++;
        return;
    }
    if (rng_chance(rng, worker->mood.started)) {
        run->has_begun = true;
        send_verb(world, worker, VERB_STARTED, run->fence);
    }
    plan_run(world, worker, run, rng_between(rng, 0, 2 * worker->mood.run_us) * stretch(world));
}

static void
take_task(struct world *world, struct sim_worker *worker, const struct task_command *task)
{
    struct run *run = find_run(worker, 0);
    struct rng *rng = &world->rng;

    world->fences[world->fence_count++ % FOREIGN_MAX] = task->fence;
    if (count_runs(worker) >= worker->mood.slots * (1 + world->pools[worker->pool].prefetch) && worker->mood.lie == 0)
        history_break(&world->history, "P12", "a worker of %u slots got one task more (fence %" PRIu64 ")",
                      worker->mood.slots, task->fence);
    if (!run)
        return;
    *run = (struct run){
        .fence = task->fence,
        .content = task->payload.data.size,
        .is_silent = !world->is_healed && rng_chance(rng, worker->mood.silent),
        .is_stream = task->stream,
        .allowed = task->credit,
        .parts = task->credit > 0 ? 1 + rng_below(&world->ladders, 12) : 0,
    };
    run->is_waiting = world->has_ahead && count_begun(worker) > worker->mood.slots;
    if (!run->is_waiting)
        begin_run(world, worker, run);
}

/* Those that waited take the slots that are free. */
static void
begin_waiting(struct world *world, struct sim_worker *worker)
{
    while (world->has_ahead && find_waiting(worker) && count_begun(worker) < worker->mood.slots) {
        struct run *run = find_waiting(worker);

        run->is_waiting = false;
        begin_run(world, worker, run);
    }
}

/* It has not begun, and is given back. */
static void
give_back(struct world *world, struct sim_worker *worker, struct run *run)
{
    uint64_t fence = run->fence;

    forget_run(worker, run);
    send_verb(world, worker, VERB_NACK, fence);
}

static void
send_chunk(struct world *world, struct sim_worker *worker, uint64_t fence, uint64_t seq)
{
    struct message message = {.verb = VERB_CHUNK};

    message.chunk.ref = ref_number(fence);
    message.chunk.seq = seq;
    message.chunk.payload.data = bytes_of("part");
    send(world, worker, &message);
}

static void
send_result(struct world *world, struct sim_worker *worker, uint64_t fence)
{
    struct message message = {.verb = VERB_RESULT};
    struct payload *payload = &message.result.payload;
    uint64_t content = ++world->contents;

    message.result.ref = ref_number(fence);
    if (rng_chance(&world->rng, 100)) {
        payload->frames = 2;
        payload->attachments = tracked_new(content, 2, 5000, &world->attachments_alive);
    } else {
        payload->data = (struct bytes){(const uint8_t *)&content, sizeof content};
    }
    if (rng_chance(&world->rng, 100))
        message.result.info.content_type = bytes_of("raw");
    send(world, worker, &message);
    attachments_unref(payload->attachments);
}

/* Mostly one type, so that lists of types matter. */
static struct bytes
draw_type(struct world *world)
{
    static const char *const types[] = {"lib.errors.Timeout", "builtins.ValueError", "KeyError", "ReadTimeout"};

    return bytes_of(types[rng_below(&world->mishaps, 4)]);
}

static void
send_error(struct world *world, struct sim_worker *worker, uint64_t fence, enum error_code code)
{
    struct message message = {.verb = VERB_ERROR};

    message.error.ref = ref_number(fence);
    message.error.code = code;
    message.error.text = bytes_of("it did not work");
    message.error.type = draw_type(world);
    message.error.traceback = bytes_of("line 1");
    send(world, worker, &message);
}

static void
answer(struct world *world, struct sim_worker *worker, uint64_t fence)
{
    static const int64_t codes[] = {ERROR_FAILED, ERROR_FAILED, ERROR_NO_SUCH_FUNCTION, ERROR_BAD_PAYLOAD,
                                    ERROR_INTERNAL};

    if (rng_chance(&world->rng, worker->mood.fail))
        send_error(world, worker, fence, (enum error_code)rng_pick(&world->rng, codes, 5));
    else
        send_result(world, worker, fence);
}

/* A draining worker that has answered everything says goodbye. */
static void
end_if_drained(struct world *world, struct sim_worker *worker)
{
    if (!worker->is_draining || count_runs(worker) > 0 || worker->is_stalled)
        return;
    send_verb(world, worker, VERB_BYE, 0);
    net_cut(world, &worker->line, world->scale_us);
    follow(world, worker);
}

/* Send what the credit allows of a stream. False: more has to be sent before the answer. A greedy worker sends more. */
static bool
send_parts(struct world *world, struct sim_worker *worker, struct run *run)
{
    run->is_blocked = false;
    while (run->sent < run->parts && !run->asked_to_cancel) {
        if (run->sent >= run->allowed && !rng_chance(&world->ladders, worker->mood.greedy)) {
            run->is_blocked = true;
            return false;
        }
        world->tally.faults[FAULT_GREEDY_STREAM] += run->sent >= run->allowed;
        run->has_begun = true;
        send_chunk(world, worker, run->fence, ++run->sent);
    }
    return true;
}

static void
take_credit(struct world *world, struct sim_worker *worker, const struct credit *credit)
{
    struct run *run = credit->ref.number ? find_run(worker, credit->ref.number) : NULL;

    if (!run)
        return;
    run->allowed = credit->count;
    if (run->is_blocked)
        plan_run(world, worker, run, world->scale_us / 4);
}

void
worker_end_run(struct world *world, struct sim_worker *worker, uint64_t fence)
{
    struct run *run = find_run(worker, fence);
    struct rng *rng = &world->rng;
    struct run ended;

    if (!run)
        return;
    if (worker->is_stalled || !net_is_open(world, &worker->line)) {
        /* It keeps the answer until it can speak. */
        plan_run(world, worker, run, 5 * world->scale_us);
        return;
    }
    if (!send_parts(world, worker, run))
        return;
    if (run->is_stream && run->parts == 0 && rng_chance(rng, 700))
        for (uint64_t seq = 1; seq <= 1 + fence % 3; seq++) {
            send_chunk(world, worker, fence, seq);
            run->has_begun = true;
        }
    ended = *run;
    forget_run(worker, run);
    if (!ended.has_begun && rng_chance(rng, worker->mood.nack))
        send_verb(world, worker, VERB_NACK, fence);
    else if (ended.asked_to_cancel && rng_chance(rng, worker->mood.obeys_cancel))
        send_error(world, worker, fence, ERROR_CANCELLED);
    else
        answer(world, worker, fence);
    if (rng_chance(rng, worker->mood.duplicate)) {
        world->tally.faults[FAULT_DUPLICATE_ANSWER]++;
        answer(world, worker, fence);
    }
    begin_waiting(world, worker);
    end_if_drained(world, worker);
}

/* --- mischief ----------------------------------------------------------------------------------------------------- */

static void
lie(struct world *world, struct sim_worker *worker)
{
    struct rng *rng = &world->rng;
    uint64_t old = worker->old_fences[rng_below(rng, FOREIGN_MAX)];
    uint64_t foreign = world->fences[rng_below(rng, FOREIGN_MAX)];

    if (rng_chance(rng, worker->mood.stale)) {
        world->tally.faults[FAULT_STALE_FENCE]++;
        if (rng_chance(rng, 300))
            send_verb(world, worker, rng_chance(rng, 500) ? VERB_NACK : VERB_STARTED, old);
        else if (rng_chance(rng, 100))
            send_chunk(world, worker, old, 1);
        else
            answer(world, worker, old);
    }
    /* Only of others: an early answer of its own would be the truth. */
    if (rng_chance(rng, worker->mood.foreign) && !find_run(worker, foreign)) {
        world->tally.faults[FAULT_FOREIGN_FENCE]++;
        answer(world, worker, foreign);
    }
    if (rng_chance(rng, worker->mood.wrong)) {
        world->tally.faults[FAULT_WRONG_VERB]++;
        send_verb(world, worker, rng_chance(rng, 500) ? VERB_SUBMIT : VERB_SEEN, 0);
    }
}

/* Leave in one of the ways there are. True when it is a new process now. */
static bool
leave(struct world *world, struct sim_worker *worker)
{
    const struct worker_mood *mood = &worker->mood;
    struct rng *rng = &world->rng;

    if (rng_chance(rng, mood->kill)) {
        die(world, worker);
        return true;
    }
    if (rng_chance(rng, mood->bye)) {
        send_verb(world, worker, VERB_BYE, 0);
        net_cut(world, &worker->line, world->scale_us);
        follow(world, worker);
        return true;
    }
    if (rng_chance(rng, mood->cut)) {
        /* Half-open now and then: the broker sees the end long after the worker has returned. */
        net_cut(world, &worker->line, rng_chance(rng, 200) ? 50 * world->scale_us : rng_between(rng, 0, world->scale_us));
        if (!rng_chance(rng, mood->resume))
            worker->session = 0;
    }
    if (rng_chance(rng, mood->drain) && !worker->is_draining) {
        worker->is_draining = true;
        send_verb(world, worker, VERB_DRAINING, 0);
    }
    return false;
}

static void
stall_or_wake(struct world *world, struct sim_worker *worker)
{
    if (worker->is_stalled) {
        worker->is_stalled = world->now_us - worker->beat_us < 5 * world->settings.heartbeat_us;
    } else if (rng_chance(&world->rng, worker->mood.stall)) {
        world->tally.faults[FAULT_WORKER_STALLED]++;
        worker->is_stalled = true;
        worker->beat_us = world->now_us;
    }
}

void
worker_wake(struct world *world, struct sim_worker *worker)
{
    struct rng *rng = &world->rng;
    int64_t beat_in_us;

    if (worker->stop_by_us > 0 && worker->stop_by_us <= world->now_us) {
        die(world, worker); /* its time was up */
        return;
    }
    if (!net_is_open(world, &worker->line)) {
        worker->is_stalled = false;
        if (world->is_healed || rng_chance(rng, 600))
            connect_again(world, worker);
    } else if (!world->is_healed) {
        stall_or_wake(world, worker);
        if (!worker->is_stalled) {
            lie(world, worker);
            if (rng_chance(rng, worker->mood.second_hello)) {
                world->tally.faults[FAULT_SECOND_HELLO]++;
                worker->session = rng_chance(rng, 500) ? worker->session : 0;
                say_hello(world, worker);
            }
            if (leave(world, worker))
                return;
        }
    }
    if (world->now_us - worker->beat_us >= world->heartbeat_us)
        send_verb(world, worker, VERB_HEARTBEAT, 0);
    beat_in_us = worker->beat_us + world->heartbeat_us - world->now_us;
    if (beat_in_us < 1)
        beat_in_us = 1;
    plan(world, worker, beat_in_us < worker->mood.wake_us && !worker->is_stalled ? beat_in_us : worker->mood.wake_us);
}

/* Give up what the broker no longer counts on, and give back what was only claimed. */
static void
keep_only(struct world *world, struct sim_worker *worker, const struct welcome *welcome)
{
    for (uint32_t j = 0; j < welcome->leases.count; j++)
        if (!find_run(worker, welcome->leases.list[j]))
            send_verb(world, worker, VERB_NACK, welcome->leases.list[j]);
    for (int i = 0; i < RUNS_MAX; i++) {
        bool is_kept = false;

        for (uint32_t j = 0; j < welcome->leases.count; j++)
            is_kept |= welcome->leases.list[j] == worker->runs[i].fence;
        if (worker->runs[i].fence && !is_kept)
            forget_run(worker, &worker->runs[i]);
    }
    begin_waiting(world, worker);
}

static void
take_cancel(struct world *world, struct sim_worker *worker, struct run *run, bool raise)
{
    bool obeys = rng_chance(&world->rng, worker->mood.obeys_cancel);

    if (run->is_waiting && !worker->is_stalled) {
        give_back(world, worker, run);
        return;
    }
    if (raise)
        obeys = world->is_healed || rng_chance(&world->ladders, worker->mood.obeys_raise);
    run->asked_to_cancel = true;
    if (obeys)
        plan_run(world, worker, run, world->scale_us / 4);
}

/* Now and then it is lost with its connection. */
static void
take_recall(struct world *world, struct sim_worker *worker, uint64_t fence)
{
    struct run *run = find_run(worker, fence);

    if (!run || !run->is_waiting || worker->is_stalled)
        return;
    if (!world->is_healed && rng_chance(&world->ahead, 200))
        net_cut(world, &worker->line, rng_between(&world->ahead, 0, world->scale_us));
    else
        give_back(world, worker, run);
}

void
worker_receive(struct world *world, struct sim_worker *worker, const struct message *message)
{
    struct run *run;

    switch (message->verb) {
    case VERB_WELCOME:
        worker->session = message->welcome.session;
        keep_only(world, worker, &message->welcome);
        break;
    case VERB_REFUSE:
        worker->session = 0;
        net_cut(world, &worker->line, world->scale_us);
        break;
    case VERB_REHELLO:
        say_hello(world, worker);
        break;
    case VERB_TASK:
        take_task(world, worker, &message->task);
        break;
    case VERB_CANCEL:
        run = message->cancel.ref.number ? find_run(worker, message->cancel.ref.number) : NULL;
        if (run)
            take_cancel(world, worker, run, message->cancel.raise);
        break;
    case VERB_RECALL:
        take_recall(world, worker, message->fence);
        break;
    case VERB_CREDIT:
        take_credit(world, worker, &message->credit);
        break;
    case VERB_STOP:
        worker->is_draining = true;
        if (message->stop.grace_ms > 0 && !rng_chance(&world->ladders, worker->mood.ignores_stop))
            worker->stop_by_us = world->now_us + (int64_t)message->stop.grace_ms * 1000;
        end_if_drained(world, worker);
        break;
    default:
        break;
    }
}

void
worker_heal(struct world *world, struct sim_worker *worker)
{
    worker->life++; /* what is planned is off */
    worker->is_stalled = false;
    worker->mood = (struct worker_mood){
        .slots = worker->mood.slots,
        .wake_us = 20 * world->scale_us,
        .run_us = world->scale_us,
        .resume = 1000,
        .obeys_cancel = 1000,
        .lie = worker->mood.lie > 0, /* it may still hold what the broker took from it */
    };
    for (int i = 0; i < RUNS_MAX; i++)
        if (worker->runs[i].fence && !worker->runs[i].is_waiting)
            plan_run(world, worker, &worker->runs[i], world->scale_us);
    begin_waiting(world, worker);
    worker_wake(world, worker);
}
