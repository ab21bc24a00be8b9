/* world.c - draws a world and moves its actors; see world.h. */
#include "world.h"
#include "net.h"
#include "sim_agent.h"
#include "sim_client.h"
#include "sim_worker.h"

#include <inttypes.h>
#include <string.h>

static const char *const pool_names[POOLS_MAX] = {"red", "green", "blue", "grey"};

/* Limits are small in many seeds, so that they are reached. */
static void
draw_limits(struct world *world)
{
    static const int64_t tasks[] = {4, 12, 40, 200, 1000, 100000, 100000, 100000, 100000, 100000, 100000, 100000};
    static const int64_t bytes[] = {3000, 30000, 300000, BYTES_UNLIMITED, BYTES_UNLIMITED,
                                    BYTES_UNLIMITED, BYTES_UNLIMITED, BYTES_UNLIMITED};
    struct broker_settings *settings = &world->settings;
    struct rng *rng = &world->rng;

    settings->tasks_max = (uint64_t)rng_pick(rng, tasks, 12);
    settings->bytes_max = (uint64_t)rng_pick(rng, bytes, 8);
    settings->client_tasks_max = (uint64_t)rng_pick(rng, tasks, 12);
    settings->client_bytes_max = (uint64_t)rng_pick(rng, bytes, 8);
    settings->client_results_max = (uint64_t)rng_pick(rng, tasks, 12);
    settings->peers_max = rng_chance(rng, 200) ? POOLS_MAX : 1000;
    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool_settings_init(pool, pool_names[i]);
        pool->queued_max = (uint64_t)rng_pick(rng, tasks, 12);
        pool->queued_bytes_max = (uint64_t)rng_pick(rng, bytes, 8);
        pool->max_attempts = 1 + (uint32_t)rng_below(rng, 5);
    }
}

/* Intervals in round trips: short enough that many pass in one seed. */
static void
draw_intervals(struct world *world)
{
    static const int64_t graces[] = {0, 5, 20, 100};
    static const int64_t retentions[] = {20, 200, 2000, 100000};
    struct broker_settings *settings = &world->settings;
    struct rng *rng = &world->rng;

    settings->heartbeat_us = (1 + world->scale_us * rng_between(rng, 20, 200) / 1000) * 1000;
    settings->heartbeats_missed_max = 1 + (uint32_t)rng_below(rng, 4);
    settings->worker_grace_us = world->scale_us * rng_pick(rng, graces, 4);
    settings->client_retention_us = world->scale_us * rng_pick(rng, retentions, 4);
    world->heartbeat_us = settings->heartbeat_us;
}

/* Tokens come every so many round trips. A minute is a multiple of each of these, so that no token comes in the middle of a
 * microsecond: the oracle can then be exact. */
static struct rate
draw_rate(struct world *world)
{
    static const int64_t trips[] = {1, 2, 5, 10, 20};

    return (struct rate){(uint32_t)(60000000 / (world->scale_us * rng_pick(&world->shares, trips, 5))), 60};
}

static void
draw_limit(struct world *world, struct limit_settings *limit, uint32_t running_max)
{
    struct rng *rng = &world->shares;

    *limit = (struct limit_settings){0};
    if (rng_chance(rng, 300))
        limit->running_max = 1 + (uint32_t)rng_below(rng, running_max);
    if (rng_chance(rng, 300))
        limit->rate = draw_rate(world);
    if (rng_chance(rng, 800))
        limit->rate_burst = 1 + (uint32_t)rng_below(rng, 6);
}

void
world_draw_shares(struct world *world, struct pool_settings *pool)
{
    pool->fairness = rng_chance(&world->shares, 400) ? FAIRNESS_CLIENT : FAIRNESS_KEY;
    draw_limit(world, &pool->limit, 8);
    draw_limit(world, &pool->key_limit, 3);
}

