/* script.h - all that the broker got in one seed, with its times, fit to be played again without the world that it came
 * from; and who stands for whom when only a part of it is played. */
#ifndef SNAKEPIT_SIM_SCRIPT_H
#define SNAKEPIT_SIM_SCRIPT_H

#include "world.h"

#include "broker/core/event.h"
#include "broker/core/outbox.h"

#include <stdio.h>

struct script;

struct script *
script_new(void);

/* NULL is allowed. */
void
script_destroy(struct script **script_p);

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Append what the broker gets now. Copies all of it. */
void
script_add_event(struct script *script, const struct world *world, const struct event *event);

/* The broker ends, and another one begins with world->settings and world->pools. */
void
script_add_restart(struct script *script, const struct world *world);

/* What follows was late: the broker stood still until then. */
void
script_pause(struct script *script);

/* Remember the fences and sessions that the broker gave out in the step of the last entry. */
void
script_learn(struct script *script, const struct action *action);

/* --- reading ---------------------------------------------------------------------------------------------------- */

size_t
script_count(const struct script *script);

int64_t
script_time_us(const struct script *script, size_t index);

/* Whether the broker stood still between the entry before and this one. */
bool
script_is_late(const struct script *script, size_t index);

/* The end of a connection: it belongs to what came over it, and cannot be left out alone. */
bool
script_is_end(const struct script *script, size_t index);

/* Whether both came over one connection. */
bool
script_is_same_peer(const struct script *script, size_t a, size_t b);

bool
script_is_restart(const struct script *script, size_t index);

/* Let the world be as the broker of this restart found it. */
void
script_restore(const struct script *script, size_t index, struct world *world);

/* --- playing a part --------------------------------------------------------------------------------------------- */

/* Fences and sessions are numbered by the broker, so they change when a part is left out: a worker that answers the third
 * attempt at a task must name the fence which that one has now. */
struct cast;

struct cast *
cast_new(const struct script *script);

void
cast_destroy(struct cast **cast_p);

/* Entry `index` is played next. Fill the event; what it points to is the cast's until the next call. */
void
cast_event(struct cast *cast, size_t index, struct event *ret_event);

void
cast_learn(struct cast *cast, const struct action *action);

#endif
