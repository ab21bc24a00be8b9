/* test_config_print.c - what --print-config prints loads to the same configuration; differences are found. */
#include "broker/io/config_diff.h"
#include "broker/io/config_print.h"
#include "broker/io/config_schema.h"
#include "tests/io/config_file.h"

#include <string.h>

/* --- a random configuration ----------------------------------------------------------------------------------------- */

struct dice {
    uint64_t state;
};

static uint64_t
roll(struct dice *dice, uint64_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state % sides;
}

static char *
copy(const char *text)
{
    char *result = strdup(text);

    cr_assert_not_null(result);
    return result;
}

static int64_t
choose_number(const struct option *option, struct dice *dice)
{
    int64_t count = 0;

    if (option->type == OPTION_BOOL)
        return (int64_t)roll(dice, 2);
    if (option->type == OPTION_CHOICE) {
        while (option->choices[count] != NULL)
            count++;
        return (int64_t)roll(dice, (uint64_t)count);
    }
    if (option->zero != NULL && roll(dice, 3) == 0)
        return 0;
    if (option->type == OPTION_RATE) {
        struct rate rate = {1 + (uint32_t)roll(dice, RATE_COUNT_MAX), roll(dice, 2) == 0 ? 60 : 86400};
        memcpy(&count, &rate, sizeof rate);
        return (int64_t)count;
    }
    return option->min + (int64_t)roll(dice, (uint64_t)(option->max - option->min) + 1);
}

static void
set_number(const struct option *option, void *record, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    bool flag = value != 0;
    char *field = (char *)record + option->offset;

    if (option->size == sizeof value)
        memcpy(field, &value, sizeof value);
    else if (option->size == sizeof narrow)
        memcpy(field, &narrow, sizeof narrow);
    else
        memcpy(field, &flag, sizeof flag);
}

/* Values that a file could have had; texts are hostile where any text is allowed. */
static void
set_random(const struct option *option, void *record, struct dice *dice, unsigned number)
{
    char text[64];
    char **field = (char **)((char *)record + option->offset);

    switch (option->type) {
    case OPTION_NAME:
        snprintf(text, sizeof text, "pool-%u.A_z", number);
        break;
    case OPTION_APP:
        snprintf(text, sizeof text, "package.module_%u:app", number);
        break;
    case OPTION_TEXT:
        snprintf(text, sizeof text, "/usr/\"q\\uo\"te\ns%u\x01 # // /* é", number);
        break;
    case OPTION_ENDPOINT:
    case OPTION_ENDPOINT_OR_NONE:
        snprintf(text, sizeof text, roll(dice, 2) == 0 ? "tcp://127.0.0.1:%u" : "ipc:///tmp/snake pit/%u",
                 7000 + number);
        break;
    case OPTION_STRINGS:
        free((*(char ***)field)[0]);
        free(*(char ***)field);
        *(char ***)field = calloc(3, sizeof(char *));
        cr_assert_not_null(*(char ***)field);
        (*(char ***)field)[0] = copy("A=b \"c\" \\d");
        (*(char ***)field)[1] = roll(dice, 2) == 0 ? NULL : copy("_X1=");
        return;
    case OPTION_TYPES:
        free((*(char ***)field)[0]);
        free(*(char ***)field);
        *(char ***)field = calloc(3, sizeof(char *));
        cr_assert_not_null(*(char ***)field);
        (*(char ***)field)[0] = copy("builtins.OSError");
        (*(char ***)field)[1] = roll(dice, 2) == 0 ? NULL : copy("_Own_2");
        return;
    default:
        set_number(option, record, choose_number(option, dice));
        return;
    }
    free(*field);
    *field = copy(text);
}

/* Make combinations what the check allows. */
static void
settle(struct config *config)
{
    struct broker_settings *broker = &config->broker;

    broker->frame_bytes_max = config->send_bytes_max < broker->frame_bytes_max ? config->send_bytes_max
                                                                               : broker->frame_bytes_max;
    if (broker->control_bytes_max > broker->frame_bytes_max)
        broker->control_bytes_max = broker->frame_bytes_max;
    if (broker->inline_bytes_max > broker->control_bytes_max / 2)
        broker->inline_bytes_max = broker->control_bytes_max / 2;
    if (config->restart_delay_us > config->restart_delay_max_us)
        config->restart_delay_us = config->restart_delay_max_us;
    for (size_t i = 0; i < config->pool_count; i++) {
        struct pool_config *pool = &config->pools[i];
        if (pool->profile == PROFILE_PROCESS)
            pool->slots = 1;
        else
            pool->nursery = false;
        if (pool->core.workers_wanted == 0)
            pool->core.workers_wanted = 1;
    }
}

