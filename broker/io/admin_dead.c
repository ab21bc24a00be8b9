/* admin_dead.c - dead tasks are looked at, run again and forgotten; see admin_dead.h. */
#include "broker/io/admin_dead.h"

#include "broker/io/report_dead.h"

#include <stdio.h>

static void
lack(struct outbox *outbox, const struct admin_caller *caller, const char *field)
{
    struct admin_fault fault = {.code = ERROR_BAD_FIELD};

    snprintf(fault.field, sizeof fault.field, "%s", field);
    snprintf(fault.text, sizeof fault.text, "%s is required", field);
    admin_answer_fault(outbox, caller, &fault);
}

static void
miss(struct outbox *outbox, const struct admin_caller *caller, uint64_t task)
{
    struct admin_fault fault = {.code = ERROR_NOT_FOUND};

    snprintf(fault.text, sizeof fault.text, "task %llu is not in the list of dead tasks", (unsigned long long)task);
    admin_answer_fault(outbox, caller, &fault);
}

void
admin_dead_show(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                int64_t now_us, struct outbox *outbox)
{
    struct dead_stats dead;
    struct wire_buffer buffer;

    if (!(args->given & ARG_TASK)) {
        lack(outbox, caller, "task");
        return;
    }
    if (broker_find_dead(sources->broker, args->task, &dead) != OK) {
        miss(outbox, caller, args->task);
        return;
    }
    wire_buffer_init(&buffer, false);
    report_dead(&buffer, sources, &dead, now_us);
    admin_answer(outbox, caller, &buffer);
}

/* Either one task or all of a pool; never everything by leaving both out. False: the caller was told what is wrong. */
static bool
change(const struct admin_sources *sources, struct event *event, const struct admin_caller *caller,
       const struct admin_args *args, int64_t now_us, struct outbox *outbox)
{
    event->task = args->task;
    event->pool = args->pool;
    if (!(args->given & (ARG_TASK | ARG_POOL)) || ((args->given & ARG_TASK) && args->task == 0)) {
        lack(outbox, caller, "task or pool");
        return false;
    }
    if (broker_handle(sources->broker, event, now_us, outbox) == OK)
        return true;
    miss(outbox, caller, args->task);
    return false;
}

/* Nothing could be requeued: the answer is why. */
static void
answer_refusal(struct outbox *outbox, const struct admin_caller *caller, const struct dead_outcome *outcome)
{
    struct admin_fault fault = {.code = outcome->code};

    snprintf(fault.text, sizeof fault.text, "the pool does not take the task now: %s", error_code_name(outcome->code));
    admin_answer_fault(outbox, caller, &fault);
}

void
admin_dead_requeue(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                   int64_t now_us, struct outbox *outbox)
{
    struct dead_outcome outcome = {.done = 0};
    struct event event = {.kind = EVENT_DEAD_REQUEUE, .ret_dead = &outcome};
    struct wire_buffer buffer;
    struct report_map map;

    if (!change(sources, &event, caller, args, now_us, outbox))
        return;
    if (outcome.done == 0 && outcome.left > 0) {
        answer_refusal(outbox, caller, &outcome);
        return;
    }
    wire_buffer_init(&buffer, false);
    report_map_begin(&map, &buffer);
    report_put_uint(&map, "requeued", outcome.done);
    report_put_uint(&map, "left", outcome.left);
    report_put_uint(&map, "task", outcome.task);
    report_put_text(&map, "refused", outcome.left > 0 ? error_code_name(outcome.code) : NULL);
    report_map_end(&map);
    admin_answer(outbox, caller, &buffer);
}

void
admin_dead_remove(const struct admin_sources *sources, const struct admin_caller *caller, const struct admin_args *args,
                  int64_t now_us, struct outbox *outbox)
{
    struct dead_outcome outcome = {.done = 0};
    struct event event = {.kind = EVENT_DEAD_REMOVE, .ret_dead = &outcome};
    struct wire_buffer buffer;
    struct report_map map;

    if (!change(sources, &event, caller, args, now_us, outbox))
        return;
    wire_buffer_init(&buffer, false);
    report_map_begin(&map, &buffer);
    report_put_uint(&map, "removed", outcome.done);
    report_map_end(&map);
    admin_answer(outbox, caller, &buffer);
}
