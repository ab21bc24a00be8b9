/* command.c - see command.h. */
#include "tests/fuzz/command.h"

#include "tests/fuzz/templates.h"
#include "wire/reader.h"

#include <stdlib.h>
#include <string.h>

enum { EDITS_MAX = 4, NUMBERS_LARGE_BITS = 32, INSTANCES = 4 };

enum edit_kind {
    EDIT_FENCE,
    EDIT_SESSION,
    EDIT_SMALL,    /* a small number */
    EDIT_BOUNDARY, /* a number at which something may turn over */
    EDIT_VALUE,    /* a value from another command */
    EDIT_VALUE_2,
    EDIT_VALUE_3,
    EDIT_PLAIN, /* nil, a bool, an empty container or text */
    EDIT_POOL,
    EDIT_TEXT,      /* so many characters */
    EDIT_DROP_PAIR, /* of the command's map */
    EDIT_ADD_PAIR,  /* to it, or give it one */
    EDIT_ADD_PAIR_2,
    EDIT_ADD_PAIR_3,
    EDIT_ADD_PAIR_4,
    EDIT_CUT, /* fields at the end */
    EDIT_KINDS,
};

struct edit {
    uint8_t at;
    enum edit_kind kind;
    uint8_t how;
};

/* A command that is being copied. */
struct copy {
    struct reader from;
    struct wire_buffer *to;
    const struct memory *memory;
    enum side side;
    uint8_t verb;
    uint32_t peer;
    uint8_t choice; /* of what is remembered */
    struct edit edits[EDITS_MAX];
    unsigned edit_count;
    uint32_t values; /* copied so far */
    uint32_t total;  /* values of the template */
};

static void copy_value(struct copy *copy, unsigned depth, unsigned field);

static bool
adds_pair(const struct edit *edit)
{
    return edit->kind >= EDIT_ADD_PAIR && edit->kind <= EDIT_ADD_PAIR_4;
}

static bool
replaces(const struct edit *edit)
{
    return edit->kind <= EDIT_TEXT;
}

static unsigned
count_edits(const struct copy *copy, enum edit_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < copy->edit_count; i++)
        count += copy->edits[i].kind == kind || (kind == EDIT_ADD_PAIR && adds_pair(&copy->edits[i]));
    return count;
}

/* --- values that are put in ----------------------------------------------------------------------------------------- */

static void
write_boundary(struct wire_buffer *to, uint8_t how)
{
    uint64_t power = UINT64_C(1) << how % 64;

    wire_write_uint(to, how / 64 == 0 ? power : how / 64 == 1 ? power - 1 : how / 64 == 2 ? power + 1 : UINT64_MAX - how);
}

static void
write_plain(struct wire_buffer *to, uint8_t how)
{
    static const uint8_t plain[] = {0xc0, 0xc2, 0xc3, 0x80, 0x90, 0xa0, 0xff, 0x00};
    static const uint8_t empty_bin[] = {0xc4, 0};

    if (how % 9 == 8)
        wire_write_raw(to, (struct bytes){empty_bin, sizeof empty_bin});
    else
        wire_write_raw(to, (struct bytes){&plain[how % 9], 1});
}

static void
write_text(struct wire_buffer *to, uint8_t how)
{
    uint8_t text[1024];

    memset(text, 'a' + how % 4, sizeof text);
    wire_write_str(to, (struct bytes){text, how < 128 ? how : 4u * how});
}

static void
write_edit(struct copy *copy, const struct edit *edit)
{
    static const char *const pools[] = {"text", "numbers", "p0", "nobody's", ADMIN_POOL, ""};

    switch (edit->kind) {
    case EDIT_FENCE:
        wire_write_uint(copy->to, memory_fence(copy->memory, copy->peer, edit->how));
        return;
    case EDIT_SESSION:
        wire_write_uint(copy->to, memory_session(copy->memory, edit->how));
        return;
    case EDIT_SMALL:
        wire_write_uint(copy->to, edit->how);
        return;
    case EDIT_BOUNDARY:
        write_boundary(copy->to, edit->how);
        return;
    case EDIT_PLAIN:
        write_plain(copy->to, edit->how);
        return;
    case EDIT_POOL:
        wire_write_text(copy->to, pools[edit->how % (sizeof pools / sizeof *pools)]);
        return;
    case EDIT_TEXT:
        write_text(copy->to, edit->how);
        return;
    default:
        wire_write_raw(copy->to, template_value((uint16_t)(edit->how + 256 * (edit->kind - EDIT_VALUE))));
    }
}

static void
add_pairs(struct copy *copy)
{
    for (unsigned i = 0; i < copy->edit_count; i++)
        if (adds_pair(&copy->edits[i]))
            wire_write_raw(copy->to, template_pair(copy->side, copy->verb, copy->edits[i].how));
}

/* --- values that are kept, or made to fit --------------------------------------------------------------------------- */

static bool
is_key(struct bytes text, const char *key)
{
    return text.size == strlen(key) && memcmp(text.data, key, text.size) == 0;
}

/* Large numbers are fences: in a list the newest ones in turn. Those of the largest kind are about limits. */
static void
copy_number(struct copy *copy, unsigned depth, unsigned field, uint64_t number)
{
    bool is_large = number >> NUMBERS_LARGE_BITS != 0 && number < UINT64_C(1) << 63;

    if (copy->side == SIDE_CLIENT && depth == 1 && field == 1)
        number = copy->choice % 16;
    else if (copy->side == SIDE_WORKER && is_large && depth == 1)
        number = memory_fence(copy->memory, copy->peer, copy->choice);
    else if (copy->side == SIDE_WORKER && is_large && depth > 2)
        number = memory_fence(copy->memory, copy->peer, (uint8_t)(copy->choice + field));
    wire_write_uint(copy->to, number);
}

