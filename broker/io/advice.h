/* advice.h - what to change in a pool, and why: a table of rules over numbers. Pure: reads no broker, does no I/O.
 *
 * A rule speaks only when the numbers say so plainly. Each has a code for programs, and two sentences for people: what to
 * do, with a number where there is one, and what was seen. docs/operations.md lists them. */
#ifndef SNAKEPIT_IO_ADVICE_H
#define SNAKEPIT_IO_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

enum { ADVICE_TEXT_BYTES = 320 };

/* What is known of a pool. Shares are 0 to 1; "recent" is the last 30 to 60 seconds. */
struct advice_facts {
    const char *pool;
    bool is_draining, is_failed, is_circuit_open;
    bool is_memory_limit_off; /* the core has found it to be too low, and does not use it */
    uint64_t workers, ready, stalled, draining, detached, workers_wanted;
    uint64_t slots;       /* of all workers */
    uint64_t thread_workers_with_gil; /* several slots in a process in which only one thread runs Python at a time */
    uint64_t queued, queued_max;
    uint64_t succeeded, failed, dead, requeued, refused; /* since the start */
    double recent_seconds;
    double utilisation;   /* recent: busy share of the capacity; negative: there was none */
    double full_share;    /* recent: share of the time in which tasks waited and all slots were busy */
    double queued_growth; /* recent: tasks per second by which the queue grew; negative: it shrank */
    double accepted_per_second; /* recent */
    double run_mean_seconds;    /* recent */
    double wait_p99_seconds;    /* recent */
    double run_p99_seconds;     /* recent */
    double total_seconds, total_utilisation; /* since the start */
    uint64_t total_queued_max;
    uint64_t rss_min_bytes, rss_max_bytes; /* of one worker; 0: not known */
    uint64_t memory_limit_bytes;           /* worker_memory_max; 0: none */
    double ttl_seconds;                    /* worker_ttl; 0: none */
    double start_timeout_seconds;
};

struct advice {
    const char *code;
    enum severity severity;
    char action[ADVICE_TEXT_BYTES]; /* what to change */
    char reason[ADVICE_TEXT_BYTES]; /* why */
};

/* Append what the rules say to `list`, the most severe first; returns how many, at most `size`. */
size_t
advice_give(const struct advice_facts *facts, struct advice *list, size_t size);

/* The code of each rule there is, in their order; NULL past the end. */
const char *
advice_code(size_t index);

/* "info", "warning", "critical". */
const char *
severity_name(enum severity severity);

#endif
