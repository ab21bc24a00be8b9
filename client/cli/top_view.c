/* top_view.c - the lines that snakepit top shows; see top_view.h. */
#include "client/cli/top_view.h"

#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { ADVICE_LINES_MAX = 3, FRAME_LINES = 5, LINE_BYTES = 1024 };

/* Counters of a worker or a pool, as they were. A pool's id is a hash of its name. */
struct past {
    uint64_t id;
    uint64_t done, failed, accepted, cpu_us;
    unsigned round; /* when it was last seen; what is not seen any more is dropped */
    UT_hash_handle hh;
};

/* One worker's row while the rows are sorted. */
struct row {
    struct snakepit_value worker;
    double cpu, done; /* per second; negative: not known yet */
};

struct top_view {
    struct past *pasts;
    double before_seconds; /* of the last sample; 0: none */
    unsigned round;
};

struct top_view *
top_view_new(void)
{
    struct top_view *view = calloc(1, sizeof *view);

    if (!view)
        abort();
    return view;
}

static void
forget(struct top_view *view, unsigned round)
{
    struct past *past, *next;

    HASH_ITER(hh, view->pasts, past, next) {
        if (past->round == round)
            continue;
        HASH_DEL(view->pasts, past);
        free(past);
    }
}

void
top_view_destroy(struct top_view **view_p)
{
    if (!*view_p)
        return;
    forget(*view_p, 0);
    free(*view_p);
    *view_p = NULL;
}

/* What is remembered of this one; *ret_is_new when it was not seen before. */
static struct past *
recall(struct top_view *view, uint64_t id, bool *ret_is_new)
{
    struct past *past;

    HASH_FIND(hh, view->pasts, &id, sizeof id, past);
    *ret_is_new = !past;
    if (!past) {
        past = calloc(1, sizeof *past);
        if (!past)
            abort();
        past->id = id;
        HASH_ADD(hh, view->pasts, id, sizeof past->id, past);
    }
    past->round = view->round;
    return past;
}

static uint64_t
name_id(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash | UINT64_C(1) << 63; /* no session number has this bit */
}

/* Per second, and negative when there is no before. Counters of a restarted broker begin anew. */
static double
rate(uint64_t now, uint64_t before, double passed_seconds)
{
    return passed_seconds > 0 && now >= before ? (double)(now - before) / passed_seconds : -1;
}

static void
add_rate(struct table *table, double per_second)
{
    char text[UNITS_TEXT_BYTES];

    if (per_second < 0)
        table_add(table, CELL_FAINT, "-");
    else
        table_add(table, per_second > 0 ? CELL_PLAIN : CELL_FAINT, units_format_rate(text, per_second));
}

static void
put_table(struct wire_buffer *out, struct table **table_p, const struct top_layout *layout)
{
    char *text = table_format(*table_p, layout->columns, layout->with_colour);

    json_text_raw(out, text);
    free(text);
    table_destroy(table_p);
}

/* --- head ----------------------------------------------------------------------------------------------------- */

static void
put_head(struct wire_buffer *out, const struct snakepit_value *status, const char *endpoint)
{
    char version[64], state[32], uptime[UNITS_TEXT_BYTES], tasks[UNITS_TEXT_BYTES], bytes[UNITS_TEXT_BYTES];
    uint64_t clients = field_uint(status, "clients"), workers = field_uint(status, "workers");
    char *safe;
    char line[LINE_BYTES];

    snprintf(line, sizeof line, "snakepit top  %s  %s %s, up %s  %llu client%s, %llu worker%s, %s tasks held (%s)", endpoint,
             field_text(status, "version", version, sizeof version), field_text(status, "state", state, sizeof state),
             units_format_duration(uptime, field_double(status, "uptime_seconds")), (unsigned long long)clients,
             clients == 1 ? "" : "s", (unsigned long long)workers, workers == 1 ? "" : "s",
             units_format_count(tasks, field_uint(status, "tasks")),
             units_format_bytes(bytes, field_uint(status, "bytes")));
    safe = text_make_safe(line, strlen(line), 0);
    json_text_raw(out, safe ? safe : "");
    json_text_raw(out, "\n\n");
    free(safe);
}

/* --- pools ---------------------------------------------------------------------------------------------------- */

static const struct table_column pool_columns[] = {
    {.title = "POOL", .is_elastic = true}, {.title = "STATE", .drop = 2},
    {.title = "QUEUED", .is_right = true}, {.title = "RUNNING", .is_right = true, .drop = 5},
    {.title = "WORKERS", .is_right = true}, {.title = "SLOTS", .is_right = true},
    {.title = "UTIL", .is_right = true}, {.title = "SAT", .is_right = true, .drop = 4},
    {.title = "ACCEPTED", .is_right = true, .drop = 3}, {.title = "ANSWERED", .is_right = true},
    {.title = "FAILED", .is_right = true, .drop = 1},
    {.title = "WAIT P50", .is_right = true, .drop = 6}, {.title = "WAIT P99", .is_right = true},
    {.title = "RUN P50", .is_right = true, .drop = 6}, {.title = "RUN P99", .is_right = true},
    {.title = "MEMORY", .is_right = true, .drop = 7},
};

