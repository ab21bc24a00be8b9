/* sim_agent.c - what simulated agents do; see sim_agent.h. */
#include "sim_agent.h"
#include "net.h"
#include "sim_worker.h"

#include <string.h>

static void
plan(struct world *world, enum due kind, uint32_t who, uint64_t generation, int64_t after_us)
{
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + after_us, .kind = (int)kind, .who = who, .generation = generation});
}

static bool
is_mine(const struct sim_agent *agent, const struct sim_worker *worker)
{
    return worker->agent == agent->number;
}

static uint8_t *
put_number(uint8_t *at, uint64_t number)
{
    *at++ = 0xcf;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(number >> shift);
    return at;
}

static uint32_t
count_wanted(const struct world *world, const struct sim_agent *agent, uint32_t pool)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < WORKERS_MAX; i++)
        count += i < world->worker_count && is_mine(agent, &world->workers[i]) && world->workers[i].pool == pool &&
                 !world->workers[i].is_spare;
    return count;
}

static void
say_hello(struct world *world, struct sim_agent *agent)
{
    struct message message = {.verb = VERB_HELLO};
    uint8_t encoded[POOLS_MAX * 32], *at = encoded;

    for (uint32_t i = 0; i < world->pool_count; i++) {
        size_t size = strlen(world->pools[i].name);

        *at++ = 0x92;
        *at++ = (uint8_t)(0xa0 | size);
        memcpy(at, world->pools[i].name, size);
        at = put_number(at + size, count_wanted(world, agent, i));
    }
    message.hello.is_agent = true;
    message.hello.protocol = bytes_of(PROTOCOL_NAME);
    message.hello.name = bytes_of("agent");
    message.hello.agent = agent->number;
    message.hello.pools = (struct agent_pools){world->pool_count, {encoded, (uint32_t)(at - encoded)}, NULL};
    net_send(world, &agent->line, &message);
    agent->beat_us = world->now_us;
}

static void
connect_again(struct world *world, struct sim_agent *agent)
{
    if (net_connect(world, SIDE_WORKER, WORKERS_MAX + agent->index, &agent->line))
        say_hello(world, agent);
}

void
agent_start(struct world *world, struct sim_agent *agent)
{
    agent->line = (struct line){.side = SIDE_WORKER};
    agent->number = 1 + agent->index;
    agent->cut = rng_chance(&world->fate, 500) ? 30 : 0;
    agent->fail = rng_chance(&world->fate, 400) ? 300 : 0;
    agent->no_memory = rng_chance(&world->fate, 300) ? 300 : 0;
    agent->changed = rng_chance(&world->fate, 200) ? 10 : 0;
    agent->wake_us = world->scale_us * rng_between(&world->fate, 2, 20);
    connect_again(world, agent);
    plan(world, DUE_AGENT, agent->index, 0, agent->wake_us);
}

/* What its workers use: sometimes more than they may. */
static void
send_processes(struct world *world, struct sim_agent *agent)
{
    struct message message = {.verb = VERB_PROCESSES};
    uint8_t encoded[WORKERS_MAX * 32], *at = encoded;

    for (uint32_t i = 0; i < world->worker_count; i++) {
        const struct sim_worker *worker = &world->workers[i];

        if (!is_mine(agent, worker) || worker->is_off)
            continue;
        *at++ = 0x93;
        at = put_number(at, worker_pid(worker));
        at = put_number(at, 1 + rng_below(&world->fate, 1000));
        at = put_number(at, 1);
        message.processes.count++;
    }
    message.processes.encoded = (struct bytes){encoded, (uint32_t)(at - encoded)};
    net_send(world, &agent->line, &message);
}

static void
send_exited(struct world *world, struct sim_agent *agent, uint64_t pid, uint32_t pool, enum exit_cause cause,
            uint64_t replaces)
{
    struct message message = {.verb = VERB_EXITED};

    message.exited = (struct exited){
        .pool = bytes_of(world->pools[pool].name), .pid = pid, .cause = cause, .status = 9, .replaces = replaces};
    net_send(world, &agent->line, &message);
}

static void
send_changed(struct world *world, struct sim_agent *agent)
{
    struct message message = {.verb = VERB_POOL};

    message.pool.pool = bytes_of(world->pools[rng_below(&world->fate, world->pool_count)].name);
    message.pool.changed = true;
    net_send(world, &agent->line, &message);
}

