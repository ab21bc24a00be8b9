/* test_fields.c - records from maps, whatever the maps hold. */
#include "client/lib/fields.h"

#include <criterion/criterion.h>
#include <string.h>

struct inner {
    double share;
};

struct record {
    uint64_t count;
    bool is_on;
    const char *name;
    struct inner inner;
};

static const struct field inner_fields[] = {{"share", FIELD_REAL, offsetof(struct inner, share), NULL},
                                            {NULL, 0, 0, NULL}};
static const struct field record_fields[] = {
    {"count", FIELD_UINT, offsetof(struct record, count), NULL},
    {"is_on", FIELD_BOOL, offsetof(struct record, is_on), NULL},
    {"name", FIELD_TEXT, offsetof(struct record, name), NULL},
    {"inner", FIELD_MAP, offsetof(struct record, inner), inner_fields},
    {NULL, 0, 0, NULL},
};

static char texts[64];

/* Fill a record from a string literal of MessagePack. */
#define FILL(record, bytes) fill(record, bytes, sizeof bytes - 1)

static void
fill(struct record *record, const char *bytes, size_t size)
{
    struct snakepit_value map;
    char *text_at = texts;

    cr_assert_eq(snakepit_value_parse(bytes, size, &map), SNAKEPIT_OK);
    fields_fill(record_fields, &map, record, &text_at);
    cr_assert_leq((size_t)(text_at - texts), size);
}

Test(fields, are_filled_by_their_keys_and_inner_records_by_theirs)
{
    struct record record = {0};

    FILL(&record, "\x85\xa4name\xa3pit\xa5" "count\x07\xa5is_on\xc3\xa5inner\x81\xa5share\x02\xa5other\x01");
    cr_assert_eq(record.count, 7);
    cr_assert(record.is_on);
    cr_assert_str_eq(record.name, "pit");
    cr_assert_eq(record.inner.share, 2);
}

Test(fields, of_another_kind_stay_as_they_are)
{
    struct record record = {.count = 5, .name = "before", .inner = {.share = -1}};

    FILL(&record, "\x84\xa4name\x01\xa5" "count\xc0\xa5is_on\xa1x\xa5inner\x81\xa5share\xc0");
    cr_assert_eq(record.count, 5);
    cr_assert_not(record.is_on);
    cr_assert_str_eq(record.name, "before");
    cr_assert_eq(record.inner.share, -1);
    FILL(&record, "\x93\x01\x02\x03");
    cr_assert_eq(record.count, 5);
}

Test(fields, a_key_that_stands_twice_needs_no_more_room_than_the_map_has)
{
    struct record record = {0};

    FILL(&record, "\x82\xa4name\xa5" "first\xa4name\xa6second");
    cr_assert_str_eq(record.name, "second");
}
