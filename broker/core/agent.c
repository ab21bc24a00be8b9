/* agent.c - the record of an agent; see agent.h. */
#include "broker/core/agent.h"

#include "broker/core/label.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct agent *
agent_new(uint64_t session, const struct hello *hello, int64_t now_us)
{
    struct agent *agent = calloc(1, sizeof *agent);

    if (!agent)
        abort();
    agent->session = session;
    agent->number = hello->agent;
    agent->started_us = agent->heard_us = now_us;
    agent_take_hello(agent, hello);
    return agent;
}

void
agent_destroy(struct agent **agent_p)
{
    struct agent *agent = *agent_p;

    if (!agent)
        return;
    assert(!heap_node_is_in(&agent->timer));
    free(agent->duties);
    free(agent);
    *agent_p = NULL;
}

struct duty *
agent_duty(struct agent *agent, struct bytes pool)
{
    struct duty *duty;

    for (uint32_t i = 0; i < agent->duties_count; i++)
        if (label_is(agent->duties[i].name, pool))
            return &agent->duties[i];
    if (agent->duties_count == AGENT_POOLS_MAX)
        return NULL;
    agent->duties = realloc(agent->duties, (agent->duties_count + 1) * sizeof *agent->duties);
    if (!agent->duties)
        abort();
    duty = &agent->duties[agent->duties_count++];
    memset(duty, 0, sizeof *duty);
    label_copy(duty->name, pool);
    return duty;
}

void
agent_take_hello(struct agent *agent, const struct hello *hello)
{
    struct agent_pools pools = hello->pools;
    struct agent_pool pool;

    agent->pid = hello->pid;
    label_copy(agent->name, hello->name);
    label_copy(agent->host, hello->host);
    agent->duties_count = 0;
    while (wire_agent_pools_next(&pools, &pool) == OK)
        agent_duty(agent, pool.name)->wanted = pool.wanted;
}
