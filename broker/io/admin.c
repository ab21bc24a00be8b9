/* admin.c - calls to the broker itself; see admin.h. */
#include "broker/io/admin.h"

#include "broker/io/admin_args.h"
#include "broker/io/frames.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define WAITERS_MAX 10000

/* A client that waits for workers. */
struct waiter {
    uint32_t peer;
    struct ref ref;
    char pool[NAME_BYTES_MAX + 1]; /* empty: all pools */
    bool has_workers;              /* else each pool's configured number */
    uint64_t workers;
    int64_t deadline_us;
    struct waiter *prev, *next;
};

struct admin {
    struct admin_sources sources;
    struct waiter *waiters;
    unsigned waiter_count;
};

/* One call while it is carried out. */
struct call {
    uint32_t peer;
    struct ref ref;
    struct admin_args args;
    char pool[NAME_BYTES_MAX + 1]; /* the argument as a string; empty: not given */
    int64_t now_us;
    struct outbox *outbox;
};

struct admin *
admin_new(const struct admin_sources *sources)
{
    struct admin *admin = calloc(1, sizeof *admin);

    if (!admin)
        abort();
    admin->sources = *sources;
    return admin;
}

static void
remove_waiter(struct admin *admin, struct waiter *waiter)
{
    DL_DELETE(admin->waiters, waiter);
    admin->waiter_count--;
    free(waiter);
}

