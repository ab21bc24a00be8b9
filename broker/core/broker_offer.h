/* broker_offer.h - a SUBMIT under examination, and the steps by which it becomes a task: for broker_submit.c and those whose
 * tasks come in another way. For the files that include broker_state.h only. */
#ifndef SNAKEPIT_CORE_BROKER_OFFER_H
#define SNAKEPIT_CORE_BROKER_OFFER_H

#include "broker/core/broker_state.h"

struct offer {
    struct client *client;
    struct pool *pool; /* NULL: there is no such pool */
    const struct submit *submit;
    struct task_key key;
    uint32_t hash;
    uint64_t bytes;       /* what it will occupy */
    uint64_t records;     /* tasks that it will be; 0: one */
    bool joins;           /* its dedup key is taken: it needs no place in the queue */
    uint64_t schedule;    /* whose run it is; 0: none's */
    struct error *unsent; /* the house's: a refusal goes here; NULL: to the client */
    bool is_suspect;      /* it runs alone from the beginning */
};

/* --- refusing: each says whether it was refused --------------------------------------------------------------------- */

/* A task that could never fit is not told to come again. */
bool
broker_is_too_large(struct broker *broker, const struct offer *offer);

bool
broker_is_circuit_open(struct broker *broker, const struct offer *offer);

bool
broker_is_busy(struct broker *broker, const struct offer *offer);

/* It would have to wait for the worker of its session, and is not to. */
bool
broker_is_session_refused(struct broker *broker, const struct offer *offer);

/* --- taking --------------------------------------------------------------------------------------------------------- */

/* A task in state NEW, with the next number, as the SUBMIT wants it. */
struct task *
broker_make_task(struct broker *broker, const struct offer *offer);

/* It is one of the client's now. */
void
broker_enter_task(struct broker *broker, struct client *client, struct task *task);

/* Put it into its pool's queue, or with the delayed. */
void
broker_enqueue_task(struct broker *broker, struct task *task);

/* Set its timer, by its state. */
void
broker_arm_task(struct broker *broker, struct task *task);

void
broker_acknowledge(struct broker *broker, const struct task *task);

/* It stands where it belongs: now it may be dispatched. */
void
broker_begin_task(struct broker *broker, struct task *task);

/* A task of the house, as broker_house_submit, that is the run of a schedule. */
enum error_code
broker_submit_scheduled(struct broker *broker, const struct submit *submit, uint64_t schedule, uint64_t *ret_number);

/* --- broker_dedup.c ------------------------------------------------------------------------------------------------- */

/* Take a task with a dedup key, or refuse it. */
void
broker_submit_shared(struct broker *broker, struct offer *offer);

#endif
