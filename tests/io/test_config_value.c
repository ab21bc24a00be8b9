/* test_config_value.c - tests of broker/io/config_value.c. */
#include "broker/io/config_value.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

Test(config_value, durations_take_every_unit)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"0s", 0}, {"7us", 7}, {"500ms", 500000}, {"30s", 30000000}, {"5m", 300000000}, {"2h", INT64_C(7200000000)},
        {"1d", INT64_C(86400000000)},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t us = -1;
        cr_expect_eq(duration_parse(cases[i].text, &us), OK, "%s", cases[i].text);
        cr_expect_eq(us, cases[i].us, "%s", cases[i].text);
    }
}

Test(config_value, what_is_no_duration_is_refused_and_changes_nothing)
{
    static const char *const cases[] = {"", "5", "s", "5 s", " 5s", "-5s", "+5s", "1.5s", "5S", "5sec", "5ss", "1e3s",
                                        "9223372036854775808us", "106751992d", "0x5s", "5s "};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t us = -1;
        cr_expect_eq(duration_parse(cases[i], &us), ERR_INVALID, "\"%s\"", cases[i]);
        cr_expect_eq(us, -1);
    }
}

Test(config_value, rates_have_a_period)
{
    static const struct {
        const char *text;
        uint32_t count, period_s;
    } cases[] = {{"100/s", 100, 1}, {"6000/m", 6000, 60}, {"5/h", 5, 3600}, {"1/d", 1, 86400}, {"0/m", 0, 0}};
    char text[UNIT_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t count = 77, period_s = 77;
        cr_expect_eq(rate_parse(cases[i].text, &count, &period_s), OK, "%s", cases[i].text);
        cr_expect_eq(count, cases[i].count, "%s", cases[i].text);
        cr_expect_eq(period_s, cases[i].period_s, "%s", cases[i].text);
        rate_format(count, period_s, text);
        cr_expect_str_eq(text, count > 0 ? cases[i].text : "0/s");
    }
}

Test(config_value, what_is_no_rate_is_refused_and_changes_nothing)
{
    static const char *const cases[] = {"", "100", "/s", "100/", "100s", "100 /s", "-1/s", "1.5/s", "100/S", "100/ms",
                                        "100/2s", "4294967296/s", "99999999999999999999/s"};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t count = 77, period_s = 77;
        cr_expect_eq(rate_parse(cases[i], &count, &period_s), ERR_INVALID, "\"%s\"", cases[i]);
        cr_expect(count == 77 && period_s == 77);
    }
}

Test(config_value, sizes_take_binary_units_only)
{
    int64_t bytes = -1;

    cr_expect_eq(size_parse("512B", &bytes), OK);
    cr_expect_eq(bytes, 512);
    cr_expect_eq(size_parse("64KiB", &bytes), OK);
    cr_expect_eq(bytes, 65536);
    cr_expect_eq(size_parse("2GiB", &bytes), OK);
    cr_expect_eq(bytes, INT64_C(2147483648));
    cr_expect_eq(size_parse("1TiB", &bytes), OK);
    cr_expect_eq(bytes, INT64_C(1099511627776));
    cr_expect_eq(size_parse("64KB", &bytes), ERR_INVALID);
    cr_expect_eq(size_parse("64kib", &bytes), ERR_INVALID);
    cr_expect_eq(size_parse("64", &bytes), ERR_INVALID);
    cr_expect_eq(size_parse("9999999999TiB", &bytes), ERR_INVALID);
}

Test(config_value, a_number_is_written_in_its_largest_exact_unit)
{
    char text[UNIT_TEXT_BYTES];

    duration_format(0, text);
    cr_expect_str_eq(text, "0s");
    duration_format(90000000, text);
    cr_expect_str_eq(text, "90s");
    duration_format(1500000, text);
    cr_expect_str_eq(text, "1500ms");
    duration_format(1, text);
    cr_expect_str_eq(text, "1us");
    size_format(0, text);
    cr_expect_str_eq(text, "0B");
    size_format(1536, text);
    cr_expect_str_eq(text, "1536B");
    size_format(INT64_C(3) << 30, text);
    cr_expect_str_eq(text, "3GiB");
}

Test(config_value, an_app_is_a_module_and_an_attribute)
{
    cr_expect(app_is_valid("tasks:app"));
    cr_expect(app_is_valid("my_pkg.tasks:app.inner"));
    cr_expect(app_is_valid("caf\xc3\xa9:app"));
    cr_expect_not(app_is_valid("tasks"));
    cr_expect_not(app_is_valid("tasks:"));
    cr_expect_not(app_is_valid(":app"));
    cr_expect_not(app_is_valid("9tasks:app"));
    cr_expect_not(app_is_valid("tasks:app()"));
    cr_expect_not(app_is_valid("a..b:app"));
    cr_expect_not(app_is_valid("a/b:app"));
    cr_expect_not(app_is_valid("tasks:app extra"));
}

Test(config_value, the_nearest_word_is_offered_only_when_it_is_near)
{
    static const char *const words[] = {"workers", "worker_grace", "max_attempts", "app"};

    cr_expect_str_eq(word_nearest("worker", words, 4), "workers");
    cr_expect_str_eq(word_nearest("Workers", words, 4), "workers");
    cr_expect_str_eq(word_nearest("max_attemps", words, 4), "max_attempts");
    cr_expect_str_eq(word_nearest("max-attempts", words, 4), "max_attempts");
    cr_expect_str_eq(word_nearest("ap", words, 4), "app");
    cr_expect_null(word_nearest("colour", words, 4));
    cr_expect_null(word_nearest("x", words, 4));
    cr_expect_null(word_nearest("an_extremely_long_name_that_nobody_could_have_meant_to_write_here", words, 4));
}
