/* batch.c - tasks offered and not printed yet; see batch.h. */
#include "client/cli/batch.h"

#include "client/cli/cli.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { RETRY_MIN_MS = 20, RETRY_MAX_MS = 1000 };

struct batch_item {
    struct batch_item *prev, *next;
    struct batch_item *refused_prev, *refused_next;
    struct batch *batch;
    uint64_t line;
    uint64_t id;
    bool is_refused, is_done;
    struct wire_buffer arguments; /* for offering it again */
    struct wire_buffer record;    /* kept until it is its turn; only when ordered */
};

void
batch_init(struct batch *batch, const struct snakepit_task *task, struct wire_buffer *out, bool is_ordered,
           uint64_t window)
{
    *batch = (struct batch){.task = *task, .out = out, .is_ordered = is_ordered, .window = window, .limit = window,
                            .retry_at_us = INT64_MAX};
}

static void
remove_item(struct batch *batch, struct batch_item *item)
{
    DL_DELETE(batch->items, item);
    wire_buffer_fini(&item->arguments);
    wire_buffer_fini(&item->record);
    free(item);
    batch->unprinted--;
}

void
batch_fini(struct batch *batch)
{
    while (batch->items)
        remove_item(batch, batch->items);
    batch->refused = NULL;
}

bool
batch_has_room(const struct batch *batch)
{
    return batch->unprinted < batch->window && batch->under_way < batch->limit && !batch->refused;
}

/* --- what comes back ------------------------------------------------------------------------------------------ */

static void
put_record(struct wire_buffer *out, uint64_t line, const struct snakepit_result *result)
{
    json_text_format(out, "{\"line\": %llu, ", (unsigned long long)line);
    outcome_put_members(out, result);
    json_text_raw(out, "}\n");
}

/* Print what is next in the order of the input, as far as it is there. */
static void
print_ready(struct batch *batch)
{
    while (batch->items && batch->items->is_done) {
        struct batch_item *item = batch->items;

        wire_write_raw(batch->out, (struct bytes){item->record.data, (uint32_t)item->record.size});
        remove_item(batch, item);
    }
}

static void
finish(struct batch_item *item, const struct snakepit_result *result)
{
    struct batch *batch = item->batch;

    batch->done++;
    if (result->state != SNAKEPIT_STATE_OK)
        batch->failed++;
    item->is_done = true;
    if (batch->is_ordered) {
        put_record(&item->record, item->line, result);
        print_ready(batch);
    } else {
        put_record(batch->out, item->line, result);
        remove_item(batch, item);
    }
}

/* Would every further task get this answer too? Sizes and fields are a matter of the one task. */
static int
stop_code(const struct snakepit_result *result)
{
    static const char *const own_faults[] = {"too_large", "bad_field", "bad_payload"};
    int code = outcome_exit_code(result);

    for (size_t i = 0; i < sizeof own_faults / sizeof *own_faults; i++)
        if (strcmp(result->code, own_faults[i]) == 0)
            return 0;
    return code == EXIT_NOT_FOUND || code == EXIT_REFUSED ? code : 0;
}

static void
refuse(struct batch_item *item, uint64_t retry_after_ms)
{
    struct batch *batch = item->batch;
    uint64_t pause_ms = retry_after_ms > RETRY_MAX_MS ? RETRY_MAX_MS : retry_after_ms;

    if (pause_ms < RETRY_MIN_MS)
        pause_ms = RETRY_MIN_MS;
    item->is_refused = true;
    DL_APPEND2(batch->refused, item, refused_prev, refused_next);
    batch->limit = batch->under_way > 0 ? batch->under_way : 1;
    batch->since_growth = 0;
    batch->retry_at_us = cli_now_us() + (int64_t)pause_ms * 1000;
}

static void
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    struct batch_item *item = user;
    struct batch *batch = item->batch;

    (void)client;
    batch->under_way--;
    if (strcmp(result->code, "busy") == 0) {
        refuse(item, result->retry_after_ms);
        return;
    }
    if (batch->limit < batch->window && ++batch->since_growth >= batch->limit) {
        batch->limit++;
        batch->since_growth = 0;
    }
    if (batch->stop_code == 0) {
        batch->stop_code = stop_code(result);
        snprintf(batch->stop_text, sizeof batch->stop_text, "%s: %s", result->code, result->message);
    }
    finish(item, result);
}

/* --- offering ------------------------------------------------------------------------------------------------- */

static int
offer_item(struct batch_item *item, struct snakepit_client *client)
{
    struct snakepit_task task = item->batch->task;
    int status;

    task.args = item->arguments.data;
    task.args_bytes = item->arguments.size;
    task.on_done = on_done;
    task.user = item;
    status = snakepit_submit(client, &task, &item->id);
    if (status == SNAKEPIT_OK)
        item->batch->under_way++;
    return status;
}

int
batch_offer(struct batch *batch, struct snakepit_client *client, uint64_t line, const struct wire_buffer *arguments)
{
    struct batch_item *item = calloc(1, sizeof *item);
    int status;

    if (!item)
        return SNAKEPIT_MEMORY;
    item->batch = batch;
    item->line = line;
    wire_buffer_init(&item->record, false);
    wire_buffer_init(&item->arguments, false);
    wire_write_raw(&item->arguments, (struct bytes){arguments->data, (uint32_t)arguments->size});
    DL_APPEND(batch->items, item);
    batch->unprinted++;
    status = offer_item(item, client);
    if (status == SNAKEPIT_OK)
        batch->offered++;
    else
        remove_item(batch, item);
    return status;
}

/* Take the first of the refused out of their list. */
static struct batch_item *
take_refused(struct batch *batch)
{
    struct batch_item *item = batch->refused;

    DL_DELETE2(batch->refused, item, refused_prev, refused_next);
    item->is_refused = false;
    if (!batch->refused)
        batch->retry_at_us = INT64_MAX;
    return item;
}

void
batch_offer_again(struct batch *batch, struct snakepit_client *client, int64_t now_us)
{
    if (now_us >= batch->retry_at_us) {
        batch->limit = batch->under_way + 1;
        batch->retry_at_us = now_us + RETRY_MAX_MS * 1000;
    }
    while (batch->refused && batch->under_way < batch->limit) {
        if (offer_item(batch->refused, client) != SNAKEPIT_OK)
            return;
        take_refused(batch);
    }
}

/* End all that was refused, without the broker. */
static void
end_refused(struct batch *batch, enum snakepit_state state)
{
    const struct snakepit_result result = {
        .state = state, .code = snakepit_state_name(state), .message = "the broker was too busy to take it before",
        .type = "", .traceback = "", .content_type = ""};

    while (batch->refused)
        finish(take_refused(batch), &result);
}

void
batch_cancel(struct batch *batch, struct snakepit_client *client)
{
    struct batch_item *item;

    DL_FOREACH (batch->items, item)
        if (!item->is_done && !item->is_refused)
            snakepit_cancel(client, item->id);
    end_refused(batch, SNAKEPIT_STATE_CANCELLED);
}

void
batch_abandon(struct batch *batch)
{
    end_refused(batch, SNAKEPIT_STATE_ABANDONED);
}
