/* task_options.c - options that describe a task; see task_options.h. */
#include "client/cli/task_options.h"

#include "wire/err.h"
#include "wire/message.h"

#include <assert.h>
#include <string.h>

/* A duration in milliseconds, rounded up: one that is not zero must not become "none". */
static int
take_ms(struct cli *cli, const char *option, const char *value, uint64_t *ret_ms)
{
    int64_t us;

    if (cli_take_duration(cli, option, value, &us) != OK)
        return ERR_INVALID;
    *ret_ms = (uint64_t)(us + 999) / 1000;
    return OK;
}

static int
take_number(struct cli *cli, const char *option, const char *value, uint64_t max, uint32_t *ret_number)
{
    uint64_t number;

    if (cli_take_count(cli, option, value, 1, max, &number) != OK)
        return ERR_INVALID;
    *ret_number = (uint32_t)number;
    return OK;
}

static int
take_key(struct cli *cli, const char *option, const char *value, size_t bytes_max, const char **ret_key)
{
    if (value[0] && strlen(value) <= bytes_max) {
        *ret_key = value;
        return OK;
    }
    cli_usage(cli, "%s: it must have 1 to %zu bytes", option, bytes_max);
    return ERR_INVALID;
}

static int
take_retry_type(struct cli *cli, const char *value, struct snakepit_task *task)
{
    size_t count = 0;

    static_assert(sizeof cli->retry_on / sizeof *cli->retry_on == RETRY_TYPES_MAX + 1, "the list ends with NULL");
    while (cli->retry_on[count])
        count++;
    if (count == RETRY_TYPES_MAX) {
        cli_usage(cli, "--retry-on: at most %d types", RETRY_TYPES_MAX);
        return ERR_INVALID;
    }
    task->retry_on = cli->retry_on;
    return take_key(cli, "--retry-on", value, ERROR_TYPE_BYTES_MAX, &cli->retry_on[count]);
}

static int
take_session_mode(struct cli *cli, const char *value, struct snakepit_task *task)
{
    static const char *const modes[] = {"hint", "strict_queue", "strict_fail_fast"};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(value, modes[i]) == 0) {
            task->session_mode = (enum snakepit_session_mode)i;
            return OK;
        }
    }
    cli_usage(cli, "--session-mode: it must be hint, strict_queue or strict_fail_fast");
    return ERR_INVALID;
}

/* How the task is tried again, ordered and shared. */
static int
take_delivery(struct cli *cli, int key, const char *value, struct snakepit_task *task)
{
    switch (key) {
    case KEY_RETRIES:
        return take_number(cli, "--retries", value, RETRIES_MAX, &task->retries);
    case KEY_RETRY_ON:
        return take_retry_type(cli, value, task);
    case KEY_BACKOFF:
        return take_ms(cli, "--backoff", value, &task->backoff_ms);
    case KEY_KILLS_MAX:
        return take_number(cli, "--kills-max", value, KILLS_MAX, &task->kills_max);
    case KEY_DEDUP_KEY:
        return take_key(cli, "--dedup-key", value, DEDUP_KEY_BYTES_MAX, &task->dedup_key);
    case KEY_DEDUP:
        return take_ms(cli, "--dedup", value, &task->dedup_ms);
    case KEY_GROUP:
        return take_key(cli, "--group", value, LABEL_BYTES_MAX, &task->group);
    case KEY_FAIR_KEY:
        return take_key(cli, "--fair-key", value, LABEL_BYTES_MAX, &task->fair_key);
    case KEY_SESSION:
        return take_key(cli, "--session", value, LABEL_BYTES_MAX, &task->session);
    case KEY_SESSION_MODE:
        return take_session_mode(cli, value, task);
    case KEY_RUN_LIMIT:
        return take_ms(cli, "--run-limit", value, &task->run_ms);
    default:
        return ERR_NOT_FOUND;
    }
}

int
task_options_take(struct cli *cli, int key, const char *value, struct snakepit_task *task)
{
    uint64_t count;

    switch (key) {
    case KEY_PRIORITY:
        if (cli_take_count(cli, "--priority", value, 0, PRIORITIES - 1, &count) != OK)
            return ERR_INVALID;
        task->priority = SNAKEPIT_PRIORITY(count);
        return OK;
    case KEY_DEADLINE:
        if (take_ms(cli, "--deadline", value, &task->deadline_ms) != OK)
            return ERR_INVALID;
        if (task->deadline_ms > 0)
            return OK;
        cli_usage(cli, "--deadline: it must be longer than no time");
        return ERR_INVALID;
    case KEY_DELAY:
        return take_ms(cli, "--delay", value, &task->delay_ms);
    case KEY_MAX_ATTEMPTS:
        if (cli_take_count(cli, "--max-attempts", value, 1, ATTEMPTS_MAX, &count) != OK)
            return ERR_INVALID;
        task->max_attempts = (uint32_t)count;
        return OK;
    case KEY_AT_MOST_ONCE:
        task->at_most_once = true;
        return OK;
    default:
        return take_delivery(cli, key, value, task);
    }
}
