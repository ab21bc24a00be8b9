/* python_probe.h - runs probe.py in an interpreter, as a pool would run its workers. */
#ifndef SNAKEPIT_CLI_PYTHON_PROBE_H
#define SNAKEPIT_CLI_PYTHON_PROBE_H

#include "client/cli/python_record.h"

enum { PYTHON_PROBE_TEXT_BYTES = 1024 };

/* All but `python` may be NULL. */
struct python_probe {
    const char *python;       /* a path, or a name to be found in PATH */
    const char *directory;    /* of the pool */
    char *const *environment; /* of the pool: "NAME=value", ends in NULL */
    const char *app;          /* "module:app", to be imported */
};

/* OK and *ret_record, which the caller ends with python_record_fini. Otherwise an ERR_*, and `text` says for people what
 * went wrong. The process must have one thread only. */
int
python_probe_run(const struct python_probe *probe, struct python_record *ret_record,
                 char text[static PYTHON_PROBE_TEXT_BYTES]);

#endif
