/* trial.h - one broker in one simulated world, and the oracle that judges each of its steps. Knows no agenda: what happens
 * next is the run's to say, or a script's. */
#ifndef SNAKEPIT_SIM_TRIAL_H
#define SNAKEPIT_SIM_TRIAL_H

#include "oracle.h"
#include "run.h"
#include "sabotage.h"
#include "script.h"
#include "world.h"

struct trial {
    const struct run_options *options;
    struct world world;
    struct oracle oracle;
    struct broker *broker;
    struct outbox outbox;
    const struct sabotage *sabotage;
    struct rng mischief;   /* the saboteur's own chance, so that the world stays the same */
    struct script *script; /* what the broker gets is written down there; NULL: nowhere */
    struct cast *cast;     /* a script is played: who stands for whom; NULL: none is */
};

/* Draw the world of options->seed and start its broker. */
void
trial_open(struct trial *trial, const struct run_options *options);

void
trial_close(struct trial *trial);

/* When the broker must be called next, or INT64_MAX. */
int64_t
trial_next_due_us(const struct trial *trial);

void
trial_tick(struct trial *trial);

/* Hand an event to the broker, and judge what it does. */
void
trial_handle(struct trial *trial, const struct event *event);

/* A new broker, with world.settings and world.pools, takes the place of the old one, of which nothing is left but its
 * peers. What it had promised, they will ask for again. */
void
trial_replace_broker(struct trial *trial);

static inline bool
trial_goes_on(const struct trial *trial)
{
    return !history_is_broken(&trial->world.history);
}

/* Say what was found. */
void
trial_report(const struct trial *trial, FILE *out);

#endif
