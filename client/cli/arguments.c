/* arguments.c - the arguments of one call; see arguments.h. */
#include "client/cli/arguments.h"

#include "wire/err.h"

#include <stdlib.h>
#include <string.h>

static json_t *
must(json_t *value)
{
    if (!value)
        abort();
    return value;
}

void
arguments_init(struct arguments *arguments)
{
    arguments->positional = must(json_array());
    arguments->named = must(json_object());
}

void
arguments_fini(struct arguments *arguments)
{
    json_decref(arguments->positional);
    json_decref(arguments->named);
    arguments->positional = arguments->named = NULL;
}

int
arguments_add(struct arguments *arguments, const char *json, struct json_fault *fault)
{
    json_t *value;
    int status = json_value_parse(json, strlen(json), &value, fault);

    if (status == OK && json_array_append_new(arguments->positional, value) != 0)
        abort();
    return status;
}

int
arguments_add_named(struct arguments *arguments, const char *name, const char *json, struct json_fault *fault)
{
    json_t *value;
    int status;

    if (json_object_get(arguments->named, name))
        return ERR_FULL;
    status = json_value_parse(json, strlen(json), &value, fault);
    if (status == OK && json_object_set_new_nocheck(arguments->named, name, value) != 0)
        abort();
    return status;
}

/* Does the object name the arguments, instead of being them? Then "args" must be an array and "kwargs" an object. */
static bool
is_both_kinds(const json_t *object)
{
    const json_t *args = json_object_get(object, "args"), *kwargs = json_object_get(object, "kwargs");

    return json_object_size(object) > 0 && json_object_size(object) == (size_t)((args != NULL) + (kwargs != NULL)) &&
           (!args || json_is_array(args)) && (!kwargs || json_is_object(kwargs));
}

int
arguments_read_line(struct arguments *arguments, const char *line, size_t size, struct json_fault *fault)
{
    json_t *value, *args, *kwargs;
    int status = json_value_parse(line, size, &value, fault);

    if (status != OK)
        return status;
    arguments_fini(arguments);
    if (json_is_array(value)) {
        arguments->positional = value;
        arguments->named = must(json_object());
    } else if (is_both_kinds(value)) {
        args = json_object_get(value, "args");
        kwargs = json_object_get(value, "kwargs");
        arguments->positional = must(args ? json_incref(args) : json_array());
        arguments->named = must(kwargs ? json_incref(kwargs) : json_object());
        json_decref(value);
    } else if (json_is_object(value) && !json_value_is_typed(value)) {
        arguments->positional = must(json_array());
        arguments->named = value;
    } else {
        arguments_init(arguments);
        if (json_array_append_new(arguments->positional, value) != 0)
            abort();
    }
    return OK;
}

int
arguments_encode(const struct arguments *arguments, struct wire_buffer *out, struct json_fault *fault)
{
    const char *name;
    json_t *value;

    wire_write_array(out, 2);

    int status = json_value_encode(arguments->positional, out, fault);

    /* Not through json_value_encode: an argument that is named "$bytes" is no typed object. */
    wire_write_map(out, (uint32_t)json_object_size(arguments->named));
    json_object_foreach (arguments->named, name, value) {
        if (status != OK)
            break;
        wire_write_text(out, name);
        status = json_value_encode(value, out, fault);
    }
    return status;
}
