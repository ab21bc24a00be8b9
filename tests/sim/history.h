/* history.h - the last events and actions of one seed, kept cheaply and put into words only when a promise is broken;
 * and the finding itself. */
#ifndef SNAKEPIT_SIM_HISTORY_H
#define SNAKEPIT_SIM_HISTORY_H

#include "broker/core/event.h"
#include "broker/core/outbox.h"

#include <stdio.h>

enum { HISTORY_LINES = 64, FINDING_BYTES = 512 };

enum history_kind { HISTORY_EVENT, HISTORY_TICK, HISTORY_ACTION };

struct history_line {
    enum history_kind kind;
    uint64_t step;
    int64_t now_us;
    int sub_kind; /* enum event_kind or enum action_kind */
    enum side side;
    uint32_t peer;
    uint64_t number; /* a task, worker or count, where there is one */
    struct message message; /* views are dead; only numbers are read */
    struct note note;       /* strings are dead, too */
    char pool[16];
};

struct history {
    struct history_line lines[HISTORY_LINES];
    uint64_t count;
    uint64_t step;
    FILE *echo; /* print at once, too; NULL: no */
    /* the first broken promise; empty when there is none */
    char promise[32];
    char finding[FINDING_BYTES];
    uint64_t finding_step;
};

void
history_event(struct history *history, const struct event *event, int64_t now_us);

void
history_tick(struct history *history, int64_t now_us);

void
history_action(struct history *history, const struct action *action, int64_t now_us);

void
history_print(const struct history *history, FILE *out);

/* Note that `promise` ("P8") is broken, and how. The first one stands. */
void
history_break(struct history *history, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool
history_is_broken(const struct history *history);

#endif
