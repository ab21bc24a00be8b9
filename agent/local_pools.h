/* local_pools.h - all pools whose workers this agent keeps, as the configuration says. */
#ifndef SNAKEPIT_AGENT_LOCAL_POOLS_H
#define SNAKEPIT_AGENT_LOCAL_POOLS_H

#include "agent/local_pool.h"
#include "agent/overrides.h"

struct local_pools;

/* None yet. The context must outlive them. */
struct local_pools *
local_pools_new(const struct agent_context *context);

/* Only when all are gone. *pools_p becomes NULL; NULL is allowed. */
void
local_pools_destroy(struct local_pools **pools_p);

/* Start pools that are new, drain those that are not there any more, change the others. `config` must live until the
 * next call, or until all are gone. */
void
local_pools_configure(struct local_pools *pools, const struct config *config, const struct overrides *overrides,
                      int64_t now_us);

/* See local_pool.h for these; each is for all pools. */
void
local_pools_close(struct local_pools *pools, int64_t deadline_us);

bool
local_pools_are_gone(const struct local_pools *pools);

void
local_pools_tick(struct local_pools *pools, int64_t now_us);

int64_t
local_pools_next_due_us(const struct local_pools *pools);

bool
local_pools_handle_end(struct local_pools *pools, const siginfo_t *info, int64_t now_us);

void
local_pools_handle_ready(struct local_pools *pools, pid_t pid, int64_t now_us);

void
local_pools_hear_nurseries(struct local_pools *pools, int64_t now_us);

void
local_pools_announce(struct local_pools *pools);

/* Orders of the broker. */
void
local_pools_replace(struct local_pools *pools, const struct replace *replace);

void
local_pools_retire(struct local_pools *pools, const struct retire *retire, int64_t now_us);

/* Names and numbers of workers for a HELLO, at most `capacity`; returns how many. */
uint32_t
local_pools_list(const struct local_pools *pools, struct agent_pool *list, uint32_t capacity);

/* Whether any pool's workers have a memory limit. */
bool
local_pools_limit_memory(const struct local_pools *pools);

size_t
local_pools_count(const struct local_pools *pools);

struct local_pool *
local_pools_at(const struct local_pools *pools, size_t at);

/* Called for every process; see local_pools_each. */
typedef void
visit_process(void *data, struct worker_process *worker, bool is_nursery);

void
local_pools_each(const struct local_pools *pools, visit_process *visit, void *data);

#endif
