/* report.c - the broker's answers about workers and pools as records. See snakepit.h. */
#include "client/lib/ask.h"
#include "client/lib/fields.h"

#include <stdlib.h>

#define AT(field) offsetof(struct snakepit_worker_info, field)
static const struct field worker_fields[] = {
    {"id", FIELD_UINT, AT(id), NULL},
    {"name", FIELD_TEXT, AT(name), NULL},
    {"pool", FIELD_TEXT, AT(pool), NULL},
    {"host", FIELD_TEXT, AT(host), NULL},
    {"pid", FIELD_UINT, AT(pid), NULL},
    {"profile", FIELD_TEXT, AT(profile), NULL},
    {"state", FIELD_TEXT, AT(state), NULL},
    {"python", FIELD_TEXT, AT(python), NULL},
    {"gil_enabled", FIELD_BOOL, AT(gil_enabled), NULL},
    {"slots", FIELD_UINT, AT(slots), NULL},
    {"busy", FIELD_UINT, AT(busy), NULL},
    {"rss_bytes", FIELD_UINT, AT(rss_bytes), NULL},
    {"cpu_us", FIELD_UINT, AT(cpu_us), NULL},
    {"tasks_done", FIELD_UINT, AT(tasks_done), NULL},
    {"uptime_seconds", FIELD_REAL, AT(uptime_seconds), NULL},
    {NULL, 0, 0, NULL},
};
#undef AT

#define AT(field) offsetof(struct snakepit_latency, field)
static const struct field latency_fields[] = {
    {"count", FIELD_UINT, AT(count), NULL},
    {"mean_seconds", FIELD_REAL, AT(mean_seconds), NULL},
    {"p50_seconds", FIELD_REAL, AT(p50_seconds), NULL},
    {"p90_seconds", FIELD_REAL, AT(p90_seconds), NULL},
    {"p99_seconds", FIELD_REAL, AT(p99_seconds), NULL},
    {"p999_seconds", FIELD_REAL, AT(p999_seconds), NULL},
    {"max_seconds", FIELD_REAL, AT(max_seconds), NULL},
    {NULL, 0, 0, NULL},
};
#undef AT

#define AT(field) offsetof(struct snakepit_load, field)
static const struct field load_fields[] = {
    {"span_seconds", FIELD_REAL, AT(span_seconds), NULL},
    {"accepted", FIELD_UINT, AT(accepted), NULL},
    {"dispatched", FIELD_UINT, AT(dispatched), NULL},
    {"answered", FIELD_UINT, AT(answered), NULL},
    {"accepted_per_second", FIELD_REAL, AT(accepted_per_second), NULL},
    {"answered_per_second", FIELD_REAL, AT(answered_per_second), NULL},
    {"utilisation", FIELD_REAL, AT(utilisation), NULL},
    {"saturation", FIELD_REAL, AT(saturation), NULL},
    {"queued_max", FIELD_UINT, AT(queued_max), NULL},
    {"wait", FIELD_MAP, AT(wait), latency_fields},
    {"run", FIELD_MAP, AT(run), latency_fields},
    {NULL, 0, 0, NULL},
};
#undef AT

