/* compat_table.h - the matrix of libraries and threads, read once and asked by name. Prints nothing, opens no file. */
#ifndef SNAKEPIT_CLI_COMPAT_TABLE_H
#define SNAKEPIT_CLI_COMPAT_TABLE_H

#include <jansson.h>
#include <stddef.h>

enum thread_safety { THREAD_SAFETY_SAFE, THREAD_SAFETY_CONDITIONAL, THREAD_SAFETY_UNSAFE, THREAD_SAFETY_UNKNOWN };

/* Does it leave the GIL of a free-threaded build off? */
enum free_threading {
    FREE_THREADING_YES,
    FREE_THREADING_SOURCE, /* when it is built from source */
    FREE_THREADING_NO,
    FREE_THREADING_PURE,   /* has no extension module of its own */
    FREE_THREADING_UNKNOWN,
};

/* Texts are views into `json`. */
struct compat_library {
    const char *name;
    enum thread_safety thread_safety;
    enum free_threading free_threading;
    const char *since; /* the first version that does; NULL: not known, or it is not FREE_THREADING_YES */
    const char *advice;
    const json_t *json; /* the whole record */
};

struct compat_table {
    json_t *json; /* owned */
    struct compat_library *libraries;
    size_t count;
};

/* Read the matrix from its JSON text. OK, or ERR_INVALID. */
int
compat_table_init(struct compat_table *table, const char *text);

void
compat_table_fini(struct compat_table *table);

/* By its name, or by a module that is imported from it ("PIL"); case and "_" for "-" do not matter. NULL: none. */
const struct compat_library *
compat_find(const struct compat_table *table, const char *name);

/* One whose name or module is near, or NULL. */
const struct compat_library *
compat_suggest(const struct compat_table *table, const char *name);

/* "safe", "conditional", "unsafe", "unknown" */
const char *
thread_safety_name(enum thread_safety thread_safety);

#endif
