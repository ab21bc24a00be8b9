/* err.h - return values of all C modules, and the error codes of SPIT/1 with their texts. No I/O. */
#ifndef SNAKEPIT_WIRE_ERR_H
#define SNAKEPIT_WIRE_ERR_H

/* What functions return: OK, or one of the negative values. */
enum {
    OK = 0,
    ERR_FULL = -1,      /* a stated limit is reached; nothing was taken */
    ERR_NOT_FOUND = -2, /* no such thing */
    ERR_INVALID = -3,   /* the input is wrong; the caller's message says where */
    ERR_SYSTEM = -4,    /* the system refused; errno says why */
    ERR_MEMORY = -5,    /* no memory (client library only; the broker aborts) */
    ERR_AGAIN = -6,     /* not now; try later */
};

/* The error catalogue of docs/protocol.md, section 8. */
enum error_code {
    ERROR_NONE = 0,
    ERROR_FAILED,
    ERROR_NO_SUCH_FUNCTION,
    ERROR_BAD_PAYLOAD,
    ERROR_CANCELLED,
    ERROR_EXPIRED,
    ERROR_DEAD,
    ERROR_LOST,
    ERROR_BUSY,
    ERROR_DRAINING,
    ERROR_SHUTDOWN,
    ERROR_NO_SUCH_POOL,
    ERROR_TOO_LARGE,
    ERROR_BAD_MESSAGE,
    ERROR_BAD_FIELD,
    ERROR_UNSUPPORTED,
    ERROR_UNKNOWN_VERB,
    ERROR_NOT_FOUND,
    ERROR_TOO_LATE,
    ERROR_STALE,
    ERROR_UNAVAILABLE,
    ERROR_GIL_ENABLED,
    ERROR_POOL_FAILED,
    ERROR_SESSION_LOST,
    ERROR_SESSION_BUSY,
    ERROR_CIRCUIT_OPEN,
    ERROR_TIMED_OUT,
    ERROR_INTERNAL,
    ERROR_CODES, /* how many there are */
};

/* The code's name on the wire, for instance "busy". Never NULL. */
const char *
error_code_name(enum error_code code);

/* The code with this name of `size` bytes, or ERROR_NONE when there is none. */
enum error_code
error_code_find(const char *name, unsigned size);

#endif
