/* ask.h - questions to the broker itself, with a few named arguments. Knows no answer's shape. */
#ifndef SNAKEPIT_CLIENT_ASK_H
#define SNAKEPIT_CLIENT_ASK_H

#include "client/lib/client.h"

/* The longest that the broker waits for us at one time: a day. */
enum { WAIT_MS_MAX = 86400000 };

/* Named arguments; what is NULL or 0 is left out. */
struct question {
    const char *function;
    const char *pool;
    uint64_t worker;
    uint64_t workers;
    bool has_timeout;
    uint64_t timeout_ms;
};

/* Ask, and wait for the answer. OK: *ret_result is the caller's, and *ret_value its value. Else as snakepit_admin, with no
 * result left to free; MISMATCH: the answer holds no value. *ret_is_expired (may be NULL): it FAILED with `expired`. */
int
ask(struct snakepit_client *client, const struct question *question, int timeout_ms,
    struct snakepit_result **ret_result, struct snakepit_value *ret_value, bool *ret_is_expired);

#endif
