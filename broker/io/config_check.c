/* config_check.c - combinations of options; see config_check.h. */
#include "broker/io/config_check.h"

#include "broker/io/config_endpoint.h"
#include "broker/io/config_schema.h"
#include "broker/io/config_value.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 256 };

/* The line of a member, or of the group when it is not given; 0 when there is no group either. */
static unsigned
line_of(const config_setting_t *group, const char *name)
{
    const config_setting_t *member = group == NULL ? NULL : config_setting_get_member(group, name);

    if (member != NULL)
        return config_setting_source_line(member);
    return group == NULL || config_setting_is_root(group) ? 0 : config_setting_source_line(group);
}

static void
check_exposure(const struct config *config, const char *name, const char *text, const config_setting_t *group,
               struct config_report *report)
{
    char path[CONFIG_PATH_BYTES];
    struct endpoint endpoint;
    const char *reason;

    if (endpoint_parse(text, &endpoint, &reason) != OK || endpoint.is_ipc || endpoint.is_loopback || config->insecure)
        return;
    snprintf(path, sizeof(path), "endpoints.%s", name);
    report_problem(report, line_of(group, name), path,
                   "given \"%s\"; anyone who reaches this address could run tasks, since nothing is encrypted and no "
                   "key is asked for; bind a loopback address (tcp://127.0.0.1:%u) or an ipc path, or set insecure = "
                   "true at the top of the file if the network is trusted",
                   text, endpoint.port);
}

static void
check_endpoints(const struct config *config, const config_setting_t *group, struct config_report *report)
{
    const char *const names[] = {"clients", "workers", "events"};
    const char *const texts[] = {config->clients_endpoint, config->workers_endpoint, config->events_endpoint};
    struct endpoint endpoints[3];
    char path[CONFIG_PATH_BYTES];
    const char *reason;

    for (size_t i = 0; i < 3; i++) {
        if (texts[i] == NULL || endpoint_parse(texts[i], &endpoints[i], &reason) != OK)
            continue;
        check_exposure(config, names[i], texts[i], group, report);
        for (size_t j = 0; j < i; j++) {
            if (!endpoint_overlaps(&endpoints[i], &endpoints[j]))
                continue;
            snprintf(path, sizeof(path), "endpoints.%s", names[i]);
            report_problem(report, line_of(group, names[i]), path,
                           "given \"%s\", which is also the endpoint of %s; the three endpoints must differ", texts[i],
                           names[j]);
        }
    }
}

static void
check_limits(const struct config *config, const config_setting_t *group, struct config_report *report)
{
    const struct broker_settings *limits = &config->broker;
    char text[UNIT_TEXT_BYTES];

    /* A command is more than its payload: the function's name, headers and options stand beside it. */
    if (limits->inline_bytes_max > limits->control_bytes_max / 2) {
        size_format((int64_t)limits->control_bytes_max, text);
        report_problem(report, line_of(group, "inline_max"), "limits.inline_max",
                       "must be at most half of limits.control_max (%s)", text);
    }
    if (limits->control_bytes_max > limits->frame_bytes_max) {
        size_format((int64_t)limits->frame_bytes_max, text);
        report_problem(report, line_of(group, "control_max"), "limits.control_max",
                       "must be at most limits.frame_max (%s)", text);
    }
    if (limits->frame_bytes_max > config->send_bytes_max) {
        size_format((int64_t)config->send_bytes_max, text);
        report_problem(report, line_of(group, "frame_max"), "limits.frame_max",
                       "must be at most limits.send_bytes_max (%s), or the largest result could not be delivered",
                       text);
    }
}

static void
check_default_pool(const struct config *config, const config_setting_t *root, struct config_report *report)
{
    const char *name = config->broker.default_pool;
    const char *names[NAMES_MAX];
    size_t count = 0;

    if (name == NULL)
        return;
    for (size_t i = 0; i < config->pool_count; i++) {
        const char *other = config->pools[i].core.name;
        if (other != NULL && strcmp(other, name) == 0)
            return;
        if (other != NULL && count < NAMES_MAX)
            names[count++] = other;
    }
    const char *nearest = word_nearest(name, names, count);
    report_problem(report, line_of(root, "default_pool"), "default_pool",
                   "given \"%s\", which is not the name of a pool in this file%s%s%s", name,
                   nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                   nearest == NULL ? "" : "\"?");
}

void
config_check(const struct config *config, const config_setting_t *root, struct config_report *report)
{
    const config_setting_t *agent = config_setting_get_member(root, "agent");

    check_endpoints(config, config_setting_get_member(root, "endpoints"), report);
    check_limits(config, config_setting_get_member(root, "limits"), report);
    check_default_pool(config, root, report);
    if (config->restart_delay_us > config->restart_delay_max_us)
        report_problem(report, line_of(agent, "restart_delay"), "agent.restart_delay",
                       "must be at most agent.restart_delay_max");
}

static void
check_profile(const struct pool_config *pool, const config_setting_t *group, const char *path,
              struct config_report *report)
{
    char option[CONFIG_PATH_BYTES];

