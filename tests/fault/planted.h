/* planted.h - a broker with one bug: what is spoiled between the shell and the core. Linked into snakepitd_planted only. */
#ifndef SNAKEPIT_FAULT_PLANTED_H
#define SNAKEPIT_FAULT_PLANTED_H

#include "broker/core/event.h"
#include "broker/core/outbox.h"

#include <stdbool.h>

/* One place where an action of the broker, or an event for it, is spoiled. */
struct planted {
    const char *name;
    const char *text; /* the bug, as a sentence */
    enum side side;
    enum verb verb;  /* of the command; VERB_NONE: each event, for `event` to choose */
    unsigned every;  /* each so many-th of those that suit */
    bool (*suits)(const struct message *message); /* NULL: all */
    void (*action)(struct outbox *outbox, size_t index); /* spoils an action; may append */
    /* Spoils an event and the copy of its command. False: the core never sees it. */
    bool (*event)(struct event *event, struct message *message, struct outbox *outbox);
    int64_t step_us; /* the broker's time goes in such steps; 0: as it should */
};

/* Both end with an entry without a name. */
extern const struct planted planted_actions[];
extern const struct planted planted_events[];

/* What was dispatched lately. */
struct dispatch {
    uint64_t fence;
    const struct body *body; /* names the task while it lives */
    uint32_t peer;
};

/* The dispatch of this fence, or NULL. */
const struct dispatch *
planted_find(uint64_t fence);

/* The latest dispatch of the same task. */
const struct dispatch *
planted_latest(const struct body *body);

#endif
