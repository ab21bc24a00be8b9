/* python_advice.c - which profile suits an interpreter; see python_advice.h. */
#include "client/cli/python_advice.h"

#include <stdio.h>
#include <string.h>

/* "2.0.1" is before "2.1"? Compares number by number; what is no number ends the comparison. */
static bool
is_before(const char *version, const char *other)
{
    for (;;) {
        unsigned a = 0, b = 0;
        int a_size = 0, b_size = 0;

        if (sscanf(version, "%9u%n", &a, &a_size) < 1 || sscanf(other, "%9u%n", &b, &b_size) < 1)
            return false;
        if (a != b)
            return a < b;
        version += a_size;
        other += b_size;
        if (*other != '.')
            return false;
        if (*version != '.')
            return true;
        version++;
        other++;
    }
}

static bool
switches_gil_on(const struct compat_library *library, const char *version)
{
    switch (library->free_threading) {
    case FREE_THREADING_YES:
        return library->since && is_before(version, library->since);
    case FREE_THREADING_SOURCE:
    case FREE_THREADING_NO:
        return true;
    case FREE_THREADING_PURE:
    case FREE_THREADING_UNKNOWN:
        break;
    }
    return false;
}

size_t
python_list_gil_libraries(const struct python_record *record, const struct compat_table *table, char *text,
                          size_t size)
{
    const json_t *installed = json_object_get(record->json, "installed");
    size_t count = 0, used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        const struct compat_library *library = &table->libraries[i];
        const char *version = json_string_value(json_object_get(installed, library->name));

        if (!version || !switches_gil_on(library, version))
            continue;
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s", count > 0 ? ", " : "", library->name, version);
        count++;
    }
    return count;
}

static void
advise(struct python_advice *advice, const char *profile, const char *reason)
{
    advice->profile = profile;
    snprintf(advice->reason, sizeof advice->reason, "%s", reason);
}

void
python_advise(const struct python_record *record, const struct compat_table *table, struct python_advice *ret_advice)
{
    char libraries[300];

    if (!python_is_supported(record)) {
        advise(ret_advice, NULL, "workers need CPython 3.10 or later");
    } else if (!record->is_free_threaded) {
        advise(ret_advice, "process", "threads run Python code in turn under its GIL; \"thread\" only for tasks that wait, "
                                      "or whose libraries release it");
    } else if (record->gil_module) {
        advise(ret_advice, "process", "");
        snprintf(ret_advice->reason, sizeof ret_advice->reason,
                 "it is free-threaded, but importing %s switches the GIL on", record->gil_module);
    } else if (record->gil_enabled) {
        advise(ret_advice, "process", "it is free-threaded, but its GIL is on (PYTHON_GIL or -X gil)");
    } else {
        advise(ret_advice, "thread", "it is free-threaded: threads of one process compute at the same time and share "
                                     "its memory");
        if (python_list_gil_libraries(record, table, libraries, sizeof libraries) > 0)
            snprintf(ret_advice->reason, sizeof ret_advice->reason,
                     "it is free-threaded; but not for tasks that import %s, which switch the GIL on", libraries);
    }
}
