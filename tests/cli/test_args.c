/* test_args.c - tests of client/cli/args.c. */
#include "client/cli/args.h"

#include <criterion/criterion.h>
#include <string.h>

enum { KEY_KW = 256 };

static const struct option_spec options[] = {
    {'c', "count", "N", "how many"}, {KEY_KW, "kw", "NAME=JSON", "named"}, {'q', "quiet", NULL, "say less"}, {0}};
static const struct option_spec more[] = {{'o', "output", "FORMAT", "table or json"}, {0}};

static struct args
make_args(int count, const char **words)
{
    struct args args;

    args_init(&args, count, (char **)words);
    return args;
}

#define ARGS(...)                                                                                                      \
    make_args((int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void
assert_next(struct args *args, int want_key, const char *want_value)
{
    const char *value;
    int key = args_next(args, options, more, &value);

    cr_assert_eq(key, want_key, "%d instead of %d: %s", key, want_key, args->error);
    if (want_value)
        cr_assert_str_eq(value, want_value);
    else
        cr_assert_null(value);
}

Test(args, every_way_to_write_a_value_is_understood)
{
    struct args args = ARGS("-c", "1", "-c2", "--count", "3", "--count=4", "--kw=a=1", "-o", "json", "-q");

    assert_next(&args, 'c', "1");
    assert_next(&args, 'c', "2");
    assert_next(&args, 'c', "3");
    assert_next(&args, 'c', "4");
    assert_next(&args, KEY_KW, "a=1");
    assert_next(&args, 'o', "json");
    assert_next(&args, 'q', NULL);
    assert_next(&args, ARG_END, NULL);
}

Test(args, negative_numbers_and_a_dash_are_words)
{
    struct args args = ARGS("-1", "-0.5", "-", "x");

    assert_next(&args, ARG_POSITIONAL, "-1");
    assert_next(&args, ARG_POSITIONAL, "-0.5");
    assert_next(&args, ARG_POSITIONAL, "-");
    assert_next(&args, ARG_POSITIONAL, "x");
}

Test(args, after_two_dashes_nothing_is_an_option)
{
    struct args args = ARGS("--", "-q", "--count", "--");

    assert_next(&args, ARG_POSITIONAL, "-q");
    assert_next(&args, ARG_POSITIONAL, "--count");
    assert_next(&args, ARG_POSITIONAL, "--");
    assert_next(&args, ARG_END, NULL);
}

static void
assert_wrong(struct args args, const char *want)
{
    const char *value;

    cr_assert_eq(args_next(&args, options, more, &value), ARG_WRONG);
    cr_assert_str_eq(args.error, want);
}

Test(args, what_is_wrong_is_said_and_a_near_name_is_suggested)
{
    assert_wrong(ARGS("--cuont", "1"), "unknown option --cuont; did you mean --count?");
    assert_wrong(ARGS("--out=json"), "unknown option --out; did you mean --output?");
    assert_wrong(ARGS("--frobnicate"), "unknown option --frobnicate");
    assert_wrong(ARGS("-z"), "unknown option -z");
    assert_wrong(ARGS("--count"), "--count needs a value: N");
    assert_wrong(ARGS("-c"), "--count needs a value: N");
    assert_wrong(ARGS("--quiet=1"), "--quiet takes no value");
    assert_wrong(ARGS("-qq"), "--quiet takes no value");
}
