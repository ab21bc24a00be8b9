/* ask.c - questions to the broker itself; see ask.h. */
#include "client/lib/ask.h"

#include <string.h>

/* The answer is this much later than the broker was told to wait, at most: what it says is better than our own timeout. */
#define ANSWER_MS 5000

static int
encode(struct snakepit_args *args, const struct question *question, struct snakepit_bytes *ret_bytes)
{
    if (question->pool && question->pool[0]) {
        snakepit_args_name(args, "pool");
        snakepit_args_str(args, question->pool);
    }
    if (question->worker > 0) {
        snakepit_args_name(args, "worker");
        snakepit_args_uint(args, question->worker);
    }
    if (question->workers > 0) {
        snakepit_args_name(args, "workers");
        snakepit_args_uint(args, question->workers);
    }
    if (question->has_timeout) {
        snakepit_args_name(args, "timeout_ms");
        snakepit_args_uint(args, question->timeout_ms);
    }
    return snakepit_args_finish(args, ret_bytes);
}

int
ask(struct snakepit_client *client, const struct question *question, int timeout_ms,
    struct snakepit_result **ret_result, struct snakepit_value *ret_value, bool *ret_is_expired)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_bytes bytes = {0};
    int status;

    *ret_result = NULL;
    if (!args)
        return client_fail(client, SNAKEPIT_MEMORY, "no memory for the question");
    status = encode(args, question, &bytes);
    if (status == SNAKEPIT_OK)
        status = snakepit_admin(client, question->function, bytes.data, bytes.size, timeout_ms, ret_result);
    else
        client_fail(client, status, "%s: %s", question->function, snakepit_strerror(status));
    snakepit_args_destroy(&args);
    if (ret_is_expired)
        *ret_is_expired = status == SNAKEPIT_FAILED && strcmp((*ret_result)->code, "expired") == 0;
    if (status == SNAKEPIT_OK && snakepit_result_value(*ret_result, ret_value) != SNAKEPIT_OK)
        status = client_fail(client, SNAKEPIT_MISMATCH, "%s: the broker's answer is no value", question->function);
    if (status != SNAKEPIT_OK)
        snakepit_result_destroy(ret_result);
    return status;
}

int
snakepit_await_ready(struct snakepit_client *client, const char *pool, uint32_t workers, int timeout_ms)
{
    bool is_endless = timeout_ms < 0 || timeout_ms > WAIT_MS_MAX;
    struct question question = {.function = "await_ready", .pool = pool, .workers = workers, .has_timeout = true,
                                .timeout_ms = is_endless ? WAIT_MS_MAX : (uint64_t)timeout_ms};
    struct snakepit_result *result;
    struct snakepit_value value;
    bool is_expired;
    int status;

    do {
        status = ask(client, &question, is_endless ? -1 : timeout_ms + ANSWER_MS, &result, &value, &is_expired);
        snakepit_result_destroy(&result);
    } while (is_expired && timeout_ms < 0);
    if (!is_expired)
        return status;
    return client_fail(client, SNAKEPIT_TIMEOUT, "%s%s: the workers were not ready within %d ms",
                       pool && pool[0] ? "pool " : "all pools", pool ? pool : "", timeout_ms);
}

int
snakepit_recycle(struct snakepit_client *client, const char *pool, uint64_t worker, int timeout_ms,
                 uint64_t *ret_workers)
{
    struct question question = {.function = "recycle", .pool = pool, .worker = worker};
    struct snakepit_value value, count;
    struct snakepit_result *result;
    int status = ask(client, &question, timeout_ms, &result, &value, NULL);

    if (status != SNAKEPIT_OK)
        return status;
    if (ret_workers
        && (snakepit_value_get(&value, "workers", &count) != SNAKEPIT_OK
            || snakepit_value_uint(&count, ret_workers) != SNAKEPIT_OK))
        status = client_fail(client, SNAKEPIT_MISMATCH, "recycle: the broker did not say how many");
    snakepit_result_destroy(&result);
    return status;
}
