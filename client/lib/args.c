/* args.c - builds the arguments of a call in MessagePack. See snakepit.h. */
#include "client/include/snakepit.h"
#include "wire/writer.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define HEAD_BYTES 5 /* an array or map with a count of 32 bits */

/* An array or map that was begun. How many values it has is known at its end, so its head is written last. */
struct level {
    size_t head_at;
    uint32_t values;
    bool is_map;
};

struct snakepit_args {
    struct wire_buffer positional;
    struct wire_buffer named;
    struct wire_buffer whole;
    uint32_t positional_count;
    uint32_t named_count;
    bool is_naming;  /* values go to `named`; so far the name was given */
    int depth;
    struct level levels[DEPTH_MAX];
    int status;      /* the first thing that went wrong */
};

struct snakepit_args *
snakepit_args_new(void)
{
    struct snakepit_args *args = calloc(1, sizeof *args);

    if (!args)
        return NULL;
    wire_buffer_init(&args->positional, true);
    wire_buffer_init(&args->named, true);
    wire_buffer_init(&args->whole, true);
    return args;
}

void
snakepit_args_destroy(struct snakepit_args **args_p)
{
    struct snakepit_args *args = *args_p;

    if (!args)
        return;
    *args_p = NULL;
    wire_buffer_fini(&args->positional);
    wire_buffer_fini(&args->named);
    wire_buffer_fini(&args->whole);
    free(args);
}

