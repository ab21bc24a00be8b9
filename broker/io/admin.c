/* admin.c - calls to the broker itself; see admin.h. */
#include "broker/io/admin.h"

#include "broker/io/admin_answer.h"
#include "broker/io/admin_args.h"
#include "broker/io/admin_dead.h"
#include "broker/io/admin_ready.h"
#include "broker/io/admin_schedule.h"
#include "broker/io/report_dead.h"
#include "broker/io/report_explain.h"
#include "broker/io/report_load.h"
#include "broker/io/report_worker.h"
#include "wire/err.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct admin {
    struct admin_sources sources;
    struct ready_waits waits;
};

/* One call while it is carried out. */
struct call {
    struct admin_caller caller;
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

void
admin_destroy(struct admin **admin_p)
{
    struct admin *admin = *admin_p;

    if (!admin)
        return;
    ready_waits_fini(&admin->waits);
    free(admin);
    *admin_p = NULL;
}

static void
answer_state(const struct call *call, const char *state)
{
    admin_answer_word(call->outbox, &call->caller, "state", state);
}

static void
answer_fault(const struct call *call, const struct admin_fault *fault)
{
    admin_answer_fault(call->outbox, &call->caller, fault);
}

/* --- calls that only look: each writes its answer ------------------------------------------------------------- */

static void
tell_ping(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_ping(buffer, sources, call->now_us);
}

static void
tell_status(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_status(buffer, sources, call->now_us);
}

static void
tell_pools(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_pools(buffer, sources, call->args.pool);
}

static void
tell_workers(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_workers(buffer, sources, call->pool[0] ? call->pool : NULL, call->now_us);
}

static void
tell_agents(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_agents(buffer, sources, call->now_us);
}

static void
tell_tasks(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_tasks(buffer, sources, call->pool[0] ? call->pool : NULL, call->args.limit, call->now_us);
}

static void
tell_dead(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_dead_list(buffer, sources, call->pool[0] ? call->pool : NULL, call->args.limit, call->now_us);
}

static void
tell_stats(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_stats(buffer, sources, call->args.pool, call->now_us);
}

static void
tell_inspect(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_inspect(buffer, sources, call->args.pool, call->now_us);
}

static void
tell_schedules(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call)
{
    report_schedules(buffer, sources->broker, call->now_us);
}

/* --- calls that may fail, or do something --------------------------------------------------------------------- */

static void
lack(const struct call *call, const char *field)
{
    struct admin_fault fault = {.code = ERROR_BAD_FIELD};

    snprintf(fault.field, sizeof fault.field, "%s", field);
    snprintf(fault.text, sizeof fault.text, "%s is required", field);
    answer_fault(call, &fault);
}

static void
miss_task(const struct call *call)
{
    struct admin_fault fault = {.code = ERROR_NOT_FOUND};

    snprintf(fault.text, sizeof fault.text, "task %llu is not known, or is final", (unsigned long long)call->args.task);
    answer_fault(call, &fault);
}

static void
run_cancel(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_TASK_CANCEL, .task = call->args.task};
    int rc;

    if (!(call->args.given & ARG_TASK)) {
        lack(call, "task");
        return;
    }
    rc = broker_handle(admin->sources.broker, &event, call->now_us, call->outbox);
    if (rc == OK || rc == ERR_AGAIN)
        answer_state(call, rc == OK ? "cancelled" : "asked");
    else
        miss_task(call);
}

static void
run_drain(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_POOL_DRAIN, .pool = call->args.pool};

    broker_handle(admin->sources.broker, &event, call->now_us, call->outbox);
    answer_state(call, "draining");
}

static void
run_resume(struct admin *admin, struct call *call)
{
    struct event event = {.kind = EVENT_POOL_RESUME, .pool = call->args.pool};
    struct admin_fault removed = {.code = ERROR_DRAINING,
                                  .text = "the pool was removed from the configuration; put it back and reload"};

    if (broker_handle(admin->sources.broker, &event, call->now_us, call->outbox) == OK)
        answer_state(call, "open");
    else
        answer_fault(call, &removed);
}

static void
miss_worker(const struct call *call)
{
    struct admin_fault fault = {.code = ERROR_NOT_FOUND};

    snprintf(fault.text, sizeof fault.text, "no worker %llu is here (any more)", (unsigned long long)call->args.worker);
    answer_fault(call, &fault);
}

