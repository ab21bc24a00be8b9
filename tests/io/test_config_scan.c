/* test_config_scan.c - tests of broker/io/config_scan.c. */
#include "broker/io/config_scan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
assert_scan(const char *given, const char *want)
{
    struct config_report report;

    report_init(&report, "f");
    char *text = config_text_scan(given, &report);
    cr_assert_str_eq(text, want);
    cr_assert_not(report_has_problems(&report));
    free(text);
    report_fini(&report);
}

static void
assert_fault(const char *given, const char *want)
{
    struct config_report report;

    report_init(&report, "f");
    free(config_text_scan(given, &report));
    char *text = report_text(&report);
    cr_assert_not_null(text, "no problem in: %s", given);
    cr_assert_not_null(strstr(text, want), "%s", text);
    free(text);
    report_fini(&report);
}

Test(config_scan, integers_that_need_more_than_32_bits_get_the_letter_that_libconfig_wants)
{
    assert_scan("a = 4294967297;", "a = 4294967297L;");
    assert_scan("a = 2147483648;", "a = 2147483648L;");
    assert_scan("a = -2147483649;", "a = -2147483649L;");
    assert_scan("a = 0xFFFFFFFF;", "a = 0xFFFFFFFFL;");
    assert_scan("a = [4294967297,5000000000]", "a = [4294967297L,5000000000L]");
}

Test(config_scan, other_numbers_stay_as_they_are)
{
    assert_scan("a = 2147483647; b = -2147483648; c = 0x7F;", "a = 2147483647; b = -2147483648; c = 0x7F;");
    assert_scan("a = 4294967297L; b = 4294967297LL;", "a = 4294967297L; b = 4294967297LL;");
    assert_scan("a = 4294967297.5; b = 5000000000e3; c = 1.5e-3;", "a = 4294967297.5; b = 5000000000e3; c = 1.5e-3;");
}

Test(config_scan, names_strings_and_comments_are_not_numbers)
{
    assert_scan("a4294967297 = 1; b-5000000000 = 2;", "a4294967297 = 1; b-5000000000 = 2;");
    assert_scan("a = \"4294967297 @include \\\" 5000000000\";", "a = \"4294967297 @include \\\" 5000000000\";");
    assert_scan("# @include 4294967297\n", "# @include 4294967297\n");
    assert_scan("// @include 4294967297\n", "// @include 4294967297\n");
    assert_scan("/* @include\n 4294967297 */ a = 1;", "/* @include\n 4294967297 */ a = 1;");
}

Test(config_scan, a_byte_order_mark_is_passed_over)
{
    assert_scan("\xEF\xBB\xBF"
                "a = 1;",
                "a = 1;");
}

Test(config_scan, what_libconfig_would_swallow_or_die_of_is_reported_with_its_line)
{
    assert_fault("a = 1;\n@include \"/tmp\"\n", "f:2: @include");
    assert_fault("a = 1;\n\n/* no end\n\n", "f:3: the comment");
    assert_fault("a = \"no end\n\n", "f:1: the string");
    assert_fault("a = 99999999999999999999;", "f:1: the number 99999999999999999999 is too large");
}

Test(config_scan, a_text_that_ends_anywhere_is_read_without_harm)
{
    static const char text[] = "a = \"x\\\"y\"; /* c */ // d\n# e\nb = -4294967297; @include \"x\"\n";

    for (size_t size = 0; size < sizeof(text); size++) {
        struct config_report report;
        char *part = strndup(text, size);
        report_init(&report, "f");
        free(config_text_scan(part, &report));
        report_fini(&report);
        free(part);
    }
}
