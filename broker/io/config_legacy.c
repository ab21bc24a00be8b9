/* config_legacy.c - from the old single-pool form to the record; see config_legacy.h.
 *
 * Each old option is turned into the setting that it would be in the modern form, in a scratch configuration, and that is
 * read as any other: types, ranges and their problems are the modern ones. */
#include "broker/io/config_legacy.h"

#include "broker/io/config_describe.h"
#include "broker/io/config_option.h"
#include "broker/io/config_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum legacy_kind {
    AS_IT_IS,
    MILLISECONDS,
    SECONDS,     /* or "infinity" */
    COUNT,       /* or "infinity" */
    MEBIBYTES,
    ADAPTER,     /* "module:app" or a file */
    ARGUMENTS,   /* a list; the app finds it in its environment */
    ENVIRONMENT, /* a list */
    LEVEL,
    HOST,
    PORT,
    SWITCH,      /* false: no workers */
    NOTHING,     /* there is nothing like it any more */
};

enum { VALUE_BYTES = 4352, DEFAULT_CLIENT_PORT = 5570, DEFAULT_WORKER_PORT = 5571 };

const struct legacy_option legacy_options[] = {
    {"pool_size", POOLS_SECTION, "workers", AS_IT_IS},
    {"pooling_enabled", POOLS_SECTION, "workers", SWITCH},
    {"adapter", POOLS_SECTION, "app", ADAPTER},
    {"adapter_args", POOLS_SECTION, "environment", ARGUMENTS},
    {"adapter_env", POOLS_SECTION, "environment", ENVIRONMENT},
    {"python_executable", POOLS_SECTION, "python", AS_IT_IS},
    {"worker_profile", POOLS_SECTION, "profile", AS_IT_IS},
    {"threads_per_worker", POOLS_SECTION, "threads_per_worker", AS_IT_IS},
    {"threads", POOLS_SECTION, "threads_per_worker", AS_IT_IS},
    {"startup_batch_size", POOLS_SECTION, "startup_batch", AS_IT_IS},
    {"startup_batch_delay_ms", POOLS_SECTION, "startup_delay", MILLISECONDS},
    {"startup_timeout_ms", POOLS_SECTION, "start_timeout", MILLISECONDS},
    {"max_queue_size", POOLS_SECTION, "queued_max", AS_IT_IS},
    {"queue_max", POOLS_SECTION, "queued_max", AS_IT_IS},
    {"worker_ttl_seconds", POOLS_SECTION, "worker_ttl", SECONDS},
    {"worker_max_requests", POOLS_SECTION, "worker_max_tasks", COUNT},
    {"memory_threshold_mb", POOLS_SECTION, "worker_memory_max", MEBIBYTES},
    {"heartbeat_interval_ms", "timers", "heartbeat", MILLISECONDS},
    {"heartbeat_max_missed", "timers", "heartbeats_missed_max", AS_IT_IS},
    {"log_level", "log", "level", LEVEL},
    {"bind_address", "endpoints", "clients", HOST},
    {"client_port", "endpoints", "clients", PORT},
    {"worker_port", "endpoints", "workers", PORT},
    {"session_affinity", POOLS_SECTION, "nothing", NOTHING},
    {0},
};

/* --- names -------------------------------------------------------------------------------------------------------- */

const struct legacy_option *
legacy_find(const char *name)
{
    for (const struct legacy_option *option = legacy_options; option->name != NULL; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

const config_setting_t *
legacy_first(const config_setting_t *root)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        if (legacy_find(config_setting_name(setting)) != NULL)
            return setting;
    }
    return NULL;
}

const char *
legacy_nearest(const char *name)
{
    const char *words[sizeof legacy_options / sizeof *legacy_options];
    size_t count = 0;

    for (const struct legacy_option *option = legacy_options; option->name != NULL; option++)
        words[count++] = option->name;
    return word_nearest(name, words, count);
}

/* "workers of a pool", "heartbeat in timers = { ... }" */
static void
describe_modern(const struct legacy_option *legacy, char *ret_text, size_t size)
{
    if (legacy->kind == NOTHING)
        snprintf(ret_text, size, "has no modern form");
    else if (strcmp(legacy->section, POOLS_SECTION) == 0)
        snprintf(ret_text, size, "is %s in a pool now", legacy->modern);
    else
        snprintf(ret_text, size, "is %s in %s = { ... } now", legacy->modern, legacy->section);
}

