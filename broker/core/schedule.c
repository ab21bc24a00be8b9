/* schedule.c - settings, times and counts; see schedule.h. */
#include "broker/core/schedule.h"

#include "wire/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (!copy)
        abort();
    memcpy(copy, text, size);
    return copy;
}

static bool
is_good(const struct schedule_settings *settings)
{
    size_t function = strlen(settings->function);

    return text_is_name(text_bytes(settings->name)) && text_is_name(text_bytes(settings->pool)) && function > 0 &&
           function <= FUNCTION_BYTES_MAX && settings->every_us > 0 && settings->delay_us >= 0 &&
           settings->every_us <= DURATION_MS_MAX * 1000 && settings->delay_us <= DURATION_MS_MAX * 1000;
}

/* The payload is [args]. */
static struct body *
make_body(const struct schedule_settings *settings)
{
    size_t size = settings->args ? strlen(settings->args) : 0;
    uint8_t *text = malloc(size + 2);
    struct payload payload = {.data = {text, (uint32_t)size + 2}};
    struct body *body;

    if (!text)
        abort();
    text[0] = '[';
    if (size > 0)
        memcpy(text + 1, settings->args, size);
    text[size + 1] = ']';
    body = body_new(NULL, text_bytes(settings->function), text_bytes("json"), (struct bytes){0}, &payload);
    free(text);
    return body;
}

static void
take(struct schedule *schedule, const struct schedule_settings *settings, int64_t now_us)
{
    schedule->name = copy_text(settings->name);
    schedule->pool = copy_text(settings->pool);
    schedule->body = make_body(settings);
    schedule->every_us = settings->every_us;
    schedule->overlap = settings->overlap;
    schedule->due_us = now_us + settings->delay_us;
}

static void
drop(struct schedule *schedule)
{
    free(schedule->name);
    free(schedule->pool);
    body_unref(schedule->body);
}

struct schedule *
schedule_new(uint64_t number, const struct schedule_settings *settings, int64_t now_us)
{
    struct schedule *schedule = is_good(settings) ? calloc(1, sizeof *schedule) : NULL;

    if (!schedule && is_good(settings))
        abort();
    if (!schedule)
        return NULL;
    schedule->number = number;
    schedule->last = -1;
    take(schedule, settings, now_us);
    return schedule;
}

void
schedule_destroy(struct schedule **schedule_p)
{
    struct schedule *schedule = *schedule_p;

    if (!schedule)
        return;
    assert(!heap_node_is_in(&schedule->timer));
    drop(schedule);
    free(schedule);
    *schedule_p = NULL;
}

bool
schedule_change(struct schedule *schedule, const struct schedule_settings *settings, int64_t now_us)
{
    if (!is_good(settings))
        return false;
    drop(schedule);
    take(schedule, settings, now_us);
    return true;
}

bool
schedule_begin(struct schedule *schedule, int64_t now_us)
{
    int64_t next_us = schedule->due_us + schedule->every_us;

    assert(now_us >= schedule->due_us);
    schedule->due_us = next_us > now_us ? next_us : now_us + schedule->every_us;
    if (schedule->overlap == OVERLAP_QUEUE || schedule->open == 0)
        return true;
    schedule->skipped++;
    return false;
}
