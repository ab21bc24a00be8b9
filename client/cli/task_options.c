/* task_options.c - options that describe a task; see task_options.h. */
#include "client/cli/task_options.h"

#include "wire/err.h"
#include "wire/message.h"

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
        return ERR_NOT_FOUND;
    }
}