void
agent_wake(struct world *world, struct sim_agent *agent)
{
    struct message beat = {.verb = VERB_HEARTBEAT, .heartbeat = {.gil_enabled = -1}};

    if (!net_is_open(world, &agent->line)) {
        if (world->is_healed || rng_chance(&world->fate, 300))
            connect_again(world, agent);
    } else if (!world->is_healed && rng_chance(&world->fate, agent->cut)) {
        world->tally.faults[FAULT_AGENT_CUT]++;
        net_cut(world, &agent->line, rng_between(&world->fate, 0, world->scale_us));
    } else if (world->now_us - agent->beat_us >= world->heartbeat_us / 2) {
        net_send(world, &agent->line, &beat);
        send_processes(world, agent);
        agent->beat_us = world->now_us;
        if (!world->is_healed && rng_chance(&world->fate, agent->changed))
            send_changed(world, agent);
    }
    plan(world, DUE_AGENT, agent->index, 0, agent->wake_us);
}

static bool
is_name(struct bytes text, const char *name)
{
    return text.size == strlen(name) && memcmp(text.data, name, text.size) == 0;
}

static struct sim_worker *
find_process(struct world *world, const struct sim_agent *agent, uint64_t pid)
{
    for (uint32_t i = 0; i < world->worker_count; i++)
        if (is_mine(agent, &world->workers[i]) && !world->workers[i].is_off && worker_pid(&world->workers[i]) == pid)
            return &world->workers[i];
    return NULL;
}

static struct sim_worker *
find_free(struct world *world, const struct sim_agent *agent)
{
    for (uint32_t i = 0; i < world->worker_count; i++)
        if (is_mine(agent, &world->workers[i]) && world->workers[i].is_off && !world->workers[i].is_starting)
            return &world->workers[i];
    return NULL;
}

static bool
is_coming(const struct world *world, uint64_t session)
{
    for (uint32_t i = 0; i < world->worker_count; i++)
        if (world->workers[i].replaces == session && (world->workers[i].is_starting || !world->workers[i].is_off))
            return true;
    return false;
}

static void
take_replace(struct world *world, struct sim_agent *agent, const struct replace *replace)
{
    struct sim_worker *old = find_process(world, agent, replace->pid), *new;
    uint32_t pool = 0;

    while (pool + 1 < world->pool_count && !is_name(replace->pool, world->pools[pool].name))
        pool++;
    if (is_coming(world, replace->session))
        return; /* the same wish again */
    if (replace->first) {
        if (old)
            old->next_replaces = replace->session;
        return;
    }
    new = find_free(world, agent);
    if (!new || rng_chance(&world->fate, agent->no_memory)) {
        world->tally.faults[FAULT_NO_MEMORY]++;
        send_exited(world, agent, 0, pool, EXIT_NO_MEMORY, replace->session);
        return;
    }
    if (rng_chance(&world->fate, agent->fail)) {
        world->tally.faults[FAULT_START_FAILED]++;
        send_exited(world, agent, 0, pool, EXIT_START_FAILED, replace->session);
        return;
    }
    new->pool = pool;
    new->replaces = replace->session;
    new->is_starting = true;
    new->is_spare = false;
    if (old) {
        old->is_spare = true; /* when it ends, it is not started again */
        old->is_doomed = true;
    }
    plan(world, DUE_SPAWN, new->index, 0, world->scale_us * rng_between(&world->fate, 1, rng_chance(&world->fate, 200) ? 300 : 20));
}

void
agent_spawn(struct world *world, struct sim_worker *worker)
{
    if (!worker->is_starting)
        return;
    worker->is_starting = false;
    worker->is_off = false;
    worker_start(world, worker);
}

void
agent_receive(struct world *world, struct sim_agent *agent, const struct message *message)
{
    struct sim_worker *worker;

    switch (message->verb) {
    case VERB_REHELLO:
        say_hello(world, agent);
        break;
    case VERB_REPLACE:
        take_replace(world, agent, &message->replace);
        break;
    case VERB_RETIRE:
        worker = find_process(world, agent, message->retire.pid);
        if (worker && message->retire.kill)
            worker_kill(world, worker);
        break;
    default:
        break;
    }
}

void
agent_saw_end(struct world *world, const struct sim_worker *worker)
{
    for (uint32_t i = 0; i < world->agent_count; i++)
        if (is_mine(&world->agents[i], worker) && rng_chance(&world->fate, 800))
            send_exited(world, &world->agents[i], worker_pid(worker), worker->pool, EXIT_SIGNAL, 0);
}

void
agent_heal(struct world *world, struct sim_agent *agent)
{
    agent->cut = agent->fail = agent->no_memory = agent->changed = 0;
    if (!net_is_open(world, &agent->line))
        connect_again(world, agent);
}
