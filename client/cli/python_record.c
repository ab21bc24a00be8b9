/* python_record.c - what one interpreter said of itself; see python_record.h. */
#include "client/cli/python_record.h"

#include "wire/err.h"

#include <string.h>

static const char *
text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const char *
version_of(const json_t *libraries, const char *module)
{
    return text_of(json_object_get(libraries, module), "version");
}

static unsigned
number_of(const json_t *value)
{
    json_int_t number = json_integer_value(value);

    return number >= 0 && number < 1000000 ? (unsigned)number : 0;
}

int
python_record_parse(const char *text, struct python_record *ret_record)
{
    json_t *json = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *libraries = json_object_get(json, "libraries"), *app = json_object_get(json, "app");
    const json_t *numbers = json_object_get(json, "version_info");

    if (!json_is_object(json) || !text_of(json, "version") || !text_of(json, "implementation")) {
        json_decref(json);
        return ERR_INVALID;
    }
    *ret_record = (struct python_record){
        .json = json,
        .executable = text_of(json, "executable"),
        .prefix = text_of(json, "prefix"),
        .is_virtual = json_is_true(json_object_get(json, "is_virtual")),
        .version = text_of(json, "version"),
        .major = number_of(json_array_get(numbers, 0)),
        .minor = number_of(json_array_get(numbers, 1)),
        .implementation = text_of(json, "implementation"),
        .is_free_threaded = json_is_true(json_object_get(json, "free_threaded")),
        .gil_enabled = json_is_true(json_object_get(json, "gil_enabled")),
        .gil_module = text_of(json, "gil_module"),
        .pyzmq = version_of(libraries, "zmq"),
        .msgpack = version_of(libraries, "msgpack"),
        .snakepit = version_of(libraries, "snakepit"),
        .libzmq = text_of(json_object_get(libraries, "zmq"), "libzmq"),
        .has_msgpack_extension = json_is_true(json_object_get(json_object_get(libraries, "msgpack"), "extension")),
        .app_error = text_of(app, "error"),
        .app_threads = number_of(json_object_get(app, "threads")),
    };
    return OK;
}

void
python_record_fini(struct python_record *record)
{
    json_decref(record->json);
    *record = (struct python_record){0};
}

bool
python_is_supported(const struct python_record *record)
{
    return strcmp(record->implementation, "CPython") == 0 && record->major == 3 && record->minor >= PYTHON_MINOR_MIN;
}

bool
python_is_equipped(const struct python_record *record)
{
    return python_is_supported(record) && record->pyzmq && record->msgpack && record->snakepit;
}
