/* test_arguments.c - tests of client/cli/arguments.c. */
#include "client/cli/arguments.h"
#include "client/cli/json_text.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

static void
assert_encoded(struct arguments *arguments, const char *want)
{
    struct json_fault fault;
    struct wire_buffer encoded, text;

    wire_buffer_init(&encoded, false);
    wire_buffer_init(&text, false);
    cr_assert_eq(arguments_encode(arguments, &encoded, &fault), OK);
    cr_assert_eq(json_text_value(&text, (struct bytes){encoded.data, (uint32_t)encoded.size}), OK);
    wire_write_raw(&text, (struct bytes){(const uint8_t *)"", 1});
    cr_assert_str_eq((const char *)text.data, want);
    wire_buffer_fini(&encoded);
    wire_buffer_fini(&text);
}

static void
assert_line(const char *line, const char *want)
{
    struct arguments arguments;
    struct json_fault fault;

    arguments_init(&arguments);
    cr_assert_eq(arguments_read_line(&arguments, line, strlen(line), &fault), OK, "%s: %s", line, fault.text);
    assert_encoded(&arguments, want);
    arguments_fini(&arguments);
}

Test(arguments, words_are_positional_and_named)
{
    struct arguments arguments;
    struct json_fault fault;

    arguments_init(&arguments);
    assert_encoded(&arguments, "[[], {}]");
    cr_assert_eq(arguments_add(&arguments, "1", &fault), OK);
    cr_assert_eq(arguments_add(&arguments, "\"a\"", &fault), OK);
    cr_assert_eq(arguments_add_named(&arguments, "x", "[2]", &fault), OK);
    assert_encoded(&arguments, "[[1, \"a\"], {\"x\": [2]}]");
    cr_assert_eq(arguments_add_named(&arguments, "x", "3", &fault), ERR_FULL);
    cr_assert_eq(arguments_add(&arguments, "a", &fault), ERR_INVALID);
    assert_encoded(&arguments, "[[1, \"a\"], {\"x\": [2]}]");
    arguments_fini(&arguments);
}

Test(arguments, an_array_line_is_positional)
{
    assert_line("[]", "[[], {}]");
    assert_line("[1, [2]]", "[[1, [2]], {}]");
}

Test(arguments, an_object_line_is_named)
{
    assert_line("{}", "[[], {}]");
    assert_line("{\"x\": 1, \"y\": [2]}", "[[], {\"x\": 1, \"y\": [2]}]");
}

Test(arguments, an_object_of_args_and_kwargs_holds_both)
{
    assert_line("{\"args\": [1]}", "[[1], {}]");
    assert_line("{\"kwargs\": {\"x\": 1}}", "[[], {\"x\": 1}]");
    assert_line("{\"args\": [1], \"kwargs\": {\"x\": 2}}", "[[1], {\"x\": 2}]");
}

Test(arguments, an_object_with_any_other_key_or_type_is_named)
{
    assert_line("{\"args\": [1], \"x\": 2}", "[[], {\"args\": [1], \"x\": 2}]");
    assert_line("{\"args\": 1}", "[[], {\"args\": 1}]");
}

Test(arguments, anything_else_is_the_one_positional_argument)
{
    assert_line("17", "[[17], {}]");
    assert_line("\"text\"", "[[\"text\"], {}]");
    assert_line("null", "[[null], {}]");
    assert_line("{\"$bytes\": \"AQ==\"}", "[[{\"$bytes\": \"AQ==\"}], {}]");
    assert_line("18446744073709551615", "[[18446744073709551615], {}]");
}

Test(arguments, a_wrong_line_changes_nothing)
{
    struct arguments arguments;
    struct json_fault fault;

    arguments_init(&arguments);
    cr_assert_eq(arguments_add(&arguments, "1", &fault), OK);
    cr_assert_eq(arguments_read_line(&arguments, "[1", 2, &fault), ERR_INVALID);
    assert_encoded(&arguments, "[[1], {}]");
    arguments_fini(&arguments);
}
