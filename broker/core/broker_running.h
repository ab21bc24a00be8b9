/* broker_running.h - what the broker's files call about attempts that run: how they are ended, and the parts that they send.
 * For the files that include broker_state.h only. */
#ifndef SNAKEPIT_CORE_BROKER_RUNNING_H
#define SNAKEPIT_CORE_BROKER_RUNNING_H

#include "broker/core/broker_state.h"

/* --- broker_ladder.c: how running tasks are ended ---------------------------------------------------------------- */

/* The attempt begins: it may run for as long as its task or its pool allows. Returns how long; 0: without a limit. */
int64_t
broker_limit_run(struct broker *broker, struct lease *lease);

/* Ask the worker to end this lease, and see to it that it does. Nothing happens when that was begun before. */
void
broker_ask_end(struct broker *broker, struct lease *lease);

/* The worker is back: what it was asked may have been lost with its connection. */
void
broker_ask_end_again(struct broker *broker, const struct lease *lease);

/* The lease's timer rang. */
void
broker_lease_due(struct broker *broker, struct lease *lease);

/* What the end of this attempt means for its task, which was to end. ERROR_NONE: nobody wanted its end. */
enum error_code
broker_judge_end(const struct lease *lease);

/* The text of a task that ran for too long. */
struct bytes
broker_say_timed_out(struct broker *broker, const struct lease *lease);

/* --- broker_stream.c: parts of results, and credit ---------------------------------------------------------------- */

/* An attempt at a task that has an `extra` begins: how many chunks its worker may send at first. 0: any number. */
uint32_t
broker_begin_credit(const struct task *task);

/* The reader allows more. */
void
broker_take_credit(struct broker *broker, const struct task *task, const struct credit *credit);

/* The worker is back: what it was told, and what it sent, may have been lost with its connection. */
void
broker_renew_lease_credit(struct broker *broker, const struct lease *lease);

/* The client is back: what was sent to it may have been lost with its connection. */
void
broker_renew_credit(struct broker *broker, const struct task *task);

/* Let the worker of this task send what it likes: how far its reader is, nobody knows. */
void
broker_open_stream(struct broker *broker, const struct task *task);

/* The same of an attempt of which no task is known: its client has not come. */
void
broker_open_lease_stream(struct broker *broker, const struct lease *lease);

/* The client is not coming back: its workers need not wait for it. */
void
broker_open_streams(struct broker *broker, const struct client *client);

void
broker_take_chunk(struct broker *broker, struct lease *lease, const struct chunk *chunk);

#endif
