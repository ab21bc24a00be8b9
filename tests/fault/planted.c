/* planted.c - stands between the shell and the core of a broker that is built to be found wrong; see planted.h. The linker puts
 * these functions in the core's place (--wrap), so nothing of it is in snakepitd. $SNAKEPIT_PLANTED_FAULT chooses the bug;
 * without it the broker is right. */
#include "tests/fault/planted.h"

#include "broker/core/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISPATCHES 8192

int __real_broker_handle(struct broker *broker, const struct event *event, int64_t now_us, struct outbox *outbox);
void __real_broker_tick(struct broker *broker, int64_t now_us, struct outbox *outbox);
int64_t __real_broker_next_due_us(const struct broker *broker);
int __wrap_broker_handle(struct broker *broker, const struct event *event, int64_t now_us, struct outbox *outbox);
void __wrap_broker_tick(struct broker *broker, int64_t now_us, struct outbox *outbox);
int64_t __wrap_broker_next_due_us(const struct broker *broker);

static struct dispatch dispatches[DISPATCHES];
static size_t dispatch_count;
static unsigned matches;

/* --- which ---------------------------------------------------------------------------------------------------- */

static const struct planted *
find_in(const struct planted *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list;
    return NULL;
}

static const struct planted *
chosen(void)
{
    static const struct planted *planted;
    static bool is_known;
    const char *name;

    if (is_known)
        return planted;
    is_known = true;
    name = getenv("SNAKEPIT_PLANTED_FAULT");
    if (!name || !name[0])
        return NULL;
    planted = find_in(planted_actions, name);
    if (!planted)
        planted = find_in(planted_events, name);
    if (!planted) {
        fprintf(stderr, "snakepitd_planted: no planted fault '%s'\n", name);
        exit(2);
    }
    return planted;
}

/* Whether it is this one's turn. */
static bool
strikes(const struct planted *planted, enum side side, const struct message *message)
{
    if (side != planted->side || message->verb != planted->verb || (planted->suits && !planted->suits(message)))
        return false;
    return ++matches % planted->every == 0;
}

/* --- what was dispatched -------------------------------------------------------------------------------------- */

static void
note_dispatches(const struct outbox *outbox, size_t from)
{
    for (size_t i = from; i < outbox->count; i++) {
        const struct action *action = &outbox->actions[i];

        if (action->kind == ACTION_SEND && action->message.verb == VERB_TASK)
            dispatches[dispatch_count++ % DISPATCHES] =
                (struct dispatch){action->message.task.fence, action->hold, action->peer};
    }
}

const struct dispatch *
planted_find(uint64_t fence)
{
    for (size_t i = 0; i < DISPATCHES; i++)
        if (dispatches[i].fence == fence)
            return &dispatches[i];
    return NULL;
}

const struct dispatch *
planted_latest(const struct body *body)
{
    const struct dispatch *latest = NULL;

    for (size_t i = 0; i < DISPATCHES; i++)
        if (dispatches[i].body == body && (!latest || dispatches[i].fence > latest->fence))
            latest = &dispatches[i];
    return latest;
}

/* --- between shell and core ----------------------------------------------------------------------------------- */

static void
spoil_actions(struct outbox *outbox, size_t from)
{
    const struct planted *planted = chosen();
    size_t until = outbox->count;

    note_dispatches(outbox, from);
    if (!planted || !planted->action)
        return;
    for (size_t i = from; i < until; i++) {
        const struct action *action = &outbox->actions[i];

        if (action->kind == ACTION_SEND && strikes(planted, action->side, &action->message))
            planted->action(outbox, i);
    }
}

/* The time as the planted fault has it: it may go in steps. */
static int64_t
seen_us(int64_t now_us)
{
    const struct planted *planted = chosen();

    return planted && planted->step_us > 0 ? now_us - now_us % planted->step_us : now_us;
}

int
__wrap_broker_handle(struct broker *broker, const struct event *event, int64_t now_us, struct outbox *outbox)
{
    const struct planted *planted = chosen();
    struct event changed = *event;
    struct message message = {.verb = VERB_NONE};
    size_t from = outbox->count;
    int rc;

    if (event->kind == EVENT_COMMAND) {
        message = *event->message;
        changed.message = &message;
    }
    if (planted && planted->event && strikes(planted, event->side, &message) &&
        !planted->event(&changed, &message, outbox))
        return OK;
    rc = __real_broker_handle(broker, &changed, seen_us(now_us), outbox);
    spoil_actions(outbox, from);
    return rc;
}

void
__wrap_broker_tick(struct broker *broker, int64_t now_us, struct outbox *outbox)
{
    size_t from = outbox->count;

    __real_broker_tick(broker, seen_us(now_us), outbox);
    spoil_actions(outbox, from);
}

int64_t
__wrap_broker_next_due_us(const struct broker *broker)
{
    int64_t due_us = __real_broker_next_due_us(broker);
    const struct planted *planted = chosen();

    return planted && due_us < INT64_MAX - planted->step_us ? due_us + planted->step_us : due_us;
}
