/* worker_end.h - how a worker process ended, or why there is none: a plain record for the restart and for the broker. */
#ifndef SNAKEPIT_AGENT_WORKER_END_H
#define SNAKEPIT_AGENT_WORKER_END_H

#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct worker_end {
    pid_t pid;             /* 0: there was no process */
    enum exit_cause cause;
    int status;            /* exit status, or the signal's number */
    bool is_signal;
    uint64_t replaces;     /* the session that it was to replace; 0: none */
    const char *text;      /* the last that it printed, or a reason */
    size_t text_bytes;
    int64_t lived_us;
    bool was_asked;        /* told to end; the three fields below are then false */
    bool is_start_failure; /* by its own fault, and early */
    bool is_settled;       /* it had lived so long that the back-off begins anew */
    bool is_sent_signal;   /* someone killed it, as opposed to a fault of its own; not in its first second */
};

#endif
