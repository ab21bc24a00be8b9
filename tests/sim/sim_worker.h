/* sim_worker.h - a worker of the simulated world: runs tasks, and dies, stalls, lies, repeats itself, gives back. */
#ifndef SNAKEPIT_SIM_WORKER_H
#define SNAKEPIT_SIM_WORKER_H

#include "world.h"

/* A new process: new moods, no session. Connects and says HELLO. */
void
worker_start(struct world *world, struct sim_worker *worker);

/* Do one thing, then plan the next waking. */
void
worker_wake(struct world *world, struct sim_worker *worker);

/* Its process id. */
uint64_t
worker_pid(const struct sim_worker *worker);

/* kill -9 */
void
worker_kill(struct world *world, struct sim_worker *worker);

/* The task with this fence has run to its end. */
void
worker_end_run(struct world *world, struct sim_worker *worker, uint64_t fence);

void
worker_receive(struct world *world, struct sim_worker *worker, const struct message *message);

/* Stop all mischief; silent tasks will be answered. */
void
worker_heal(struct world *world, struct sim_worker *worker);

#endif
