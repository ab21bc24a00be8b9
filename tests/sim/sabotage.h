/* sabotage.h - wrong behaviour on purpose, put between the broker and everybody else, to prove that it is found. */
#ifndef SNAKEPIT_SIM_SABOTAGE_H
#define SNAKEPIT_SIM_SABOTAGE_H

#include "rng.h"

#include "broker/core/outbox.h"
#include "broker/core/pool_settings.h"

#include <stdbool.h>

struct sabotage;

/* The saboteur of this name, or NULL. */
const struct sabotage *
sabotage_find(const char *name);

/* The name of the index-th, or NULL past the end. */
const char *
sabotage_name(size_t index);

/* What the broker believes the pool's settings to be. */
void
sabotage_settings(const struct sabotage *sabotage, struct pool_settings *settings);

/* Perhaps spoil the actions of one step. */
void
sabotage_apply(const struct sabotage *sabotage, struct outbox *outbox, struct rng *rng);

/* Perhaps spoil an offer before the broker sees it; the oracle sees the true one. */
bool
sabotage_submit(const struct sabotage *sabotage, struct submit *submit, struct rng *rng);

/* How much too late the broker says that something is due. */
int64_t
sabotage_delay_us(const struct sabotage *sabotage);

/* Whether the broker is kept from seeing this event, or from knowing the time. */
bool
sabotage_skips(const struct sabotage *sabotage, bool is_tick, struct rng *rng);

#endif
