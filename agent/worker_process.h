/* worker_process.h - one local worker's place: the process that fills it, its output, its restarts. Never waits. */
#ifndef SNAKEPIT_AGENT_WORKER_PROCESS_H
#define SNAKEPIT_AGENT_WORKER_PROCESS_H

#include "broker/io/config.h"
#include "broker/io/log.h"

#include <signal.h>
#include <sys/types.h>

struct guard;

/* What all workers of an agent have in common; outlives them. */
struct worker_context {
    const struct config *config;
    struct log *log;
    struct guard *guard;
    const char *address; /* that workers connect to */
    int lifeline_fd;     /* read end that workers inherit */
    unsigned cpus;
};

struct worker_process;

/* A place for worker number `number` (from 1) of the pool, to be started at the next tick. Freed with
 * worker_process_destroy. */
struct worker_process *
worker_process_new(const struct worker_context *context, const struct pool_config *pool, unsigned number);

/* Only when it is gone or was never started. *worker_p becomes NULL. */
void
worker_process_destroy(struct worker_process **worker_p);

/* The process, or 0 while there is none. */
pid_t
worker_process_pid(const struct worker_process *worker);

/* Readable when the worker printed something; -1: nothing to read. */
int
worker_process_output_fd(const struct worker_process *worker);

void
worker_process_read_output(struct worker_process *worker);

/* Start it when that is due; kill it when it did not stop in time. */
void
worker_process_tick(struct worker_process *worker, int64_t now_us);

/* When worker_process_tick must be called next, or INT64_MAX. */
int64_t
worker_process_next_due_us(const struct worker_process *worker);

/* Its process ended as `info` (from waitid with WNOWAIT) says: kill its process group, reap it, log it, plan the
 * restart. */
void
worker_process_handle_end(struct worker_process *worker, const siginfo_t *info, int64_t now_us);

/* Start no process any more; ask the one that runs to end, and kill its group at deadline_us. May be called again
 * with an earlier deadline. */
void
worker_process_stop(struct worker_process *worker, int64_t deadline_us);

/* Stopped, and no process is left. */
bool
worker_process_is_gone(const struct worker_process *worker);

#endif
