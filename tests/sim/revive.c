/* revive.c - the core in a world whose broker is killed again and again, while workers and clients live on: `revive --seeds A..B`.
 *
 * Each task's executions are counted where they happen. Unless a worker died with it, no task may begin twice; and each one
 * ends once, with its own result. What is under way at a kill is lost; connections and their order are as in docs/protocol.md.
 * The world of sim.c judges every answer of the broker; this one judges what adoption is for. */
#include "agenda.h"
#include "parcel.h"
#include "rng.h"

#include "broker/core/broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 4, WORKERS = 5, SLOTS_MAX_HERE = 3, TASKS_MAX = 400, RECENT_MAX = 32, ORIGIN_MAX = 48, CHECK_EVERY = 32 };

#define MS INT64_C(1000)
#define WINDOW_US (200 * MS)
#define RETENTION_US (2000 * MS)
#define RECENT_US (1500 * MS) /* how long workers keep answers */
#define ABSENCE_US (1000 * MS) /* a client that is away for longer may find nothing of it left */
#define DELAY_US (10 * MS)   /* at most, of a message */

enum due { DUE_AT_BROKER, DUE_AT_CLIENT, DUE_AT_WORKER, DUE_CLIENT_BACK, DUE_WORKER_BACK, DUE_RUN, DUE_SUBMIT, DUE_KILL, DUE_START,
           DUE_DEATH };

enum reached { HELD_BEFORE_OFFER, OFFERED_BEFORE_HOLD, ANSWER_BEFORE_OFFER, ANSWER_TWICE, ANSWER_EXPIRED, RAN_THROUGH_TWO_KILLS,
               WORKER_DIED, CLIENT_STAYED_AWAY, LOST_AT_MOST_ONCE, WAITED_FOR_WINDOW, READER_GIVEN_UP, REACHED };

static const char *const reached_names[REACHED] = {
    "a lease was held before its task was offered", "a task was offered before its worker came",
    "an answer came before its task was offered",   "an answer was given to a second broker",
    "an answer was kept for nobody",                "a task ran through two kills",
    "a worker died",
    "a client stayed away for too long",            "an at-most-once task was lost",
    "a task waited for the end of the window",
    "a stream ran on without its reader",
};

/* One task, and what became of it. Its number is its id and its content. */
struct job {
    uint32_t client;
    bool is_open, was_offered, is_once;
    bool is_stream;    /* its worker sends one chunk, and waits for the credit of its reader */
    bool is_abandoned; /* its client came back and does not know it any more */
    bool is_excused; /* a worker died that had it, or its client was away for longer than anything is kept */
    unsigned begun, kills;
};

struct held {
    uint64_t fence; /* 0: none */
    uint32_t attempt;
    uint32_t job;
    uint8_t origin[ORIGIN_MAX];
    uint32_t origin_bytes;
    bool is_waiting, has_credit; /* runs of streams */
    int64_t at_us; /* answers: when given */
};

struct line {
    bool is_up;
    uint64_t generation;
    int64_t in_us, out_us;
    int64_t since_us; /* not up: since when */
};

struct worker {
    struct line line;
    uint64_t session, pid;
    uint32_t slots;
    struct held runs[SLOTS_MAX_HERE];
    struct held answers[RECENT_MAX];
    size_t answered;
};

static struct {
    struct rng rng;
    int64_t now_us;
    struct agenda agenda;
    struct broker *broker; /* NULL: it is down */
    struct outbox outbox;
    struct broker_settings settings;
    struct pool_settings pool;
    struct job jobs[TASKS_MAX];
    uint32_t job_count;
    struct line clients[CLIENTS];
    struct worker workers[WORKERS];
    uint64_t reached[REACHED];
    uint64_t kills, executions, steps;
    int64_t started_us; /* the broker */
    enum side side;     /* whose command it handles, when it is not a tick */
    bool is_tick;
    bool is_calm, is_broken, forgets_holds, forgets_again, forgets_credit;
    uint64_t seed;
} world;

