/* event_table.c - the events and their fields; see event_table.h. */
#include "broker/io/event_table.h"

#include <stddef.h>

enum {
    POOL = 1 << 0,
    WORKER = 1 << 1,
    WORKER_NAME = 1 << 2,
    CLIENT = 1 << 3,
    CLIENT_NAME = 1 << 4,
    TASK = 1 << 5,
    FUNCTION = 1 << 6,
    STATE = 1 << 7,
    ATTEMPT = 1 << 8,
    WAIT = 1 << 9,
    RUN = 1 << 10,
    SLOTS = 1 << 11,
    QUEUED = 1 << 12,
    REASON = 1 << 13,
    UPTIME = 1 << 14,
    TASKS_DONE = 1 << 15,
    RSS = 1 << 16,
    LIMIT = 1 << 17,
    RETRY = 1 << 18,
    SILENT = 1 << 19,
    PID = 1 << 20,
    AGENT = 1 << 21,
    AGENT_NAME = 1 << 22,
    OUTPUT = 1 << 23,
    CHANGES = 1 << 24,

    A_WORKER = POOL | WORKER | WORKER_NAME,
    A_CLIENT = CLIENT | CLIENT_NAME,
};

#define FIELD(name, type, member, bit) {name, type, offsetof(struct note, member), bit}

const struct event_field event_fields[] = {
    FIELD("pool", FIELD_TEXT, pool, POOL),
    FIELD("worker", FIELD_UINT, worker, WORKER),
    FIELD("worker_name", FIELD_TEXT, worker_name, WORKER_NAME),
    FIELD("client", FIELD_UINT, client, CLIENT),
    FIELD("client_name", FIELD_TEXT, client_name, CLIENT_NAME),
    FIELD("task", FIELD_UINT, task, TASK),
    FIELD("function", FIELD_TEXT, function, FUNCTION),
    FIELD("state", FIELD_TEXT, state, STATE),
    FIELD("attempt", FIELD_UINT, attempt, ATTEMPT),
    FIELD("wait_seconds", FIELD_SECONDS, wait_us, WAIT),
    FIELD("run_seconds", FIELD_SECONDS, run_us, RUN),
    FIELD("slots", FIELD_UINT, slots, SLOTS),
    FIELD("queued", FIELD_UINT, queued, QUEUED),
    FIELD("reason", FIELD_TEXT, reason, REASON),
    FIELD("uptime_seconds", FIELD_SECONDS, uptime_us, UPTIME),
    FIELD("tasks_done", FIELD_UINT, tasks_done, TASKS_DONE),
    FIELD("rss_bytes", FIELD_UINT, rss_bytes, RSS),
    FIELD("limit_bytes", FIELD_UINT, limit_bytes, LIMIT),
    FIELD("retry_seconds", FIELD_SECONDS, retry_us, RETRY),
    FIELD("silent_seconds", FIELD_SECONDS, silent_us, SILENT),
    FIELD("pid", FIELD_UINT, pid, PID),
    FIELD("agent", FIELD_UINT, agent, AGENT),
    FIELD("agent_name", FIELD_TEXT, agent_name, AGENT_NAME),
    FIELD("changes", FIELD_TEXT, changes, CHANGES),
    FIELD("output", FIELD_TEXT, output, OUTPUT),
    {0},
};

static const struct event_kind KINDS[NOTE_KINDS] = {
    [NOTE_CLIENT_CONNECTED] = {LOG_DEBUG, A_CLIENT, NULL},
    [NOTE_CLIENT_GONE] = {LOG_DEBUG, A_CLIENT | REASON, NULL},
    [NOTE_WORKER_STARTED] = {LOG_INFO, A_WORKER, "slots"},
    [NOTE_WORKER_DETACHED] = {LOG_INFO, A_WORKER, "leases"},
    [NOTE_WORKER_RESUMED] = {LOG_INFO, A_WORKER, "leases"},
    [NOTE_WORKER_STALLED] = {LOG_WARN, A_WORKER, "leases"},
    [NOTE_WORKER_RECOVERED] = {LOG_INFO, A_WORKER, NULL},
    [NOTE_WORKER_DRAINING] = {LOG_INFO, A_WORKER, "leases"},
    [NOTE_WORKER_STOPPED] = {LOG_INFO, A_WORKER | REASON, "leases"},
    [NOTE_WORKER_LOST] = {LOG_WARN, A_WORKER | REASON, "leases"},
    [NOTE_WORKER_HEALTH_CHECK_FAILED] = {LOG_WARN, A_WORKER | SILENT, "leases"},
    [NOTE_WORKER_REPLACING] = {LOG_INFO, A_WORKER | REASON, "leases"},
    [NOTE_WORKER_RECYCLED] = {LOG_INFO, A_WORKER | REASON | UPTIME | TASKS_DONE | RSS, NULL},
    [NOTE_WORKER_REPLACE_FAILED] = {LOG_WARN, A_WORKER | REASON | RETRY, NULL},
    [NOTE_WORKER_REFUSED] = {LOG_WARN, A_WORKER | REASON, NULL},
    [NOTE_WORKER_EXITED] = {LOG_INFO, POOL | REASON | PID | AGENT_NAME, NULL},
    [NOTE_WORKER_START_FAILED] = {LOG_WARN, POOL | REASON | PID | AGENT_NAME | OUTPUT, NULL},
    [NOTE_AGENT_CONNECTED] = {LOG_INFO, PID | AGENT | AGENT_NAME, "pools"},
    [NOTE_AGENT_LOST] = {LOG_WARN, REASON | PID | AGENT | AGENT_NAME, NULL},
    [NOTE_POOL_SATURATED] = {LOG_WARN, POOL | REASON, "queued"},
    [NOTE_POOL_CAPACITY_REACHED] = {LOG_WARN, POOL | SLOTS | QUEUED, NULL},
    [NOTE_POOL_CAPACITY_FREE] = {LOG_INFO, POOL | SLOTS | QUEUED, NULL},
    [NOTE_POOL_FAILED] = {LOG_ERROR, POOL | REASON, "queued"},
    [NOTE_POOL_RECOVERED] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_MEMORY_LIMIT_TOO_LOW] = {LOG_WARN, A_WORKER | RSS | LIMIT, NULL},
    [NOTE_POOL_DRAINING] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_OPEN] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_ADDED] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_CHANGED] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_REMOVING] = {LOG_INFO, POOL | QUEUED, "running"},
    [NOTE_POOL_EMPTY] = {LOG_INFO, POOL, NULL},
    [NOTE_POOL_REMOVED] = {LOG_INFO, POOL, NULL},
    [NOTE_TASK_REQUEUED] = {LOG_DEBUG, POOL | TASK | WORKER | REASON, "attempt"},
    [NOTE_TASK_DEAD] = {LOG_WARN, POOL | TASK | WORKER | REASON, "attempt"},
    [NOTE_REQUEST_EXECUTED] = {LOG_DEBUG, A_WORKER | TASK | FUNCTION | STATE | ATTEMPT | WAIT | RUN, NULL},
    [NOTE_APP_EVENT] = {LOG_DEBUG, A_WORKER, NULL},
    [NOTE_CONFIG_RELOADED] = {LOG_INFO, CHANGES, NULL},
    [NOTE_CONFIG_REJECTED] = {LOG_ERROR, REASON, NULL},
    [NOTE_SHUTDOWN_BEGUN] = {LOG_INFO, REASON, "running"},
};

const struct event_kind *
event_table_find(enum note_kind kind)
{
    return &KINDS[kind];
}