void
legacy_refuse_mixed(const config_setting_t *root, const config_setting_t *pools, struct config_report *report)
{
    char modern[CONFIG_PATH_BYTES];

    for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        const struct legacy_option *legacy = legacy_find(config_setting_name(setting));
        if (legacy == NULL)
            continue;
        describe_modern(legacy, modern, sizeof(modern));
        report_problem(report, config_setting_source_line(setting), legacy->name,
                       "belongs to the old form with one pool, but line %u has the list pools of the modern one; it %s",
                       config_setting_source_line(pools), modern);
    }
}

/* --- values ------------------------------------------------------------------------------------------------------- */

/* What is being converted. */
struct conversion {
    struct config *config;
    const config_setting_t *root;
    config_setting_t *pool; /* scratch: the pool's group, */
    config_setting_t *top;  /* and what is not in it */
    struct config_report *report;
};

/* Read the scratch setting as the modern option. */
static void
read_modern(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    bool is_pool = strcmp(legacy->section, POOLS_SECTION) == 0;
    char path[CONFIG_PATH_BYTES];

    snprintf(path, sizeof(path), "%s (%s.%s)", legacy->name, legacy->section, legacy->modern);
    option_read(option_find(legacy->section, config_setting_name(setting)), setting,
                is_pool ? (void *)&conversion->config->pools[0] : conversion->config, path, conversion->report);
}

static config_setting_t *
add_setting(const struct conversion *conversion, const struct legacy_option *legacy, const char *name, int type)
{
    bool is_pool = strcmp(legacy->section, POOLS_SECTION) == 0;
    config_setting_t *group = is_pool ? conversion->pool : conversion->top;

    config_setting_remove(group, name); /* of two old names for one thing the last counts */
    config_setting_t *setting = config_setting_add(group, name, type);
    if (setting == NULL)
        abort();
    return setting;
}

static void
put_text(const struct conversion *conversion, const struct legacy_option *legacy, const char *name, const char *text)
{
    config_setting_t *setting = add_setting(conversion, legacy, name, CONFIG_TYPE_STRING);

    config_setting_set_string(setting, text);
    read_modern(conversion, legacy, setting);
}

static void
put_number(const struct conversion *conversion, const struct legacy_option *legacy, const char *name, long long number)
{
    config_setting_t *setting = add_setting(conversion, legacy, name, CONFIG_TYPE_INT64);

    config_setting_set_int64(setting, number);
    read_modern(conversion, legacy, setting);
}

static void
refuse(const struct conversion *conversion, const config_setting_t *setting, const char *allowed)
{
    char given[SETTING_TEXT_BYTES];

    setting_format(setting, given);
    report_problem(conversion->report, config_setting_source_line(setting), config_setting_name(setting),
                   "given %s; allowed: %s", given, allowed);
}

static bool
is_number(const config_setting_t *setting)
{
    int type = config_setting_type(setting);

    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static bool
is_infinity(const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    return text != NULL && strcmp(text, "infinity") == 0;
}

/* A number with its unit; 0 and "infinity" mean never where that exists. */
static void
convert_unit(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    const char *unit = legacy->kind == MILLISECONDS ? "ms" : legacy->kind == SECONDS ? "s" : "MiB";
    char text[UNIT_TEXT_BYTES];

    if (legacy->kind == SECONDS && is_infinity(setting)) {
        put_text(conversion, legacy, legacy->modern, "0s");
    } else if (is_number(setting) && config_setting_get_int64(setting) >= 0) {
        snprintf(text, sizeof(text), "%lld%s", config_setting_get_int64(setting), unit);
        put_text(conversion, legacy, legacy->modern, text);
    } else {
        refuse(conversion, setting,
               legacy->kind == SECONDS ? "a whole number of seconds, or \"infinity\""
               : legacy->kind == MILLISECONDS ? "a whole number of milliseconds"
                                              : "a whole number of MiB");
    }
}

/* "dir/app.py", "dir/app.py:name": the directory becomes the workers', and the module is found there. */
static void
convert_adapter(const struct conversion *conversion, const struct legacy_option *legacy,
                const config_setting_t *setting)
{
    static const struct legacy_option directory = {"adapter", POOLS_SECTION, "directory", AS_IT_IS};
    const char *text = config_setting_get_string(setting);
    const char *suffix = text == NULL ? NULL : strstr(text, ".py");
    char app[VALUE_BYTES], folder[VALUE_BYTES];

    if (text == NULL) {
        refuse(conversion, setting, "a string \"module:app\", or a file \"path/module.py\" or \"path/module.py:app\"");
        return;
    }
    while (suffix != NULL && suffix[3] != '\0' && suffix[3] != ':')
        suffix = strstr(suffix + 3, ".py");
    if (suffix == NULL) {
        put_text(conversion, legacy, "app", text);
        return;
    }
    const char *slash = suffix;
    while (slash > text && slash[-1] != '/')
        slash--;
    snprintf(app, sizeof(app), "%.*s%s", (int)(suffix - slash), slash, suffix[3] == ':' ? suffix + 3 : ":app");
    snprintf(folder, sizeof(folder), "%.*s", slash > text ? (int)(slash - text) : 1, slash > text ? text : ".");
    put_text(conversion, legacy, "app", app);
    put_text(conversion, &directory, "directory", folder);
}

/* --- the environment ---------------------------------------------------------------------------------------------- */

static void
add_json_string(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', stream);
        if ((unsigned char)*text < ' ')
            fprintf(stream, "\\u%04x", (unsigned char)*text);
        else
            fputc(*text, stream);
    }
    fputc('"', stream);
}

