/* outbox.h - what the core wants done, as a list of plain records. Does nothing itself. */
#ifndef SNAKEPIT_CORE_OUTBOX_H
#define SNAKEPIT_CORE_OUTBOX_H

#include "wire/message.h"

enum action_kind {
    ACTION_SEND,     /* encode `message` for `peer` */
    ACTION_NOTE,     /* something worth logging and publishing */
    ACTION_SHUT,     /* shutdown is complete: everything was answered; end the program after sending */
};

/* The event stream's names; docs/operations.md lists their fields. */
enum note_kind {
    NOTE_CLIENT_CONNECTED,
    NOTE_CLIENT_GONE,
    NOTE_WORKER_STARTED,
    NOTE_WORKER_DETACHED,
    NOTE_WORKER_RESUMED,
    NOTE_WORKER_STALLED,
    NOTE_WORKER_RECOVERED,
    NOTE_WORKER_DRAINING,
    NOTE_WORKER_STOPPED, /* BYE */
    NOTE_WORKER_LOST,
    NOTE_WORKER_HEALTH_CHECK_FAILED, /* with STALLED: heartbeats are missing while the connection stands */
    NOTE_WORKER_REPLACING, /* its agent was asked for a replacement, or it was asked to end */
    NOTE_WORKER_RECYCLED,  /* it ended, and its place is, or will be, filled */
    NOTE_WORKER_REPLACE_FAILED, /* it stays; the next try is after `retry_us` */
    NOTE_WORKER_REFUSED,   /* its HELLO was refused, or it was stopped, for what it is */
    NOTE_WORKER_EXITED,    /* an agent tells the end of a process whose session was over before, or never was */
    NOTE_WORKER_START_FAILED,
    NOTE_AGENT_CONNECTED,
    NOTE_AGENT_LOST, /* said BYE, fell silent, or its connection ended */
    NOTE_POOL_SATURATED, /* tasks began to be refused; once until the queue has fallen below 9/10 of its limits */
    NOTE_POOL_CAPACITY_REACHED, /* all slots were busy and tasks waited, for a second without a break */
    NOTE_POOL_CAPACITY_FREE,    /* it is not so any more, for ten seconds without a break */
    NOTE_POOL_FAILED,    /* nobody can start workers for it */
    NOTE_POOL_RECOVERED, /* somebody can */
    NOTE_POOL_MEMORY_LIMIT_TOO_LOW, /* a worker was over the limit before its first task: the limit is not used */
    NOTE_POOL_CIRCUIT_OPENED, /* too many attempts failed, or a probe did: nothing is dispatched for `retry_us` */
    NOTE_POOL_CIRCUIT_CLOSED,
    NOTE_POOL_DRAINING,
    NOTE_POOL_OPEN,
    NOTE_POOL_ADDED,    /* by a reload */
    NOTE_POOL_CHANGED,
    NOTE_POOL_REMOVING, /* by a reload: it takes no new tasks */
    NOTE_POOL_EMPTY,    /* its last task has ended; its workers are asked to stop */
    NOTE_POOL_REMOVED,  /* its last task and its last worker have gone */
    NOTE_SCHEDULE_MISSED, /* it was time for a run, and there was none */
    NOTE_TASK_REQUEUED,
    NOTE_TASK_ADOPTED, /* a worker brought its attempt along from an earlier broker */
    NOTE_TASK_RETRIED, /* it failed, and is delayed by `retry_us` for another attempt */
    NOTE_TASK_DEAD,
    NOTE_TASK_TIMED_OUT,      /* its run-time limit passed, and it is asked to end */
    NOTE_TASK_CANCEL_IGNORED, /* it was asked, an exception was raised in it, and it still runs */
    NOTE_REQUEST_EXECUTED, /* an attempt was answered; only while broker_watch_requests says that somebody listens */
    NOTE_CONFIG_RELOADED, /* noted by the shell */
    NOTE_CONFIG_REJECTED,
    NOTE_SHUTDOWN_BEGUN,
    NOTE_APP_EVENT, /* telemetry of an application: `name` and `fields` are its own */
    NOTE_KINDS,
};

/* The note's name in logs and on the event stream, for instance "worker.lost". */
const char *
note_name(enum note_kind kind);

/* Fields that a note has are non-zero or non-NULL; the strings live until outbox_clear. */
struct note {
    enum note_kind kind;
    const char *pool;
    const char *worker_name;
    const char *client_name;
    const char *reason;
    const char *schedule; /* its name */
    const char *function;
    const char *state; /* the task's final state */
    const char *name;  /* APP_EVENT: begins with "app." */
    struct bytes fields; /* APP_EVENT: one encoded map, or empty; a view into the handled event */
    uint64_t worker;
    uint64_t client;
    uint64_t task;
    uint64_t count;
    uint64_t attempt;
    uint64_t slots;  /* that are busy or may be used */
    uint64_t queued; /* tasks that wait for one */
    int64_t wait_us; /* from when it could have run to its dispatch */
    int64_t run_us;  /* from the dispatch to the answer */
    int64_t uptime_us;
    int64_t retry_us;  /* from now to the next try */
    int64_t silent_us; /* since it was last heard */
    uint64_t tasks_done;
    uint64_t rss_bytes;
    uint64_t limit_bytes;
    uint64_t pid;
    uint64_t agent; /* the number that the agent gave itself */
    const char *agent_name;
    const char *changes; /* of the configuration */
    const char *output; /* the end of what the process printed */
};

struct action {
    enum action_kind kind;
    enum side side; /* SEND */
    uint32_t peer;  /* SEND */
    struct body *hold; /* SEND: a reference that keeps the message's views alive; may be NULL */
    union {
        struct message message; /* SEND; views point into `hold`, into the handled event, or to static text */
        struct note note;
    };
};

struct outbox_copy;

struct outbox {
    struct action *actions;
    size_t count;
    size_t capacity;
    struct outbox_copy *copies; /* what outbox_copy made */
};

void
outbox_init(struct outbox *outbox);

/* Drops what is in it, too. */
void
outbox_fini(struct outbox *outbox);

/* Drop all actions and their references. Call it after they were carried out, and before the event's frame is freed. */
void
outbox_clear(struct outbox *outbox);

/* Append a SEND with an empty message of this verb, for the caller to fill. Takes a reference to `hold` (or NULL). */
struct message *
outbox_send(struct outbox *outbox, enum side side, uint32_t peer, enum verb verb, struct body *hold);

/* Append a NOTE for the caller to fill. */
struct note *
outbox_note(struct outbox *outbox, enum note_kind kind);

void
outbox_shut(struct outbox *outbox);

/* Copy `size` bytes, aligned for any type and with a NUL behind them, into memory that lives until outbox_clear: for
 * texts and lists that no `hold` keeps alive. */
void *
outbox_copy(struct outbox *outbox, const void *data, size_t size);

#endif
