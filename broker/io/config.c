/* config.c - from a file to the record; see config.h. */
#include "broker/io/config.h"

#include "broker/io/config_check.h"
#include "broker/io/config_describe.h"
#include "broker/io/config_endpoint.h"
#include "broker/io/config_legacy.h"
#include "broker/io/config_option.h"
#include "broker/io/config_print.h"
#include "broker/io/config_scan.h"
#include "broker/io/config_schedule.h"
#include "broker/io/config_value.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* One line of a problem about a name that is no option: where it belongs, or what it resembles. */
static void
report_unknown(const char *section, const char *path, const config_setting_t *setting, struct config_report *report)
{
    const char *name = config_setting_name(setting);
    const char *words[CONFIG_OPTIONS_MAX];
    const char *home = NULL;
    size_t count = 0;

    for (const struct option *option = config_options; option->name != NULL; option++) {
        if (strcmp(option->section, section) == 0)
            words[count++] = option->name;
        else if (strcmp(option->name, name) == 0)
            home = option->section;
    }
    for (size_t i = 0; section[0] == '\0' && config_sections[i] != NULL; i++)
        words[count++] = config_sections[i];

    unsigned line = config_setting_source_line(setting);
    const char *nearest = word_nearest(name, words, count);
    if (nearest == NULL && section[0] == '\0')
        nearest = legacy_nearest(name);
    if (home != NULL && home[0] == '\0')
        report_problem(report, line, path, "does not belong here; it stands at the top of the file, outside of groups");
    else if (home != NULL && strcmp(home, POOLS_SECTION) == 0)
        report_problem(report, line, path, "does not belong here; it is an option of a pool");
    else if (home != NULL)
        report_problem(report, line, path, "does not belong here; it stands in the group %s = { ... }", home);
    else if (nearest != NULL)
        report_problem(report, line, path, "unknown option; did you mean \"%s\"?", nearest);
    else
        report_problem(report, line, path, "unknown option; man 5 snakepit.conf lists all of them");
}

/* Read one member of a group. `prefix` is what its name has in front in problems. */
static void
read_member(const char *section, const char *prefix, const config_setting_t *setting, void *record,
            struct config_report *report)
{
    const struct option *option = option_find(section, config_setting_name(setting));
    char path[CONFIG_PATH_BYTES];

    snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", config_setting_name(setting));
    if (option == NULL)
        report_unknown(section, path, setting, report);
    else
        option_read(option, setting, record, path, report);
}

/* The same for what is not in a pool. */
static void
read_top(const char *section, const config_setting_t *setting, struct config *config, struct config_report *report)
{
    const struct option *option = option_find(section, config_setting_name(setting));

    read_member(section, section, setting, config, report);
    if (option != NULL)
        config->lines[option - config_options] = config_setting_source_line(setting);
}

static void
read_section(const char *section, const config_setting_t *group, struct config *config, struct config_report *report)
{
    char given[SETTING_TEXT_BYTES];

    if (!config_setting_is_group(group)) {
        setting_format(group, given);
        report_problem(report, config_setting_source_line(group), section, "given %s; allowed: a group %s = { ... }",
                       given, section);
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++)
        read_top(section, config_setting_get_elem(group, i), config, report);
}

/* Relative paths are taken from the file's directory, so that the file means the same wherever the program is
 * started. */
static void
make_absolute(char **path_p, const char *config_path)
{
    char *directory = NULL;
    char *absolute = NULL;

    if (*path_p == NULL || (*path_p)[0] == '/')
        return;
    const char *slash = strrchr(config_path, '/');
    char *parent = slash == NULL ? strdup(".") : strndup(config_path, (size_t)(slash - config_path) + 1);
    if (parent == NULL)
        abort();
    directory = realpath(parent, NULL);
    if (asprintf(&absolute, "%s/%s", directory == NULL ? parent : directory, *path_p) < 0)
        abort();
    free(directory);
    free(parent);
    free(*path_p);
    *path_p = absolute;
}

