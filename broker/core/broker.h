/* broker.h - the whole core: pools, tasks, workers and clients as one state machine.
 * event + now -> new state + actions. Opens no socket, reads no clock, draws no random number, writes no log. */
#ifndef SNAKEPIT_CORE_BROKER_H
#define SNAKEPIT_CORE_BROKER_H

#include "circuit.h"
#include "event.h"
#include "lifecycle.h"
#include "outbox.h"
#include "pool_settings.h"
#include "schedule_settings.h"

/* Limits and intervals of the whole broker; docs/protocol.md sections 5 and 11 give the defaults. */
struct broker_settings {
    uint64_t epoch; /* wall-clock seconds at start; the first fence is epoch << 32, and more the later in that second */
    uint32_t epoch_us; /* microseconds of that second; below a million */
    const char *version; /* program and version, as WELCOME says them; copied */
    const char *default_pool; /* of a SUBMIT without a pool's name; NULL: none; copied */
    uint64_t hash_seed; /* a random number, so that nobody can choose task ids that collide; 0 in tests */
    int64_t heartbeat_us;
    uint32_t heartbeats_missed_max; /* then stalled */
    int64_t worker_grace_us;
    int64_t client_retention_us;
    int64_t adopt_window_us; /* from the start on: how long tasks that were offered before wait for their workers; 0: not */
    uint64_t tasks_max;
    uint64_t bytes_max;
    uint64_t client_tasks_max;
    uint64_t client_bytes_max;
    uint64_t client_results_max;
    uint32_t peers_max; /* of each side */
    uint64_t inline_bytes_max;
    uint64_t control_bytes_max;
    uint64_t frame_bytes_max;
};

/* Fill with the defaults of docs/protocol.md; epoch 1, version "snakepitd". */
void
broker_settings_init(struct broker_settings *settings);

struct broker;

/* Copies the settings. The caller frees the result with broker_destroy. */
struct broker *
broker_new(const struct broker_settings *settings);

/* Frees everything, answers nobody. *broker_p becomes NULL; NULL is allowed. */
void
broker_destroy(struct broker **broker_p);

/* Free the memory that is kept for the next tasks, when a backlog has gone. */
void
broker_shed(struct broker *broker);

/* OK; ERR_INVALID: the name is not a name or is taken. */
int
broker_add_pool(struct broker *broker, const struct pool_settings *settings);

/* Tell workers, in their WELCOME, where tasks are submitted, so that theirs can call others. Copied; one that is longer than
 * the protocol allows is not told. */
void
broker_set_clients_endpoint(struct broker *broker, const char *endpoint);

/* Take one event. Actions are appended to the outbox, in the order in which they must be carried out.
 * OK; for operator's events ERR_NOT_FOUND (no such pool or task), ERR_AGAIN (TASK_CANCEL: it runs; its worker was asked) and
 * ERR_INVALID (POOL_DRAIN, POOL_RESUME: the pool is being removed; POOL_SET: no name; SCHEDULE_SET: a name or a time is none),
 * ERR_FULL (SCHEDULE_SET: there are SCHEDULES_MAX). */
int
broker_handle(struct broker *broker, const struct event *event, int64_t now_us, struct outbox *outbox);

/* Do everything that is due at now_us. */
void
broker_tick(struct broker *broker, int64_t now_us, struct outbox *outbox);

/* When broker_tick must be called next, or INT64_MAX. */
int64_t
broker_next_due_us(const struct broker *broker);

/* Assert every internal invariant (list membership agrees with states, counters with lists, leases with slots, order of
 * queues, limits). For tests and the simulator; slow. */
void
broker_check(const struct broker *broker);

/* Produce request.executed for each answered attempt, or not. Nobody listens at first. */
void
broker_watch_requests(struct broker *broker, bool is_watched);

/* --- looking in, for admin calls and tests -------------------------------------------------------------------- */