static void
fail(const char *promise, const char *text, uint64_t number)
{
    if (!world.is_broken)
        printf("seed %" PRIu64 ", %" PRIi64 " us: %s is broken: %s (%" PRIu64 ")\n", world.seed, world.now_us, promise, text, number);
    world.is_broken = true;
}

static void
plan(enum due kind, uint32_t who, uint64_t generation, int64_t after_us, void *thing)
{
    agenda_add(&world.agenda, (struct agenda_entry){.at_us = world.now_us + after_us, .kind = (int)kind, .who = who,
                                                    .generation = generation, .thing = thing});
}

/* --- messages under way ---------------------------------------------------------------------------------------------- */

static struct line *
line_of(enum side side, uint32_t who)
{
    return side == SIDE_CLIENT ? &world.clients[who] : &world.workers[who].line;
}

/* In order of sending, each some time later. */
static int64_t
draw_arrival(int64_t *latest_us)
{
    int64_t at_us = world.now_us + rng_between(&world.rng, 1, DELAY_US);

    if (at_us <= *latest_us)
        at_us = *latest_us + 1;
    *latest_us = at_us;
    return at_us - world.now_us;
}

static void
to_broker(enum side side, uint32_t who, const struct message *message)
{
    struct line *line = line_of(side, who);

    if (line->is_up)
        plan(DUE_AT_BROKER, who * 2 + (side == SIDE_WORKER), line->generation, draw_arrival(&line->in_us), parcel_new(message));
}

static void
count_reached(const struct action *action)
{
    if (action->kind == ACTION_NOTE && action->note.kind == NOTE_TASK_ADOPTED)
        world.reached[world.side == SIDE_CLIENT ? HELD_BEFORE_OFFER : OFFERED_BEFORE_HOLD]++;
    if (action->kind != ACTION_SEND)
        return;
    if (action->message.verb == VERB_RESULT && !world.is_tick && world.side == SIDE_CLIENT)
        world.reached[ANSWER_BEFORE_OFFER]++;
    if (action->message.verb == VERB_TASK && world.is_tick && world.now_us == world.started_us + WINDOW_US)
        world.reached[WAITED_FOR_WINDOW]++;
    if (action->message.verb == VERB_CREDIT && world.is_tick)
        world.reached[READER_GIVEN_UP]++;
}

static void
carry_out(void)
{
    for (size_t i = 0; i < world.outbox.count; i++) {
        const struct action *action = &world.outbox.actions[i];
        struct line *line;

        count_reached(action);
        if (action->kind != ACTION_SEND)
            continue;
        line = line_of(action->side, action->peer - 1);
        if (line->is_up)
            plan(action->side == SIDE_CLIENT ? DUE_AT_CLIENT : DUE_AT_WORKER, action->peer - 1, line->generation,
                 draw_arrival(&line->out_us), parcel_new(&action->message));
    }
    outbox_clear(&world.outbox);
    if (++world.steps % CHECK_EVERY == 0)
        broker_check(world.broker);
}

static void
give(const struct event *event)
{
    if (!world.broker)
        return;
    world.is_tick = false;
    world.side = event->side;
    broker_handle(world.broker, event, world.now_us, &world.outbox);
    carry_out();
}

/* --- clients --------------------------------------------------------------------------------------------------------- */

static void
offer(uint32_t number)
{
    struct job *job = &world.jobs[number];
    struct message message = {.verb = VERB_SUBMIT};
    struct submit *submit = &message.submit;

    if (!world.clients[job->client].is_up)
        return;
    submit->id = ref_number(number);
    submit->pool = bytes_of("p");
    submit->function = bytes_of("f");
    submit->payload.data = (struct bytes){(const uint8_t *)&number, sizeof number};
    submit->priority = PRIORITY_DEFAULT;
    submit->max_attempts = 1000;
    submit->kills_max = KILLS_MAX; /* workers die of other things here */
    submit->on_loss = job->is_once ? LOSS_FINAL : LOSS_REQUEUE;
    submit->stream = job->is_stream;
    submit->credit = job->is_stream;
    submit->again = job->was_offered && !world.forgets_again;
    job->was_offered = true;
    to_broker(SIDE_CLIENT, job->client, &message);
}

