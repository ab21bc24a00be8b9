/* templates.c - see templates.h. */
#include "tests/fuzz/templates.h"

#include "wire/reader.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 512, VALUES_MAX = 2048 };

struct pair {
    enum side side;
    uint8_t verb;
    struct bytes bytes;
};

static struct pair pairs[PAIRS_MAX];
static size_t pair_count;
static struct bytes values[VALUES_MAX];
static size_t value_count;

const struct template *
template_find(enum side side, uint8_t verb, uint8_t place)
{
    const struct template *first = NULL;

    for (size_t i = 0; i < template_count; i++) {
        if (template_list[i].side != side || template_list[i].verb != verb)
            continue;
        if (template_list[i].place >= place)
            return &template_list[i];
        if (!first)
            first = &template_list[i];
    }
    return first;
}

/* --- what is in them ---------------------------------------------------------------------------------------------- */

static bool
are_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static void
add_value(struct bytes value)
{
    for (size_t i = 0; i < value_count; i++)
        if (are_equal(values[i], value))
            return;
    if (value_count < VALUES_MAX)
        values[value_count++] = value;
}

static void
add_pair(const struct template *template, struct bytes bytes)
{
    for (size_t i = 0; i < pair_count; i++)
        if (pairs[i].side == template->side && pairs[i].verb == template->verb && are_equal(pairs[i].bytes, bytes))
            return;
    if (pair_count < PAIRS_MAX)
        pairs[pair_count++] = (struct pair){template->side, template->verb, bytes};
}

static struct bytes
since(const struct reader *reader, uint32_t at)
{
    return (struct bytes){reader->data + at, reader->at - at};
}

static void
collect(const struct template *template, struct reader *reader, unsigned depth)
{
    uint32_t at = reader->at;
    uint32_t count;

    if (reader_array(reader, &count) == OK) {
        while (count-- > 0)
            collect(template, reader, depth + 1);
    } else if (reader_map(reader, &count) == OK) {
        while (count-- > 0) {
            uint32_t pair_at = reader->at;

            collect(template, reader, depth + 1);
            collect(template, reader, depth + 1);
            if (depth == 1)
                add_pair(template, since(reader, pair_at));
        }
    } else if (reader_skip(reader, 1, NULL) != OK) {
        abort();
    }
    if (depth > 0)
        add_value(since(reader, at));
}

static void
collect_all(void)
{
    for (size_t i = 0; i < template_count; i++) {
        struct reader reader;

        reader_init(&reader, (struct bytes){template_list[i].data, template_list[i].size});
        collect(&template_list[i], &reader, 0);
    }
}

struct bytes
template_pair(enum side side, uint8_t verb, uint8_t number)
{
    size_t fitting = 0;

    if (pair_count == 0)
        collect_all();
    for (size_t i = 0; i < pair_count; i++)
        fitting += pairs[i].side == side && pairs[i].verb == verb;
    for (size_t i = 0, left = fitting > 0 ? number % fitting : 0; i < pair_count; i++)
        if (pairs[i].side == side && pairs[i].verb == verb && left-- == 0)
            return pairs[i].bytes;
    return (struct bytes){0};
}

struct bytes
template_value(uint16_t number)
{
    if (value_count == 0)
        collect_all();
    return values[number % value_count];
}
