/* keys.c - the tables of all maps of SPIT/1, after docs/protocol.md, section 4. */
#include "wire/keys.h"

#include <stddef.h>

#define KEY(text) .name = text, .name_size = sizeof text - 1
#define KEYS(table) .list = table, .count = sizeof table / sizeof *table

static const char *const on_disconnect_words[] = {"continue", "cancel", NULL};
static const char *const profile_words[] = {"process", "thread", NULL};
static const char *const exit_cause_words[] = {"exit", "signal", "oom", "start_failed", "no_memory", NULL};
static const char *const agent_state_words[] = {"ok", "failed", NULL};
static const char *const session_mode_words[] = {"hint", "strict_queue", "strict_fail_fast", NULL};
static const char *const on_loss_words[] = {"requeue", "lost", NULL};

#define AT(field) .at = offsetof(struct hello, field)
static const struct key client_list[] = {
    {KEY("instance"), KEY_BIN, AT(instance), .min = INSTANCE_BYTES, .max = INSTANCE_BYTES},
    {KEY("name"), KEY_STR, AT(name), .max = LABEL_BYTES_MAX},
    {KEY("on_disconnect"), KEY_WORD, AT(on_disconnect), .words = on_disconnect_words},
};

static const struct key worker_list[] = {
    {KEY("pool"), KEY_POOL, AT(pool)},
    {KEY("slots"), KEY_UINT32, AT(slots), .initial = 1, .min = 1, .max = SLOTS_MAX},
    {KEY("profile"), KEY_WORD, AT(profile), .words = profile_words},
    {KEY("name"), KEY_STR, AT(name), .max = LABEL_BYTES_MAX},
    {KEY("host"), KEY_STR, AT(host), .max = LABEL_BYTES_MAX},
    {KEY("pid"), KEY_UINT64, AT(pid), .max = UINT64_MAX},
    {KEY("python"), KEY_STR, AT(python), .max = LABEL_BYTES_MAX},
    {KEY("gil_enabled"), KEY_BOOL, AT(gil_enabled), .initial = true},
    {KEY("session"), KEY_UINT64, AT(session), .max = UINT64_MAX},
    {KEY("leases"), KEY_FENCES, AT(leases)},
    {KEY("holds"), KEY_HOLDS, AT(holds)},
    {KEY("agent"), KEY_UINT64, AT(agent), .max = UINT64_MAX},
    {KEY("replaces"), KEY_UINT64, AT(replaces), .max = UINT64_MAX},
    {KEY("free_threaded"), KEY_BOOL, AT(free_threaded)},
    {KEY("gil_module"), KEY_STR, AT(gil_module), .max = LABEL_BYTES_MAX},
    {KEY("report"), KEY_MAP, AT(report), .max = REPORT_BYTES_MAX},
};

static const struct key agent_list[] = {
    {KEY("agent"), KEY_UINT64, AT(agent), .min = 1, .max = UINT64_MAX},
    {KEY("name"), KEY_STR, AT(name), .max = LABEL_BYTES_MAX},
    {KEY("host"), KEY_STR, AT(host), .max = LABEL_BYTES_MAX},
    {KEY("pid"), KEY_UINT64, AT(pid), .max = UINT64_MAX},
    {KEY("pools"), KEY_AGENT_POOLS, AT(pools)},
};
#undef AT

