/* test_json_text.c - tests of client/cli/json_text.c with what JSON can never have made. */
#include "client/cli/json_text.h"
#include "client/cli/json_value.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

static void
assert_text(const char *encoded, size_t size, const char *want)
{
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    cr_assert_eq(json_text_value(&out, (struct bytes){(const uint8_t *)encoded, (uint32_t)size}), OK, "%s", want);
    wire_write_raw(&out, (struct bytes){(const uint8_t *)"", 1});
    cr_assert_str_eq((const char *)out.data, want);
    wire_buffer_fini(&out);
}

#define ASSERT_TEXT(encoded, want) assert_text(encoded, sizeof encoded - 1, want)

Test(json_text, every_width_of_an_extension_is_read)
{
    ASSERT_TEXT("\xd4\x05\x01", "{\"$ext\": [5, \"AQ==\"]}");
    ASSERT_TEXT("\xd5\xff\x01\x02", "{\"$ext\": [-1, \"AQI=\"]}");
    ASSERT_TEXT("\xd6\x05\x01\x02\x03\x04", "{\"$ext\": [5, \"AQIDBA==\"]}");
    ASSERT_TEXT("\xc7\x01\x05\x01", "{\"$ext\": [5, \"AQ==\"]}");
    ASSERT_TEXT("\xc7\x00\x05", "{\"$ext\": [5, \"\"]}");
    ASSERT_TEXT("\xc8\0\x01\x05\x01", "{\"$ext\": [5, \"AQ==\"]}");
    ASSERT_TEXT("\xc9\0\0\0\x01\x05\x01", "{\"$ext\": [5, \"AQ==\"]}");
}

Test(json_text, a_map_with_one_key_that_is_no_string_is_a_list_of_pairs)
{
    ASSERT_TEXT("\x82\xa1" "a\x01\x02\x03", "{\"$map\": [[\"a\", 1], [2, 3]]}");
    ASSERT_TEXT("\x81\xa1\xff\x01", "{\"$map\": [[{\"$str\": \"/w==\"}, 1]]}");
}

Test(json_text, single_precision_is_printed_as_the_number_that_it_is)
{
    ASSERT_TEXT("\xca\x3f\x80\0\0", "1.0");
    ASSERT_TEXT("\xca\x7f\xc0\0\0", "{\"$float\": \"nan\"}");
}

static void
assert_refused(const char *encoded, size_t size)
{
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    json_text_raw(&out, "before");
    cr_assert_eq(json_text_value(&out, (struct bytes){(const uint8_t *)encoded, (uint32_t)size}), ERR_INVALID);
    cr_assert_eq(out.size, strlen("before"), "the buffer is as it was");
    wire_buffer_fini(&out);
}

Test(json_text, what_is_not_one_value_is_refused)
{
    assert_refused("", 0);
    assert_refused("\xc1", 1);
    assert_refused("\x01\x02", 2);
    assert_refused("\x92\x01", 2);
    assert_refused("\xdd\xff\xff\xff\xff", 5);
    assert_refused("\xdb\xff\xff\xff\xff" "abc", 8);
    assert_refused("\xd8\x01\x02", 3);
}

Test(json_text, what_is_too_deep_is_refused)
{
    char deep[JSON_DEPTH_MAX + 10];

    memset(deep, '\x91', sizeof deep);
    deep[sizeof deep - 1] = '\xc0';
    assert_refused(deep, sizeof deep);
}

Test(json_text, a_string_from_the_outside_is_quoted_and_repaired)
{
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    json_text_string(&out, "a\"b\\c\n\xff\033");
    wire_write_raw(&out, (struct bytes){(const uint8_t *)"", 1});
    cr_assert_str_eq((const char *)out.data, "\"a\\\"b\\\\c\\n\xef\xbf\xbd\\u001b\"");
    wire_buffer_fini(&out);
}