static void
empty(struct wire_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

void
snakepit_args_reset(struct snakepit_args *args)
{
    empty(&args->positional);
    empty(&args->named);
    empty(&args->whole);
    args->positional_count = args->named_count = 0;
    args->is_naming = false;
    args->depth = 0;
    args->status = SNAKEPIT_OK;
}

/* Where the next value goes; NULL: nowhere any more. Its buffer is not full of failures yet. */
static struct wire_buffer *
target(struct snakepit_args *args)
{
    if (args->status)
        return NULL;
    return args->is_naming ? &args->named : &args->positional;
}

/* A whole value was written, or a container was begun. */
static int
count_value(struct snakepit_args *args, bool is_begun)
{
    struct wire_buffer *buffer = target(args);

    if (!buffer)
        return args->status;
    if (buffer->failed)
        return args->status = SNAKEPIT_MEMORY;
    if (args->depth > 0) {
        args->levels[args->depth - 1].values++;
        return SNAKEPIT_OK;
    }
    if (args->is_naming)
        args->named_count++;
    else
        args->positional_count++;
    args->is_naming = args->is_naming && is_begun;
    return SNAKEPIT_OK;
}

int
snakepit_args_nil(struct snakepit_args *args)
{
    if (target(args))
        wire_write_nil(target(args));
    return count_value(args, false);
}

int
snakepit_args_bool(struct snakepit_args *args, bool value)
{
    if (target(args))
        wire_write_bool(target(args), value);
    return count_value(args, false);
}

int
snakepit_args_int(struct snakepit_args *args, int64_t value)
{
    if (target(args))
        wire_write_int(target(args), value);
    return count_value(args, false);
}

int
snakepit_args_uint(struct snakepit_args *args, uint64_t value)
{
    if (target(args))
        wire_write_uint(target(args), value);
    return count_value(args, false);
}

int
snakepit_args_double(struct snakepit_args *args, double value)
{
    if (target(args))
        wire_write_float(target(args), value);
    return count_value(args, false);
}

int
snakepit_args_str(struct snakepit_args *args, const char *text)
{
    return snakepit_args_strn(args, text, text ? strlen(text) : 0);
}

int
snakepit_args_strn(struct snakepit_args *args, const char *text, size_t size)
{
    if (target(args) && (size > UINT32_MAX || (size && !text)))
        args->status = SNAKEPIT_INVALID;
    if (target(args))
        wire_write_str(target(args), (struct bytes){(const uint8_t *)text, (uint32_t)size});
    return count_value(args, false);
}

int
snakepit_args_bin(struct snakepit_args *args, const void *data, size_t size)
{
    if (target(args) && (size > UINT32_MAX || (size && !data)))
        args->status = SNAKEPIT_INVALID;
    if (target(args))
        wire_write_bin(target(args), (struct bytes){data, (uint32_t)size});
    return count_value(args, false);
}

int
snakepit_args_encoded(struct snakepit_args *args, const void *data, size_t size)
{
    struct snakepit_value value;

    if (args->status)
        return args->status;
    /* Anything but one whole value would spoil what stands around it. */
    if (snakepit_value_parse(data, size, &value) != SNAKEPIT_OK || value.encoded.size != size)
        return args->status = SNAKEPIT_INVALID;
    wire_write_raw(target(args), (struct bytes){data, (uint32_t)size});
    return count_value(args, false);
}

static int
begin(struct snakepit_args *args, bool is_map)
{
    static const uint8_t blank[HEAD_BYTES];
    struct wire_buffer *buffer = target(args);
    size_t head_at = buffer ? buffer->size : 0;
    int status;

    if (!buffer)
        return args->status;
    if (args->depth == DEPTH_MAX)
        return args->status = SNAKEPIT_FULL;
    wire_write_raw(buffer, (struct bytes){blank, HEAD_BYTES});
    status = count_value(args, true);
    if (status)
        return status;
    args->levels[args->depth++] = (struct level){.head_at = head_at, .is_map = is_map};
    return SNAKEPIT_OK;
}

int
snakepit_args_begin_array(struct snakepit_args *args)
{
    return begin(args, false);
}

int
snakepit_args_begin_map(struct snakepit_args *args)
{
    return begin(args, true);
}

int
snakepit_args_end(struct snakepit_args *args)
{
    struct wire_buffer *buffer = target(args);
    struct level *level;
    uint32_t count;

    if (!buffer)
        return args->status;
    if (args->depth == 0)
        return args->status = SNAKEPIT_INVALID;
    level = &args->levels[args->depth - 1];
    if (level->is_map && level->values % 2 != 0)
        return args->status = SNAKEPIT_INVALID;
    count = level->is_map ? level->values / 2 : level->values;
    buffer->data[level->head_at] = level->is_map ? 0xdf : 0xdd;
    for (int i = 0; i < 4; i++)
        buffer->data[level->head_at + 1 + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
    if (--args->depth == 0)
        args->is_naming = false;
    return SNAKEPIT_OK;
}

int
snakepit_args_name(struct snakepit_args *args, const char *name)
{
    if (args->status)
        return args->status;
    if (!name || args->is_naming || args->depth > 0)
        return args->status = SNAKEPIT_INVALID;
    args->is_naming = true;
    wire_write_text(&args->named, name);
    return args->named.failed ? args->status = SNAKEPIT_MEMORY : SNAKEPIT_OK;
}

int
snakepit_args_finish(struct snakepit_args *args, struct snakepit_bytes *ret_bytes)
{
    struct wire_buffer *whole = &args->whole;

    if (args->status)
        return args->status;
    if (args->depth > 0 || args->is_naming)
        return args->status = SNAKEPIT_INVALID;
    if (args->positional.size > UINT32_MAX || args->named.size > UINT32_MAX)
        return args->status = SNAKEPIT_FULL;
    empty(whole);
    wire_write_array(whole, args->named_count ? 2 : 1);
    wire_write_array(whole, args->positional_count);
    wire_write_raw(whole, (struct bytes){args->positional.data, (uint32_t)args->positional.size});
    if (args->named_count) {
        wire_write_map(whole, args->named_count);
        wire_write_raw(whole, (struct bytes){args->named.data, (uint32_t)args->named.size});
    }
    if (whole->failed)
        return args->status = SNAKEPIT_MEMORY;
    *ret_bytes = (struct snakepit_bytes){whole->data, whole->size};
    return SNAKEPIT_OK;
}