void
admin_destroy(struct admin **admin_p)
{
    struct admin *admin = *admin_p;

    if (!admin)
        return;
    while (admin->waiters)
        remove_waiter(admin, admin->waiters);
    free(admin);
    *admin_p = NULL;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

/* Takes what is in the buffer. */
static void
answer(struct outbox *outbox, uint32_t peer, struct ref ref, struct wire_buffer *buffer)
{
    const struct bytes none = {NULL, 0};
    struct payload payload = {.data = {buffer->data, (uint32_t)buffer->size}};
    struct body *body;
    struct result *result;

    if (buffer->size > INLINE_BYTES_MAX)
        payload = (struct payload){.frames = 1, .attachments = frames_from_buffer(buffer)};
    body = body_new(NULL, none, none, none, &payload);
    result = &outbox_send(outbox, SIDE_CLIENT, peer, VERB_RESULT, body)->result;
    result->ref = ref;
    result->payload = body->payload;
    body_unref(body);
    attachments_unref(payload.attachments);
    wire_buffer_fini(buffer);
}

static void
answer_error(struct outbox *outbox, uint32_t peer, struct ref ref, const struct admin_fault *fault)
{
    const struct bytes none = {NULL, 0};
    struct payload text = {.data = text_bytes(fault->text)};
    struct bytes field = text_bytes(fault->field);
    struct body *body = body_new(NULL, field, none, none, &text);
    struct error *error = &outbox_send(outbox, SIDE_CLIENT, peer, VERB_ERROR, body)->error;

    error->ref = ref;
    error->code = fault->code;
    error->text = body->payload.data;
    error->field = body->function;
    body_unref(body);
}

static void
answer_word(const struct call *call, const char *value)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_word(&buffer, "state", value);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static void
run_ping(struct admin *admin, struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_ping(&buffer, &admin->sources, call->now_us);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

static void
run_status(struct admin *admin, struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_status(&buffer, &admin->sources, call->now_us);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

static void
run_pools(struct admin *admin, struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_pools(&buffer, &admin->sources, call->args.pool);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

static void
run_workers(struct admin *admin, struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_workers(&buffer, &admin->sources, call->pool[0] ? call->pool : NULL, call->now_us);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

static void
run_tasks(struct admin *admin, struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    report_tasks(&buffer, &admin->sources, call->pool[0] ? call->pool : NULL, call->args.limit, call->now_us);
    answer(call->outbox, call->peer, call->ref, &buffer);
}

static void
run_cancel(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_TASK_CANCEL, .task = call->args.task};
    struct admin_fault fault = {.code = ERROR_NOT_FOUND};
    int rc;

    if (!(call->args.given & ARG_TASK)) {
        fault = (struct admin_fault){.code = ERROR_BAD_FIELD, .field = "task", .text = "task is required"};
        answer_error(call->outbox, call->peer, call->ref, &fault);
        return;
    }
    rc = broker_handle(admin->sources.broker, &event, call->now_us, call->outbox);
    if (rc == OK || rc == ERR_AGAIN) {
        answer_word(call, rc == OK ? "cancelled" : "asked");
        return;
    }
    snprintf(fault.text, sizeof fault.text, "task %llu is not known, or is final",
             (unsigned long long)call->args.task);
    answer_error(call->outbox, call->peer, call->ref, &fault);
}

static void
run_drain(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_POOL_DRAIN, .pool = call->args.pool};

    broker_handle(admin->sources.broker, &event, call->now_us, call->outbox);
    answer_word(call, "draining");
}

static void
run_resume(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_POOL_RESUME, .pool = call->args.pool};
    struct admin_fault removed = {.code = ERROR_DRAINING,
                                  .text = "the pool was removed from the configuration; put it back and reload"};

    if (broker_handle(admin->sources.broker, &event, call->now_us, call->outbox) == OK)
        answer_word(call, "open");
    else
        answer_error(call->outbox, call->peer, call->ref, &removed);
}

/* Answered by admin_tick, at the earliest in this same turn. */
static void
run_await_ready(struct admin *admin, struct call *call)
{
    struct waiter *waiter;

    if (admin->waiter_count >= WAITERS_MAX) {
        struct admin_fault fault = {.code = ERROR_BUSY, .text = "too many calls wait already"};

        answer_error(call->outbox, call->peer, call->ref, &fault);
        return;
    }
    waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        abort();
    waiter->peer = call->peer;
    waiter->ref = call->ref;
    memcpy(waiter->pool, call->pool, sizeof waiter->pool);
    waiter->has_workers = (call->args.given & ARG_WORKERS) != 0;
    waiter->workers = call->args.workers;
    waiter->deadline_us = call->now_us + (int64_t)call->args.timeout_ms * 1000;
    DL_APPEND(admin->waiters, waiter);
    admin->waiter_count++;
}

static const struct function {
    const char *name;
    unsigned allowed;
    void (*run)(struct admin *admin, struct call *call);
} FUNCTIONS[] = {
    {"ping", 0, run_ping},
    {"status", 0, run_status},
    {"pools", ARG_POOL, run_pools},
    {"workers", ARG_POOL, run_workers},
    {"tasks", ARG_POOL | ARG_LIMIT, run_tasks},
    {"cancel", ARG_TASK, run_cancel},
    {"drain", ARG_POOL, run_drain},
    {"resume", ARG_POOL, run_resume},
    {"await_ready", ARG_POOL | ARG_WORKERS | ARG_TIMEOUT_MS, run_await_ready},
};

enum { FUNCTION_COUNT = sizeof FUNCTIONS / sizeof FUNCTIONS[0] };

static const struct function *
find_function(struct bytes name, struct admin_fault *ret_fault)
{
    size_t used;

    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (text_is(name, FUNCTIONS[i].name))
            return &FUNCTIONS[i];
    ret_fault->code = ERROR_NO_SUCH_FUNCTION;
    used = (size_t)snprintf(ret_fault->text, sizeof ret_fault->text, "no such admin call; there are:");
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        used += (size_t)snprintf(ret_fault->text + used, sizeof ret_fault->text - used, "%s %s", i ? "," : "",
                                 FUNCTIONS[i].name);
    return NULL;
}

static int
check_pool(const struct admin *admin, struct bytes pool, struct admin_fault *ret_fault)
{
    struct pool_stats stats;
    size_t used;

    if (pool.size == 0 || broker_find_pool(admin->sources.broker, pool, &stats) == OK)
        return OK;
    ret_fault->code = ERROR_NO_SUCH_POOL;
    used = (size_t)snprintf(ret_fault->text, sizeof ret_fault->text, "no pool of that name; there are:");
    for (size_t i = 0; broker_get_pool(admin->sources.broker, i, &stats) == OK && used < sizeof ret_fault->text; i++)
        used += (size_t)snprintf(ret_fault->text + used, sizeof ret_fault->text - used, "%s %s", i ? "," : "",
                                 stats.name);
    return ERR_NOT_FOUND;
}

bool
admin_is_call(const struct event *event)
{
    return event->kind == EVENT_COMMAND && event->side == SIDE_CLIENT && event->message->verb == VERB_SUBMIT &&
           text_is(event->message->submit.pool, ADMIN_POOL);
}

void
admin_call(struct admin *admin, const struct event *event, int64_t now_us, struct outbox *outbox)
{
    const struct submit *submit = &event->message->submit;
    struct call call = {.peer = event->peer, .ref = submit->id, .now_us = now_us, .outbox = outbox};
    struct admin_fault fault = {.code = ERROR_INTERNAL};
    const struct function *function = find_function(submit->function, &fault);

    if (!function || admin_args_decode(submit, function->allowed, &call.args, &fault) != OK ||
        check_pool(admin, call.args.pool, &fault) != OK) {
        answer_error(outbox, call.peer, call.ref, &fault);
        return;
    }
    if (call.args.pool.size > 0)
        memcpy(call.pool, call.args.pool.data, call.args.pool.size);
    function->run(admin, &call);
}

/* --- those who wait ------------------------------------------------------------------------------------------- */

void
admin_forget_peer(struct admin *admin, uint32_t peer)
{
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE(admin->waiters, waiter, next)
        if (waiter->peer == peer)
            remove_waiter(admin, waiter);
}

static bool
is_pool_ready(const struct waiter *waiter, const struct pool_stats *pool)
{
    /* Who names a pool whose workers come from elsewhere waits for one of them at least. */
    uint64_t configured = pool->workers_wanted > 0 ? pool->workers_wanted : 1;

    return pool->workers_ready >= (waiter->has_workers ? waiter->workers : configured);
}

static bool
is_ready(const struct admin *admin, const struct waiter *waiter)
{
    const struct bytes name = text_bytes(waiter->pool);
    struct pool_stats pool;

    if (name.size > 0)
        return broker_find_pool(admin->sources.broker, name, &pool) == OK && is_pool_ready(waiter, &pool);
    for (size_t i = 0; broker_get_pool(admin->sources.broker, i, &pool) == OK; i++)
        if (pool.workers_wanted > 0 && !is_pool_ready(waiter, &pool))
            return false;
    return true;
}

static void
answer_ready(const struct waiter *waiter, struct outbox *outbox)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    wire_write_map(&buffer, 1);
    wire_write_text(&buffer, "ready");
    wire_write_bool(&buffer, true);
    answer(outbox, waiter->peer, waiter->ref, &buffer);
}

void
admin_tick(struct admin *admin, int64_t now_us, struct outbox *outbox)
{
    const struct admin_fault late = {.code = ERROR_EXPIRED, .text = "the workers were not ready in time"};
    struct waiter *waiter, *next;

    DL_FOREACH_SAFE(admin->waiters, waiter, next) {
        if (is_ready(admin, waiter))
            answer_ready(waiter, outbox);
        else if (waiter->deadline_us <= now_us)
            answer_error(outbox, waiter->peer, waiter->ref, &late);
        else
            continue;
        remove_waiter(admin, waiter);
    }
}

int64_t
admin_next_due_us(const struct admin *admin)
{
    const struct waiter *waiter;
    int64_t due_us = INT64_MAX;

    DL_FOREACH(admin->waiters, waiter)
        due_us = waiter->deadline_us < due_us ? waiter->deadline_us : due_us;
    return due_us;
}
