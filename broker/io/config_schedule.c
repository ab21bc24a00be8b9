/* config_schedule.c - see config_schedule.h. */
#include "broker/io/config_schedule.h"

#include "broker/io/config_describe.h"
#include "broker/io/config_diff.h"
#include "broker/io/config_field.h"
#include "broker/io/config_option.h"
#include "broker/io/config_value.h"
#include "broker/io/json_check.h"
#include "wire/err.h"

#include <stdlib.h>
#include <string.h>

#define IN_SCHEDULE(field) offsetof(struct schedule_settings, field), sizeof(((struct schedule_settings *)NULL)->field)
#define MS INT64_C(1000)
#define YEARS (INT64_C(365) * 24 * 3600 * 1000000)

static const char *const overlap_words[] = {"skip", "queue", NULL};

const struct option schedule_options[] = {
    {SCHEDULES_SECTION, "name", OPTION_NAME, IN_SCHEDULE(name), NULL, 0, 0, NULL,
     .help = "What people call it. No two schedules may have the same."},
    {SCHEDULES_SECTION, "pool", OPTION_NAME, IN_SCHEDULE(pool), NULL, 0, 0, NULL,
     .help = "The pool that runs its tasks."},
    {SCHEDULES_SECTION, "function", OPTION_TEXT, IN_SCHEDULE(function), NULL, 0, 0, NULL,
     .help = "The function that they call."},
    {SCHEDULES_SECTION, "args", OPTION_TEXT, IN_SCHEDULE(args), "\"[]\"", 0, 0, NULL,
     .help = "Its positional arguments: a JSON array in a string."},
    {SCHEDULES_SECTION, "every", OPTION_DURATION, IN_SCHEDULE(every_us), NULL, MS, 10 * YEARS, NULL,
     .help = "The time from one run to the next. It is counted from one to the next and not by the clock on the wall: a "
             "time of day is the business of cron."},
    {SCHEDULES_SECTION, "delay", OPTION_DURATION, IN_SCHEDULE(delay_us), "\"0s\"", MS, 10 * YEARS, NULL,
     .zero = "as long as every",
     .help = "From the start of the broker, or the reload that brought it, to the first run."},
    {SCHEDULES_SECTION, "overlap", OPTION_CHOICE, IN_SCHEDULE(overlap), "\"skip\"", 0, 0, overlap_words,
     .help = "When a run is due and the former one has not ended. skip: there is none this time. queue: there are two."},
    {0},
};

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static const struct option *
find_option(const char *name)
{
    for (const struct option *option = schedule_options; option->name != NULL; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

static void
read_member(struct schedule_settings *schedule, const config_setting_t *member, const char *path,
            struct config_report *report)
{
    const struct option *option = find_option(config_setting_name(member));
    const char *words[sizeof schedule_options / sizeof *schedule_options];
    char path_of_option[CONFIG_PATH_BYTES];
    size_t count = 0;

    snprintf(path_of_option, sizeof path_of_option, "%s.%s", path, config_setting_name(member));
    if (option != NULL) {
        option_read(option, member, schedule, path_of_option, report);
        return;
    }
    for (; schedule_options[count].name != NULL; count++)
        words[count] = schedule_options[count].name;
    const char *nearest = word_nearest(config_setting_name(member), words, count);
    report_problem(report, config_setting_source_line(member), path_of_option, "unknown option; %s \"%s\"",
                   nearest == NULL ? "a schedule has name, pool, function, args, every, delay and" : "did you mean",
                   nearest == NULL ? "overlap" : nearest);
}

static void
check_required(const config_setting_t *group, const char *path, struct config_report *report)
{
    static const char *const required[] = {"name", "pool", "function", "every"};

    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (config_setting_get_member(group, required[i]) == NULL)
            report_problem(report, config_setting_source_line(group), path,
                           "has no %s; a schedule is { name = \"tick\"; pool = \"work\"; function = \"sweep\"; every = "
                           "\"1h\"; }",
                           required[i]);
}

static void
check(const struct config *config, const struct schedule_settings *schedule, const config_setting_t *group,
      const char *path, struct config_report *report)
{
    unsigned line = config_setting_source_line(group);

    check_required(group, path, report);
    if (schedule->name != NULL && config_find_schedule(config, schedule->name) != NULL)
        report_problem(report, line, path, "a schedule of this name stands further up in the file; names must differ");
    if (schedule->pool != NULL && config_find_pool(config, schedule->pool) == NULL)
        report_problem(report, line, path, "pool = \"%s\" is not the name of a pool in this file", schedule->pool);
    if (schedule->function != NULL && strlen(schedule->function) > FUNCTION_BYTES_MAX)
        report_problem(report, line, path, "function is longer than %d bytes", FUNCTION_BYTES_MAX);
    if (schedule->args != NULL && !json_is_array(schedule->args))
        report_problem(report, line, path, "args = \"%.40s\" is not a JSON array, such as \"[1, 2]\"", schedule->args);
    if (schedule->args != NULL && strlen(schedule->args) + 2 > config->broker.inline_bytes_max)
        report_problem(report, line, path, "args is longer than inline_max");
}

static void
read_schedule(struct config *config, const config_setting_t *group, unsigned index, struct config_report *report)
{
    struct schedule_settings schedule = {0};
    char path[CONFIG_PATH_BYTES / 2]; /* an option's name comes behind it */

    snprintf(path, sizeof path, SCHEDULES_SECTION "[%u]", index);
    if (!config_setting_is_group(group)) {
        report_problem(report, config_setting_source_line(group), path, "allowed: a group { name = \"...\"; ... }");
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++)
        read_member(&schedule, config_setting_get_elem(group, i), path, report);
    check(config, &schedule, group, path, report);
    config->schedules[config->schedule_count++] = schedule;
}

void
config_read_schedules(struct config *config, const config_setting_t *list, struct config_report *report)
{
    if (list == NULL)
        return;
    if (!config_setting_is_list(list)) {
        report_problem(report, config_setting_source_line(list), SCHEDULES_SECTION,
                       "allowed: a list of groups: " SCHEDULES_SECTION " = ( { name = \"tick\"; pool = \"work\"; function = "
                       "\"sweep\"; every = \"1h\"; } );");
        return;
    }
    config->schedules = calloc((size_t)config_setting_length(list) + 1, sizeof *config->schedules);
    if (config->schedules == NULL)
        abort();
    for (unsigned i = 0; i < (unsigned)config_setting_length(list); i++)
        read_schedule(config, config_setting_get_elem(list, i), i, report);
}

void
config_free_schedules(struct config *config)
{
    for (size_t i = 0; i < config->schedule_count; i++)
        for (const struct option *option = schedule_options; option->name != NULL; option++)
            if (option_is_text(option))
                free(*(char **)((char *)&config->schedules[i] + option->offset));
    free(config->schedules);
}

/* --- using ------------------------------------------------------------------------------------------------------------ */

void
config_print_schedules(const struct config *config, FILE *stream)
{
    if (config->schedule_count == 0)
        return;
    fputs("\nschedules =\n(\n", stream);
    for (size_t i = 0; i < config->schedule_count; i++) {
        fputs("    {\n", stream);
        for (const struct option *option = schedule_options; option->name != NULL; option++) {
            if (!option_has_value(option, &config->schedules[i]))
                continue;
            fprintf(stream, "        %s = ", option->name);
            option_print(option, &config->schedules[i], stream);
            fputs(";\n", stream);
        }
        fputs(i + 1 < config->schedule_count ? "    },\n" : "    }\n", stream);
    }
    fputs(");\n", stream);
}

const struct schedule_settings *
config_find_schedule(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->schedule_count; i++)
        if (config->schedules[i].name != NULL && strcmp(config->schedules[i].name, name) == 0)
            return &config->schedules[i];
    return NULL;
}

bool
schedule_settings_differ(const struct schedule_settings *a, const struct schedule_settings *b)
{
    for (const struct option *option = schedule_options; option->name != NULL; option++)
        if (!option_is_equal(option, a, b))
            return true;
    return false;
}

int64_t
schedule_first_us(const struct schedule_settings *settings)
{
    return settings->delay_us > 0 ? settings->delay_us : settings->every_us;
}