#define AT(field) .at = offsetof(struct welcome, field)
static const struct key welcome_list[] = {
    {KEY("broker"), KEY_TEXT, AT(broker), .max = LABEL_BYTES_MAX},
    {KEY("epoch"), KEY_UINT64, AT(epoch), .max = UINT64_MAX},
    {KEY("resumed"), KEY_BOOL, AT(resumed)},
    {KEY("heartbeat_ms"), KEY_UINT64, AT(heartbeat_ms), .max = UINT64_MAX},
    {KEY("inline_max"), KEY_UINT64, AT(inline_max_bytes), .max = UINT64_MAX},
    {KEY("control_max"), KEY_UINT64, AT(control_max_bytes), .max = UINT64_MAX},
    {KEY("frame_max"), KEY_UINT64, AT(frame_max_bytes), .max = UINT64_MAX},
    {KEY("attachments_max"), KEY_UINT64, AT(attachments_max), .max = UINT64_MAX},
    {KEY("leases"), KEY_FENCES, AT(leases)},
    {KEY("clients"), KEY_STR, AT(clients), .max = ENDPOINT_BYTES_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct heartbeat, field)
static const struct key heartbeat_list[] = {
    {KEY("rss_bytes"), KEY_UINT64, AT(rss_bytes), .max = UINT64_MAX},
    {KEY("cpu_us"), KEY_UINT64, AT(cpu_us), .max = UINT64_MAX},
    {KEY("tasks_done"), KEY_UINT64, AT(tasks_done), .max = UINT64_MAX},
    {KEY("running"), KEY_FENCES, AT(running), .said_at = offsetof(struct heartbeat, has_running)},
    {KEY("gil_enabled"), KEY_TRISTATE, AT(gil_enabled)},
    {KEY("gil_module"), KEY_STR, AT(gil_module), .max = LABEL_BYTES_MAX},
    {KEY("report"), KEY_MAP, AT(report), .max = REPORT_BYTES_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct submit, field)
static const struct key submit_list[] = {
    {KEY("priority"), KEY_UINT8, AT(priority), .initial = PRIORITY_DEFAULT, .max = PRIORITIES - 1},
    {KEY("delay_ms"), KEY_UINT64, AT(delay_ms), .max = DURATION_MS_MAX},
    {KEY("deadline_ms"), KEY_UINT64, AT(deadline_ms), .said_at = offsetof(struct submit, has_deadline),
     .max = DURATION_MS_MAX},
    {KEY("max_attempts"), KEY_UINT32, AT(max_attempts), .min = 1, .max = ATTEMPTS_MAX},
    {KEY("on_loss"), KEY_WORD, AT(on_loss), .words = on_loss_words},
    {KEY("ack"), KEY_BOOL, AT(ack)},
    {KEY("stream"), KEY_BOOL, AT(stream)},
    {KEY("progress"), KEY_BOOL, AT(progress)},
    {KEY("info"), KEY_BOOL, AT(info)},
    {KEY("content_type"), KEY_CONTENT_TYPE, AT(content_type), .min = 1, .max = CONTENT_TYPE_BYTES_MAX},
    {KEY("headers"), KEY_HEADERS, AT(headers)},
    {KEY("retries"), KEY_UINT32, AT(retries), .said_at = offsetof(struct submit, has_retries), .max = RETRIES_MAX},
    {KEY("retry_on"), KEY_TEXTS, AT(retry_on), .min = 1, .max = ERROR_TYPE_BYTES_MAX},
    {KEY("backoff_ms"), KEY_UINT64, AT(backoff_ms), .said_at = offsetof(struct submit, has_backoff),
     .max = DURATION_MS_MAX},
    {KEY("kills_max"), KEY_UINT32, AT(kills_max), .min = 1, .max = KILLS_MAX},
    {KEY("dedup_key"), KEY_STR, AT(dedup_key), .min = 1, .max = DEDUP_KEY_BYTES_MAX},
    {KEY("dedup_ms"), KEY_UINT64, AT(dedup_ms), .said_at = offsetof(struct submit, has_dedup_ms),
     .max = DURATION_MS_MAX},
    {KEY("group"), KEY_STR, AT(group), .min = 1, .max = LABEL_BYTES_MAX},
    {KEY("fair_key"), KEY_STR, AT(fair_key), .min = 1, .max = LABEL_BYTES_MAX},
    {KEY("session"), KEY_STR, AT(session), .min = 1, .max = LABEL_BYTES_MAX},
    {KEY("session_mode"), KEY_WORD, AT(session_mode), .words = session_mode_words},
    {KEY("run_ms"), KEY_UINT64, AT(run_ms), .min = 1, .max = DURATION_MS_MAX},
    {KEY("credit"), KEY_UINT32, AT(credit), .min = 1, .max = CREDIT_MAX},
    {KEY("again"), KEY_BOOL, AT(again)},
};
#undef AT

#define AT(field) .at = offsetof(struct task_command, field)
static const struct key task_list[] = {
    {KEY("content_type"), KEY_CONTENT_TYPE, AT(content_type), .min = 1, .max = CONTENT_TYPE_BYTES_MAX},
    {KEY("headers"), KEY_HEADERS, AT(headers)},
    {KEY("stream"), KEY_BOOL, AT(stream)},
    {KEY("progress"), KEY_BOOL, AT(progress)},
    {KEY("deadline_ms"), KEY_UINT64, AT(deadline_ms), .said_at = offsetof(struct task_command, has_deadline),
     .max = DURATION_MS_MAX},
    {KEY("origin"), KEY_BIN, AT(origin), .min = 1, .max = ORIGIN_BYTES_MAX},
    {KEY("session"), KEY_STR, AT(session), .min = 1, .max = LABEL_BYTES_MAX},
    {KEY("credit"), KEY_UINT32, AT(credit), .min = 1, .max = CREDIT_MAX},
    {KEY("run_ms"), KEY_UINT64, AT(run_ms), .min = 1, .max = DURATION_MS_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct info, field)
#define TIMED .said_at = offsetof(struct info, timed)
static const struct key info_list[] = {
    {KEY("content_type"), KEY_CONTENT_TYPE, AT(content_type), .min = 1, .max = CONTENT_TYPE_BYTES_MAX},
    {KEY("attempt"), KEY_UINT32, AT(attempt), .min = 1, .max = UINT32_MAX},
    {KEY("chunks"), KEY_UINT64, AT(chunks), .max = UINT64_MAX},
    {KEY("worker"), KEY_UINT64, AT(worker), TIMED, .max = UINT64_MAX},
    {KEY("queue_us"), KEY_UINT64, AT(queue_us), TIMED, .max = UINT64_MAX},
    {KEY("run_us"), KEY_UINT64, AT(run_us), TIMED, .max = UINT64_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct error, field)
static const struct key details_list[] = {
    {KEY("type"), KEY_TEXT, AT(type), .max = ERROR_TYPE_BYTES_MAX},
    {KEY("traceback"), KEY_TEXT, AT(traceback), .max = TRACEBACK_BYTES_MAX},
    {KEY("retry_after_ms"), KEY_UINT64, AT(retry_after_ms), .max = UINT64_MAX},
    {KEY("attempt"), KEY_UINT32, AT(attempt), .min = 1, .max = UINT32_MAX},
    {KEY("field"), KEY_TEXT, AT(field), .max = LABEL_BYTES_MAX},
    {KEY("offset"), KEY_UINT64, AT(offset), .said_at = offsetof(struct error, has_offset), .max = UINT64_MAX},
    {KEY("final"), KEY_TEXT, AT(final), .max = LABEL_BYTES_MAX},
    {KEY("limit"), KEY_TEXT, AT(limit), .max = LABEL_BYTES_MAX},
    {KEY("limit_bytes"), KEY_UINT64, AT(limit_bytes), .max = UINT64_MAX},
    {KEY("protocols"), KEY_PROTOCOLS, AT(lists_protocols)},
};
#undef AT

static const struct key cancel_list[] = {
    {KEY("raise"), KEY_BOOL, .at = offsetof(struct cancel, raise)},
};

static const struct key credit_list[] = {
    {KEY("attempt"), KEY_UINT32, .at = offsetof(struct credit, attempt), .min = 1, .max = UINT32_MAX},
};

#define AT(field) .at = offsetof(struct stop, field)
static const struct key stop_list[] = {
    {KEY("reason"), KEY_TEXT, AT(reason), .max = ERROR_TEXT_BYTES_MAX},
    {KEY("grace_ms"), KEY_UINT64, AT(grace_ms), .max = UINT64_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct replace, field)
static const struct key replace_list[] = {
    {KEY("reason"), KEY_TEXT, AT(reason), .max = ERROR_TEXT_BYTES_MAX},
    {KEY("first"), KEY_BOOL, AT(first)},
};
#undef AT

#define AT(field) .at = offsetof(struct retire, field)
static const struct key retire_list[] = {
    {KEY("kill"), KEY_BOOL, AT(kill)},
    {KEY("grace_ms"), KEY_UINT64, AT(grace_ms), .max = UINT64_MAX},
    {KEY("reason"), KEY_TEXT, AT(reason), .max = ERROR_TEXT_BYTES_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct exited, field)
static const struct key exited_list[] = {
    {KEY("cause"), KEY_WORD, AT(cause), .words = exit_cause_words},
    {KEY("status"), KEY_UINT64, AT(status), .max = UINT64_MAX},
    {KEY("replaces"), KEY_UINT64, AT(replaces), .max = UINT64_MAX},
    {KEY("text"), KEY_TEXT, AT(text), .max = ERROR_TEXT_BYTES_MAX},
};
#undef AT

#define AT(field) .at = offsetof(struct pool_report, field)
static const struct key pool_list[] = {
    {KEY("state"), KEY_WORD, AT(state), .words = agent_state_words},
    {KEY("wanted"), KEY_UINT32, AT(wanted), .said_at = offsetof(struct pool_report, has_wanted), .max = UINT32_MAX},
    {KEY("changed"), KEY_BOOL, AT(changed)},
    {KEY("reason"), KEY_TEXT, AT(reason), .max = ERROR_TEXT_BYTES_MAX},
};
#undef AT

const struct keys client_keys = {KEYS(client_list), .required = 1}; /* instance */
const struct keys worker_keys = {KEYS(worker_list), .required = 1}; /* pool */
const struct keys agent_keys = {KEYS(agent_list), .required = 1};   /* agent */
const struct keys welcome_keys = {KEYS(welcome_list)};
const struct keys heartbeat_keys = {KEYS(heartbeat_list)};
/* The sender asked for something; unlike a fact it must not be passed over. */
const struct keys submit_keys = {KEYS(submit_list), .refuses_unknown = true};
const struct keys task_keys = {KEYS(task_list)};
const struct keys info_keys = {KEYS(info_list)};
const struct keys details_keys = {KEYS(details_list)};
const struct keys cancel_keys = {KEYS(cancel_list)};
const struct keys credit_keys = {KEYS(credit_list)};
const struct keys stop_keys = {KEYS(stop_list)};
const struct keys replace_keys = {KEYS(replace_list)};
const struct keys retire_keys = {KEYS(retire_list)};
const struct keys exited_keys = {KEYS(exited_list)};
const struct keys pool_keys = {KEYS(pool_list)};
