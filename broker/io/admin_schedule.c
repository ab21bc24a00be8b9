/* admin_schedule.c - see admin_schedule.h. */
#include "broker/io/admin_schedule.h"

#include "broker/io/json_check.h"
#include "broker/io/report_map.h"
#include "wire/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 4, 5)))
refuse(struct admin_fault *fault, enum error_code code, const char *field, const char *format, ...)
{
    va_list values;

    fault->code = code;
    snprintf(fault->field, sizeof fault->field, "%s", field);
    va_start(values, format);
    vsnprintf(fault->text, sizeof fault->text, format, values);
    va_end(values);
    return ERR_INVALID;
}

/* The text with a NUL behind it, in memory of the outbox. */
static const char *
text_of(struct outbox *outbox, struct bytes text)
{
    return outbox_copy(outbox, text.data, text.size);
}

static int
check(const struct admin_args *args, const struct schedule_settings *settings, struct admin_fault *fault)
{
    if (!(args->given & ARG_NAME) || !text_is_name(args->name))
        return refuse(fault, ERROR_BAD_FIELD, "name", "name is required, 1 to 64 of the characters A-Z a-z 0-9 _ . -");
    if (!(args->given & ARG_POOL))
        return refuse(fault, ERROR_BAD_FIELD, "pool", "pool is required");
    if (!(args->given & ARG_FUNCTION))
        return refuse(fault, ERROR_BAD_FIELD, "function", "function is required");
    if (!(args->given & ARG_EVERY_MS) || args->every_ms == 0)
        return refuse(fault, ERROR_BAD_FIELD, "every_ms", "every_ms is required, and at least 1");
    if (settings->args != NULL && !json_is_array(settings->args))
        return refuse(fault, ERROR_BAD_FIELD, "args", "args must be a JSON array in a string, such as \"[1, 2]\"");
    if (args->overlap.size > 0 && !text_is(args->overlap, "skip") && !text_is(args->overlap, "queue"))
        return refuse(fault, ERROR_BAD_FIELD, "overlap", "overlap must be \"skip\" or \"queue\"");
    return OK;
}

int
admin_set_schedule(struct broker *broker, const struct admin_args *args, int64_t now_us, struct outbox *outbox,
                   struct admin_fault *ret_fault)
{
    struct schedule_settings settings = {
        .name = text_of(outbox, args->name),
        .pool = text_of(outbox, args->pool),
        .function = text_of(outbox, args->function),
        .args = args->given & ARG_ARGS ? text_of(outbox, args->args) : NULL,
        .every_us = (int64_t)args->every_ms * 1000,
        .delay_us = (int64_t)(args->given & ARG_DELAY_MS ? args->delay_ms : args->every_ms) * 1000,
        .overlap = text_is(args->overlap, "queue") ? OVERLAP_QUEUE : OVERLAP_SKIP,
    };
    struct event event = {.kind = EVENT_SCHEDULE_SET, .schedule_settings = &settings};

    if (check(args, &settings, ret_fault) != OK)
        return ERR_INVALID;
    switch (broker_handle(broker, &event, now_us, outbox)) {
    case OK:
        return OK;
    case ERR_FULL:
        return refuse(ret_fault, ERROR_BUSY, "", "there are as many schedules as a broker may have");
    default:
        return refuse(ret_fault, ERROR_BAD_FIELD, "function", "function must be a string of 1 to %d bytes",
                      FUNCTION_BYTES_MAX);
    }
}

int
admin_remove_schedule(struct broker *broker, const struct admin_args *args, int64_t now_us, struct outbox *outbox,
                      struct admin_fault *ret_fault)
{
    struct event event = {.kind = EVENT_SCHEDULE_REMOVE, .schedule = args->name};

    if (!(args->given & ARG_NAME))
        return refuse(ret_fault, ERROR_BAD_FIELD, "name", "name is required");
    if (broker_handle(broker, &event, now_us, outbox) == OK)
        return OK;
    return refuse(ret_fault, ERROR_NOT_FOUND, "", "no schedule is named \"%.*s\"", (int)args->name.size,
                  (const char *)args->name.data);
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

struct schedule_list {
    struct wire_buffer items;
    uint32_t count;
    int64_t now_us;
};

static void
write_schedule(void *context, const struct schedule_stats *stats)
{
    struct schedule_list *list = context;
    struct report_map map;

    list->count++;
    report_map_begin(&map, &list->items);
    report_put_text(&map, "name", stats->name);
    report_put_text(&map, "pool", stats->pool);
    report_put_str(&map, "function", stats->function);
    /* Without the brackets of [args]. */
    report_put_str(&map, "args", (struct bytes){stats->payload.data + 1, stats->payload.size - 2});
    report_put_seconds(&map, "every_seconds", stats->every_us);
    report_put_seconds(&map, "due_seconds", stats->due_us > list->now_us ? stats->due_us - list->now_us : 0);
    report_put_text(&map, "overlap", stats->overlap == OVERLAP_QUEUE ? "queue" : "skip");
    report_put_uint(&map, "running", stats->running);
    report_put_uint(&map, "runs", stats->runs);
    report_put_uint(&map, "skipped", stats->skipped);
    report_put_uint(&map, "refused", stats->refused);
    report_put_uint(&map, "succeeded", stats->succeeded);
    report_put_uint(&map, "failed", stats->failed);
    report_put_uint(&map, "task", stats->task);
    report_put_text(&map, "last", stats->last);
    report_map_end(&map);
}

void
report_schedules(struct wire_buffer *buffer, const struct broker *broker, int64_t now_us)
{
    struct schedule_list list = {.now_us = now_us};

    wire_buffer_init(&list.items, false);
    broker_each_schedule(broker, write_schedule, &list);
    wire_write_array(buffer, list.count);
    wire_write_raw(buffer, (struct bytes){list.items.data, (uint32_t)list.items.size});
    wire_buffer_fini(&list.items);
}
