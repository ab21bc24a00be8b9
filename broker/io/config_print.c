/* config_print.c - from the record back to a file; see config_print.h. */
#include "broker/io/config_print.h"

#include "broker/io/config_field.h"
#include "broker/io/config_option.h"
#include "broker/io/config_schedule.h"

#include <string.h>

struct print {
    FILE *stream;
    const char *indent;
    const void *defaults; /* a record of the same kind */
    bool is_brief;        /* leave out what is the default */
};

static void
print_member(const struct print *print, const struct option *option, const void *record)
{
    bool is_default = option_is_equal(option, record, print->defaults);

    /* A pool with an app must say how many workers, even none. */
    if (!option_has_value(option, record) || (is_default && print->is_brief && strcmp(option->name, "workers") != 0))
        return;
    fprintf(print->stream, "%s%s = ", print->indent, option->name);
    option_print(option, record, print->stream);
    fputc(';', print->stream);
    if (!is_default && !print->is_brief && option->default_text != NULL)
        fprintf(print->stream, " # default: %s", option->default_text);
    fputc('\n', print->stream);
}

/* Whether print_members prints any. */
static bool
has_members(const struct print *print, const char *section, const void *record)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0 && !option_is_equal(option, record, print->defaults))
            return true;
    return !print->is_brief;
}

static void
print_members(const struct print *print, const char *section, const void *record)
{
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, section) == 0)
            print_member(print, option, record);
}

/* What has no effect is a warning in a file, so it is left out. */
static void
print_pool(const struct print *print, const struct pool_config *pool)
{
    for (const struct option *option = config_options; option->name != NULL; option++) {
        if (strcmp(option->section, POOLS_SECTION) != 0)
            continue;
        if (option->is_local && pool->core.workers_wanted == 0 && option_is_equal(option, pool, print->defaults))
            continue;
        print_member(print, option, pool);
    }
}

static void
print_pools(const struct config *config, FILE *stream, bool is_brief)
{
    struct pool_config defaults;
    const struct print print = {.stream = stream, .indent = "        ", .defaults = &defaults, .is_brief = is_brief};

    memset(&defaults, 0, sizeof defaults);
    options_set_defaults(POOLS_SECTION, &defaults);
    fputs("\npools =\n(\n", stream);
    for (size_t i = 0; i < config->pool_count; i++) {
        fputs("    {\n", stream);
        print_pool(&print, &config->pools[i]);
        fputs(i + 1 < config->pool_count ? "    },\n" : "    }\n", stream);
    }
    fputs(");\n", stream);
    options_free(POOLS_SECTION, &defaults);
}

static void
print_config(const struct config *config, FILE *stream, bool is_brief)
{
    struct config *defaults = config_new_default();
    struct print print = {.stream = stream, .indent = "", .defaults = defaults, .is_brief = is_brief};

    print_members(&print, "", config);
    print.indent = "    ";
    for (size_t i = 0; config_sections[i] != NULL; i++) {
        if (strcmp(config_sections[i], POOLS_SECTION) == 0 || !has_members(&print, config_sections[i], config))
            continue;
        fprintf(stream, "\n%s =\n{\n", config_sections[i]);
        print_members(&print, config_sections[i], config);
        fputs("};\n", stream);
    }
    print_pools(config, stream, is_brief);
    config_print_schedules(config, stream);
    config_unload(&defaults);
}

void
config_print(const struct config *config, FILE *stream)
{
    print_config(config, stream, false);
}

void
config_print_brief(const struct config *config, FILE *stream)
{
    print_config(config, stream, true);
}
