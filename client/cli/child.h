/* child.h - a program that is run for what it prints, with a bound on its time and on its output. */
#ifndef SNAKEPIT_CLI_CHILD_H
#define SNAKEPIT_CLI_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* All but argv may be NULL. */
struct child_plan {
    char *const *argv;        /* ends in NULL; argv[0] is looked for in PATH */
    const char *directory;    /* where it runs */
    char *const *environment; /* "NAME=value" over this process's own; ends in NULL */
    int timeout_ms;
};

struct child_result {
    char *output;  /* standard output, cut at 1 MiB; NUL-terminated */
    char *errors;  /* the end of standard error, at most 1000 bytes; NUL-terminated */
    int status;    /* exit status; 128 + signal when a signal ended it; 127 when it could not be run */
    bool timed_out; /* it was killed, with all that it had started and that stayed in its process group */
};

/* Run it and wait for its end. OK and *ret_result, to be freed with child_fini; ERR_SYSTEM: errno. The process must have
 * one thread only. */
int
child_run(const struct child_plan *plan, struct child_result *ret_result);

void
child_fini(struct child_result *result);

#endif