/* Either one worker or all of a pool; never everything by leaving both out. */
static void
run_recycle(struct admin *admin, struct call *call)
{
    uint64_t workers = 0;
    struct event event = {.kind = EVENT_RECYCLE, .pool = call->args.pool, .worker = call->args.worker,
                          .ret_workers = &workers};
    struct wire_buffer buffer;
    struct report_map map;

    if (!(call->args.given & (ARG_POOL | ARG_WORKER)) || ((call->args.given & ARG_WORKER) && event.worker == 0)) {
        lack(call, "pool or worker");
        return;
    }
    if (broker_handle(admin->sources.broker, &event, call->now_us, call->outbox) != OK) {
        miss_worker(call);
        return;
    }
    wire_buffer_init(&buffer, false);
    report_map_begin(&map, &buffer);
    report_put_uint(&map, "workers", workers);
    report_map_end(&map);
    admin_answer(call->outbox, &call->caller, &buffer);
}

static void
run_worker(struct admin *admin, struct call *call)
{
    struct worker_stats worker;
    struct wire_buffer buffer;

    if (!(call->args.given & ARG_WORKER)) {
        lack(call, "worker");
        return;
    }
    if (broker_find_worker(admin->sources.broker, call->args.worker, &worker) != OK) {
        miss_worker(call);
        return;
    }
    wire_buffer_init(&buffer, false);
    report_worker(&buffer, &admin->sources, &worker, call->now_us);
    admin_answer(call->outbox, &call->caller, &buffer);
}

static void
run_explain(struct admin *admin, struct call *call)
{
    const struct broker *broker = admin->sources.broker;
    struct load_stats total, recent = {0};
    struct explanation why;
    struct wire_buffer buffer;

    if (!(call->args.given & (ARG_TASK | ARG_POOL))) {
        lack(call, "task or pool");
        return;
    }
    if ((call->args.given & ARG_TASK ? broker_explain_task(broker, call->args.task, &why)
                                     : broker_explain_pool(broker, call->args.pool, &why)) != OK) {
        struct admin_fault fault = {.code = ERROR_NOT_FOUND};

        snprintf(fault.text, sizeof fault.text, "task %llu is not known: it never was, or it has ended and is no longer kept",
                 (unsigned long long)call->args.task);
        answer_fault(call, &fault);
        return;
    }
    broker_get_load(broker, text_bytes(why.pool.name), call->now_us, &total, &recent);
    wire_buffer_init(&buffer, false);
    report_explain(&buffer, &why, &recent, call->now_us);
    admin_answer(call->outbox, &call->caller, &buffer);
}

static void
run_await_ready(struct admin *admin, struct call *call)
{
    ready_waits_add(&admin->waits, &call->caller, &call->args, call->now_us, call->outbox);
}

static void
run_schedule_set(struct admin *admin, struct call *call)
{
    struct admin_fault fault = {.code = ERROR_INTERNAL};

    if (admin_set_schedule(admin->sources.broker, &call->args, call->now_us, call->outbox, &fault) == OK)
        answer_state(call, "set");
    else
        answer_fault(call, &fault);
}

static void
run_schedule_remove(struct admin *admin, struct call *call)
{
    struct admin_fault fault = {.code = ERROR_INTERNAL};

    if (admin_remove_schedule(admin->sources.broker, &call->args, call->now_us, call->outbox, &fault) == OK)
        answer_state(call, "removed");
    else
        answer_fault(call, &fault);
}

static void
run_dead_show(struct admin *admin, struct call *call)
{
    admin_dead_show(&admin->sources, &call->caller, &call->args, call->now_us, call->outbox);
}

static void
run_dead_requeue(struct admin *admin, struct call *call)
{
    admin_dead_requeue(&admin->sources, &call->caller, &call->args, call->now_us, call->outbox);
}

static void
run_dead_remove(struct admin *admin, struct call *call)
{
    admin_dead_remove(&admin->sources, &call->caller, &call->args, call->now_us, call->outbox);
}

/* --- finding and checking ------------------------------------------------------------------------------------- */

