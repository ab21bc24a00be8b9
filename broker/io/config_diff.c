/* config_diff.c - two configurations, option by option; see config_diff.h. */
#include "broker/io/config_diff.h"

#include "broker/io/config_field.h"
#include "broker/io/config_schedule.h"
#include "broker/io/config_schema.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A list under construction. */
struct list {
    char *text;
    size_t size;
    FILE *stream;
    bool is_empty;
};

static void
list_begin(struct list *list)
{
    *list = (struct list){.is_empty = true};
    list->stream = open_memstream(&list->text, &list->size);
    if (list->stream == NULL)
        abort();
}

static void
list_add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
list_add(struct list *list, const char *format, ...)
{
    va_list arguments;

    fputs(list->is_empty ? "" : ", ", list->stream);
    va_start(arguments, format);
    vfprintf(list->stream, format, arguments);
    va_end(arguments);
    list->is_empty = false;
}

/* NULL when nothing was added. */
static char *
list_end(struct list *list)
{
    if (fclose(list->stream) != 0)
        abort();
    if (!list->is_empty)
        return list->text;
    free(list->text);
    return NULL;
}

/* The value as it stands in a file, or "nothing"; the caller frees it. */
static char *
value_text(const struct option *option, const void *record)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        abort();
    option_print(option, record, stream);
    if (ftell(stream) == 0)
        fputs("nothing", stream);
    if (fclose(stream) != 0)
        abort();
    return text;
}

static void
add_option(struct list *list, const char *prefix, const struct option *option, const void *old, const void *new)
{
    char *before = value_text(option, old);
    char *after = value_text(option, new);

    list_add(list, "%s%s%s = %s (was %s)", prefix, prefix[0] == '\0' ? "" : ".", option->name, after, before);
    free(before);
    free(after);
}

static void
compare_top(const struct config *old, const struct config *new, struct list *list, struct config_report *report)
{
    for (const struct option *option = config_options; option->name != NULL; option++) {
        char path[CONFIG_PATH_BYTES];
        if (strcmp(option->section, POOLS_SECTION) == 0 || option_is_equal(option, old, new))
            continue;
        add_option(list, option->section, option, old, new);
        if (!option->needs_restart)
            continue;
        char *before = value_text(option, old);
        char *after = value_text(option, new);
        snprintf(path, sizeof(path), "%s%s%s", option->section, option->section[0] == '\0' ? "" : ".", option->name);
        report_problem(report, new->lines[option - config_options], path,
                       "%s instead of %s needs a restart of the broker", after, before);
        free(before);
        free(after);
    }
}

const struct pool_config *
config_find_pool(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].core.name, name) == 0)
            return &config->pools[i];
    return NULL;
}

static void
compare_pool(const struct pool_config *old, const struct pool_config *new, struct list *list)
{
    char prefix[CONFIG_PATH_BYTES];

    snprintf(prefix, sizeof(prefix), POOLS_SECTION ".%s", new->core.name);
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, POOLS_SECTION) == 0 && !option_is_equal(option, old, new))
            add_option(list, prefix, option, old, new);
}

bool
pool_config_differs(const struct pool_config *pool, const struct pool_config *other)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, POOLS_SECTION) == 0 && !option_is_equal(option, pool, other))
            return true;
    return false;
}

static void
compare_schedules(const struct config *old, const struct config *new, struct list *list)
{
    for (size_t i = 0; i < new->schedule_count; i++) {
        const struct schedule_settings *before = config_find_schedule(old, new->schedules[i].name);
        if (before == NULL)
            list_add(list, "schedule \"%s\" added", new->schedules[i].name);
        else if (schedule_settings_differ(before, &new->schedules[i]))
            list_add(list, "schedule \"%s\" changed", new->schedules[i].name);
    }
    for (size_t i = 0; i < old->schedule_count; i++)
        if (config_find_schedule(new, old->schedules[i].name) == NULL)
            list_add(list, "schedule \"%s\" removed", old->schedules[i].name);
}

char *
config_diff(const struct config *old, const struct config *new, struct config_report *report)
{
    struct list list;

    list_begin(&list);
    compare_top(old, new, &list, report);
    for (size_t i = 0; i < new->pool_count; i++) {
        const struct pool_config *before = config_find_pool(old, new->pools[i].core.name);
        if (before == NULL)
            list_add(&list, "pool \"%s\" added", new->pools[i].core.name);
        else
            compare_pool(before, &new->pools[i], &list);
    }
    for (size_t i = 0; i < old->pool_count; i++)
        if (config_find_pool(new, old->pools[i].core.name) == NULL)
            list_add(&list, "pool \"%s\" removed", old->pools[i].core.name);
    compare_schedules(old, new, &list);
    return list_end(&list);
}