    snprintf(option, sizeof(option), "%s.threads_per_worker", path);
    if (pool->profile == PROFILE_PROCESS && pool->slots > 1)
        report_problem(report, line_of(group, "threads_per_worker"), option,
                       "given %u; a worker of the process profile runs one task at a time; set profile = \"thread\", "
                       "or use more workers",
                       pool->slots);
    if (pool->profile == PROFILE_THREAD && config_setting_get_member(group, "threads_per_worker") == NULL)
        report_warning(report, line_of(group, "profile"), option,
                       "is not set, so each worker of the thread profile runs one task at a time");
}

static void
check_workers(const struct pool_config *pool, const config_setting_t *group, const char *path,
              struct config_report *report)
{
    bool workers_given = config_setting_get_member(group, "workers") != NULL;
    bool app_given = config_setting_get_member(group, "app") != NULL;
    char option[CONFIG_PATH_BYTES];

    snprintf(option, sizeof(option), "%s.app", path);
    if (pool->core.workers_wanted > 0 && !app_given)
        report_problem(report, line_of(group, "workers"), option,
                       "is missing; workers = %u needs to know what to run: app = \"module:app\"; without workers the "
                       "pool waits for workers that are started elsewhere",
                       pool->core.workers_wanted);
    if (app_given && !workers_given)
        report_problem(report, line_of(group, "app"), option,
                       "is given without workers; set workers = 1 or more, or leave app out when workers are started "
                       "elsewhere");
}

static void
check_start(const struct pool_config *pool, const config_setting_t *group, const char *path,
            struct config_report *report)
{
    char option[CONFIG_PATH_BYTES];

    snprintf(option, sizeof(option), "%s.nursery", path);
    if (pool->nursery && pool->profile != PROFILE_PROCESS)
        report_problem(report, line_of(group, "nursery"), option,
                       "given true; only workers of the process profile are forked from a nursery; leave it out, or "
                       "set profile = \"process\"");
    snprintf(option, sizeof(option), "%s.startup_delay", path);
    if (pool->startup_delay_us > 0 && pool->startup_batch == 0)
        report_warning(report, line_of(group, "startup_delay"), option,
                       "has no effect, since startup_batch = 0 starts all workers at once");
    snprintf(option, sizeof(option), "%s.thread_unsafe", path);
    if (pool->thread_unsafe != THREAD_UNSAFE_LOCK && pool->profile == PROFILE_PROCESS)
        report_warning(report, line_of(group, "thread_unsafe"), option,
                       "has no effect, since a worker of the process profile runs one task at a time");
}

static void
check_recycling(const struct pool_config *pool, const config_setting_t *group, const char *path,
                struct config_report *report)
{
    const struct pool_settings *core = &pool->core;
    char option[CONFIG_PATH_BYTES];

    snprintf(option, sizeof(option), "%s.recycle_parallel", path);
    if (core->workers_wanted > 1 && core->recycle_parallel >= core->workers_wanted && core->recycle_first)
        report_warning(report, line_of(group, "recycle_parallel"), option,
                       "given %u; with recycle_first = true the pool may be without any worker for a while",
                       core->recycle_parallel);
}

/* Options that only matter to local workers. */
static void
check_unused(const struct pool_config *pool, const config_setting_t *group, const char *path,
             struct config_report *report)
{
    char path_of_option[CONFIG_PATH_BYTES];

    if (pool->core.workers_wanted > 0)
        return;
    for (const struct option *option = config_options; option->name != NULL; option++) {
        if (!option->is_local || config_setting_get_member(group, option->name) == NULL)
            continue;
        snprintf(path_of_option, sizeof(path_of_option), "%s.%s", path, option->name);
        report_warning(report, line_of(group, option->name), path_of_option,
                       "has no effect, since the pool has no local workers");
    }
}

/* Only warnings: a file may be checked on a host where its workers will not run, or before a disk is mounted. */
static void
check_paths(const struct pool_config *pool, const config_setting_t *group, const char *path,
            struct config_report *report)
{
    char option[CONFIG_PATH_BYTES];
    struct stat status;

    if (pool->core.workers_wanted == 0)
        return;
    snprintf(option, sizeof(option), "%s.directory", path);
    if (pool->directory != NULL && (stat(pool->directory, &status) != 0 || !S_ISDIR(status.st_mode)))
        report_warning(report, line_of(group, "directory"), option, "%s is not a directory on this host",
                       pool->directory);
    snprintf(option, sizeof(option), "%s.python", path);
    if (pool->python != NULL && pool->python[0] == '/' && access(pool->python, X_OK) != 0)
        report_warning(report, line_of(group, "python"), option, "%s is not a program on this host", pool->python);
}

void
config_check_pool(const struct pool_config *pool, const config_setting_t *group, const char *path,
                  struct config_report *report)
{
    check_workers(pool, group, path, report);
    check_profile(pool, group, path, report);
    check_start(pool, group, path, report);
    check_recycling(pool, group, path, report);
    check_unused(pool, group, path, report);
    check_paths(pool, group, path, report);
}