/* The pool's name for problems: its own, or its place in the list when it has none. */
static void
format_pool_path(const config_setting_t *group, unsigned index, char *ret_path, size_t size)
{
    const config_setting_t *name = config_setting_get_member(group, "name");
    const char *text = name == NULL ? NULL : config_setting_get_string(name);

    if (text != NULL && text_is_name(text_bytes(text)))
        snprintf(ret_path, size, POOLS_SECTION ".%s", text);
    else
        snprintf(ret_path, size, POOLS_SECTION "[%u]", index);
}

static bool
has_pool(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (config->pools[i].core.name != NULL && strcmp(config->pools[i].core.name, name) == 0)
            return true;
    return false;
}

/* Read the pool with this number into the place behind those read before. */
static void
read_pool(struct config *config, const config_setting_t *group, unsigned index, struct config_report *report)
{
    struct pool_config *pool = &config->pools[config->pool_count];
    unsigned line = config_setting_source_line(group);
    char path[CONFIG_PATH_BYTES];

    options_set_defaults(POOLS_SECTION, pool);
    snprintf(path, sizeof(path), POOLS_SECTION "[%u]", index);
    if (!config_setting_is_group(group)) {
        char given[SETTING_TEXT_BYTES];
        setting_format(group, given);
        report_problem(report, line, path, "given %s; allowed: a group { name = \"...\"; ... }", given);
    } else {
        format_pool_path(group, index, path, sizeof(path));
        for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++)
            read_member(POOLS_SECTION, path, config_setting_get_elem(group, i), pool, report);
        if (config_setting_get_member(group, "name") == NULL)
            report_problem(report, line, path, "has no name; add name = \"...\", which clients use to address it");
        if (pool->core.name != NULL && has_pool(config, pool->core.name))
            report_problem(report, line, path, "a pool of this name stands further up in the file; names must differ");
        make_absolute(&pool->directory, config->path);
        if (strchr(pool->python, '/') != NULL)
            make_absolute(&pool->python, config->path);
        config_check_pool(pool, group, path, report);
    }
    config->pool_count++;
}

static void
read_pools(struct config *config, const config_setting_t *list, struct config_report *report)
{
    static const char example[] = "pools = ( { name = \"work\"; workers = 2; app = \"module:app\"; } );";
    unsigned line = list == NULL ? 0 : config_setting_source_line(list);

    if (list == NULL) {
        report_problem(report, 0, POOLS_SECTION, "is missing; add at least one pool: %s", example);
        return;
    }
    if (!config_setting_is_list(list)) {
        char given[SETTING_TEXT_BYTES];
        setting_format(list, given);
        report_problem(report, line, POOLS_SECTION, "given %s; allowed: a list of groups: %s", given, example);
        return;
    }
    if (config_setting_length(list) == 0)
        report_problem(report, line, POOLS_SECTION, "is empty; add at least one pool: %s", example);
    config->pools = calloc((size_t)config_setting_length(list) + 1, sizeof(*config->pools));
    if (config->pools == NULL)
        abort();
    for (unsigned i = 0; i < (unsigned)config_setting_length(list); i++)
        read_pool(config, config_setting_get_elem(list, i), i, report);
}

static bool
is_section(const char *name)
{
    for (size_t i = 0; config_sections[i] != NULL; i++)
        if (strcmp(config_sections[i], name) == 0)
            return true;
    return false;
}

/* The old form still runs. The warning is how to leave it. */
static void
warn_of_legacy(const struct config *config, const config_setting_t *root, struct config_report *report)
{
    const config_setting_t *first = legacy_first(root);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        abort();
    config_print_brief(config, stream);
    if (fclose(stream) != 0)
        abort();
    report_warning(report, config_setting_source_line(first), config_setting_name(first),
                   "this is the old form with one pool; it runs, and in the modern form the file would be:\n\n%s", text);
    free(text);
}

static void
read_legacy(struct config *config, const config_setting_t *root, struct config_report *report)
{
    config_t scratch;

    config->pools = calloc(2, sizeof(*config->pools));
    if (config->pools == NULL)
        abort();
    const config_setting_t *group = legacy_read(config, root, &scratch, report);
    struct pool_config *pool = &config->pools[0];
    if (config->broker.default_pool == NULL && (config->broker.default_pool = strdup(LEGACY_POOL)) == NULL)
        abort();
    make_absolute(&pool->directory, config->path);
    if (strchr(pool->python, '/') != NULL)
        make_absolute(&pool->python, config->path);
    config_check_pool(pool, group, POOLS_SECTION "." LEGACY_POOL, report);
    report->line = 0;
    config_destroy(&scratch);
}

