/* reload.c - from the configuration in force to the file's; see reload.h. */
#include "broker/io/reload.h"

#include "broker/io/config_diff.h"
#include "broker/io/config_schedule.h"
#include "wire/err.h"

#include <stdlib.h>
#include <string.h>

struct reload {
    struct config *config;
    struct broker *broker;
    struct agent_process *agent;
    struct log *log;
    struct pool_config *leaving; /* not in `config` any more, but their tasks still need the agent's workers */
    size_t leaving_count;
};

struct reload *
reload_new(struct config *config, struct broker *broker, struct agent_process *agent, struct log *log)
{
    struct reload *reload = calloc(1, sizeof(*reload));

    if (reload == NULL)
        abort();
    *reload = (struct reload){.config = config, .broker = broker, .agent = agent, .log = log};
    return reload;
}

void
reload_destroy(struct reload **reload_p)
{
    struct reload *reload = *reload_p;

    if (reload == NULL)
        return;
    for (size_t i = 0; i < reload->leaving_count; i++)
        pool_config_fini(&reload->leaving[i]);
    free(reload->leaving);
    free(reload);
    *reload_p = NULL;
}

static struct bytes
name_of(const char *name)
{
    return (struct bytes){(const uint8_t *)name, (uint32_t)strlen(name)};
}

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
        struct event event = {.kind = EVENT_POOL_REMOVE, .pool = name_of(name)};
        if (config_find_pool(new, name) == NULL)
            broker_handle(broker, &event, now_us, outbox);
    }
}

/* Those that operators set stay, unless the file has one of their name now. */
void
reload_schedules(const struct config *old, const struct config *new, struct broker *broker, int64_t now_us,
                 struct outbox *outbox)
{
    for (size_t i = 0; old != NULL && i < old->schedule_count; i++) {
        struct event event = {.kind = EVENT_SCHEDULE_REMOVE, .schedule = name_of(old->schedules[i].name)};
        if (config_find_schedule(new, old->schedules[i].name) == NULL)
            broker_handle(broker, &event, now_us, outbox);
    }
    for (size_t i = 0; i < new->schedule_count; i++) {
        struct schedule_settings settings = new->schedules[i];
        const struct schedule_settings *before = old == NULL ? NULL : config_find_schedule(old, settings.name);
        struct event event = {.kind = EVENT_SCHEDULE_SET, .schedule_settings = &settings};
        settings.delay_us = schedule_first_us(&settings);
        if (before == NULL || schedule_settings_differ(before, &new->schedules[i]))
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

/* --- the agent ------------------------------------------------------------------------------------------------------- */

/* The agent keeps the workers of removed pools as long as these have tasks. */
static void
tell_agent(struct reload *reload)
{
    const struct config *config = reload->config;
    struct config view = *config;

    if (reload->agent == NULL)
        return;
    view.pools = calloc(config->pool_count + reload->leaving_count + 1, sizeof(*view.pools));
    if (view.pools == NULL)
        abort();
    memcpy(view.pools, config->pools, config->pool_count * sizeof(*view.pools));
    if (reload->leaving_count > 0)
        memcpy(view.pools + config->pool_count, reload->leaving, reload->leaving_count * sizeof(*view.pools));
    view.pool_count += reload->leaving_count;
    agent_process_configure(reload->agent, &view);
    agent_process_reload(reload->agent);
    free(view.pools);
}

static bool
has_tasks(const struct broker *broker, const char *name)
{
    struct pool_stats stats;

    if (broker_find_pool(broker, name_of(name), &stats) != OK)
        return false;
    return stats.queued + stats.delayed + stats.running > 0;
}

static void
drop_leaving(struct reload *reload, size_t at)
{
    pool_config_fini(&reload->leaving[at]);
    reload->leaving[at] = reload->leaving[--reload->leaving_count];
}

/* Take over the settings of pools that the new configuration has not, while they have tasks. */
static void
keep_leaving(struct reload *reload, struct config *old)
{
    for (size_t i = reload->leaving_count; i-- > 0;)
        if (config_find_pool(reload->config, reload->leaving[i].core.name) != NULL)
            drop_leaving(reload, i);
    for (size_t i = old->pool_count; i-- > 0;) {
        struct pool_config *pool = &old->pools[i];
        if (pool->core.workers_wanted == 0 || config_find_pool(reload->config, pool->core.name) != NULL ||
            !has_tasks(reload->broker, pool->core.name))
            continue;
        reload->leaving = realloc(reload->leaving, (reload->leaving_count + 1) * sizeof(*reload->leaving));
        if (reload->leaving == NULL)
            abort();
        reload->leaving[reload->leaving_count++] = *pool;
        *pool = old->pools[--old->pool_count];
    }
}

void
reload_review(struct reload *reload, int64_t now_us)
{
    bool has_changed = false;

    for (size_t i = reload->leaving_count; i-- > 0;) {
        if (has_tasks(reload->broker, reload->leaving[i].core.name))
            continue;
        drop_leaving(reload, i);
        has_changed = true;
    }
    if (has_changed)
        tell_agent(reload);
    if (reload->agent != NULL && reload->leaving_count == 0 && !config_has_local_workers(reload->config))
        agent_process_stop(reload->agent, now_us);
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

static void
apply(struct reload *reload, struct config *new, int64_t now_us, struct outbox *outbox)
{
    struct event event = {.kind = EVENT_SETTINGS, .settings = &new->broker};

    broker_handle(reload->broker, &event, now_us, outbox);
    set_pools(reload->config, new, reload->broker, now_us, outbox);
    remove_pools(reload->config, new, reload->broker, now_us, outbox);
    reload_schedules(reload->config, new, reload->broker, now_us, outbox);
    log_set(reload->log, new->log_format, new->log_level);
    exchange(reload->config, new);
    keep_leaving(reload, new);
    tell_agent(reload);
}

static int
start_agent(struct reload *reload, const struct config *new, int64_t now_us)
{
    if (agent_process_is_wanted(reload->agent))
        return OK;
    agent_process_configure(reload->agent, new);
    return agent_process_start(reload->agent, now_us);
}

/* Take the record that was read, if everything that it asks for can be had. */
static int
take(struct reload *reload, struct config *new, int64_t now_us, struct outbox *outbox)
{
    struct config_report report;

    report_init(&report, reload->config->path);
    char *changes = config_diff(reload->config, new, &report);
    char *problems = report_text(&report);
    report_fini(&report);
    int err = problems == NULL ? OK : reject(outbox, problems);
    if (err == OK && reload->agent != NULL && config_has_local_workers(new) &&
        start_agent(reload, new, now_us) != OK)
        err = reject(outbox, "the agent for its local workers cannot be started");
    if (err == OK) {
        const char *text = changes == NULL ? "nothing" : outbox_copy(outbox, changes, strlen(changes));
        apply(reload, new, now_us, outbox);
        outbox_note(outbox, NOTE_CONFIG_RELOADED)->changes = text;
    }
    free(problems);
    free(changes);
    return err;
}

int
reload_run(struct reload *reload, int64_t now_us, struct outbox *outbox)
{
    struct config *new = NULL;
    char *text = NULL;
    int err = config_load(reload->config->path, &new, &text);

    if (err != OK)
        err = reject(outbox, text);
    else if (text != NULL)
        log_line(reload->log, LOG_WARN, "config.warning", "%s", join_lines(text, outbox));
    free(text);
    if (new == NULL)
        return err;
    err = take(reload, new, now_us, outbox);
    config_unload(&new);
    return err;
}
