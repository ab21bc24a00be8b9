/* broker_talk.h - the talk with the broker: what arrives to the pools, what they tell and use to the broker. Owns the
 * session and the connection. Never waits. */
#ifndef SNAKEPIT_AGENT_BROKER_TALK_H
#define SNAKEPIT_AGENT_BROKER_TALK_H

#include "agent/context.h"

struct broker_talk;
struct local_pools;

/* With the broker at context->address, for agent context->id. It makes context->session, which lives as long. NULL and
 * errno when the system refuses. */
struct broker_talk *
broker_talk_new(struct agent_context *context);

/* *talk_p becomes NULL; NULL is allowed. */
void
broker_talk_destroy(struct broker_talk **talk_p);

/* To be polled; -1: nothing. */
int
broker_talk_fd(const struct broker_talk *talk);

/* Take what came and carry it out, do what is due, send what was told. To be called in each turn of the loop, as its last
 * act. */
void
broker_talk_turn(struct broker_talk *talk, struct local_pools *pools, int64_t now_us);

/* When broker_talk_turn must be called next, or INT64_MAX. */
int64_t
broker_talk_next_due_us(const struct broker_talk *talk);

/* Say good-bye. */
void
broker_talk_end(struct broker_talk *talk, const char *reason);

#endif