/* Does nothing while there is no broker: when there is one, it is called again. */
static void
client_back(uint32_t who)
{
    struct message hello = {.verb = VERB_HELLO};
    uint8_t instance[INSTANCE_BYTES];

    if (!world.broker || world.clients[who].is_up)
        return;
    memset(instance, (int)who + 1, sizeof instance);
    world.clients[who].is_up = true;
    world.clients[who].in_us = world.clients[who].out_us = world.now_us;
    hello.hello.protocol = bytes_of(PROTOCOL_NAME);
    hello.hello.instance = (struct bytes){instance, sizeof instance};
    to_broker(SIDE_CLIENT, who, &hello);
    for (uint32_t i = 0; i < world.job_count; i++) {
        struct job *job = &world.jobs[i];

        if (!job->is_open || job->client != who)
            continue;
        job->is_abandoned = !world.is_calm && rng_chance(&world.rng, 20);
        job->is_open = !job->is_abandoned;
        if (job->is_open)
            offer(i);
    }
}

static void
submit_new(void)
{
    struct job *job = &world.jobs[world.job_count];

    if (world.job_count < TASKS_MAX) {
        *job = (struct job){.client = (uint32_t)rng_below(&world.rng, CLIENTS), .is_open = true,
                            .is_once = rng_chance(&world.rng, 100), .is_stream = rng_chance(&world.rng, 200)};
        offer(world.job_count++);
    }
    if (world.job_count < TASKS_MAX && !world.is_calm)
        plan(DUE_SUBMIT, 0, 0, rng_between(&world.rng, 1, 60 * MS), NULL);
}

/* A reader that reads allows one chunk more. */
static void
client_reads(uint32_t who, const struct ref *ref)
{
    struct message credit = {.verb = VERB_CREDIT, .credit = {.ref = *ref, .count = 2}};

    if (world.jobs[ref->number % TASKS_MAX].is_open)
        to_broker(SIDE_CLIENT, who, &credit);
}

static void
client_told(uint32_t who, const struct message *message)
{
    bool is_result = message->verb == VERB_RESULT;
    const struct ref *ref = is_result ? &message->result.ref : &message->error.ref;
    struct job *job = &world.jobs[ref->number % TASKS_MAX];
    uint32_t value = 0;

    if (message->verb == VERB_CHUNK)
        client_reads(who, &message->chunk.ref);
    if (message->verb != VERB_RESULT && message->verb != VERB_ERROR)
        return;
    if (!job->is_open)
        fail("P4", "a task ended a second time", ref->number);
    job->is_open = false;
    if (is_result) {
        memcpy(&value, message->result.payload.data.data, sizeof value);
        if (value != ref->number * 3)
            fail("P2", "a client got another task's result", ref->number);
    } else if (message->error.code != ERROR_LOST || !job->is_once) {
        fail("P1", "a task was refused, or failed", ref->number);
    } else {
        world.reached[LOST_AT_MOST_ONCE]++;
    }
}

/* --- workers --------------------------------------------------------------------------------------------------------- */

static void
put_number(uint8_t **at, uint8_t head, uint64_t number, int bytes)
{
    *(*at)++ = head;
    for (int i = bytes - 1; i >= 0; i--)
        *(*at)++ = (uint8_t)(number >> (8 * i));
}

static void
put_hold(uint8_t **at, const struct held *held)
{
    *(*at)++ = 0x93;
    put_number(at, 0xcf, held->fence, 8);
    put_number(at, 0xce, held->attempt, 4);
    put_number(at, 0xc4, held->origin_bytes, 1);
    memcpy(*at, held->origin, held->origin_bytes);
    *at += held->origin_bytes;
}

/* What runs first, then the answers, the latest first. Returns how many. */
static uint32_t
put_holds(const struct worker *worker, uint8_t **at)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < worker->slots; i++)
        if (worker->runs[i].fence) {
            put_hold(at, &worker->runs[i]);
            count++;
        }
    for (size_t back = 1; back <= RECENT_MAX && back <= worker->answered; back++) {
        const struct held *answer = &worker->answers[(worker->answered - back) % RECENT_MAX];

        if (!answer->fence)
            continue;
        put_hold(at, answer);
        count++;
    }
    return count;
}