static struct config *
make_random(struct dice *dice)
{
    char text[256] = "pools = ( ";
    unsigned pools = 1 + (unsigned)roll(dice, 3);
    unsigned number = 0;

    for (unsigned i = 0; i < pools; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s{ name = \"p%u\"; }", i > 0 ? ", " : "", i);
    strcat(text, " );");
    struct config *config = load_good(text);
    for (const struct option *option = config_options; option->name != NULL; option++)
        for (size_t i = 0; i < (strcmp(option->section, POOLS_SECTION) == 0 ? pools : 1); i++)
            set_random(option, strcmp(option->section, POOLS_SECTION) == 0 ? (void *)&config->pools[i] : config, dice,
                       option->type == OPTION_NAME ? (unsigned)i : number++);
    settle(config);
    return config;
}

static char *
print(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    cr_assert_not_null(stream);
    config_print(config, stream);
    fclose(stream);
    return text;
}

/* Print, load, compare. */
static void
assert_survives(const struct config *config)
{
    char *text = print(config);
    struct config *again = NULL;
    struct config_report report;
    char *problems = NULL;

    cr_assert_eq(load_text(text, &again, &problems), OK, "%s%s", problems, text);
    report_init(&report, "file");
    char *difference = config_diff(config, again, &report);
    cr_assert_null(difference, "%s\n%s", difference, text);
    report_fini(&report);
    free(problems);
    free(text);
    config_unload(&again);
}

Test(config_print, what_is_printed_loads_to_the_same_for_all_options)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct dice dice = {.state = seed * UINT64_C(0x9E3779B97F4A7C15)};
        struct config *config = make_random(&dice);
        assert_survives(config);
        config_unload(&config);
    }
}

Test(config_print, the_defaults_and_the_documented_file_survive)
{
    struct config *config = load_good(ONE_POOL);
    char path[1024];
    char *report = NULL;

    assert_survives(config);
    char *text = print(config);
    cr_expect_null(strstr(text, "# default"), "%s", text);
    free(text);
    config_unload(&config);
    snprintf(path, sizeof path, "%s/conf/snakepit.conf", getenv("SOURCE_ROOT"));
    cr_assert_eq(config_load(path, &config, &report), OK, "%s", report);
    assert_survives(config);
    config_unload(&config);
}

Test(config_print, what_is_printed_has_no_warnings)
{
    struct config *config = load_good("pools = ( { name = \"a\"; workers = 0; app = \"m:a\"; }, { name = \"b\"; }, "
                                      "{ name = \"c\"; workers = 1; app = \"m:a\"; profile = \"thread\"; "
                                      "threads_per_worker = 1; } );");
    char *text = print(config);
    struct config *again = load_good(text);

    free(text);
    config_unload(&again);
    config_unload(&config);
}

Test(config_print, what_is_not_the_default_says_what_would_be)
{
    struct config *config = load_good("log = { level = \"debug\"; };" ONE_POOL);
    char *text = print(config);

    cr_expect_not_null(strstr(text, "\n    level = \"debug\"; # default: \"info\"\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n    format = \"logfmt\";\n"), "%s", text);
    free(text);
    config_unload(&config);
}

/* --- differences ---------------------------------------------------------------------------------------------------- */

static void
assert_difference(const char *old_text, const char *new_text, const char *want, const char *want_problem)
{
    struct config *old = load_good(old_text);
    struct config *new = load_good(new_text);
    struct config_report report;

    report_init(&report, "file");
    char *difference = config_diff(old, new, &report);
    char *problems = report_text(&report);
    if (want == NULL)
        cr_expect_null(difference, "%s", difference);
    else
        cr_expect_str_eq(difference, want);
    if (want_problem == NULL)
        cr_expect_null(problems, "%s", problems);
    else
        cr_expect_str_eq(problems, want_problem);
    free(problems);
    free(difference);
    report_fini(&report);
    config_unload(&old);
    config_unload(&new);
}

Test(config_print, differences_name_options_and_pools_with_both_values)
{
    assert_difference(ONE_POOL, ONE_POOL, NULL, NULL);
    assert_difference(ONE_POOL, "limits = { tasks_max = 7; }; default_pool = \"work\";" ONE_POOL,
                      "default_pool = \"work\" (was nothing), limits.tasks_max = 7 (was 1000000)", NULL);
    assert_difference("pools = ( { name = \"a\"; }, { name = \"b\"; } );",
                      "pools = ( { name = \"c\"; }, { name = \"b\"; worker_ttl = \"1h\"; } );",
                      "pool \"c\" added, pools.b.worker_ttl = \"1h\" (was \"0s\"), pool \"a\" removed", NULL);
}

Test(config_print, what_needs_a_restart_is_a_problem_with_its_line)
{
    assert_difference(ONE_POOL, ONE_POOL "\nio_threads = 2;\nendpoints = {\n events = \"\"; };",
                      "io_threads = 2 (was 1), endpoints.events = \"\" (was \"tcp://127.0.0.1:5572\")",
                      "file:3: io_threads: 2 instead of 1 needs a restart of the broker\n"
                      "file:5: endpoints.events: \"\" instead of \"tcp://127.0.0.1:5572\" needs a restart of the broker\n");
    assert_difference(ONE_POOL "io_threads = 2;", ONE_POOL, "io_threads = 1 (was 2)",
                      "file: io_threads: 1 instead of 2 needs a restart of the broker\n");
}

Test(config_print, every_option_has_a_line_number_to_go_to)
{
    size_t count = 0;

    while (config_options[count].name != NULL)
        count++;
    cr_assert_leq(count, CONFIG_OPTIONS_MAX);
}