#define AT(field) offsetof(struct snakepit_pool_stats, field)
static const struct field pool_fields[] = {
    {"queued", FIELD_UINT, AT(queued), NULL},
    {"delayed", FIELD_UINT, AT(delayed), NULL},
    {"running", FIELD_UINT, AT(running), NULL},
    {"workers", FIELD_UINT, AT(workers), NULL},
    {"workers_wanted", FIELD_UINT, AT(workers_wanted), NULL},
    {"slots", FIELD_UINT, AT(slots), NULL},
    {"slots_busy", FIELD_UINT, AT(slots_busy), NULL},
    {"succeeded", FIELD_UINT, AT(succeeded), NULL},
    {"failed", FIELD_UINT, AT(failed), NULL},
    {"cancelled", FIELD_UINT, AT(cancelled), NULL},
    {"expired", FIELD_UINT, AT(expired), NULL},
    {"dead", FIELD_UINT, AT(dead), NULL},
    {"lost", FIELD_UINT, AT(lost), NULL},
    {"requeued", FIELD_UINT, AT(requeued), NULL},
    {"refused", FIELD_UINT, AT(refused), NULL},
    {"queued_bytes", FIELD_UINT, AT(queued_bytes), NULL},
    {"queued_max", FIELD_UINT, AT(queued_max), NULL},
    {"queued_bytes_max", FIELD_UINT, AT(queued_bytes_max), NULL},
    {"total", FIELD_MAP, AT(total), load_fields},
    {"recent", FIELD_MAP, AT(recent), load_fields},
    {NULL, 0, 0, NULL},
};
#undef AT

/* One allocation: the list's head, its records, and behind them their texts. NULL when memory ends. */
static struct snakepit_workers *
workers_of(const struct snakepit_value *answer)
{
    size_t records_bytes = answer->size * sizeof(struct snakepit_worker_info);
    struct snakepit_workers *workers = calloc(1, sizeof *workers + records_bytes + answer->encoded.size);
    struct snakepit_worker_info *list = (struct snakepit_worker_info *)(workers + 1);
    struct snakepit_iter iter = snakepit_iter_of(answer);
    struct snakepit_value one;
    char *text_at;

    if (!workers)
        return NULL;
    text_at = (char *)list + records_bytes;
    while (snakepit_iter_next(&iter, NULL, &one)) {
        struct snakepit_worker_info *info = &list[workers->count++];

        info->name = info->pool = info->host = info->profile = info->state = info->python = "";
        fields_fill(worker_fields, &one, info, &text_at);
    }
    workers->list = list;
    return workers;
}

int
snakepit_list_workers(struct snakepit_client *client, const char *pool, int timeout_ms,
                      struct snakepit_workers **ret_workers)
{
    struct question question = {.function = "workers", .pool = pool};
    struct snakepit_result *result;
    struct snakepit_value answer;
    int status = ask(client, &question, timeout_ms, &result, &answer, NULL);

    *ret_workers = NULL;
    if (status != SNAKEPIT_OK)
        return status;
    if (answer.kind != SNAKEPIT_ARRAY)
        status = client_fail(client, SNAKEPIT_MISMATCH, "workers: the broker's answer is no array");
    else if (!(*ret_workers = workers_of(&answer)))
        status = client_fail(client, SNAKEPIT_MEMORY, "no memory for the list of workers");
    snakepit_result_destroy(&result);
    return status;
}

void
snakepit_workers_destroy(struct snakepit_workers **workers_p)
{
    free(*workers_p);
    *workers_p = NULL;
}

int
snakepit_get_stats(struct snakepit_client *client, const char *pool, int timeout_ms,
                   struct snakepit_pool_stats *ret_stats)
{
    struct question question = {.function = "stats", .pool = pool};
    struct snakepit_pool_stats stats = {.total = {.utilisation = -1, .saturation = -1},
                                        .recent = {.utilisation = -1, .saturation = -1}};
    struct snakepit_value answer, one;
    struct snakepit_result *result;
    char *no_texts = NULL;
    int status;

    if (!pool || !pool[0])
        return client_fail(client, SNAKEPIT_INVALID, "stats: no pool is named");
    status = ask(client, &question, timeout_ms, &result, &answer, NULL);
    if (status != SNAKEPIT_OK)
        return status;
    if (snakepit_value_at(&answer, 0, &one) == SNAKEPIT_OK && one.kind == SNAKEPIT_MAP) {
        fields_fill(pool_fields, &one, &stats, &no_texts);
        *ret_stats = stats;
    } else {
        status = client_fail(client, SNAKEPIT_MISMATCH, "stats: the broker's answer is no array of maps");
    }
    snakepit_result_destroy(&result);
    return status;
}
