/* batch.c - tasks offered and not printed yet; see batch.h. */
#include "client/cli/batch.h"

#include "client/cli/cli.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct batch_item {
    struct batch_item *prev, *next;
    struct batch *batch;
    uint64_t line;
    uint64_t id;
    bool is_done;
    struct wire_buffer record; /* kept until it is its turn; only when ordered */
};

void
batch_init(struct batch *batch, const struct snakepit_task *task, struct wire_buffer *out, bool is_ordered)
{
    *batch = (struct batch){.task = *task, .out = out, .is_ordered = is_ordered};
}

static void
remove_item(struct batch *batch, struct batch_item *item)
{
    DL_DELETE(batch->items, item);
    wire_buffer_fini(&item->record);
    free(item);
    batch->unprinted--;
}

void
batch_fini(struct batch *batch)
{
    while (batch->items)
        remove_item(batch, batch->items);
}

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
on_done(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    struct batch_item *item = user;
    struct batch *batch = item->batch;

    (void)client;
    batch->done++;
    if (result->state != SNAKEPIT_STATE_OK)
        batch->failed++;
    if (batch->stop_code == 0) {
        batch->stop_code = stop_code(result);
        snprintf(batch->stop_text, sizeof batch->stop_text, "%s: %s", result->code, result->message);
    }
    item->is_done = true;
    if (batch->is_ordered) {
        put_record(&item->record, item->line, result);
        print_ready(batch);
    } else {
        put_record(batch->out, item->line, result);
        remove_item(batch, item);
    }
}

int
batch_offer(struct batch *batch, struct snakepit_client *client, uint64_t line, const struct wire_buffer *arguments)
{
    struct snakepit_task task = batch->task;
    struct batch_item *item = calloc(1, sizeof *item);
    int status;

    if (!item)
        return SNAKEPIT_MEMORY;
    item->batch = batch;
    item->line = line;
    wire_buffer_init(&item->record, false);
    task.args = arguments->data;
    task.args_bytes = arguments->size;
    task.on_done = on_done;
    task.user = item;
    status = snakepit_submit(client, &task, &item->id);
    if (status != SNAKEPIT_OK) {
        free(item);
        return status;
    }
    DL_APPEND(batch->items, item);
    batch->unprinted++;
    batch->offered++;
    return SNAKEPIT_OK;
}

void
batch_cancel(struct batch *batch, struct snakepit_client *client)
{
    struct batch_item *item;

    DL_FOREACH (batch->items, item)
        if (!item->is_done)
            snakepit_cancel(client, item->id);
}