/* SNAKEPIT_ADAPTER_ARGS=["a", "b"]; the caller frees it. NULL: a member is not a string. */
static char *
format_arguments(const config_setting_t *list)
{
    char *text = NULL;
    size_t size = 0;
    bool is_good = true;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        abort();
    fputs("SNAKEPIT_ADAPTER_ARGS=[", stream);
    for (unsigned i = 0; i < (unsigned)config_setting_length(list); i++) {
        const char *member = config_setting_get_string_elem(list, (int)i);
        is_good = is_good && member != NULL;
        fputs(i > 0 ? ", " : "", stream);
        add_json_string(stream, member == NULL ? "" : member);
    }
    fputc(']', stream);
    if (fclose(stream) != 0)
        abort();
    if (is_good)
        return text;
    free(text);
    return NULL;
}

/* Both lists end in one, so it is grown. */
static void
convert_list(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    config_setting_t *environment = config_setting_get_member(conversion->pool, "environment");
    bool is_list = config_setting_is_list(setting) || config_setting_is_array(setting);
    char *arguments = is_list && legacy->kind == ARGUMENTS ? format_arguments(setting) : NULL;

    if (!is_list || (legacy->kind == ARGUMENTS && arguments == NULL)) {
        refuse(conversion, setting, "a list of strings ( \"...\", ... )");
        return;
    }
    if (environment == NULL)
        environment = add_setting(conversion, legacy, "environment", CONFIG_TYPE_LIST);
    if (arguments != NULL)
        config_setting_set_string_elem(environment, -1, arguments);
    for (unsigned i = 0; arguments == NULL && i < (unsigned)config_setting_length(setting); i++) {
        const char *member = config_setting_get_string_elem(setting, (int)i);
        config_setting_set_string_elem(environment, -1, member == NULL ? "" : member);
    }
    free(arguments);
    read_modern(conversion, legacy, environment);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void
convert_level(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        refuse(conversion, setting, "one of \"debug\", \"info\", \"warning\", \"error\"");
    else
        put_text(conversion, legacy, "level", strcmp(text, "warning") == 0 ? "warn" : text);
}

/* Both endpoints are put together of the address and two ports, whichever of them are given. */
static void
convert_endpoint(const struct conversion *conversion, const struct legacy_option *legacy, const char *port_name,
                 long long default_port)
{
    const config_setting_t *host = config_setting_get_member(conversion->root, "bind_address");
    const config_setting_t *port = config_setting_get_member(conversion->root, port_name);
    const char *address = host == NULL ? "127.0.0.1" : config_setting_get_string(host);
    char text[VALUE_BYTES];

    if (address == NULL || (port != NULL && !is_number(port))) {
        refuse(conversion, address == NULL ? host : port, address == NULL ? "a numeric address such as \"127.0.0.1\""
                                                                          : "a port, from 1 to 65535");
        return;
    }
    snprintf(text, sizeof(text), strchr(address, ':') != NULL && address[0] != '[' ? "tcp://[%s]:%lld" : "tcp://%s:%lld",
             address, port == NULL ? default_port : config_setting_get_int64(port));
    put_text(conversion, legacy, legacy->modern, text);
}

static void
convert_host(const struct conversion *conversion)
{
    convert_endpoint(conversion, legacy_find("client_port"), "client_port", DEFAULT_CLIENT_PORT);
    convert_endpoint(conversion, legacy_find("worker_port"), "worker_port", DEFAULT_WORKER_PORT);
}

static void
copy_value(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (legacy->kind == COUNT && is_infinity(setting))
        put_number(conversion, legacy, legacy->modern, 0);
    else if (text != NULL)
        put_text(conversion, legacy, legacy->modern, text);
    else if (is_number(setting))
        put_number(conversion, legacy, legacy->modern, config_setting_get_int64(setting));
    else
        refuse(conversion, setting, "a number or a string");
}

/* A flat switch. */
static void
convert(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    switch ((enum legacy_kind)legacy->kind) {
    case AS_IT_IS:
    case COUNT:
        copy_value(conversion, legacy, setting);
        return;
    case MILLISECONDS:
    case SECONDS:
    case MEBIBYTES:
        convert_unit(conversion, legacy, setting);
        return;
    case ADAPTER:
        convert_adapter(conversion, legacy, setting);
        return;
    case ARGUMENTS:
    case ENVIRONMENT:
        convert_list(conversion, legacy, setting);
        return;
    case LEVEL:
        convert_level(conversion, legacy, setting);
        return;
    case HOST:
        convert_host(conversion);
        return;
    case PORT:
        convert_endpoint(conversion, legacy, legacy->name,
                         strcmp(legacy->name, "client_port") == 0 ? DEFAULT_CLIENT_PORT : DEFAULT_WORKER_PORT);
        return;
    case SWITCH:
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
            refuse(conversion, setting, "true or false");
        return; /* what it says is looked at when all else is read */
    case NOTHING:
        report_warning(conversion->report, config_setting_source_line(setting), legacy->name,
                       "has no effect: any worker of a pool may get any task");
        return;
    }
}

/* The modern option must not be given as well. */
static bool
is_given_twice(const struct conversion *conversion, const struct legacy_option *legacy, const config_setting_t *setting)
{
    const config_setting_t *group = config_setting_get_member(conversion->root, legacy->section);
    const config_setting_t *modern = group == NULL ? NULL : config_setting_get_member(group, legacy->modern);

    if (legacy->kind == HOST && group != NULL)
        modern = config_setting_get_elem(group, 0); /* it sets all of them */
    if (modern == NULL || strcmp(legacy->section, POOLS_SECTION) == 0)
        return false;
    report_problem(conversion->report, config_setting_source_line(setting), legacy->name,
                   "line %u has %s.%s, which is the same; leave one of them out", config_setting_source_line(modern),
                   legacy->section, config_setting_name(modern));
    return true;
}

static void
settle_workers(const struct conversion *conversion)
{
    const config_setting_t *setting = config_setting_get_member(conversion->root, "pooling_enabled");

    if (conversion->config->pools[0].app != NULL && config_setting_get_member(conversion->pool, "workers") == NULL)
        put_number(conversion, legacy_find("pool_size"), "workers", 1);
    if (setting != NULL && config_setting_type(setting) == CONFIG_TYPE_BOOL && !config_setting_get_bool(setting))
        put_number(conversion, legacy_find("pooling_enabled"), "workers", 0);
}

const config_setting_t *
legacy_read(struct config *config, const config_setting_t *root, config_t *scratch, struct config_report *report)
{
    static const struct legacy_option name = {"the old form", POOLS_SECTION, "name", AS_IT_IS};
    struct conversion conversion = {.config = config, .root = root, .report = report};

    config_init(scratch);
    conversion.pool = config_setting_add(config_root_setting(scratch), "pool", CONFIG_TYPE_GROUP);
    conversion.top = config_setting_add(config_root_setting(scratch), "top", CONFIG_TYPE_GROUP);
    if (conversion.pool == NULL || conversion.top == NULL)
        abort();
    options_set_defaults(POOLS_SECTION, &config->pools[0]);
    config->pool_count = 1;
    put_text(&conversion, &name, "name", LEGACY_POOL);
    for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        const struct legacy_option *legacy = legacy_find(config_setting_name(setting));
        if (legacy == NULL || is_given_twice(&conversion, legacy, setting))
            continue;
        report->line = config_setting_source_line(setting);
        convert(&conversion, legacy, setting);
    }
    settle_workers(&conversion);
    report->line = config_setting_source_line(legacy_first(root));
    return conversion.pool;
}
