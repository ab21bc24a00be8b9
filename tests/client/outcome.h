/* outcome.h - remembers how tasks ended, for tests. */
#ifndef SNAKEPIT_TESTS_CLIENT_OUTCOME_H
#define SNAKEPIT_TESTS_CLIENT_OUTCOME_H

#include "client/include/snakepit.h"

struct outcome {
    int calls;
    struct snakepit_result *result; /* the last one, a copy */
};

/* A snakepit_done_fn whose `user` is a struct outcome. */
static inline void
keep_outcome(struct snakepit_client *client, const struct snakepit_result *result, void *outcome_v)
{
    struct outcome *outcome = outcome_v;

    (void)client;
    outcome->calls++;
    snakepit_result_destroy(&outcome->result);
    outcome->result = snakepit_result_copy(result);
}

/* A task whose end goes to `outcome`. */
static inline struct snakepit_task
plain_task(struct outcome *outcome)
{
    return (struct snakepit_task){
        .pool = "text",
        .function = "count",
        .args = "\x91\x91\x01",
        .args_bytes = 3,
        .on_done = keep_outcome,
        .user = outcome,
    };
}

#endif