struct pool_stats {
    const char *name;
    bool is_draining;
    bool is_removed; /* draining, and then it goes */
    bool is_failed;              /* its agents cannot start workers, and none is ready */
    bool is_memory_limit_off;    /* worker_memory_max is below what an idle worker takes */
    uint64_t queued, delayed, running;
    uint64_t sessions; /* of tasks, that are used or remembered */
    uint64_t reserved;    /* session of the worker that is kept free for one of them; 0: none */
    uint64_t quarantined; /* of those queued: a worker was lost with them, and they run alone */
    uint64_t workers, workers_ready;
    uint64_t workers_wanted; /* by the agents that serve it; without any, by the configuration */
    uint64_t agents;
    uint64_t recycling, recycle_due; /* workers that are being replaced, and that wait for it */
    uint64_t recycled[RECYCLE_REASONS]; /* by reason; never shrink */
    uint64_t slots, slots_busy;
    uint64_t succeeded, failed, cancelled, expired, dead, lost; /* finals; never shrink */
    uint64_t requeued, refused, refused_busy; /* the last: of the refused, those at a limit */
    uint64_t retried;
    uint64_t dead_listed, dead_bytes; /* dead tasks that can be looked at, */
    uint64_t dead_dropped;            /* and those that had to make room; never shrinks */
    uint64_t queued_bytes, queued_max, queued_bytes_max;
    uint64_t deduplicated; /* tasks that found their dedup key taken; never shrinks */
    uint64_t dedup_kept;   /* results that are remembered for the next ones, */
    uint64_t dedup_bytes;  /* and what they take */
    enum circuit_state circuit;
    int64_t circuit_until_us; /* OPEN: end of the pause */
    int64_t worker_ttl_us, start_timeout_us; /* settings of the pool */
    uint64_t worker_memory_max;
    enum fairness fairness;
    struct limit_settings limit, key_limit;
    uint64_t keys; /* fair keys, and clients where the pool is fair to them, of which something waits or runs */
};

struct worker_stats {
    uint64_t id; /* session number */
    const char *name, *pool, *host, *python, *state;
    uint64_t pid;
    enum profile profile;
    uint32_t slots, busy;
    uint64_t rss_bytes, cpu_us, tasks_done;
    bool gil_enabled;
    bool free_threaded;
    bool is_alone; /* kept free for a task that runs alone, or running one: it gets nothing else */
    const char *gil_module; /* whose import switched the GIL on; "" when there is none, or it is not known */
    struct bytes report;    /* one encoded map, or empty */
    uint64_t agent;         /* number of the agent that started it; 0: none */
    uint64_t replaces;      /* session in whose place it came; 0: none */
    const char *reason;     /* why it is being, or is to be, replaced; NULL: it is not */
    int64_t started_us;
    int64_t heard_us;
};

struct agent_stats {
    uint64_t id; /* session number */
    uint64_t number; /* the one that it gave itself */
    const char *name, *host;
    uint64_t pid;
    bool is_connected; /* else it has a moment to come back */
    uint64_t pools, pools_failed, workers_wanted;
    int64_t started_us;
    int64_t heard_us; /* its last sign of life */
};

struct schedule_stats {
    const char *name, *pool;
    struct bytes function;
    struct bytes payload; /* JSON: [args] */
    enum overlap overlap;
    int64_t every_us, due_us;
    uint64_t running; /* its tasks that are not final */
    uint64_t runs, skipped, refused, succeeded, failed; /* never shrink */
    uint64_t task;    /* the broker's number of the latest one; 0: none yet */
    const char *last; /* the final state of the latest one that ended; NULL: none has */
};

struct task_stats {
    uint64_t task; /* the broker's number */
    const char *pool, *state;
    struct bytes function;
    uint8_t priority;
    uint32_t attempt;
    uint64_t worker; /* session number, 0: none */
    int64_t accepted_us;
};

struct broker_stats {
    uint64_t clients, workers, pools;
    uint64_t tasks, bytes; /* held now */
    uint64_t stale, undeliverable; /* never shrink */
    bool is_draining;
};

void
broker_get_stats(const struct broker *broker, struct broker_stats *ret_stats);

/* Pools in the order in which they were added. OK, or ERR_NOT_FOUND past the end. */
int
broker_get_pool(const struct broker *broker, size_t index, struct pool_stats *ret_stats);

