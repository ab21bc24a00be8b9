/* test_units.c - tests of client/cli/units.c. */
#include "client/cli/units.h"
#include "wire/err.h"

#include <criterion/criterion.h>

static char text[UNITS_TEXT_BYTES];

Test(units, bytes_below_one_kibibyte_are_exact)
{
    cr_assert_str_eq(units_format_bytes(text, 0), "0 B");
    cr_assert_str_eq(units_format_bytes(text, 1023), "1023 B");
}

Test(units, bytes_take_the_largest_unit_and_never_say_1024)
{
    cr_assert_str_eq(units_format_bytes(text, 1024), "1.0 KiB");
    cr_assert_str_eq(units_format_bytes(text, 1536), "1.5 KiB");
    cr_assert_str_eq(units_format_bytes(text, 1024 * 1024 - 1), "1.0 MiB");
    cr_assert_str_eq(units_format_bytes(text, 12 * 1024 * 1024), "12 MiB");
    cr_assert_str_eq(units_format_bytes(text, UINT64_MAX), "16 EiB");
}

Test(units, counts_have_a_comma_every_three_digits)
{
    cr_assert_str_eq(units_format_count(text, 0), "0");
    cr_assert_str_eq(units_format_count(text, 999), "999");
    cr_assert_str_eq(units_format_count(text, 1000), "1,000");
    cr_assert_str_eq(units_format_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

Test(units, durations_show_the_two_largest_units)
{
    cr_assert_str_eq(units_format_duration(text, 0), "0 s");
    cr_assert_str_eq(units_format_duration(text, -3), "0 s");
    cr_assert_str_eq(units_format_duration(text, 0.000043), "43 us");
    cr_assert_str_eq(units_format_duration(text, 0.00099999), "1.0 ms");
    cr_assert_str_eq(units_format_duration(text, 0.0028), "2.8 ms");
    cr_assert_str_eq(units_format_duration(text, 0.25), "250 ms");
    cr_assert_str_eq(units_format_duration(text, 0.9999), "1.0 s");
    cr_assert_str_eq(units_format_duration(text, 12.34), "12.3 s");
    cr_assert_str_eq(units_format_duration(text, 59.97), "1m 00s");
    cr_assert_str_eq(units_format_duration(text, 245), "4m 05s");
    cr_assert_str_eq(units_format_duration(text, 3 * 3600 + 20 * 60), "3h 20m");
    cr_assert_str_eq(units_format_duration(text, 12 * 86400 + 4 * 3600 + 59), "12d 04h");
}

Test(units, a_duration_that_is_not_a_number_is_zero)
{
    cr_assert_str_eq(units_format_duration(text, (double)__builtin_nanf("")), "0 s");
}

Test(units, rates_have_one_digit_after_the_point_below_one_hundred)
{
    cr_assert_str_eq(units_format_rate(text, 0), "0.0/s");
    cr_assert_str_eq(units_format_rate(text, 12.34), "12.3/s");
    cr_assert_str_eq(units_format_rate(text, 99.97), "100/s");
    cr_assert_str_eq(units_format_rate(text, 1234.4), "1,234/s");
}

static void
assert_duration(const char *given, int64_t want_us)
{
    int64_t us = -1;

    cr_assert_eq(units_parse_duration(given, &us), OK, "%s", given);
    cr_assert_eq(us, want_us, "%s is %lld us", given, (long long)us);
}

Test(units, a_duration_without_unit_is_in_seconds)
{
    assert_duration("0", 0);
    assert_duration("2", 2000000);
    assert_duration("2.5", 2500000);
    assert_duration(".5", 500000);
}

Test(units, a_duration_takes_units)
{
    assert_duration("250us", 250);
    assert_duration("250ms", 250000);
    assert_duration("3s", 3000000);
    assert_duration("2m", 120000000);
    assert_duration("1h", INT64_C(3600000000));
    assert_duration("3650d", INT64_C(315360000000000));
}

Test(units, what_is_no_duration_is_refused)
{
    const char *const wrong[] = {"", "-1", "+1", " 1", "1 s", "s", "inf", "nan", "0x10", "1y", "3651d", "1e400", "."};
    int64_t us = 7;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(units_parse_duration(wrong[i], &us), ERR_INVALID, "\"%s\"", wrong[i]);
    cr_assert_eq(us, 7, "nothing is written on failure");
}

Test(units, a_count_is_a_decimal_number_in_its_range)
{
    const char *const wrong[] = {"", "-1", "+1", "0", "11", "5x", "99999999999999999999", " 5", "0x5"};
    uint64_t count = 0;

    cr_assert_eq(units_parse_count("5", 1, 10, &count), OK);
    cr_assert_eq(count, 5);
    cr_assert_eq(units_parse_count("18446744073709551615", 0, UINT64_MAX, &count), OK);
    cr_assert_eq(count, UINT64_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(units_parse_count(wrong[i], 1, 10, &count), ERR_INVALID, "\"%s\"", wrong[i]);
}
