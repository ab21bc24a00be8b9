/* test_json_line.c - the text of events, read back by a JSON parser. */
#include "broker/io/json_line.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static struct wire_buffer line, value;

static void
set_up(void)
{
    wire_buffer_init(&line, false);
    wire_buffer_init(&value, false);
}

static void
tear_down(void)
{
    wire_buffer_fini(&line);
    wire_buffer_fini(&value);
}

TestSuite(json_line, .init = set_up, .fini = tear_down);

static struct bytes
encoded(void)
{
    return (struct bytes){value.data, (uint32_t)value.size};
}

static json_t *
parse(void)
{
    json_error_t error;
    json_t *object;

    json_line_end(&line);
    object = json_loadb((const char *)line.data, line.size, 0, &error);
    cr_assert_not_null(object, "%s: %.*s", error.text, (int)line.size, (const char *)line.data);
    return object;
}

Test(json_line, fields_are_read_back)
{
    json_t *object;

    json_line_begin(&line);
    json_line_text(&line, "a", "x");
    json_line_uint(&line, "b", 1234567890123456789u);
    json_line_seconds(&line, "c", 1500000);
    json_line_seconds(&line, "d", -3);
    object = parse();
    cr_assert_str_eq(json_string_value(json_object_get(object, "a")), "x");
    cr_assert_eq(json_integer_value(json_object_get(object, "b")), 1234567890123456789);
    cr_assert_float_eq(json_real_value(json_object_get(object, "c")), 1.5, 1e-9);
    cr_assert_float_eq(json_real_value(json_object_get(object, "d")), 0, 1e-9);
    json_decref(object);
}

Test(json_line, an_empty_object_and_a_second_line_in_the_same_buffer)
{
    json_line_begin(&line);
    json_decref(parse());
    json_line_begin(&line);
    json_decref(parse());
    cr_assert_eq(line.size, 2);
}

Test(json_line, what_a_terminal_would_obey_is_escaped_and_means_the_same)
{
    const char *text = "quote\" back\\ \033[31m tab\t \xe2\x80\xae \xf3\xa0\x80\x81 \xff end";
    json_t *object;

    json_line_begin(&line);
    json_line_text(&line, "a", text);
    object = parse();
    cr_assert_str_eq(json_string_value(json_object_get(object, "a")),
                     "quote\" back\\ \033[31m tab\t \xe2\x80\xae \xf3\xa0\x80\x81 \xef\xbf\xbd end");
    cr_assert_null(memchr(line.data, '\033', line.size));
    cr_assert_null(memchr(line.data, 0xae, line.size));
    json_decref(object);
}

Test(json_line, an_applications_fields_become_json)
{
    json_t *whole, *object;

    wire_write_map(&value, 6);
    wire_write_text(&value, "list");
    wire_write_array(&value, 3);
    wire_write_int(&value, -5);
    wire_write_bool(&value, true);
    wire_write_nil(&value);
    wire_write_text(&value, "map");
    wire_write_map(&value, 1);
    wire_write_text(&value, "k");
    wire_write_text(&value, "v");
    wire_write_text(&value, "nan");
    wire_write_float(&value, NAN);
    wire_write_text(&value, "bytes");
    wire_write_bin(&value, (struct bytes){(const uint8_t *)"\1", 1});
    wire_write_uint(&value, 7); /* no string: left out */
    wire_write_array(&value, 0);
    wire_write_text(&value, "x");
    wire_write_float(&value, 0.25);
    json_line_begin(&line);
    cr_assert_eq(json_line_map(&line, "f", encoded()), OK);
    whole = parse();
    object = json_object_get(whole, "f");
    cr_assert_eq(json_object_size(object), 5);
    cr_assert_eq(json_integer_value(json_array_get(json_object_get(object, "list"), 0)), -5);
    cr_assert(json_is_null(json_array_get(json_object_get(object, "list"), 2)));
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(object, "map"), "k")), "v");
    cr_assert(json_is_null(json_object_get(object, "nan")));
    cr_assert(json_is_null(json_object_get(object, "bytes")));
    cr_assert_float_eq(json_real_value(json_object_get(object, "x")), 0.25, 1e-12);
    json_decref(whole);
}

Test(json_line, what_is_no_map_is_refused_and_writes_nothing)
{
    json_line_begin(&line);
    wire_write_array(&value, 0);
    cr_assert_eq(json_line_map(&line, "f", encoded()), ERR_INVALID);
    value.size = 0;
    wire_write_map(&value, 1); /* cut short */
    wire_write_text(&value, "a");
    cr_assert_eq(json_line_map(&line, "f", encoded()), ERR_INVALID);
    value.size = 0;
    wire_write_map(&value, 1);
    wire_write_text(&value, "deep");
    for (int i = 0; i < 40; i++)
        wire_write_array(&value, 1);
    wire_write_nil(&value);
    cr_assert_eq(json_line_map(&line, "f", encoded()), ERR_INVALID);
    json_decref(parse());
    cr_assert_eq(line.size, 2);
}