/* Some worlds have agents, and pools whose workers are replaced. */
static void
draw_recycling(struct world *world)
{
    struct rng *fate = &world->fate;

    world->settings.peers_max = 1000; /* agents would take the places of workers */
    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool->worker_ttl_us = rng_chance(fate, 500) ? world->scale_us * rng_between(fate, 100, 2000) : 0;
        pool->worker_max_tasks = rng_chance(fate, 400) ? 5 + rng_below(fate, 50) : 0;
        pool->worker_memory_max = rng_chance(fate, 300) ? 300 + rng_below(fate, 1500) : 0;
        pool->recycle_jitter_percent = (uint32_t)rng_below(fate, 51);
        pool->recycle_parallel = 1 + (uint32_t)rng_below(fate, 3);
        pool->recycle_first = rng_chance(fate, 200);
        pool->start_timeout_us = world->scale_us * rng_between(fate, 20, 200);
        pool->stalled_timeout_us = rng_chance(fate, 500) ? world->scale_us * rng_between(fate, 20, 500) : 0;
    }
}

/* Some pools have a circuit. */
static void
draw_circuits(struct world *world)
{
    struct rng *extras = &world->extras;

    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        if (!rng_chance(extras, 500))
            continue;
        pool->circuit_failures = 1 + (uint32_t)rng_below(extras, 3);
        pool->circuit_window_us = world->scale_us * rng_between(extras, 20, 1000);
        pool->circuit_pause_us = world->scale_us * rng_between(extras, 1, 100);
        pool->when_open = rng_chance(extras, 500) ? WHEN_OPEN_REFUSE : WHEN_OPEN_WAIT;
    }
}

/* How long and how many results of dedup keys are remembered. */
static void
draw_memories(struct world *world)
{
    static const int64_t windows[] = {0, 5, 50, 500}, counts[] = {0, 1, 3, 10000};
    struct rng *extras = &world->extras;

    for (uint32_t i = 0; i < world->pool_count; i++) {
        world->pools[i].dedup_window_us = world->scale_us * rng_pick(extras, windows, 4);
        world->pools[i].dedup_max = (uint64_t)rng_pick(extras, counts, 4);
        world->pools[i].dedup_bytes_max = BYTES_UNLIMITED;
    }
}

const char *
world_schedule_name(uint32_t index)
{
    static const char *const names[SCHEDULES_SIM_MAX] = {"sweep", "brush", "polish"};

    return names[index];
}

void
world_draw_schedule(struct world *world, struct schedule_settings *ret_settings)
{
    /* Named after contents that no client's tasks have. */
    static const char *const functions[SCHEDULES_SIM_MAX] = {"fe000000000000001", "fe000000000000002",
                                                             "fe000000000000003"};
    struct rng *extras = &world->extras;
    uint32_t index = (uint32_t)rng_below(extras, SCHEDULES_SIM_MAX);

    *ret_settings = (struct schedule_settings){
        .name = world_schedule_name(index),
        .pool = pool_names[rng_below(extras, world->pool_count)],
        .function = functions[index],
        .every_us = world->scale_us * rng_between(extras, 5, 300) + index,
        .delay_us = world->scale_us * rng_between(extras, 0, 100) + index,
        .overlap = rng_chance(extras, 500) ? OVERLAP_QUEUE : OVERLAP_SKIP,
    };
}

/* Some pools try failed tasks again, are patient with those that kill, or forget their dead ones soon. */
static void
draw_patience(struct world *world)
{
    static const int64_t kills[] = {1, 2, 2, 3, 1000};
    static const int64_t listed[] = {0, 1, 3, 1000};
    static char timeout[] = "Timeout", value_error[] = "builtins.ValueError";
    static char *types[] = {timeout, value_error, NULL};
    struct rng *rng = &world->mishaps;

    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool->retries = rng_chance(rng, 500) ? (uint32_t)rng_below(rng, 4) : 0;
        pool->retry_on = rng_chance(rng, 300) ? types : NULL;
        pool->retry_delay_us = world->scale_us * rng_between(rng, 0, 50);
        pool->retry_delay_max_us = world->scale_us * rng_between(rng, 1, 200);
        pool->retry_jitter_percent = (uint32_t)rng_below(rng, 101);
        pool->kills_max = (uint32_t)rng_pick(rng, kills, 5);
        pool->dead_max = (uint64_t)rng_pick(rng, listed, 4);
        pool->dead_bytes_max = rng_chance(rng, 200) ? 3000 : BYTES_UNLIMITED;
    }
}

