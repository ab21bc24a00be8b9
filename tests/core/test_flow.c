/* test_flow.c - the names of flows, and their lanes. */
#include "broker/core/flow.h"

#include <criterion/criterion.h>
#include <string.h>

static struct flow_key
text_key(const char *text)
{
    return flow_key_of_text((struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)});
}

static bool
is_same(const struct flow_key *a, const struct flow_key *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

Test(flow, a_key_that_looks_like_a_session_is_another_flow)
{
    struct flow_key client = flow_key_of_client(UINT64_C(0x3837363534333231)), text = text_key("12345678");

    cr_assert_not(is_same(&client, &text));
}

Test(flow, keys_are_told_apart_by_every_byte)
{
    char longest[65] = {0}, other[65] = {0};
    struct flow_key a, b;

    memset(longest, 'x', 64);
    memset(other, 'x', 64);
    other[63] = 'y';
    a = text_key(longest);
    b = text_key(other);
    cr_assert_not(is_same(&a, &b));
    cr_assert_neq(flow_key_hash(&a, 1), flow_key_hash(&b, 1));
    cr_assert_neq(flow_key_hash(&a, 1), flow_key_hash(&a, 2));
    b = text_key(longest);
    cr_assert(is_same(&a, &b));
    cr_assert_eq(flow_key_hash(&a, 1), flow_key_hash(&b, 1));
}

Test(flow, a_lane_is_made_once_for_each_priority)
{
    struct flow_key key = text_key("a");
    struct flow *flow = flow_new(&key);
    struct lane *low = flow_open_lane(flow, 1), *high = flow_open_lane(flow, 9);

    cr_assert_neq(low, high);
    cr_assert_eq(flow_open_lane(flow, 1), low);
    cr_assert_eq(flow_lane(flow, 9), high);
    cr_assert_null(flow_lane(flow, 5));
    flow_close_lane(flow, low);
    cr_assert_null(flow_lane(flow, 1));
    flow_close_lane(flow, high);
    flow_destroy(&flow);
    cr_assert_null(flow);
}
