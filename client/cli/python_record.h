/* python_record.h - what one interpreter said of itself when probe.py ran in it. A plain record; runs nothing. */
#ifndef SNAKEPIT_CLI_PYTHON_RECORD_H
#define SNAKEPIT_CLI_PYTHON_RECORD_H

#include <jansson.h>
#include <stdbool.h>

/* The oldest Python that the package supports: 3.10. */
enum { PYTHON_MINOR_MIN = 10 };

/* Texts are views into `json` and live as long; NULL: not told. */
struct python_record {
    json_t *json; /* owned: the whole record */
    const char *executable;
    const char *prefix;
    bool is_virtual;
    const char *version;
    unsigned major, minor;
    const char *implementation;
    bool is_free_threaded; /* the build */
    bool gil_enabled;      /* after pyzmq, msgpack, snakepit, and the app if there was one, were imported */
    const char *gil_module; /* whose import switched it on */
    const char *pyzmq, *msgpack, *snakepit; /* versions; NULL: cannot be imported */
    const char *libzmq;
    bool has_msgpack_extension;
    const char *app_error; /* of an app that could not be imported */
    unsigned app_threads;  /* that the app had started when its import was over */
};

/* Read the line that probe.py printed. OK, and the caller ends it with python_record_fini; ERR_INVALID. */
int
python_record_parse(const char *text, struct python_record *ret_record);

void
python_record_fini(struct python_record *record);

/* Whether workers of this package could run in it at all. */
bool
python_is_supported(const struct python_record *record);

/* Whether it has all that workers need. */
bool
python_is_equipped(const struct python_record *record);

#endif