/* Most workers are agents'; some of those are spare, for replacements. */
static void
draw_agents(struct world *world)
{
    struct rng *fate = &world->fate;

    world->agent_count = 1 + (uint32_t)rng_below(fate, AGENTS_MAX);
    for (uint32_t i = 0; i < world->worker_count; i++) {
        struct sim_worker *worker = &world->workers[i];

        worker->agent = rng_chance(fate, 800) ? 1 + rng_below(fate, world->agent_count) : 0;
        worker->pool = i % world->pool_count;
        worker->is_off = worker->is_spare = worker->agent > 0 && rng_chance(fate, 300);
    }
}

/* Tasks of some worlds run in groups: in some of those few of them, in others nearly all. */
static void
draw_order(struct world *world, uint64_t seed)
{
    rng_init(&world->order, seed + 4000000007);
    world->groups = rng_chance(&world->order, 400) ? (unsigned)rng_below(&world->order, 900) : 0;
    rng_init(&world->bonds, seed + 5000000029);
    world->sessions = !world->has_shares && rng_chance(&world->bonds, 500) ? (unsigned)rng_below(&world->bonds, 900) : 0;
    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool->session_ttl_us = world->scale_us * rng_between(&world->bonds, 1, 300);
        pool->sessions_max = rng_chance(&world->bonds, 300) ? 1 + rng_below(&world->bonds, 6) : 1000;
        pool->session_on_loss = rng_chance(&world->bonds, 500) ? SESSION_LOSS_FAIL : SESSION_LOSS_REBIND;
    }
    world->has_suspects = world->sessions == 0 || rng_chance(&world->bonds, 500);
    for (uint32_t i = 0; i < world->pool_count && !world->has_suspects; i++)
        world->pools[i].kills_max = 1;
}

/* In some worlds tasks that must end are made to, and may run for so long only. */
static void
draw_ladders(struct world *world)
{
    struct rng *rng = &world->ladders;

    world->has_ladders = rng_chance(rng, 500);
    for (uint32_t i = 0; i < world->pool_count; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool->cancel_grace_us = pool->cancel_kill_grace_us = 0;
        if (!world->has_ladders)
            continue;
        pool->run_timeout_us = rng_chance(rng, 200) ? world->scale_us * rng_between(rng, 5, 300) : 0;
        pool->cancel_grace_us = rng_chance(rng, 800) ? world->scale_us * rng_between(rng, 1, 40) : 0;
        pool->cancel_kill_grace_us = rng_chance(rng, 800) ? world->scale_us * rng_between(rng, 1, 40) : 0;
        pool->cancel_kill_shared = rng_chance(rng, 400);
    }
}

/* In some worlds workers get tasks before a slot is free for them. Each task has a function of its own there, so that the
 * broker learns how long they run from few cells that all share. */
static void
draw_ahead(struct world *world, uint64_t seed)
{
    static const int64_t spans[] = {20, 200, 1000, 5000};
    struct rng *rng = &world->ahead;

    rng_init(rng, seed + 6000000011);
    world->has_ahead = rng_chance(rng, 800) && world->has_suspects; /* a lost worker makes some of what waited there */
    for (uint32_t i = 0; i < world->pool_count && world->has_ahead; i++) {
        struct pool_settings *pool = &world->pools[i];

        pool->prefetch = rng_chance(rng, 850) ? 1 + (uint32_t)rng_below(rng, 3) : 0;
        pool->prefetch_us = world->scale_us * rng_pick(rng, spans, 4);
        pool->prefetch_cells = 1 + (uint32_t)rng_below(rng, 2);
    }
}

static void
plan(struct world *world, enum due kind, int64_t after_us)
{
    agenda_add(&world->agenda, (struct agenda_entry){.at_us = world->now_us + after_us, .kind = (int)kind});
}