static void
add_pool_rates(struct top_view *view, struct table *table, const struct snakepit_value *pool,
               const struct snakepit_value *total, double passed_seconds)
{
    char name[256];
    bool is_new;
    struct past *past = recall(view, name_id(field_text(pool, "name", name, sizeof name)), &is_new);
    uint64_t accepted = field_uint(total, "accepted"), answered = field_uint(total, "answered"),
             failed = field_uint(pool, "failed");

    if (is_new)
        passed_seconds = 0;
    add_rate(table, rate(accepted, past->accepted, passed_seconds));
    add_rate(table, rate(answered, past->done, passed_seconds));
    add_rate(table, rate(failed, past->failed, passed_seconds));
    past->accepted = accepted;
    past->done = answered;
    past->failed = failed;
}

static void
add_pool(struct top_view *view, struct table *table, const struct snakepit_value *pool, double passed_seconds)
{
    struct snakepit_value total = view_map(pool, "total"), recent = view_map(pool, "recent"),
                          memory = view_map(pool, "memory"), wait = view_map(&recent, "wait"), run = view_map(&recent, "run");

    view_add_text(table, pool, "name");
    view_add_pool_state(table, pool);
    view_add_count(table, pool, "queued", CELL_PLAIN);
    view_add_count(table, pool, "running", CELL_PLAIN);
    view_add_workers(table, field_uint(pool, "workers"), field_uint(pool, "workers_wanted"));
    view_add_part(table, field_uint(pool, "slots_busy"), field_uint(pool, "slots"));
    view_add_share(table, &recent, "utilisation");
    view_add_share(table, &recent, "saturation");
    add_pool_rates(view, table, pool, &total, passed_seconds);
    view_add_quantile(table, &wait, "p50_seconds");
    view_add_quantile(table, &wait, "p99_seconds");
    view_add_quantile(table, &run, "p50_seconds");
    view_add_quantile(table, &run, "p99_seconds");
    view_add_bytes(table, &memory, "total_bytes");
}

static size_t
put_pools(struct top_view *view, struct wire_buffer *out, const struct snakepit_value *pools, double passed_seconds,
          const struct top_layout *layout)
{
    struct table *table = table_new(pool_columns, sizeof pool_columns / sizeof *pool_columns);
    struct snakepit_iter iter = snakepit_iter_of(pools);
    struct snakepit_value pool;
    size_t count = 0;

    for (; snakepit_iter_next(&iter, NULL, &pool); count++)
        add_pool(view, table, &pool, passed_seconds);
    put_table(out, &table, layout);
    json_text_raw(out, "\n");
    return count + 2;
}

/* --- recommendations ------------------------------------------------------------------------------------------ */

static void
put_advice(struct wire_buffer *out, const struct snakepit_value *advice, const struct top_layout *layout)
{
    char severity[32], action[LINE_BYTES], reason[LINE_BYTES], line[2 * LINE_BYTES + 8], *safe;

    field_text(advice, "severity", severity, sizeof severity);
    snprintf(line, sizeof line, "%s (%s)", field_text(advice, "action", action, sizeof action),
             field_text(advice, "reason", reason, sizeof reason));
    safe = text_make_safe(line, strlen(line), 0);
    if (safe && layout->columns > 12)
        text_cut(safe, layout->columns - 10);
    json_text_raw(out, view_escape(view_style(severity), layout->with_colour));
    json_text_format(out, "%-9s", severity);
    json_text_raw(out, view_escape(CELL_PLAIN, layout->with_colour));
    json_text_raw(out, " ");
    json_text_raw(out, safe ? safe : "");
    json_text_raw(out, "\n");
    free(safe);
}

/* The first ones of each severity, as the pools come; on a screen only a few. */
static size_t
put_all_advice(struct wire_buffer *out, const struct snakepit_value *pools, const struct top_layout *layout)
{
    static const char *const severities[] = {"critical", "warning"};
    size_t lines = 0, lines_max = layout->lines > 0 ? ADVICE_LINES_MAX : SIZE_MAX;

    for (size_t i = 0; i < 2; i++) {
        struct snakepit_iter iter = snakepit_iter_of(pools);
        struct snakepit_value pool;

        while (snakepit_iter_next(&iter, NULL, &pool)) {
            struct snakepit_value list = view_map(&pool, "recommendations"), advice;
            struct snakepit_iter inner = snakepit_iter_of(&list);
            char severity[32];

            while (lines < lines_max && snakepit_iter_next(&inner, NULL, &advice)) {
                if (strcmp(field_text(&advice, "severity", severity, sizeof severity), severities[i]) != 0)
                    continue;
                put_advice(out, &advice, layout);
                lines++;
            }
        }
    }
    if (lines > 0)
        json_text_raw(out, "\n");
    return lines > 0 ? lines + 1 : 0;
}

