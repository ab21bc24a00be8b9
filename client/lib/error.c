/* error.c - texts of statuses and states, and the version. */
#include "client/lib/client.h"

#include <stdarg.h>
#include <stdio.h>

const char *
snakepit_strerror(int status)
{
    switch (status) {
    case SNAKEPIT_OK:
        return "success";
    case SNAKEPIT_FULL:
        return "too many unfinished tasks";
    case SNAKEPIT_INVALID:
        return "invalid argument or moment";
    case SNAKEPIT_MEMORY:
        return "out of memory";
    case SNAKEPIT_SYSTEM:
        return "the system refused";
    case SNAKEPIT_TIMEOUT:
        return "timed out";
    case SNAKEPIT_NOT_FOUND:
        return "not found";
    case SNAKEPIT_REFUSED:
        return "refused by the broker";
    case SNAKEPIT_FAILED:
        return "the task did not end with success";
    case SNAKEPIT_MISMATCH:
        return "a value of another kind";
    default:
        return status > 0 ? "success" : "unknown status";
    }
}

const char *
snakepit_state_name(enum snakepit_state state)
{
    static const char *const names[] = {
        [SNAKEPIT_STATE_OK] = "ok",
        [SNAKEPIT_STATE_FAILED] = "failed",
        [SNAKEPIT_STATE_CANCELLED] = "cancelled",
        [SNAKEPIT_STATE_EXPIRED] = "expired",
        [SNAKEPIT_STATE_DEAD] = "dead",
        [SNAKEPIT_STATE_LOST] = "lost",
        [SNAKEPIT_STATE_REFUSED] = "refused",
        [SNAKEPIT_STATE_ABANDONED] = "abandoned",
    };

    return state >= SNAKEPIT_STATE_OK && state <= SNAKEPIT_STATE_ABANDONED ? names[state] : "unknown";
}

const char *
snakepit_last_error(const struct snakepit_client *client)
{
    return client->error;
}

const char *
snakepit_version(void)
{
    return SNAKEPIT_VERSION;
}

int
client_fail(struct snakepit_client *client, int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(client->error, sizeof client->error, format, arguments);
    va_end(arguments);
    return status;
}