static void
start_actors(struct world *world)
{
    world->client_count = 1 + (uint32_t)rng_below(&world->rng, CLIENTS_MAX);
    world->worker_count = (uint32_t)rng_below(&world->rng, WORKERS_MAX + 1);
    for (uint32_t i = 0; i < world->client_count; i++) {
        world->clients[i].index = i;
        client_start(world, &world->clients[i]);
    }
    if (world->has_agents)
        draw_agents(world);
    for (uint32_t i = 0; i < world->worker_count; i++) {
        world->workers[i].index = i;
        if (!world->workers[i].is_off)
            worker_start(world, &world->workers[i]);
    }
    for (uint32_t i = 0; i < world->agent_count; i++) {
        world->agents[i].index = i;
        agent_start(world, &world->agents[i]);
    }
}

void
world_init(struct world *world, uint64_t seed)
{
    static const int64_t scales[] = {100, 1000, 10000, 100000};

    memset(world, 0, sizeof *world);
    rng_init(&world->rng, seed);
    rng_init(&world->reloads, seed + 2);
    agenda_init(&world->agenda);
    world->now_us = rng_between(&world->rng, 0, INT64_C(1) << 40);
    world->scale_us = rng_pick(&world->rng, scales, 4);
    world->loss = (unsigned)rng_below(&world->rng, 1001);
    world->pool_count = 1 + (uint32_t)rng_below(&world->rng, POOLS_MAX);
    broker_settings_init(&world->settings);
    world->settings.adopt_window_us = 0;
    world->settings.epoch = 1 + rng_below(&world->rng, 2000000000);
    draw_limits(world);
    draw_intervals(world);
    rng_init(&world->fate, seed + 1000000007);
    world->has_agents = rng_chance(&world->fate, 400);
    if (world->has_agents)
        draw_recycling(world);
    rng_init(&world->mishaps, seed + 3000000019);
    draw_patience(world);
    rng_init(&world->extras, seed + 2000000011);
    if (rng_chance(&world->extras, 600))
        draw_circuits(world);
    rng_init(&world->shares, seed + 3000000019);
    world->has_shares = rng_chance(&world->shares, 400);
    for (uint32_t i = 0; i < world->pool_count && world->has_shares; i++)
        world_draw_shares(world, &world->pools[i]);
    draw_order(world, seed);
    world->has_schedules = rng_chance(&world->extras, 300);
    world->has_keys = rng_chance(&world->extras, 400);
    if (world->has_keys)
        draw_memories(world);
    rng_init(&world->ladders, seed + 5000000029);
    draw_ladders(world);
    draw_ahead(world, seed);
    start_actors(world);
    plan(world, DUE_OPERATOR, rng_between(&world->rng, 1, 1000 * world->scale_us));
    if (rng_chance(&world->rng, 300))
        plan(world, DUE_PAUSE, rng_between(&world->rng, 1, 500 * world->scale_us));
    if (rng_chance(&world->reloads, 500))
        plan(world, DUE_RELOAD, rng_between(&world->reloads, 1, 500 * world->scale_us));
    if (rng_chance(&world->rng, 100))
        plan(world, DUE_KILL, rng_between(&world->rng, 1, 2000 * world->scale_us));
}

static void
print_shares(const struct pool_settings *pool, FILE *out)
{
    const struct limit_settings *limit = &pool->limit, *key = &pool->key_limit;

    fprintf(out, "pool %s: fair to %s; running_max %u, rate %u/m, burst %u; of a key: running_max %u, rate %u/m, burst %u\n",
            pool->name, pool->fairness == FAIRNESS_CLIENT ? "clients" : "keys", limit->running_max, limit->rate.count,
            limit->rate_burst, key->running_max, key->rate.count, key->rate_burst);
}

void
world_print(const struct world *world, FILE *out)
{
    const struct broker_settings *settings = &world->settings;

    fprintf(out, "world: %u clients, %u workers, a round trip is %" PRIi64 " us, %u permille of cuts lose messages\n",
            world->client_count, world->worker_count, world->scale_us, world->loss);
    fprintf(out, "broker: tasks_max %" PRIu64 ", bytes_max %" PRIu64 ", client_tasks_max %" PRIu64
            ", client_bytes_max %" PRIu64 ", client_results_max %" PRIu64 ", peers_max %u\n",
            settings->tasks_max, settings->bytes_max, settings->client_tasks_max, settings->client_bytes_max,
            settings->client_results_max, settings->peers_max);
    fprintf(out, "times: heartbeat %" PRIi64 " us, missed %u, grace %" PRIi64 " us, retention %" PRIi64 " us\n",
            settings->heartbeat_us, settings->heartbeats_missed_max, settings->worker_grace_us,
            settings->client_retention_us);
    for (uint32_t i = 0; i < world->pool_count && world->has_shares; i++)
        print_shares(&world->pools[i], out);
    for (uint32_t i = 0; i < world->pool_count; i++)
        fprintf(out, "pool %s: queued_max %" PRIu64 ", queued_bytes_max %" PRIu64 ", max_attempts %u\n",
                world->pools[i].name, world->pools[i].queued_max, world->pools[i].queued_bytes_max,
                world->pools[i].max_attempts);
}

