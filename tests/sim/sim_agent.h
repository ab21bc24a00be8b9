/* sim_agent.h - an agent of the simulated world: starts, replaces and reports workers, and is cut off now and then. */
#ifndef SNAKEPIT_SIM_AGENT_H
#define SNAKEPIT_SIM_AGENT_H

#include "world.h"

/* Connect and say HELLO. Its workers are those of the world that have its index. */
void
agent_start(struct world *world, struct sim_agent *agent);

/* Do one thing, then plan the next waking. */
void
agent_wake(struct world *world, struct sim_agent *agent);

void
agent_receive(struct world *world, struct sim_agent *agent, const struct message *message);

/* A replacement that was asked for is ready to say HELLO, unless it fails. */
void
agent_spawn(struct world *world, struct sim_worker *worker);

/* A process of this agent ended by itself. */
void
agent_saw_end(struct world *world, const struct sim_worker *worker);

/* Stop all mischief. */
void
agent_heal(struct world *world, struct sim_agent *agent);

#endif
