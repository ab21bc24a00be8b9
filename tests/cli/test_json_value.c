/* test_json_value.c - tests of client/cli/json_value.c, and that json_text.c is its inverse. */
#include "client/cli/json_text.h"
#include "client/cli/json_value.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* JSON to MessagePack; the caller frees the buffer. */
static int
encode(const char *text, struct wire_buffer *out, struct json_fault *fault)
{
    json_t *value;
    int status = json_value_parse(text, strlen(text), &value, fault);

    wire_buffer_init(out, false);
    if (status != OK)
        return status;
    status = json_value_encode(value, out, fault);
    json_decref(value);
    return status;
}

static void
assert_bytes(const char *text, const char *want, size_t want_bytes)
{
    struct json_fault fault;
    struct wire_buffer out;

    cr_assert_eq(encode(text, &out, &fault), OK, "%s: %s", text, fault.text);
    cr_assert_eq(out.size, want_bytes, "%s: %zu bytes", text, out.size);
    cr_assert(memcmp(out.data, want, want_bytes) == 0, "%s", text);
    wire_buffer_fini(&out);
}

#define ASSERT_BYTES(text, want) assert_bytes(text, want, sizeof want - 1)

/* What comes back is the canonical form of `text`. */
static void
assert_round_trip(const char *text, const char *want)
{
    struct json_fault fault;
    struct wire_buffer encoded, printed;

    cr_assert_eq(encode(text, &encoded, &fault), OK, "%s: %s", text, fault.text);
    wire_buffer_init(&printed, false);
    cr_assert_eq(json_text_value(&printed, (struct bytes){encoded.data, (uint32_t)encoded.size}), OK, "%s", text);
    wire_write_raw(&printed, (struct bytes){(const uint8_t *)"", 1});
    cr_assert_str_eq((const char *)printed.data, want);
    wire_buffer_fini(&encoded);
    wire_buffer_fini(&printed);
}

Test(json_value, simple_values_are_encoded_as_themselves)
{
    ASSERT_BYTES("null", "\xc0");
    ASSERT_BYTES("true", "\xc3");
    ASSERT_BYTES("false", "\xc2");
    ASSERT_BYTES("7", "\x07");
    ASSERT_BYTES("-1", "\xff");
    ASSERT_BYTES("1.5", "\xcb\x3f\xf8\0\0\0\0\0\0");
    ASSERT_BYTES("1.0", "\xcb\x3f\xf0\0\0\0\0\0\0");
    ASSERT_BYTES("\"hi\"", "\xa2hi");
    ASSERT_BYTES(" [1, [2]] ", "\x92\x01\x91\x02");
    ASSERT_BYTES("{\"a\": {}}", "\x81\xa1" "a\x80");
}