/* OK or ERR_NOT_FOUND. */
int
broker_find_pool(const struct broker *broker, struct bytes name, struct pool_stats *ret_stats);

/* Durations of one kind. Quantiles are within 6 % of the truth. */
struct latency_stats {
    uint64_t count;
    uint64_t mean_us, p50_us, p90_us, p99_us, p999_us, max_us;
};

/* What happened in a pool in a stretch of time. A slot is busy while a lease holds it, and capacity is all that are busy or
 * may be used. Utilisation is busy_us / capacity_us, the mean of busy slots is busy_us / span_us, and so on. */
struct load_stats {
    int64_t span_us; /* how long the stretch is */
    uint64_t accepted, dispatched, answered;
    uint64_t busy_us, capacity_us, queued_us; /* integrals of slots and of queued tasks over time */
    uint64_t full_us;                         /* time in which tasks waited and all slots were busy */
    uint64_t queued_max;
    int64_t queued_growth;     /* tasks queued now, less those at the beginning */
    struct latency_stats wait; /* from when a task could have run to its first dispatch */
    struct latency_stats run;  /* from a dispatch to its answer */
};

/* Why something waits, or that it does not. */
enum wait_cause {
    CAUSE_NONE,          /* pool: nothing waits */
    CAUSE_FINAL,         /* the task has ended */
    CAUSE_RUNNING,       /* the task runs */
    CAUSE_DELAYED,       /* its time has not come */
    CAUSE_ADOPTING,      /* it was offered to an earlier broker, and a worker may still come that runs it */
    CAUSE_SHUTDOWN,      /* the broker ends and dispatches nothing more */
    CAUSE_NO_WORKER,     /* the pool has no worker */
    CAUSE_POOL_FAILED,   /* the same, and its workers cannot be started */
    CAUSE_NONE_USABLE,   /* all its workers are stalled, draining or detached */
    CAUSE_ALL_BUSY,      /* every slot is taken */
    CAUSE_CIRCUIT_OPEN,  /* too many attempts failed: nothing is dispatched until a pause is over and a probe succeeds */
    CAUSE_GROUP_WAITS,   /* another task of its group has the turn */
    CAUSE_RUNNING_MAX,   /* the pool runs as many tasks as running_max allows */
    CAUSE_RATE_LIMITED,  /* the pool has started as many as its rate allows */
    CAUSE_KEY_LIMITED,   /* the same of its fair key, or client; of a pool: of all that wait */
    CAUSE_SESSION_WAITS, /* the worker of its session has no free slot */
    CAUSE_QUARANTINED,   /* it runs alone, and no worker is without tasks */
    CAUSES,
};

struct explanation {
    enum wait_cause cause;
    struct pool_stats pool;
    struct task_stats task;   /* explain_task; for a pool, the task that waits longest at the front; `task` 0: none */
    const char *final_state;  /* FINAL */
    int64_t due_us;           /* DELAYED, ADOPTING: when it may run; CIRCUIT_OPEN: end of the pause, 0: a probe runs */
    int64_t leased_us;        /* RUNNING: since when */
    bool is_cancel_asked;     /* RUNNING: its worker was asked to end it */
    const char *limit;        /* KEY_LIMITED: "key_running_max" or "key_rate"; NULL otherwise */
    uint64_t key_running;     /* KEY_LIMITED: tasks of the key that run */
    uint64_t ahead;           /* tasks of higher or equal priority that go before it; GROUP_WAITS: those of its group;
                               * SESSION_WAITS: those that wait for the same worker */
    uint64_t ready, stalled, draining, detached; /* workers */
    struct task_stats oldest; /* ALL_BUSY: what has run for longest, */
    int64_t oldest_leased_us; /* and since when; `oldest.task` 0: its task ended, and only its slot is still taken */
    struct bytes group;       /* GROUP_WAITS: its name, a view that is good until the next event, */
    struct task_stats behind; /* and the task that has the turn; `behind.task` 0: it has ended, and its worker,
                               * `behind.worker`, has not answered */
    struct bytes session;     /* SESSION_WAITS: its name, a view like `group`, */
    uint64_t awaited;         /* its worker's session number, */
    const char *awaited_state; /* and that one's state */
};

