/* err.c - names of the error codes; see err.h. */
#include "wire/err.h"

#include <string.h>

static const char *const names[ERROR_CODES] = {
    [ERROR_NONE] = "none",
    [ERROR_FAILED] = "failed",
    [ERROR_NO_SUCH_FUNCTION] = "no_such_function",
    [ERROR_BAD_PAYLOAD] = "bad_payload",
    [ERROR_CANCELLED] = "cancelled",
    [ERROR_EXPIRED] = "expired",
    [ERROR_DEAD] = "dead",
    [ERROR_LOST] = "lost",
    [ERROR_BUSY] = "busy",
    [ERROR_DRAINING] = "draining",
    [ERROR_SHUTDOWN] = "shutdown",
    [ERROR_NO_SUCH_POOL] = "no_such_pool",
    [ERROR_TOO_LARGE] = "too_large",
    [ERROR_BAD_MESSAGE] = "bad_message",
    [ERROR_BAD_FIELD] = "bad_field",
    [ERROR_UNSUPPORTED] = "unsupported",
    [ERROR_UNKNOWN_VERB] = "unknown_verb",
    [ERROR_NOT_FOUND] = "not_found",
    [ERROR_TOO_LATE] = "too_late",
    [ERROR_STALE] = "stale",
    [ERROR_UNAVAILABLE] = "unavailable",
    [ERROR_GIL_ENABLED] = "gil_enabled",
    [ERROR_POOL_FAILED] = "pool_failed",
    [ERROR_SESSION_LOST] = "session_lost",
    [ERROR_SESSION_BUSY] = "session_busy",
    [ERROR_CIRCUIT_OPEN] = "circuit_open",
    [ERROR_TIMED_OUT] = "timed_out",
    [ERROR_INTERNAL] = "internal",
};

const char *
error_code_name(enum error_code code)
{
    return code > ERROR_NONE && code < ERROR_CODES ? names[code] : "internal";
}

enum error_code
error_code_find(const char *name, unsigned size)
{
    for (int code = ERROR_NONE + 1; code < ERROR_CODES; code++)
        if (strlen(names[code]) == size && memcmp(names[code], name, size) == 0)
            return (enum error_code)code;
    return ERROR_NONE;
}