static void
worker_back(uint32_t who)
{
    static uint8_t encoded[(SLOTS_MAX_HERE + RECENT_MAX) * (ORIGIN_MAX + 20)];
    struct worker *worker = &world.workers[who];
    struct message message = {.verb = VERB_HELLO};
    struct hello *hello = &message.hello;
    uint8_t *at = encoded;

    if (!world.broker || worker->line.is_up)
        return;
    worker->line.is_up = true;
    worker->line.in_us = worker->line.out_us = world.now_us;
    hello->is_worker = true;
    hello->protocol = bytes_of(PROTOCOL_NAME);
    hello->pool = bytes_of("p");
    hello->slots = worker->slots;
    hello->pid = worker->pid;
    hello->gil_enabled = true;
    hello->session = worker->session;
    if (worker->session && !world.forgets_holds)
        hello->holds.count = put_holds(worker, &at);
    hello->holds.encoded = (struct bytes){encoded, (uint32_t)(at - encoded)};
    to_broker(SIDE_WORKER, who, &message);
}

static void
send_result(uint32_t who, const struct held *held)
{
    struct message message = {.verb = VERB_RESULT};
    uint32_t value = held->job * 3;

    message.result.ref = ref_number(held->fence);
    message.result.payload.data = (struct bytes){(const uint8_t *)&value, sizeof value};
    to_broker(SIDE_WORKER, who, &message);
}

static bool
lists(const struct fences *leases, uint64_t fence)
{
    for (uint32_t i = 0; i < leases->count; i++)
        if (leases->list[i] == fence)
            return true;
    return false;
}

/* What the broker does not take is given up; answers that it wants are given once more. */
static void
worker_welcomed(uint32_t who, const struct welcome *welcome)
{
    struct worker *worker = &world.workers[who];

    worker->session = welcome->session;
    for (uint32_t i = 0; i < worker->slots; i++)
        if (worker->runs[i].fence && !lists(&welcome->leases, worker->runs[i].fence))
            worker->runs[i].fence = 0;
    for (size_t i = 0; i < RECENT_MAX; i++) {
        if (worker->answers[i].fence && lists(&welcome->leases, worker->answers[i].fence)) {
            world.reached[ANSWER_TWICE]++;
            send_result(who, &worker->answers[i]);
        } else {
            worker->answers[i].fence = 0;
        }
    }
}

static void
take_task(uint32_t who, const struct task_command *task)
{
    struct worker *worker = &world.workers[who];
    struct held *run = NULL;
    struct job *job;
    uint32_t number;

    for (uint32_t i = 0; i < worker->slots && !run; i++)
        if (!worker->runs[i].fence)
            run = &worker->runs[i];
    if (!run) {
        fail("P12", "a worker got more tasks than it has slots", who);
        return;
    }
    memcpy(&number, task->payload.data.data, sizeof number);
    *run = (struct held){.fence = task->fence, .attempt = task->attempt, .job = number, .origin_bytes = task->origin.size,
                         .has_credit = task->credit == 0};
    memcpy(run->origin, task->origin.data, task->origin.size);
    job = &world.jobs[number];
    world.executions++;
    if (job->begun++ > 0 && (!job->is_excused || job->is_once))
        fail(job->is_once ? "P6" : "adoption", "a task was executed twice", number);
    plan(DUE_RUN, who, task->fence, rng_chance(&world.rng, 300) ? 1 : rng_between(&world.rng, 1, 1500 * MS), NULL);
}

static struct held *
find_run(struct worker *worker, uint64_t fence)
{
    for (uint32_t i = 0; i < worker->slots; i++)
        if (worker->runs[i].fence == fence)
            return &worker->runs[i];
    return NULL;
}

static void
take_credit(uint32_t who, const struct credit *credit)
{
    struct held *run = find_run(&world.workers[who], credit->ref.number);

    if (!run || (world.forgets_credit && credit->count == UINT64_MAX))
        return;
    run->has_credit = true;
    if (run->is_waiting)
        plan(DUE_RUN, who, run->fence, 1, NULL);
}