Test(json_value, integers_go_to_the_ends_of_sixty_four_bits)
{
    ASSERT_BYTES("9223372036854775807", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_BYTES("9223372036854775808", "\xcf\x80\0\0\0\0\0\0\0");
    ASSERT_BYTES("18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_BYTES("-9223372036854775808", "\xd3\x80\0\0\0\0\0\0\0");
    ASSERT_BYTES("{\"$int\": \"18446744073709551615\"}", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_BYTES("{\"$int\": \"-5\"}", "\xfb");
}

Test(json_value, an_integer_beyond_them_is_what_python_makes_an_int_of)
{
    ASSERT_BYTES("18446744073709551616", "\x82\xa5$type\xac" "builtins.int\xa5$repr\xb4" "18446744073709551616");
    ASSERT_BYTES("{\"$int\": \"-9223372036854775809\"}",
                 "\x82\xa5$type\xac" "builtins.int\xa5$repr\xb4-9223372036854775809");
}

Test(json_value, text_keeps_unicode_escapes_and_zero_bytes)
{
    ASSERT_BYTES("\"\\u00e9\\ud83d\\udc0d\"", "\xa6\xc3\xa9\xf0\x9f\x90\x8d");
    ASSERT_BYTES("\"a\\u0000b\"", "\xa3" "a\0b");
}

Test(json_value, typed_objects_are_what_they_stand_for)
{
    ASSERT_BYTES("{\"$bytes\": \"AP8=\"}", "\xc4\x02\x00\xff");
    ASSERT_BYTES("{\"$bytes\": \"\"}", "\xc4\x00");
    ASSERT_BYTES("{\"$str\": \"/w==\"}", "\xa1\xff");
    ASSERT_BYTES("{\"$float\": \"inf\"}", "\xcb\x7f\xf0\0\0\0\0\0\0");
    ASSERT_BYTES("{\"$float\": \"-inf\"}", "\xcb\xff\xf0\0\0\0\0\0\0");
    ASSERT_BYTES("{\"$ext\": [-1, \"AQ==\"]}", "\xc9\0\0\0\x01\xff\x01");
    ASSERT_BYTES("{\"$map\": [[1, \"a\"], [null, [2]]]}", "\x82\x01\xa1" "a\xc0\x91\x02");
    ASSERT_BYTES("{\"$map\": [[\"$bytes\", 1]]}", "\x81\xa6$bytes\x01");
}

Test(json_value, an_object_with_more_keys_is_not_typed)
{
    ASSERT_BYTES("{\"$bytes\": 1, \"a\": 2}", "\x82\xa6$bytes\x01\xa1" "a\x02");
}

Test(json_value, every_form_comes_back)
{
    const char *const same[] = {
        "null", "true", "false", "0", "-1", "18446744073709551615", "-9223372036854775808", "0.1", "1.0", "-2.5e-300",
        "1e+300", "\"\"", "\"Grüße 日本 🐍\"", "\"\\\"\\\\\\n\\t\\u0000\\u001b\"", "[]", "{}", "[1, [2, {\"a\": [null]}]]",
        "{\"b\": 1, \"a\": 2}", "{\"$bytes\": \"AP8=\"}",
        "[340282366920938463463374607431768211456, -9223372036854775809]",
        "{\"$type\": \"builtins.int\", \"$repr\": \"1; rm\"}", "{\"$type\": \"x\", \"$repr\": \"1\"}", "{\"$str\": \"/w==\"}", "{\"$float\": \"nan\"}",
        "{\"$float\": \"-inf\"}", "{\"$ext\": [5, \"AAECAw==\"]}", "{\"$map\": [[1, 2], [[3], {}]]}",
        "{\"$map\": [[\"$x\", 1]]}", "{\"$x\": 1, \"$y\": 2}"};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_round_trip(same[i], same[i]);
    assert_round_trip("{\"$int\": \"7\"}", "7");
    assert_round_trip("{\"$map\": [[\"a\", 1]]}", "{\"a\": 1}");
    assert_round_trip("1E2", "100.0");
    assert_round_trip("-0.0", "-0.0");
    assert_round_trip("\"\\u2028\\u202e\\u009b\"", "\"\\u2028\\u202e\\u009b\"");
}

static void
assert_fault(const char *text, size_t line, size_t column, const char *words)
{
    struct json_fault fault;
    struct wire_buffer out;

    cr_assert_eq(encode(text, &out, &fault), ERR_INVALID, "%s", text);
    cr_assert(fault.line == line && fault.column == column, "%s: %zu:%zu %s", text, fault.line, fault.column, fault.text);
    cr_assert(strstr(fault.text, words), "%s: %s", text, fault.text);
    wire_buffer_fini(&out);
}

Test(json_value, the_place_of_a_mistake_is_told)
{
    assert_fault("hello", 1, 1, "invalid token");
    assert_fault("[1, 2", 1, 6, "expected");
    assert_fault("[1,2,]", 1, 6, "unexpected token");
    assert_fault("[1, nope]", 1, 5, "invalid token");
    assert_fault("{'a': 1}", 1, 2, "expected");
    assert_fault("{\"a\": 1, \"a\": 2}", 1, 10, "duplicate");
    assert_fault("1 2", 1, 3, "end of file expected");
    assert_fault("[\n  1,\n  x]", 3, 3, "invalid token");
    assert_fault("[\"äöü\", x]", 1, 9, "invalid token");
    assert_fault("NaN", 1, 1, "invalid token");
    assert_fault("1e999", 1, 1, "real number overflow");
    assert_fault("[18446744073709551615, x]", 1, 24, "invalid token");
}

Test(json_value, nothing_at_all_is_no_value)
{
    assert_fault("", 1, 1, "there is no value");
    assert_fault("  ", 1, 3, "there is no value");
}

Test(json_value, a_wrong_typed_object_says_what_it_should_be)
{
    assert_fault("{\"$bytes\": 5}", 0, 0, "base64");
    assert_fault("{\"$bytes\": \"A\"}", 0, 0, "base64");
    assert_fault("{\"$float\": \"big\"}", 0, 0, "\"nan\", \"inf\"");
    assert_fault("{\"$ext\": [200, \"\"]}", 0, 0, "-128 to 127");
    assert_fault("{\"$ext\": [1]}", 0, 0, "[type, base64]");
    assert_fault("{\"$map\": [[1]]}", 0, 0, "array of [key, value]");
    assert_fault("{\"$map\": {}}", 0, 0, "array of [key, value]");
    assert_fault("{\"$date\": 1}", 0, 0, "no typed object");
    assert_fault("{\"$int\": 5}", 0, 0, "whole number in quotes");
    assert_fault("{\"$int\": \"5.0\"}", 0, 0, "whole number in quotes");
    assert_fault("{\"$int\": \"007\"}", 0, 0, "whole number in quotes");
}

Test(json_value, a_fault_cannot_move_the_cursor)
{
    struct json_fault fault;
    struct wire_buffer out;

    cr_assert_eq(encode("\033[2J", &out, &fault), ERR_INVALID);
    cr_assert_null(strchr(fault.text, '\033'), "%s", fault.text);
    wire_buffer_fini(&out);
}

Test(json_value, a_text_that_is_too_deep_is_refused_and_not_a_crash)
{
    size_t size = 100000;
    char *text = malloc(size + 1);
    struct json_fault fault;
    json_t *value;

    memset(text, '[', size);
    text[size] = '\0';
    cr_assert_eq(json_value_parse(text, size, &value, &fault), ERR_INVALID);
    free(text);
}

Test(json_value, four_hundred_levels_come_back)
{
    char text[6000] = "";

    for (int i = 0; i < 200; i++)
        strcat(text, "{\"a\": [");
    for (int i = 0; i < 200; i++)
        strcat(text, "]}");
    assert_round_trip(text, text);
}

Test(json_value, ten_thousand_large_numbers_take_no_noticeable_time, .timeout = 5)
{
    struct wire_buffer text, out;
    struct json_fault fault;

    wire_buffer_init(&text, false);
    json_text_raw(&text, "[0");
    for (int i = 0; i < 10000; i++)
        json_text_raw(&text, ",18446744073709551615");
    json_text_raw(&text, "]");
    wire_write_raw(&text, (struct bytes){(const uint8_t *)"", 1});
    cr_assert_eq(encode((const char *)text.data, &out, &fault), OK);
    cr_assert_eq(out.size, 3 + 1 + 10000 * 9);
    wire_buffer_fini(&text);
    wire_buffer_fini(&out);
}