/* A bin as long as an instance is one of few. */
static void
copy_plain(struct copy *copy)
{
    uint8_t instance[INSTANCE_BYTES];
    struct bytes bytes;

    if (reader_peek(&copy->from) == VALUE_BIN) {
        reader_bin(&copy->from, &bytes);
        if (bytes.size == INSTANCE_BYTES) {
            memset(instance, copy->choice % INSTANCES, sizeof instance);
            bytes.data = instance;
        }
        wire_write_bin(copy->to, bytes);
    } else if (reader_skip(&copy->from, 1, &bytes) == OK) {
        wire_write_raw(copy->to, bytes);
    } else {
        abort();
    }
}

static void
copy_pair(struct copy *copy, unsigned depth)
{
    struct reader ahead = copy->from;
    bool is_session = false;
    struct bytes key;

    if (copy->side == SIDE_WORKER && copy->verb == VERB_HELLO && reader_str(&ahead, &key) == OK)
        is_session = is_key(key, "session") || is_key(key, "replaces");
    copy_value(copy, depth + 1, 0);
    if (!is_session) {
        copy_value(copy, depth + 1, 1);
        return;
    }
    copy->values++;
    reader_skip(&copy->from, 1, NULL);
    wire_write_uint(copy->to, memory_session(copy->memory, copy->choice));
}

static void
copy_map(struct copy *copy, unsigned depth)
{
    bool is_main = depth == 1;
    uint32_t added = is_main ? count_edits(copy, EDIT_ADD_PAIR) : 0;
    uint32_t dropped = is_main ? count_edits(copy, EDIT_DROP_PAIR) : 0;
    uint32_t count;

    reader_map(&copy->from, &count);
    if (dropped > count)
        dropped = count;
    wire_write_map(copy->to, count - dropped + added);
    for (; dropped > 0; dropped--, count--) {
        reader_skip(&copy->from, NESTING_MAX, NULL);
        reader_skip(&copy->from, NESTING_MAX, NULL);
    }
    while (count-- > 0)
        copy_pair(copy, depth);
    if (added > 0)
        add_pairs(copy);
}

static void
copy_array(struct copy *copy, unsigned depth)
{
    uint32_t count;

    reader_array(&copy->from, &count);
    wire_write_array(copy->to, count);
    for (uint32_t i = 0; i < count; i++)
        copy_value(copy, depth + 1, i);
}

/* Numbers count from 0 in the command, in the order of its bytes. */
static const struct edit *
find_edit(const struct copy *copy, uint32_t number)
{
    for (unsigned i = 0; i < copy->edit_count; i++)
        if (replaces(&copy->edits[i]) && copy->total > 0 && copy->edits[i].at % copy->total == number)
            return &copy->edits[i];
    return NULL;
}

static void
copy_value(struct copy *copy, unsigned depth, unsigned field)
{
    const struct edit *edit = find_edit(copy, copy->values++);
    uint64_t number;

    if (edit) {
        reader_skip(&copy->from, NESTING_MAX, NULL);
        write_edit(copy, edit);
        return;
    }
    switch (reader_peek(&copy->from)) {
    case VALUE_ARRAY:
        copy_array(copy, depth);
        return;
    case VALUE_MAP:
        copy_map(copy, depth);
        return;
    case VALUE_UINT:
        reader_uint(&copy->from, &number);
        copy_number(copy, depth, field, number);
        return;
    default:
        copy_plain(copy);
    }
}

/* The fields of the command one by one: some may be cut off, and a map may have to follow. */
static void
copy_command(struct copy *copy)
{
    uint32_t count, left, added = count_edits(copy, EDIT_ADD_PAIR), cut = count_edits(copy, EDIT_CUT);
    bool has_map = false;
    struct reader ahead;

    reader_array(&copy->from, &count);
    ahead = copy->from;
    for (uint32_t i = 0; i < count; i++) {
        has_map = has_map || reader_peek(&ahead) == VALUE_MAP;
        reader_skip(&ahead, NESTING_MAX, NULL);
    }
    left = count > cut + 1 ? count - cut : count;
    wire_write_array(copy->to, left + (added > 0 && !has_map));
    reader_skip(&copy->from, 1, NULL);
    wire_write_uint(copy->to, copy->verb);
    for (uint32_t i = 1; i < left; i++)
        copy_value(copy, 1, i);
    if (added > 0 && !has_map) {
        wire_write_map(copy->to, added);
        add_pairs(copy);
    }
}

static void
copy_template(struct copy *copy, const struct template *template)
{
    copy->values = 0;
    reader_init(&copy->from, (struct bytes){template->data, template->size});
    copy_command(copy);
}

void
command_append(struct wire_buffer *frame, struct input *input, enum side side, uint32_t peer, uint8_t verb,
               unsigned edits, const struct memory *memory)
{
    const struct template *template = template_find(side, verb, input_byte(input));
    struct copy copy = {.to = frame, .memory = memory, .side = side, .verb = verb, .peer = peer};
    size_t size = frame->size;

    copy.choice = input_byte(input);
    for (; copy.edit_count < edits && copy.edit_count < EDITS_MAX; copy.edit_count++) {
        struct edit *edit = &copy.edits[copy.edit_count];

        edit->at = input_byte(input);
        edit->kind = (enum edit_kind)(input_byte(input) % EDIT_KINDS);
        edit->how = input_byte(input);
    }
    if (!template)
        return;
    copy_template(&copy, template); /* to count its values */
    copy.total = copy.values > 0 ? copy.values : 1;
    frame->size = size;
    copy_template(&copy, template);
}
