/* python_advice.h - which profile suits an interpreter, and why. Pure: decides from a record, looks at nothing. */
#ifndef SNAKEPIT_CLI_PYTHON_ADVICE_H
#define SNAKEPIT_CLI_PYTHON_ADVICE_H

#include "client/cli/compat_table.h"
#include "client/cli/python_record.h"

enum { ADVICE_REASON_BYTES = 512 };

struct python_advice {
    const char *profile; /* "process" or "thread"; NULL: no worker can run in it */
    char reason[ADVICE_REASON_BYTES];
};

/* The profile for an interpreter. `table` says which of its libraries would switch the GIL on. */
void
python_advise(const struct python_record *record, const struct compat_table *table, struct python_advice *ret_advice);

/* The libraries of the table that are installed there and switch the GIL on of a free-threaded build, "a, b". Returns how
 * many; the text is cut at `size`. */
size_t
python_list_gil_libraries(const struct python_record *record, const struct compat_table *table, char *text,
                          size_t size);

#endif