/* --- workers -------------------------------------------------------------------------------------------------- */

static const struct table_column worker_columns[] = {
    {.title = "WORKER", .is_right = true}, {.title = "NAME", .is_elastic = true}, {.title = "POOL", .is_elastic = true},
    {.title = "HOST", .is_elastic = true, .drop = 2}, {.title = "PID", .is_right = true, .drop = 1}, {.title = "STATE"},
    {.title = "BUSY", .is_right = true}, {.title = "DONE", .is_right = true}, {.title = "CPU", .is_right = true},
    {.title = "RSS", .is_right = true}, {.title = "UPTIME", .is_right = true, .drop = 3},
};

static void
take_row(struct top_view *view, const struct snakepit_value *worker, double passed_seconds, struct row *ret_row)
{
    bool is_new;
    struct past *past = recall(view, field_uint(worker, "id"), &is_new);
    uint64_t cpu_us = field_uint(worker, "cpu_us"), done = field_uint(worker, "tasks_done");

    if (is_new)
        passed_seconds = 0;
    *ret_row = (struct row){.worker = *worker,
                            .cpu = rate(cpu_us, past->cpu_us, passed_seconds) / 1e6,
                            .done = rate(done, past->done, passed_seconds)};
    past->cpu_us = cpu_us;
    past->done = done;
}

/* Who works most stands first; else in the order of their ids. */
static int
compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    uint64_t x_busy = field_uint(&x->worker, "busy"), y_busy = field_uint(&y->worker, "busy");
    uint64_t x_id = field_uint(&x->worker, "id"), y_id = field_uint(&y->worker, "id");

    if (x->cpu != y->cpu)
        return x->cpu > y->cpu ? -1 : 1;
    if (x_busy != y_busy)
        return x_busy > y_busy ? -1 : 1;
    return (x_id > y_id) - (x_id < y_id);
}

static void
add_worker(struct table *table, const struct row *row)
{
    const struct snakepit_value *worker = &row->worker;

    view_add_uint(table, worker, "id");
    view_add_text(table, worker, "name");
    view_add_text(table, worker, "pool");
    view_add_text(table, worker, "host");
    view_add_uint(table, worker, "pid");
    view_add_state(table, worker);
    view_add_part(table, field_uint(worker, "busy"), field_uint(worker, "slots"));
    add_rate(table, row->done);
    if (row->cpu < 0)
        table_add(table, CELL_FAINT, "-");
    else
        table_add_format(table, CELL_PLAIN, "%.0f %%", row->cpu * 100);
    view_add_bytes(table, worker, "rss_bytes");
    view_add_seconds(table, worker, "uptime_seconds");
}

static void
put_workers(struct top_view *view, struct wire_buffer *out, const struct snakepit_value *workers, double passed_seconds,
            size_t rows_max, const struct top_layout *layout)
{
    struct table *table = table_new(worker_columns, sizeof worker_columns / sizeof *worker_columns);
    struct row *rows = calloc(workers->size + 1, sizeof *rows);
    struct snakepit_iter iter = snakepit_iter_of(workers);
    struct snakepit_value worker;
    size_t count = 0;

    if (!rows)
        abort();
    while (count < workers->size && snakepit_iter_next(&iter, NULL, &worker))
        take_row(view, &worker, passed_seconds, &rows[count++]);
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < count && i < rows_max; i++)
        add_worker(table, &rows[i]);
    free(rows);
    put_table(out, &table, layout);
}

void
top_view_draw(struct top_view *view, const struct top_sample *sample, const char *endpoint,
              const struct top_layout *layout, struct wire_buffer *out)
{
    double passed_seconds = view->before_seconds > 0 ? sample->now_seconds - view->before_seconds : 0;
    size_t lines = FRAME_LINES; /* head, a title, an empty line below, and what the caller writes there */

    view->round++;
    put_head(out, &sample->status, endpoint);
    lines += put_pools(view, out, &sample->pools, passed_seconds, layout);
    lines += put_all_advice(out, &sample->pools, layout);
    if (layout->lines == 0 || layout->lines > lines)
        put_workers(view, out, &sample->workers, passed_seconds, layout->lines > 0 ? layout->lines - lines : SIZE_MAX,
                    layout);
    forget(view, view->round);
    view->before_seconds = sample->now_seconds;
}
