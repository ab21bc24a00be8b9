/* worker_process.h - one process of a pool, from its start to its end: a worker or the pool's nursery. Restarts nothing,
 * never waits. */
#ifndef SNAKEPIT_AGENT_WORKER_PROCESS_H
#define SNAKEPIT_AGENT_WORKER_PROCESS_H

#include "agent/context.h"
#include "agent/worker_end.h"
#include "broker/io/config.h"

#include <signal.h>
#include <sys/types.h>

/* What all processes of one pool have in common; the pool's, which renews `config` on reload. It is read at a start only,
 * and NULL when there will be none any more. */
struct worker_pool {
    const struct agent_context *context;
    const struct pool_config *config;
    char name[NAME_BYTES_MAX + 1];
};

struct worker_process;

/* Run the pool's interpreter as a worker. `name` is copied; `replaces` is the session that it is to take over from, 0:
 * none. NULL and errno when the system makes no process. */
struct worker_process *
worker_process_spawn(const struct worker_pool *pool, const char *name, uint64_t replaces, int64_t now_us);

/* The same for the pool's nursery, which talks over `socket_fd`. */
struct worker_process *
worker_process_spawn_nursery(const struct worker_pool *pool, const char *name, int socket_fd, int64_t now_us);

/* A worker that a nursery was asked for by this number; takes the read end of its output. It has no pid yet. */
struct worker_process *
worker_process_expect(const struct worker_pool *pool, const char *name, uint64_t replaces, uint32_t number,
                      int output_fd, int64_t now_us);

/* Only when it has ended. *worker_p becomes NULL; NULL is allowed. */
void
worker_process_destroy(struct worker_process **worker_p);

/* --- what happens to it --------------------------------------------------------------------------------------- */

/* The expected worker was born. */
void
worker_process_handle_born(struct worker_process *worker, pid_t pid, int64_t now_us);

/* The nursery cannot fork the expected worker, for this reason; the next worker_process_tick gives false. */
void
worker_process_handle_failed(struct worker_process *worker, const char *reason, int64_t now_us);

/* Whether the nursery said so. */
bool
worker_process_has_failed(const struct worker_process *worker);

/* Why an expected worker does not come. */
const char *
worker_process_reason(const struct worker_process *worker);

/* The expected worker will not come; it has ended. */
void
worker_process_handle_unborn(struct worker_process *worker);

/* The app is imported and set up. */
void
worker_process_handle_ready(struct worker_process *worker, int64_t now_us);

/* Its output is readable. */
void
worker_process_read_output(struct worker_process *worker, int64_t now_us);

/* Its process ended as `info` (from waitid with WNOWAIT) says: kill its process group, reap it, say in the log and in
 * *ret_end what it was. The end's text is the worker's, valid until it is destroyed. */
void
worker_process_handle_end(struct worker_process *worker, const siginfo_t *info, int64_t now_us,
                          struct worker_end *ret_end);

/* Kill it when it was not ready, or did not stop, in time. False: it was expected, and has not come in time. */
bool
worker_process_tick(struct worker_process *worker, int64_t now_us);

/* When worker_process_tick must be called next, or INT64_MAX. */
int64_t
worker_process_next_due_us(const struct worker_process *worker);

/* --- what is done to it --------------------------------------------------------------------------------------- */

/* Ask it to end, and kill its group at deadline_us. May be called again with an earlier deadline. */
void
worker_process_stop(struct worker_process *worker, int64_t deadline_us);

/* What it and its descendants use was measured. */
void
worker_process_set_rss(struct worker_process *worker, uint64_t rss_bytes);

/* --- questions ------------------------------------------------------------------------------------------------ */

/* 0 while it is only expected. */
pid_t
worker_process_pid(const struct worker_process *worker);

const char *
worker_process_name(const struct worker_process *worker);

/* -1: nothing to read. */
int
worker_process_output_fd(const struct worker_process *worker);

/* The number by which a nursery was asked for it; 0: it was spawned. */
uint32_t
worker_process_number(const struct worker_process *worker);

/* Since when it is ready; INT64_MAX: not yet. */
int64_t
worker_process_ready_us(const struct worker_process *worker);

/* As it was measured last; 0: never. */
uint64_t
worker_process_rss_bytes(const struct worker_process *worker);

/* What its pool allows; 0: there is no limit. */
uint64_t
worker_process_memory_max(const struct worker_process *worker);

/* Neither ready nor asked to end. */
bool
worker_process_is_starting(const struct worker_process *worker);

/* Asked to end. */
bool
worker_process_is_stopping(const struct worker_process *worker);

#endif