static const struct function {
    const char *name;
    unsigned allowed;
    void (*tell)(struct wire_buffer *buffer, const struct admin_sources *sources, const struct call *call);
    void (*run)(struct admin *admin, struct call *call); /* when there is nothing to tell */
} FUNCTIONS[] = {
    {"ping", 0, tell_ping, NULL},
    {"status", 0, tell_status, NULL},
    {"pools", ARG_POOL, tell_pools, NULL},
    {"stats", ARG_POOL, tell_stats, NULL},
    {"inspect", ARG_POOL, tell_inspect, NULL},
    {"workers", ARG_POOL, tell_workers, NULL},
    {"worker", ARG_WORKER, NULL, run_worker},
    {"agents", 0, tell_agents, NULL},
    {"tasks", ARG_POOL | ARG_LIMIT, tell_tasks, NULL},
    {"dead", ARG_POOL | ARG_LIMIT, tell_dead, NULL},
    {"dead_show", ARG_TASK, NULL, run_dead_show},
    {"dead_requeue", ARG_TASK | ARG_POOL, NULL, run_dead_requeue},
    {"dead_remove", ARG_TASK | ARG_POOL, NULL, run_dead_remove},
    {"explain", ARG_TASK | ARG_POOL, NULL, run_explain},
    {"cancel", ARG_TASK, NULL, run_cancel},
    {"recycle", ARG_POOL | ARG_WORKER, NULL, run_recycle},
    {"drain", ARG_POOL, NULL, run_drain},
    {"resume", ARG_POOL, NULL, run_resume},
    {"schedules", 0, tell_schedules, NULL},
    {"schedule_set", ARG_NAME | ARG_POOL | ARG_FUNCTION | ARG_ARGS | ARG_EVERY_MS | ARG_DELAY_MS | ARG_OVERLAP, NULL,
     run_schedule_set},
    {"schedule_remove", ARG_NAME, NULL, run_schedule_remove},
    {"await_ready", ARG_POOL | ARG_WORKERS | ARG_TIMEOUT_MS, NULL, run_await_ready},
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
    used = (size_t)snprintf(ret_fault->text, sizeof ret_fault->text, "no pool is named \"%.*s\"; the pools are",
                            pool.size <= NAME_BYTES_MAX ? (int)pool.size : 0, (const char *)pool.data);
    for (size_t i = 0; broker_get_pool(admin->sources.broker, i, &stats) == OK && used < sizeof ret_fault->text; i++)
        used += (size_t)snprintf(ret_fault->text + used, sizeof ret_fault->text - used, "%s \"%s\"", i ? "," : "",
                                 stats.name);
    return ERR_NOT_FOUND;
}

bool
admin_is_call(const struct event *event)
{
    return event->kind == EVENT_COMMAND && event->side == SIDE_CLIENT && event->message->verb == VERB_SUBMIT &&
           text_is(event->message->submit.pool, ADMIN_POOL);
}

static void
tell(const struct admin *admin, const struct function *function, const struct call *call)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    function->tell(&buffer, &admin->sources, call);
    admin_answer(call->outbox, &call->caller, &buffer);
}

void
admin_call(struct admin *admin, const struct event *event, int64_t now_us, struct outbox *outbox)
{
    const struct submit *submit = &event->message->submit;
    struct call call = {.caller = {event->peer, submit->id}, .now_us = now_us, .outbox = outbox};
    struct admin_fault fault = {.code = ERROR_INTERNAL};
    const struct function *function = find_function(submit->function, &fault);

    if (!function || admin_args_decode(submit, function->allowed, &call.args, &fault) != OK ||
        check_pool(admin, call.args.pool, &fault) != OK) {
        answer_fault(&call, &fault);
        return;
    }
    if (call.args.pool.size > 0)
        memcpy(call.pool, call.args.pool.data, call.args.pool.size);
    if (function->tell)
        tell(admin, function, &call);
    else
        function->run(admin, &call);
}

/* --- those who wait ------------------------------------------------------------------------------------------- */

void
admin_forget_peer(struct admin *admin, uint32_t peer)
{
    ready_waits_forget(&admin->waits, peer);
}

void
admin_tick(struct admin *admin, int64_t now_us, struct outbox *outbox)
{
    ready_waits_tick(&admin->waits, admin->sources.broker, now_us, outbox);
}

int64_t
admin_next_due_us(const struct admin *admin)
{
    return ready_waits_due_us(&admin->waits);
}