void
world_fini(struct world *world)
{
    struct agenda_entry entry;

    while (agenda_take(&world->agenda, &entry))
        parcel_free(entry.thing);
    for (uint32_t i = 0; i < world->client_count; i++)
        client_fini(&world->clients[i]);
    agenda_fini(&world->agenda);
}

void
world_act(struct world *world, const struct agenda_entry *entry)
{
    struct sim_client *client = &world->clients[entry->who % CLIENTS_MAX];
    struct sim_worker *worker = &world->workers[entry->who % WORKERS_MAX];

    if (entry->kind == DUE_CLIENT && client->life == entry->generation)
        client_wake(world, client);
    else if (entry->kind == DUE_WORKER && worker->life == entry->generation)
        worker_wake(world, worker);
    else if (entry->kind == DUE_AGENT)
        agent_wake(world, &world->agents[entry->who]);
    else if (entry->kind == DUE_SPAWN)
        agent_spawn(world, worker);
    else if (entry->kind == DUE_RUN)
        worker_end_run(world, worker, entry->generation);
}

void
world_carry(struct world *world, const struct action *action)
{
    if (action->kind == ACTION_SEND)
        net_deliver(world, action->side, action->peer, &action->message);
}

void
world_arrive(struct world *world, const struct agenda_entry *entry)
{
    const struct connection *connection = net_reaches_peer(world, entry);
    struct parcel *parcel = entry->thing;

    world->parcels--;
    if (connection && net_side(entry->who) == SIDE_CLIENT)
        client_receive(world, &world->clients[connection->actor], &parcel->message);
    else if (connection && connection->actor >= WORKERS_MAX)
        agent_receive(world, &world->agents[connection->actor - WORKERS_MAX], &parcel->message);
    else if (connection)
        worker_receive(world, &world->workers[connection->actor], &parcel->message);
    parcel_free(parcel);
}

void
world_heal(struct world *world)
{
    world->is_healed = true;
    /* Every pool gets a worker. */
    while (world->worker_count < world->pool_count) {
        struct sim_worker *worker = &world->workers[world->worker_count];

        worker->index = world->worker_count++;
        worker_start(world, worker);
    }
    for (uint32_t i = 0; i < world->worker_count; i++) {
        struct sim_worker *worker = &world->workers[i];

        worker->is_doomed = worker->is_starting = false;
        worker->replaces = worker->next_replaces = 0;
        if (worker->is_off) {
            worker->is_off = false;
            worker->pool = worker->index % world->pool_count;
            worker_start(world, worker);
            continue;
        }
        if (i >= world->settings.peers_max) {
            worker->life++; /* there is no room for it */
            net_cut(world, &worker->line, 0);
            continue;
        }
        /* Those that serve another pool than their number says leave, so that no pool is without. */
        if (worker->pool == worker->index % world->pool_count && !worker->is_draining) {
            worker_heal(world, worker);
        } else {
            net_cut(world, &worker->line, 0);
            worker->pool = worker->index % world->pool_count;
            worker_start(world, worker);
        }
    }
    for (uint32_t i = 0; i < world->agent_count; i++)
        agent_heal(world, &world->agents[i]);
    for (uint32_t i = 0; i < world->client_count; i++)
        client_heal(world, &world->clients[i]);
}

bool
world_is_waiting(const struct world *world)
{
    for (uint32_t i = 0; i < world->client_count; i++)
        if (client_is_waiting(&world->clients[i]))
            return true;
    return false;
}
