/* test_array_value.c - numeric arrays as lists, and markers that are none. */
#include "client/cli/json_text.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* {"$type": "array", "dtype": D, "shape": S, "data": bytes}, D of three letters, S encoded. */
#define MARKER(dtype, shape, data) \
    "\x84\xa5$type\xa5" "array\xa5" "dtype\xa3" dtype "\xa5shape" shape "\xa4" "data" data
#define SHOWN(text) shown(text, sizeof text - 1, NULL)

/* Valid until the next call. */
static const char *
shown(const char *encoded, size_t size, const char *frame)
{
    struct bytes one = {(const uint8_t *)frame, frame ? (uint32_t)strlen(frame) : 0};
    static char text[512];
    struct wire_buffer out;

    wire_buffer_init(&out, false);
    cr_assert_eq(json_text_framed(&out, (struct bytes){(const uint8_t *)encoded, (uint32_t)size},
                                  &(struct value_frames){&one, frame ? 1 : 0}), OK);
    snprintf(text, sizeof text, "%.*s", (int)out.size, (const char *)out.data);
    wire_buffer_fini(&out);
    return text;
}

Test(array_value, arrays_are_lists_in_lists)
{
    cr_assert_str_eq(SHOWN(MARKER("|u1", "\x92\x02\x03", "\xc4\x06\x01\x02\x03\x04\x05\xff")), "[[1, 2, 3], [4, 5, 255]]");
    cr_assert_str_eq(SHOWN(MARKER("<i2", "\x91\x02", "\xc4\x04\xff\xff\x00\x01")), "[-1, 256]");
    cr_assert_str_eq(SHOWN(MARKER("<i8", "\x91\x01", "\xc4\x08\0\0\0\0\0\0\0\x80")), "[-9223372036854775808]");
    cr_assert_str_eq(SHOWN(MARKER("<f8", "\x91\x01", "\xc4\x08\0\0\0\0\0\0\xf8\x3f")), "[1.5]");
    cr_assert_str_eq(SHOWN(MARKER("<f4", "\x90", "\xc4\x04\0\0\0\x3f")), "0.5");
    cr_assert_str_eq(SHOWN(MARKER("|b1", "\x91\x02", "\xc4\x02\x01\x00")), "[true, false]");
    cr_assert_str_eq(SHOWN(MARKER("<f8", "\x91\x00", "\xc4\x00")), "[]");
}

Test(array_value, the_data_may_be_a_frame_and_the_array_anywhere)
{
    static const char inside[] = "\x91" MARKER("|u1", "\x91\x03", "\x01");

    cr_assert_str_eq(shown(inside, sizeof inside - 1, "abc"), "[[97, 98, 99]]");
}

Test(array_value, what_is_no_array_that_can_be_shown_stays_a_map)
{
    cr_assert_not_null(strstr(SHOWN(MARKER("<M8", "\x91\x00", "\xc4\x00")), "\"<M8\""));
    cr_assert_not_null(strstr(SHOWN(MARKER(">i2", "\x91\x01", "\xc4\x02\x01\x01")), "\">i2\""));
    cr_assert_not_null(strstr(SHOWN(MARKER("<i2", "\x91\x02", "\xc4\x02\x01\x01")), "$type"));
    cr_assert_not_null(strstr(SHOWN(MARKER("<i2", "\x91\x01", "\x01")), "$type"));
    cr_assert_not_null(strstr(SHOWN(MARKER("<i2", "\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x00", "\xc4\x00")), "$type"));
    cr_assert_not_null(strstr(SHOWN(MARKER("<i2", "\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\xc4\x02\x01\x01")),
                              "$type"));
    cr_assert_str_eq(SHOWN("\x81\xa5$type\xa5" "array"), "{\"$map\": [[\"$type\", \"array\"]]}");
}
