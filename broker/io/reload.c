/* reload.c - from the configuration in force to the file's; see reload.h. */
#include "broker/io/reload.h"

#include "broker/io/config_diff.h"
#include "wire/err.h"

#include <stdlib.h>
#include <string.h>

/* Several lines of problems become one text. */
static const char *
join_lines(const char *text, struct outbox *outbox)
{
    size_t size = strlen(text);
    char *joined;

    while (size > 0 && text[size - 1] == '\n')
        size--;
    joined = outbox_copy(outbox, text, size);
    for (char *at = joined; *at != '\0'; at++)
        if (*at == '\n')
            *at = ';';
    return joined;
}

static int
reject(struct outbox *outbox, const char *problems)
{
    const char *reason = join_lines(problems, outbox);

    outbox_note(outbox, NOTE_CONFIG_REJECTED)->reason = reason;
    return ERR_INVALID;
}

/* --- what changes -------------------------------------------------------------------------------------------------- */

static void
set_pools(const struct config *old, const struct config *new, struct broker *broker, int64_t now_us,
          struct outbox *outbox)
{
    for (size_t i = 0; i < new->pool_count; i++) {
        const struct pool_config *pool = &new->pools[i];
        const struct pool_config *before = config_find_pool(old, pool->core.name);
        struct event event = {.kind = EVENT_POOL_SET, .pool_settings = &pool->core};
        if (before == NULL || pool_config_differs(before, pool))
            broker_handle(broker, &event, now_us, outbox);
    }
}

static void
remove_pools(const struct config *old, const struct config *new, struct broker *broker, int64_t now_us,
             struct outbox *outbox)
{
    for (size_t i = 0; i < old->pool_count; i++) {
        const char *name = old->pools[i].core.name;
        struct event event = {.kind = EVENT_POOL_REMOVE, .pool = {(const uint8_t *)name, (uint32_t)strlen(name)}};
        if (config_find_pool(new, name) == NULL)
            broker_handle(broker, &event, now_us, outbox);
    }
}

/* The record stays where it is, since others point to it. */
static void
exchange(struct config *a, struct config *b)
{
    struct config contents = *a;

    *a = *b;
    *b = contents;
}

static void
apply(const struct reload_parts *parts, struct config *new, int64_t now_us, struct outbox *outbox)
{
    struct event event = {.kind = EVENT_SETTINGS, .settings = &new->broker};

    broker_handle(parts->broker, &event, now_us, outbox);
    set_pools(parts->config, new, parts->broker, now_us, outbox);
    remove_pools(parts->config, new, parts->broker, now_us, outbox);
    log_set(parts->log, new->log_format, new->log_level);
    exchange(parts->config, new);
    if (parts->agent == NULL)
        return;
    agent_process_configure(parts->agent, parts->config);
    agent_process_reload(parts->agent);
}

/* Take the record that was read, if everything that it asks for can be had. */
static int
take(const struct reload_parts *parts, struct config *new, int64_t now_us, struct outbox *outbox)
{
    struct config_report report;

    report_init(&report, parts->config->path);
    char *changes = config_diff(parts->config, new, &report);
    char *problems = report_text(&report);
    report_fini(&report);
    int err = problems == NULL ? OK : reject(outbox, problems);
    if (err == OK && parts->agent != NULL && config_has_local_workers(new) &&
        agent_process_start(parts->agent, now_us) != OK)
        err = reject(outbox, "the agent for its local workers cannot be started");
    if (err == OK) {
        const char *text = changes == NULL ? "nothing" : outbox_copy(outbox, changes, strlen(changes));
        apply(parts, new, now_us, outbox);
        outbox_note(outbox, NOTE_CONFIG_RELOADED)->changes = text;
    }
    free(problems);
    free(changes);
    return err;
}

int
reload_run(const struct reload_parts *parts, int64_t now_us, struct outbox *outbox)
{
    struct config *new = NULL;
    char *text = NULL;
    int err = config_load(parts->config->path, &new, &text);

    if (err != OK)
        err = reject(outbox, text);
    else if (text != NULL)
        log_line(parts->log, LOG_WARN, "config.warning", "%s", join_lines(text, outbox));
    free(text);
    if (new == NULL)
        return err;
    err = take(parts, new, now_us, outbox);
    config_unload(&new);
    return err;
}

/* --- the agent ------------------------------------------------------------------------------------------------------- */

/* The tasks that a removed pool still has need its local workers. */
static bool
is_removing(const struct broker *broker)
{
    struct pool_stats stats;

    for (size_t i = 0; broker_get_pool(broker, i, &stats) == OK; i++)
        if (stats.is_removed)
            return true;
    return false;
}

void
reload_release_agent(const struct reload_parts *parts, int64_t now_us)
{
    if (parts->agent == NULL || !agent_process_is_wanted(parts->agent))
        return;
    if (!config_has_local_workers(parts->config) && !is_removing(parts->broker))
        agent_process_stop(parts->agent, now_us);
}