/* Does it stop for its reader, who may allow more when he has the one chunk? */
static bool
waits(uint32_t who, struct held *run)
{
    struct message chunk = {.verb = VERB_CHUNK, .chunk = {.ref = ref_number(run->fence), .seq = 1}};

    if (!world.jobs[run->job].is_stream || run->has_credit)
        return false;
    if (!run->is_waiting)
        to_broker(SIDE_WORKER, who, &chunk);
    run->is_waiting = true;
    return true;
}

/* A run has come to its end, connected or not. */
static void
end_run(uint32_t who, uint64_t fence)
{
    struct worker *worker = &world.workers[who];
    struct held *run = find_run(worker, fence);

    if (!run || waits(who, run)) /* given up, or its process died */
        return;
    world.reached[RAN_THROUGH_TWO_KILLS] += world.jobs[run->job].kills >= 2;
    run->at_us = world.now_us;
    worker->answers[worker->answered++ % RECENT_MAX] = *run;
    send_result(who, run);
    run->fence = 0;
}

/* While connected, answers that are old enough to have arrived are forgotten. */
static void
forget_answers(struct worker *worker)
{
    for (size_t i = 0; i < RECENT_MAX && worker->line.is_up; i++)
        if (worker->answers[i].at_us < world.now_us - RECENT_US)
            worker->answers[i].fence = 0;
}

static void
die(uint32_t who)
{
    struct worker *worker = &world.workers[who];
    struct event event = {.kind = EVENT_PEER_GONE, .side = SIDE_WORKER, .peer = who + 1};

    world.reached[WORKER_DIED]++;
    for (uint32_t i = 0; i < worker->slots; i++)
        if (worker->runs[i].fence)
            world.jobs[worker->runs[i].job].is_excused = true;
    for (size_t i = 0; i < RECENT_MAX; i++)
        if (worker->answers[i].fence)
            world.jobs[worker->answers[i].job].is_excused = true;
    if (worker->line.is_up)
        give(&event);
    worker->line = (struct line){.generation = worker->line.generation + 1};
    memset(worker->runs, 0, sizeof worker->runs);
    memset(worker->answers, 0, sizeof worker->answers);
    worker->session = 0;
    worker->pid += 100;
    plan(DUE_WORKER_BACK, who, worker->line.generation, rng_between(&world.rng, 1, 50 * MS), NULL);
}

/* --- the broker ------------------------------------------------------------------------------------------------------ */

static void
cut(struct line *line)
{
    if (line->is_up)
        line->since_us = world.now_us;
    line->is_up = false;
    line->generation++;
}

static void
start_broker(void)
{
    world.settings.epoch += 1;
    world.broker = broker_new(&world.settings);
    broker_add_pool(world.broker, &world.pool);
    world.started_us = world.now_us;
    world.is_tick = true;
    broker_tick(world.broker, world.now_us, &world.outbox);
    carry_out();
    for (uint32_t i = 0; i < WORKERS; i++)
        plan(DUE_WORKER_BACK, i, world.workers[i].line.generation, rng_between(&world.rng, 1, WINDOW_US / 2), NULL);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        bool stays_away = !world.is_calm && rng_chance(&world.rng, 20);

        plan(DUE_CLIENT_BACK, i, world.clients[i].generation,
             stays_away ? 2 * RETENTION_US : rng_between(&world.rng, 1, 2 * WINDOW_US), NULL);
    }
    if (!world.is_calm)
        plan(DUE_KILL, 0, 0, rng_between(&world.rng, 1, 3000 * MS), NULL);
}

/* Nobody can rely on what is kept for a client that is away for so long. */
static void
excuse_absent(void)
{
    for (uint32_t i = 0; i < world.job_count; i++)
        if (world.jobs[i].is_open && !world.clients[world.jobs[i].client].is_up &&
            world.now_us - world.clients[world.jobs[i].client].since_us > ABSENCE_US) {
            world.reached[CLIENT_STAYED_AWAY]++;
            world.jobs[i].is_excused = true;
        }
}

