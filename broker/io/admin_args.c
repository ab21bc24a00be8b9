/* admin_args.c - arguments of admin calls; see admin_args.h. */
#include "broker/io/admin_args.h"

#include "broker/io/frames.h"
#include "wire/reader.h"
#include "wire/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct argument {
    const char *name;
    unsigned bit;
    bool is_name;
    size_t offset; /* in struct admin_args */
    uint64_t max;
} ARGUMENTS[] = {
    {"pool", ARG_POOL, true, offsetof(struct admin_args, pool), NAME_BYTES_MAX},
    {"task", ARG_TASK, false, offsetof(struct admin_args, task), UINT64_MAX},
    {"limit", ARG_LIMIT, false, offsetof(struct admin_args, limit), 1000},
    {"workers", ARG_WORKERS, false, offsetof(struct admin_args, workers), 1000000},
    {"worker", ARG_WORKER, false, offsetof(struct admin_args, worker), UINT64_MAX},
    {"timeout_ms", ARG_TIMEOUT_MS, false, offsetof(struct admin_args, timeout_ms), 86400000},
    {"name", ARG_NAME, true, offsetof(struct admin_args, name), NAME_BYTES_MAX},
    {"function", ARG_FUNCTION, true, offsetof(struct admin_args, function), FUNCTION_BYTES_MAX},
    {"args", ARG_ARGS, true, offsetof(struct admin_args, args), INLINE_BYTES_MAX / 2},
    {"every_ms", ARG_EVERY_MS, false, offsetof(struct admin_args, every_ms), DURATION_MS_MAX},
    {"delay_ms", ARG_DELAY_MS, false, offsetof(struct admin_args, delay_ms), DURATION_MS_MAX},
    {"overlap", ARG_OVERLAP, true, offsetof(struct admin_args, overlap), 16},
};

enum { ARGUMENT_COUNT = sizeof ARGUMENTS / sizeof ARGUMENTS[0] };

static int __attribute__((format(printf, 4, 5)))
refuse(struct admin_fault *fault, enum error_code code, struct bytes field, const char *format, ...)
{
    va_list values;

    fault->code = code;
    snprintf(fault->field, sizeof fault->field, "%.*s", (int)field.size, (const char *)field.data);
    va_start(values, format);
    vsnprintf(fault->text, sizeof fault->text, format, values);
    va_end(values);
    return ERR_INVALID;
}

/* "pool, limit", or "none". */
static void
list_allowed(unsigned allowed, char *ret_text, size_t size)
{
    size_t used = 0;

    snprintf(ret_text, size, "none");
    for (size_t i = 0; i < ARGUMENT_COUNT; i++)
        if (allowed & ARGUMENTS[i].bit)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? ", " : "", ARGUMENTS[i].name);
}

static const struct argument *
find_argument(struct bytes name, unsigned allowed)
{
    for (size_t i = 0; i < ARGUMENT_COUNT; i++)
        if ((allowed & ARGUMENTS[i].bit) && text_is(name, ARGUMENTS[i].name))
            return &ARGUMENTS[i];
    return NULL;
}

static int
read_value(struct reader *reader, const struct argument *argument, struct bytes name, struct admin_args *args,
           struct admin_fault *fault)
{
    void *into = (char *)args + argument->offset;

    if (argument->is_name) {
        struct bytes *text = into;

        if (reader_str(reader, text) != OK || text->size == 0 || text->size > argument->max)
            return refuse(fault, ERROR_BAD_FIELD, name, "%s must be a string of 1 to %u bytes", argument->name,
                          (unsigned)argument->max);
        return OK;
    }
    if (reader_uint(reader, into) != OK || *(uint64_t *)into > argument->max)
        return refuse(fault, ERROR_BAD_FIELD, name, "%s must be an integer from 0 to %llu", argument->name,
                      (unsigned long long)argument->max);
    return OK;
}

static int
read_map(struct reader *reader, unsigned allowed, struct admin_args *args, struct admin_fault *fault)
{
    char names[96];
    uint32_t pairs;

    list_allowed(allowed, names, sizeof names);
    if (reader_map(reader, &pairs) != OK)
        return refuse(fault, ERROR_BAD_PAYLOAD, (struct bytes){0}, "arguments must be a map; allowed: %s", names);
    while (pairs-- > 0) {
        const struct argument *argument;
        struct bytes name;

        if (reader_text(reader, &name) != OK)
            return refuse(fault, ERROR_BAD_PAYLOAD, (struct bytes){0}, "an argument's name must be a string");
        argument = find_argument(name, allowed);
        if (!argument)
            return refuse(fault, ERROR_BAD_FIELD, name, "no such argument here; allowed: %s", names);
        if (reader_peek(reader) == VALUE_NIL) { /* a client that spells out its defaults */
            reader_nil(reader);
            continue;
        }
        if (read_value(reader, argument, name, args, fault) != OK)
            return ERR_INVALID;
        args->given |= argument->bit;
    }
    return OK;
}

/* What a body of attachment frames says is in the first one. */
static struct bytes
find_bytes(const struct payload *payload)
{
    zmq_msg_t *first;

    if (!payload->attachments)
        return payload->data;
    first = frames_at(payload->attachments, 0);
    return (struct bytes){zmq_msg_data(first), (uint32_t)zmq_msg_size(first)};
}

int
admin_args_decode(const struct submit *submit, unsigned allowed, struct admin_args *ret_args,
                  struct admin_fault *ret_fault)
{
    struct bytes type = submit->content_type;
    struct reader reader;
    uint32_t count, positional = 0;

    *ret_args = (struct admin_args){.limit = 100, .timeout_ms = 30000};
    if (type.size > 0 && !text_is(type, "msgpack"))
        return refuse(ret_fault, ERROR_BAD_PAYLOAD, (struct bytes){0}, "admin calls take msgpack");
    reader_init(&reader, find_bytes(&submit->payload));
    if (reader_is_at_end(&reader)) /* no arguments at all */
        return OK;
    if (reader_array(&reader, &count) != OK || (count > 0 && reader_array(&reader, &positional) != OK))
        return refuse(ret_fault, ERROR_BAD_PAYLOAD, (struct bytes){0}, "the payload must be [args, kwargs]");
    if (positional > 0)
        return refuse(ret_fault, ERROR_BAD_PAYLOAD, (struct bytes){0}, "admin calls take named arguments only");
    return count < 2 ? OK : read_map(&reader, allowed, ret_args, ret_fault);
}
