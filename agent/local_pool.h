/* local_pool.h - the workers of one pool on this host: as many places as are wanted, its nursery, its breaker. */
#ifndef SNAKEPIT_AGENT_LOCAL_POOL_H
#define SNAKEPIT_AGENT_LOCAL_POOL_H

#include "agent/place.h"

struct local_pool;

/* A pool whose workers are due at once. `config` must live until local_pool_configure gives another, or the pool is
 * gone. */
struct local_pool *
local_pool_new(const struct agent_context *context, const struct pool_config *config, unsigned wanted, int64_t now_us);

/* Only when it is gone. *pool_p becomes NULL. */
void
local_pool_destroy(struct local_pool **pool_p);

/* Whether its workers have a memory limit. */
bool
local_pool_limits_memory(const struct local_pool *pool);

const char *
local_pool_name(const struct local_pool *pool);

unsigned
local_pool_wanted(const struct local_pool *pool);

/* --- the configuration ---------------------------------------------------------------------------------------- */

/* Take new settings and a new number of workers: more are started, the newest ones too many are drained. Workers that
 * run go on with the settings that they were started with; the broker is told when those have changed, so that it
 * recycles them. */
void
local_pool_configure(struct local_pool *pool, const struct pool_config *config, unsigned wanted, int64_t now_us);

/* Start no more, ask all to end, and kill what is left at deadline_us. May be called again with an earlier one. */
void
local_pool_close(struct local_pool *pool, int64_t deadline_us);

/* Closed, and no process is left. */
bool
local_pool_is_gone(const struct local_pool *pool);

/* --- what happens --------------------------------------------------------------------------------------------- */

/* Start what is due and may start, kill what did not start or stop in time, tell the broker what has changed. */
void
local_pool_tick(struct local_pool *pool, int64_t now_us);

/* When local_pool_tick must be called next, or INT64_MAX. */
int64_t
local_pool_next_due_us(const struct local_pool *pool);

/* What the nursery says. */
void
local_pool_hear_nursery(struct local_pool *pool, int64_t now_us);

/* If the process that `info` names is this pool's, take note of its end. False: it is not. */
bool
local_pool_handle_end(struct local_pool *pool, const siginfo_t *info, int64_t now_us);

/* If it is this pool's, it is ready. False: it is not. */
bool
local_pool_handle_ready(struct local_pool *pool, pid_t pid, int64_t now_us);

/* A session with the broker has begun; tell it what its HELLO could not. */
void
local_pool_announce(struct local_pool *pool);

/* --- orders of the broker ------------------------------------------------------------------------------------- */

/* Start a successor for the worker `pid`, whose session this is. Answers the broker when that cannot be. */
void
local_pool_replace(struct local_pool *pool, pid_t pid, uint64_t session, bool is_worker_first);

/* This process is to end by deadline_us. False: it is not this pool's. */
bool
local_pool_retire(struct local_pool *pool, pid_t pid, int64_t deadline_us);

/* --- for the loop --------------------------------------------------------------------------------------------- */

/* The nursery's socket, or -1. */
int
local_pool_nursery_fd(const struct local_pool *pool);

/* The nursery's process, or NULL. */
struct worker_process *
local_pool_nursery(const struct local_pool *pool);

/* Its places, a list of utlist. */
const struct place *
local_pool_places(const struct local_pool *pool);

#endif