static void
kill_broker(void)
{
    struct broker_stats stats;

    if (!world.broker || world.is_calm)
        return;
    broker_get_stats(world.broker, &stats);
    world.reached[ANSWER_EXPIRED] += stats.undeliverable;
    excuse_absent();
    world.kills++;
    broker_destroy(&world.broker);
    for (uint32_t i = 0; i < CLIENTS; i++)
        cut(&world.clients[i]);
    for (uint32_t i = 0; i < WORKERS; i++) {
        cut(&world.workers[i].line);
        for (uint32_t slot = 0; slot < world.workers[i].slots; slot++)
            if (world.workers[i].runs[slot].fence)
                world.jobs[world.workers[i].runs[slot].job].kills++;
    }
    plan(DUE_START, 0, 0, rng_between(&world.rng, 1, 100 * MS), NULL);
}

/* --- what happens ---------------------------------------------------------------------------------------------------- */

static void
arrive(const struct agenda_entry *entry)
{
    enum side side = entry->kind == DUE_AT_CLIENT ? SIDE_CLIENT : SIDE_WORKER;
    struct parcel *parcel = entry->thing;
    const struct message *message = &parcel->message;
    uint32_t who = entry->who;

    if (entry->kind == DUE_AT_BROKER) {
        struct event event = {.kind = EVENT_COMMAND, .side = who % 2 ? SIDE_WORKER : SIDE_CLIENT, .peer = who / 2 + 1,
                              .message = message};

        if (line_of(event.side, who / 2)->generation == entry->generation)
            give(&event);
    } else if (line_of(side, who)->generation == entry->generation) {
        if (side == SIDE_CLIENT)
            client_told(who, message);
        else if (message->verb == VERB_WELCOME)
            worker_welcomed(who, &message->welcome);
        else if (message->verb == VERB_TASK)
            take_task(who, &message->task);
        else if (message->verb == VERB_CREDIT)
            take_credit(who, &message->credit);
    }
    parcel_free(parcel);
}

static void
happen(const struct agenda_entry *entry)
{
    switch ((enum due)entry->kind) {
    case DUE_AT_BROKER:
    case DUE_AT_CLIENT:
    case DUE_AT_WORKER:
        arrive(entry);
        return;
    case DUE_CLIENT_BACK:
        if (world.clients[entry->who].generation != entry->generation)
            return;
        excuse_absent();
        client_back(entry->who);
        return;
    case DUE_WORKER_BACK:
        if (world.workers[entry->who].line.generation == entry->generation)
            worker_back(entry->who);
        return;
    case DUE_RUN:
        end_run(entry->who, entry->generation);
        forget_answers(&world.workers[entry->who]);
        return;
    case DUE_SUBMIT:
        submit_new();
        return;
    case DUE_KILL:
        kill_broker();
        return;
    case DUE_START:
        start_broker();
        return;
    case DUE_DEATH:
        if (!world.is_calm)
            die((uint32_t)rng_below(&world.rng, WORKERS));
        plan(DUE_DEATH, 0, 0, rng_between(&world.rng, 1, 20000 * MS), NULL);
    }
}

/* False when time is up. */
static bool
advance(int64_t until_us)
{
    int64_t due_us = world.broker ? broker_next_due_us(world.broker) : INT64_MAX;
    struct agenda_entry entry;

    if (due_us <= agenda_next_us(&world.agenda) && due_us < INT64_MAX) {
        world.now_us = due_us > world.now_us ? due_us : world.now_us;
        world.is_tick = true;
        broker_tick(world.broker, world.now_us, &world.outbox);
        carry_out();
    } else if (agenda_take(&world.agenda, &entry)) {
        world.now_us = entry.at_us;
        happen(&entry);
    }
    return !world.is_broken && world.now_us < until_us;
}

static bool
all_ended(void)
{
    for (uint32_t i = 0; i < world.job_count; i++)
        if (world.jobs[i].is_open)
            return false;
    return true;
}

static bool
is_running(void)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        for (uint32_t slot = 0; slot < world.workers[i].slots; slot++)
            if (world.workers[i].runs[slot].fence)
                return true;
    return false;
}

/* --- seeds ----------------------------------------------------------------------------------------------------------- */