static void
read_either_form(struct config *config, const config_setting_t *root, struct config_report *report)
{
    const config_setting_t *pools = config_setting_get_member(root, POOLS_SECTION);

    if (legacy_first(root) == NULL) {
        read_pools(config, pools, report);
        config_check(config, root, report);
        return;
    }
    if (pools != NULL) {
        legacy_refuse_mixed(root, pools, report);
        return;
    }
    read_legacy(config, root, report);
    config_check(config, root, report);
    if (!report_has_problems(report))
        warn_of_legacy(config, root, report);
}

static void
read_root(struct config *config, const config_setting_t *root, struct config_report *report)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        const char *name = config_setting_name(setting);
        if (legacy_find(name) != NULL || strcmp(name, SCHEDULES_SECTION) == 0)
            continue;
        if (!is_section(name))
            read_top("", setting, config, report);
        else if (strcmp(name, POOLS_SECTION) != 0)
            read_section(name, setting, config, report);
    }
    read_either_form(config, root, report);
    config_read_schedules(config, config_setting_get_member(root, SCHEDULES_SECTION), report);
}

/* libconfig says only "syntax error"; the line itself says more. */
static void
report_syntax(const config_t *file, const char *text, struct config_report *report)
{
    unsigned line = (unsigned)config_error_line(file);

    for (unsigned i = 1; i < line && *text != '\0'; i++)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
    text += strspn(text, " \t");
    report_problem(report, line, NULL, "%s at or before: %.*s", config_error_text(file), (int)strcspn(text, "\r\n"),
                   text);
}

struct config *
config_new_default(void)
{
    struct config *config = calloc(1, sizeof(*config));

    if (config == NULL)
        abort();
    options_set_defaults("", config);
    for (size_t i = 0; config_sections[i] != NULL; i++)
        if (strcmp(config_sections[i], POOLS_SECTION) != 0)
            options_set_defaults(config_sections[i], config);
    config->broker.epoch = 1;
    config->broker.version = SNAKEPIT_VERSION;
    return config;
}

static void
parse_text(struct config *config, const char *text, struct config_report *report)
{
    char *safe_text = config_text_scan(text, report);
    config_t file;

    config_init(&file);
    if (report_has_problems(report))
        ; /* libconfig would only stumble over the same place */
    else if (config_read_string(&file, safe_text) == CONFIG_TRUE)
        read_root(config, config_root_setting(&file), report);
    else
        report_syntax(&file, text, report);
    config_destroy(&file);
    free(safe_text);
}

int
config_load(const char *path, struct config **ret_config, char **ret_text)
{
    struct config *config = NULL;
    struct config_report report;
    char *text;

    report_init(&report, path);
    int err = config_text_read(path, &report, &text);
    if (err == OK) {
        config = config_new_default();
        config->path = strdup(path);
        if (config->path == NULL)
            abort();
        parse_text(config, text, &report);
        free(text);
        if (report_has_problems(&report))
            err = ERR_INVALID;
    }
    *ret_text = report_text(&report);
    report_fini(&report);
    if (err == OK)
        *ret_config = config;
    else
        config_unload(&config);
    return err;
}

void
pool_config_fini(struct pool_config *pool)
{
    options_free(POOLS_SECTION, pool);
}

void
config_unload(struct config **config_p)
{
    struct config *config = *config_p;

    if (config == NULL)
        return;
    for (size_t i = 0; i < config->pool_count; i++)
        pool_config_fini(&config->pools[i]);
    free(config->pools);
    config_free_schedules(config);
    options_free("", config);
    for (size_t i = 0; config_sections[i] != NULL; i++)
        if (strcmp(config_sections[i], POOLS_SECTION) != 0)
            options_free(config_sections[i], config);
    free(config->path);
    free(config);
    *config_p = NULL;
}

void
config_worker_address(const struct config *config, char *ret_text, size_t size)
{
    endpoint_connect_text(config->workers_endpoint, ret_text, size);
}

bool
config_has_local_workers(const struct config *config)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (config->pools[i].core.workers_wanted > 0)
            return true;
    return false;
}