/* Why the task with the broker's number waits. OK, or ERR_NOT_FOUND: not known, or final and no longer kept. */
int
broker_explain_task(const struct broker *broker, uint64_t number, struct explanation *ret_explanation);

/* Why the tasks of a pool wait. OK or ERR_NOT_FOUND. */
int
broker_explain_pool(const struct broker *broker, struct bytes name, struct explanation *ret_explanation);

/* The load of a pool since the broker's start, and of the last 30 to 60 seconds. OK or ERR_NOT_FOUND. */
int
broker_get_load(const struct broker *broker, struct bytes name, int64_t now_us, struct load_stats *ret_all,
                struct load_stats *ret_recent);

/* A session of tasks (the option `session`). */
struct session_stats {
    uint64_t worker; /* session number of the worker to which it is bound; 0: none */
    uint64_t tasks;  /* of it that have not ended */
    int64_t unused_us; /* since when it has none; 0: it has some */
};

/* The session of this name in the pool. OK, or ERR_NOT_FOUND: not known, or forgotten. */
int
broker_find_session(const struct broker *broker, struct bytes pool, struct bytes name, struct session_stats *ret_stats);

/* The worker session of this number. OK or ERR_NOT_FOUND. */
int
broker_find_worker(const struct broker *broker, uint64_t session, struct worker_stats *ret_stats);

struct lease_stats {
    uint64_t fence;
    struct task_stats task; /* `task` 0: it has ended, and only the slot is still taken */
    int64_t leased_us;
    bool is_cancel_asked;
};

/* Calls `visit` for each lease of the worker, oldest first. */
void
broker_each_lease(const struct broker *broker, uint64_t session,
                  void (*visit)(void *context, const struct lease_stats *stats), void *context);

/* Calls `visit` for each worker session of the pool (NULL: of all), oldest first. `visit` must not change the broker. */
void
broker_each_worker(const struct broker *broker, const char *pool,
                   void (*visit)(void *context, const struct worker_stats *stats), void *context);

/* Calls `visit` for each schedule, in the order in which they came. `visit` must not change the broker. */
void
broker_each_schedule(const struct broker *broker, void (*visit)(void *context, const struct schedule_stats *stats),
                     void *context);

/* Calls `visit` for each agent. `visit` must not change the broker. */
void
broker_each_agent(const struct broker *broker, void (*visit)(void *context, const struct agent_stats *stats),
                  void *context);

/* A task that ended as dead, as it is listed. */
struct dead_stats {
    uint64_t task; /* the broker's number */
    const char *pool;
    const char *text; /* why it died */
    struct bytes function, content_type, headers;
    const struct payload *payload;
    uint8_t priority;
    uint32_t attempt, kills;
    uint32_t max_attempts, kills_max, retries;
    uint64_t bytes; /* memory that it occupies */
    int64_t accepted_us, died_us;
};

/* One of its attempts. */
struct dead_attempt {
    uint32_t attempt;
    uint64_t worker; /* session number */
    const char *worker_name, *cause;
    bool is_kill; /* its worker's process was lost with it */
    int64_t run_us;
};

/* Calls `visit` for at most `limit` dead tasks of the pool (NULL: of all), the latest first. */
void
broker_each_dead(const struct broker *broker, const char *pool, size_t limit,
                 void (*visit)(void *context, const struct dead_stats *stats), void *context);

/* The dead task with this number. OK or ERR_NOT_FOUND. */
int
broker_find_dead(const struct broker *broker, uint64_t number, struct dead_stats *ret_stats);

/* Calls `visit` for what is remembered of its attempts, oldest first. */
void
broker_each_dead_attempt(const struct broker *broker, uint64_t number,
                         void (*visit)(void *context, const struct dead_attempt *attempt), void *context);

/* Calls `visit` for at most `limit` tasks of the pool (NULL: of all), running first, then those in quarantine, then in queue
 * order, then those that wait beside the queue, then delayed. */
void
broker_each_task(const struct broker *broker, const char *pool, size_t limit,
                 void (*visit)(void *context, const struct task_stats *stats), void *context);

#endif