static void
begin(uint64_t seed)
{
    bool forgets_holds = world.forgets_holds, forgets_again = world.forgets_again, forgets_credit = world.forgets_credit;
    uint64_t reached[REACHED];

    memcpy(reached, world.reached, sizeof reached);
    memset(&world, 0, sizeof world);
    memcpy(world.reached, reached, sizeof reached);
    world.forgets_holds = forgets_holds;
    world.forgets_again = forgets_again;
    world.forgets_credit = forgets_credit;
    world.seed = seed;
    rng_init(&world.rng, seed);
    agenda_init(&world.agenda);
    outbox_init(&world.outbox);
    broker_settings_init(&world.settings);
    world.settings.epoch = 1000;
    world.settings.heartbeat_us = 1000000 * MS; /* nobody sends any */
    world.settings.adopt_window_us = WINDOW_US;
    world.settings.client_retention_us = RETENTION_US;
    world.settings.worker_grace_us = 20 * MS;
    pool_settings_init(&world.pool, "p");
    for (uint32_t i = 0; i < WORKERS; i++) {
        world.workers[i].slots = 1 + (uint32_t)rng_below(&world.rng, SLOTS_MAX_HERE);
        world.workers[i].pid = i + 1;
    }
    start_broker();
    plan(DUE_SUBMIT, 0, 0, 1, NULL);
    if (rng_chance(&world.rng, 300))
        plan(DUE_DEATH, 0, 0, rng_between(&world.rng, 1, 20000 * MS), NULL);
}

static void
end(void)
{
    struct agenda_entry entry;

    while (agenda_take(&world.agenda, &entry))
        parcel_free(entry.thing);
    agenda_fini(&world.agenda);
    outbox_fini(&world.outbox);
    broker_destroy(&world.broker);
}

static bool
run_seed(uint64_t seed)
{
    int64_t until_us;

    begin(seed);
    while (advance(20000 * MS))
        continue;
    world.is_calm = true;
    while (!world.is_broken && !(all_ended() && world.broker) && advance(world.started_us + 300000 * MS))
        continue;
    if (!world.is_broken && !all_ended())
        fail("P1", "tasks never ended, although nobody kills any more", seed);
    until_us = world.now_us + 3 * RETENTION_US;
    while (!world.is_broken && is_running() && advance(until_us))
        continue;
    if (!world.is_broken && is_running())
        fail("P3", "a worker runs a task for ever, whose client is gone", seed);
    end();
    return !world.is_broken;
}

static bool
report(uint64_t seeds, uint64_t kills, uint64_t executions, bool is_complete)
{
    bool is_missing = false;

    printf("revive: %" PRIu64 " seeds, %" PRIu64 " kills of the broker, %" PRIu64 " executions\n", seeds, kills, executions);
    for (int i = 0; i < REACHED; i++) {
        printf("  %9" PRIu64 "  %s\n", world.reached[i], reached_names[i]);
        is_missing |= world.reached[i] == 0;
    }
    if (is_missing && is_complete)
        printf("revive: not all was reached\n");
    return !(is_missing && is_complete);
}

/* revive FIRST LAST [forget-holds | forget-again | forget-credit]: with a fault, a finding is what is wanted. */
int
main(int argc, char **argv)
{
    uint64_t first = argc > 2 ? strtoull(argv[1], NULL, 10) : 1, last = argc > 2 ? strtoull(argv[2], NULL, 10) : 300;
    uint64_t kills = 0, executions = 0;
    bool is_fine = true, has_fault = argc > 3;

    world.forgets_holds = has_fault && strcmp(argv[3], "forget-holds") == 0;
    world.forgets_again = has_fault && strcmp(argv[3], "forget-again") == 0;
    world.forgets_credit = has_fault && strcmp(argv[3], "forget-credit") == 0;
    for (uint64_t seed = first; seed <= last && is_fine; seed++) {
        is_fine = run_seed(seed);
        kills += world.kills;
        executions += world.executions;
    }
    if (is_fine)
        is_fine = report(last - first + 1, kills, executions, last - first >= 100);
    return is_fine != has_fault ? 0 : 1;
}
