/* snakepit.h - libsnakepit, the client of a Snakepit broker: offers tasks, hands their results to you. Never runs a task,
 * never ends the process, touches no signal and no global, prints nothing.
 *
 * Threads: a client belongs to one thread at a time; hand it over only while no call is going on. Several clients, in
 * one thread or in many, do not know of each other. The only thread that the library starts is libzmq's I/O thread, and
 * the only code of yours that may run on it is a `release` function (struct snakepit_part). After fork() the child may
 * use none of its parent's clients.
 *
 * Callbacks are called from inside snakepit_process and the functions that wait (snakepit_call, snakepit_admin,
 * snakepit_connect, snakepit_wait), and from snakepit_client_destroy. In a callback you may call snakepit_submit,
 * snakepit_submit_many, snakepit_cancel, snakepit_flush and everything that only asks; the functions that process or
 * wait answer SNAKEPIT_INVALID there, and snakepit_client_destroy does nothing.
 *
 * A task that was submitted ends exactly once, with one call of its `on_done`. Until then the library keeps it, and
 * offers it again, under the same id, to a broker that was restarted or could not be reached: nothing is lost by that,
 * and the broker runs nothing twice because of it.
 *
 * Texts are UTF-8. Durations are in milliseconds; a `timeout_ms` of -1 waits for ever and 0 does not wait.
 * Every struct that you fill may be all zero where you have no wish of your own: zero is each field's default. */
#ifndef SNAKEPIT_H
#define SNAKEPIT_H

#include "snakepit_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SNAKEPIT_ENDPOINT_DEFAULT "tcp://127.0.0.1:5570"

struct snakepit_client;

/* --- errors --------------------------------------------------------------------------------------------------- */

/* What functions return: SNAKEPIT_OK, or one of the negative values. */
enum snakepit_status {
    SNAKEPIT_OK = 0,
    SNAKEPIT_FULL = -1,      /* tasks_max or bytes_max is reached; nothing was taken */
    SNAKEPIT_INVALID = -2,   /* an argument, or the moment of the call, is wrong; snakepit_last_error says which */
    SNAKEPIT_MEMORY = -3,    /* no memory; nothing was taken */
    SNAKEPIT_SYSTEM = -4,    /* the system refused; snakepit_last_error says what */
    SNAKEPIT_TIMEOUT = -5,   /* it did not happen in the time given */
    SNAKEPIT_NOT_FOUND = -6, /* no such task, key or element */
    SNAKEPIT_REFUSED = -7,   /* the broker does not want this client; snakepit_last_error says why */
    SNAKEPIT_FAILED = -8,    /* the task ended, but not with `ok`; the result says how */
    SNAKEPIT_MISMATCH = -9,  /* bytes that are not MessagePack, or a value of another kind than asked for */
};

/* A sentence for the status, never NULL. */
SNAKEPIT_API const char *
snakepit_strerror(int status);

/* What the client's last call that failed has to say, for people; empty when none failed. Valid until the next call. */
SNAKEPIT_API const char *
snakepit_last_error(const struct snakepit_client *client);

/* The library's version, "0.1.0" for instance. */
SNAKEPIT_API const char *
snakepit_version(void);

/* --- client --------------------------------------------------------------------------------------------------- */

/* What on_link tells. */
enum snakepit_link {
    SNAKEPIT_LINK_UP = 1,      /* the broker said WELCOME; unfinished tasks were offered again */
    SNAKEPIT_LINK_DOWN = 2,    /* the connection ended; the library reconnects by itself */
    SNAKEPIT_LINK_REFUSED = 3, /* the broker answered REFUSE; `text` is its reason */
};

typedef void
snakepit_link_fn(struct snakepit_client *client, enum snakepit_link link, const char *text, void *user);

struct snakepit_client_options {
    const char *endpoint;       /* NULL: SNAKEPIT_ENDPOINT_DEFAULT */
    const char *name;           /* label for people, at most 64 bytes; NULL: none */
    bool cancel_on_disconnect;  /* the broker cancels this client's tasks when it stays away; else they go on */
    bool retry_busy;            /* offer a task again by itself when the broker answers `busy`; else that ends it */
    size_t tasks_max;           /* unfinished tasks; 0: 100,000 */
    size_t bytes_max;           /* payload bytes of unfinished tasks; 0: 256 MiB */
    size_t batch_bytes_max;     /* a batch goes out, without waiting for a flush, at this size; 0: 32 KiB */
    uint32_t reconnect_ms;      /* pause before the first new try; 0: 100 ms */
    uint32_t reconnect_max_ms;  /* the pause doubles up to this; 0: 2000 ms */
    snakepit_link_fn *on_link;  /* NULL: none */
    void *user;                 /* handed to on_link */
};

/* Make a client and begin to connect; does not block and does not need a broker to be there. Copies what it needs of
 * `options` (NULL: all defaults). The caller owns the client and ends it with snakepit_client_destroy.
 * NULL when it cannot be made; errno says why: EINVAL (endpoint, name, a limit), ENOMEM, EMFILE, ... */
SNAKEPIT_API struct snakepit_client *
snakepit_client_new(const struct snakepit_client_options *options);

/* Say BYE, call on_done of every unfinished task with SNAKEPIT_STATE_ABANDONED, free all and set *client_p to NULL.
 * Waits for at most 200 ms to hand what was submitted to a broker that is there; tasks that it has go on (or not:
 * cancel_on_disconnect). NULL is allowed. */
SNAKEPIT_API void
snakepit_client_destroy(struct snakepit_client **client_p);

/* Wait for the broker's WELCOME. Needed by nobody, since everything else connects by itself; it tells an absent broker
 * from a slow task. OK, REFUSED, SYSTEM, TIMEOUT: snakepit_last_error says so when the host's name is unknown, for which the
 * resolver is asked when the time is up. */
SNAKEPIT_API int
snakepit_connect(struct snakepit_client *client, int timeout_ms);

/* Whether the broker's WELCOME is there and the connection stands. */
SNAKEPIT_API bool
snakepit_is_connected(const struct snakepit_client *client);

/* --- results -------------------------------------------------------------------------------------------------- */

/* How a task ended. */
enum snakepit_state {
    SNAKEPIT_STATE_OK = 1,
    SNAKEPIT_STATE_FAILED = 2,    /* the function raised, is unknown, could not read its arguments, ran for too long, or
                                   * its pool failed or its session was lost: see `code` */
    SNAKEPIT_STATE_CANCELLED = 3,
    SNAKEPIT_STATE_EXPIRED = 4,   /* deadline_ms passed */
    SNAKEPIT_STATE_DEAD = 5,      /* max_attempts dispatches ended without an answer */
    SNAKEPIT_STATE_LOST = 6,      /* its worker was lost, and at_most_once was set */
    SNAKEPIT_STATE_REFUSED = 7,   /* the broker did not take it (`busy`, `draining`, `no_such_pool`, ...): see `code` */
    SNAKEPIT_STATE_ABANDONED = 8, /* the client ended before the task did */
};

/* "ok", "failed", ...; never NULL. */
SNAKEPIT_API const char *
snakepit_state_name(enum snakepit_state state);

struct snakepit_result {
    uint64_t id; /* the task's */
    enum snakepit_state state;
    const char *code;         /* "ok", or the error code of docs/protocol.md, section 8; never NULL */
    const char *message;      /* for people; never NULL, empty when ok */
    const char *type;         /* the exception's class; empty: none */
    const char *traceback;    /* where it was raised; empty: none */
    const char *content_type; /* of the payload: "msgpack", "json", "raw", ... */
    const struct snakepit_bytes *parts; /* the payload; the first part is the body */
    size_t part_count;                  /* 0 unless the state is ok */
    uint32_t attempt;        /* dispatches that it took; 1 when the broker did not say */
    uint64_t chunks;         /* how many a streamed task sent */
    uint64_t retry_after_ms; /* `busy`: do not offer before; else 0 */
    bool is_timed;           /* the next three are said (struct snakepit_task, want_info) */
    uint64_t worker;         /* session number of the worker */
    uint64_t queue_us;       /* from acceptance to the last dispatch */
    uint64_t run_us;         /* from there to the result */
};

/* A copy that outlives the callback, in one allocation; the caller frees it with snakepit_result_destroy.
 * NULL when memory ends. */
SNAKEPIT_API struct snakepit_result *
snakepit_result_copy(const struct snakepit_result *result);

/* NULL is allowed. Only for results from snakepit_call, snakepit_admin and snakepit_result_copy. */
SNAKEPIT_API void
snakepit_result_destroy(struct snakepit_result **result_p);

struct snakepit_chunk {
    uint64_t id;
    uint64_t seq;     /* from 1, per attempt */
    uint32_t attempt; /* a stream that was begun anew by another worker has a higher one */
    const char *content_type;
    const struct snakepit_bytes *parts;
    size_t part_count;
};

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* The task ended. `result` and all in it are valid until the function returns. */
typedef void
snakepit_done_fn(struct snakepit_client *client, const struct snakepit_result *result, void *user);

/* A part of a streamed result came. `chunk` and all in it are valid until the function returns. */
typedef void
snakepit_chunk_fn(struct snakepit_client *client, const struct snakepit_chunk *chunk, void *user);

/* How far a task says that it is. */
struct snakepit_progress {
    uint64_t id;
    double done;
    double total;     /* below 0: not known */
    const char *note; /* for people; never NULL */
};

/* The task reported its progress: at most ten times a second, and any report may be left out. `progress` and its note are
 * valid until the function returns. */
typedef void
snakepit_progress_fn(struct snakepit_client *client, const struct snakepit_progress *progress, void *user);

/* The broker has taken the task; `number` is the broker's own number for it, which the admin call `cancel` wants.
 * Called at most once per task. */
typedef void
snakepit_accepted_fn(struct snakepit_client *client, uint64_t id, uint64_t number, void *user);

/* One frame of a payload. With `release` the library takes the bytes over, without a copy, when the submit returns OK,
 * and calls release(data, hint) once when it needs them no more; that call may come from libzmq's I/O thread, as
 * zmq_msg_init_data(3) says. Without it the bytes are copied. */
struct snakepit_part {
    void *data;
    size_t size;
    void (*release)(void *data, void *hint);
    void *hint;
};

struct snakepit_header {
    const char *name;
    const char *value;
};

/* Levels are 0..9, higher first; the default is 5. */
#define SNAKEPIT_PRIORITY(level) ((uint8_t)((level) + 1))

/* Where the tasks of a session run. */
enum snakepit_session_mode {
    SNAKEPIT_SESSION_HINT = 0,             /* in the session's worker when it has a free slot, else in another one */
    SNAKEPIT_SESSION_STRICT_QUEUE = 1,     /* in the session's worker; it waits for a free slot there */
    SNAKEPIT_SESSION_STRICT_FAIL_FAST = 2, /* in the session's worker, at once, or it is refused: `session_busy` */
};

/* A task to offer. All that it points to is copied (but see struct snakepit_part). */
struct snakepit_task {
    const char *pool;     /* NULL or empty: the broker's default pool */
    const char *function; /* required */

    /* The arguments: either `args_bytes` bytes at `args`, for instance from snakepit_args_finish, or NULL for none, ... */
    const void *args;
    size_t args_bytes;
    /* ... or 1 to 64 frames, the first the body and the others buffers that belong to it. */
    const struct snakepit_part *parts;
    size_t part_count;
    const char *content_type; /* of the arguments; NULL: "msgpack" */

    uint8_t priority;      /* SNAKEPIT_PRIORITY(level); 0: the default */
    uint32_t max_attempts; /* dispatches, 1..1000; 0: as the pool has it */
    uint64_t delay_ms;     /* not dispatched before */
    uint64_t deadline_ms;  /* from acceptance; then it is `expired`; 0: none */
    bool at_most_once;     /* a lost worker ends it as `lost`; else it is given to another worker */
    bool want_info;        /* fill worker, queue_us and run_us of the result */
    const struct snakepit_header *headers; /* handed to the worker unread; at most 4096 bytes encoded */
    size_t header_count;

    snakepit_done_fn *on_done;         /* NULL: nobody is told */
    snakepit_chunk_fn *on_chunk;       /* set: the result is streamed; NULL: a generator's items arrive as one list */
    snakepit_accepted_fn *on_accepted; /* set: the broker is asked to acknowledge */
    snakepit_progress_fn *on_progress; /* set: the task's progress is asked for */
    void *user;                        /* handed to the callbacks */

    /* How it is tried again, ordered and shared; 0 and NULL: as the pool has it, or not at all. */
    uint32_t retries;            /* of attempts that failed, 1..1000 */
    const char *const *retry_on; /* types of exceptions that are tried again, ended by NULL; NULL: all. At most 16 */
    uint64_t backoff_ms;         /* before the first retry, then doubled */
    uint32_t kills_max;          /* it is `dead` when so many workers have died of it, 1..1000 */
    const char *dedup_key;       /* 1..128 bytes: one run for all tasks of the pool with this key */
    uint64_t dedup_ms;           /* and for so long after its end */
    const char *group;           /* 1..64 bytes: tasks of one group run one at a time, in order */
    const char *fair_key;        /* 1..64 bytes: whom it is for; those get equal shares */
    const char *session;         /* 1..64 bytes: tasks of one session run in one worker */
    enum snakepit_session_mode session_mode;
    uint64_t run_ms;             /* it is `timed_out` when it has run for so long */
    uint32_t credit;             /* of a stream: chunks that may be under way, 1..1000000 */
};

/* Offer a task; does not block. It is put into the batch that goes out with the next snakepit_process or
 * snakepit_flush, or as soon as the batch is full. *ret_id (may be NULL) is the task's id, unique within the client.
 * OK: on_done will be called, once. FULL, INVALID, MEMORY, REFUSED: nothing was taken. */
SNAKEPIT_API int
snakepit_submit(struct snakepit_client *client, const struct snakepit_task *task, uint64_t *ret_id);

/* Offer `count` tasks, in order; their ids follow each other, and *ret_first_id (may be NULL) is the first.
 * Either all are taken, or none. */
SNAKEPIT_API int
snakepit_submit_many(struct snakepit_client *client, const struct snakepit_task *tasks, size_t count,
                     uint64_t *ret_first_id);

/* Ask for the end of a task; does not block. What became of it arrives at its on_done: `cancelled`, or another state if
 * that came first. NOT_FOUND: no unfinished task of this client has the id. */
SNAKEPIT_API int
snakepit_cancel(struct snakepit_client *client, uint64_t id);

/* Submit one task and wait for its end. Callbacks of other tasks are called meanwhile.
 * OK: it ended `ok`. FAILED: it ended otherwise. With both, *ret_result is the result, which the caller frees with
 * snakepit_result_destroy; with all others it is NULL. TIMEOUT: the task was cancelled, so far as it still could be. */
SNAKEPIT_API int
snakepit_call(struct snakepit_client *client, const char *pool, const char *function, const void *args,
              size_t args_bytes, int timeout_ms, struct snakepit_result **ret_result);

/* The same for a task with options. Its on_done is called too, if it has one. */
SNAKEPIT_API int
snakepit_call_task(struct snakepit_client *client, const struct snakepit_task *task, int timeout_ms,
                   struct snakepit_result **ret_result);

/* Ask the broker itself: docs/protocol.md, section 10 ("ping", "status", "pools", "workers", ...). Arguments and results
 * as with snakepit_call. */
SNAKEPIT_API int
snakepit_admin(struct snakepit_client *client, const char *function, const void *args, size_t args_bytes,
               int timeout_ms, struct snakepit_result **ret_result);

/* --- the broker's pools and workers --------------------------------------------------------------------------- */

/* Wait until `workers` workers of a pool are ready. 0: as many as its configuration wants, at least one; pool NULL: every
 * pool that has a wanted number. OK; TIMEOUT; FAILED: the broker refuses, and snakepit_last_error says why: for an unknown
 * pool it lists those that there are. */
SNAKEPIT_API int
snakepit_await_ready(struct snakepit_client *client, const char *pool, uint32_t workers, int timeout_ms);

/* One worker. Texts are never NULL. */
struct snakepit_worker_info {
    uint64_t id;         /* its session number at the broker */
    const char *name;    /* a label; may be empty */
    const char *pool;
    const char *host;
    uint64_t pid;
    const char *profile; /* "process", "thread" */
    const char *state;   /* "ready", "stalled", "draining", "detached" */
    const char *python;  /* version; empty: it is none */
    bool gil_enabled;
    uint64_t slots;      /* tasks that it takes at one time, ... */
    uint64_t busy;       /* ... and how many it has now */
    uint64_t rss_bytes;  /* 0: not known */
    uint64_t cpu_us;
    uint64_t tasks_done;
    double uptime_seconds;
};

struct snakepit_workers {
    const struct snakepit_worker_info *list;
    size_t count;
};

/* The workers of a pool; pool NULL: of all. OK: the caller frees *ret_workers with snakepit_workers_destroy.
 * Else as snakepit_await_ready, or MISMATCH: this broker answers in another shape. */
SNAKEPIT_API int
snakepit_list_workers(struct snakepit_client *client, const char *pool, int timeout_ms,
                      struct snakepit_workers **ret_workers);

/* NULL is allowed. */
SNAKEPIT_API void
snakepit_workers_destroy(struct snakepit_workers **workers_p);

/* How long something took, over `count` tasks. Quantiles are within 6 % of the truth. */
struct snakepit_latency {
    uint64_t count;
    double mean_seconds, p50_seconds, p90_seconds, p99_seconds, p999_seconds, max_seconds;
};

/* What a pool did in `span_seconds`. */
struct snakepit_load {
    double span_seconds;
    uint64_t accepted, dispatched, answered; /* tasks */
    double accepted_per_second, answered_per_second;
    double utilisation; /* busy slots of all, 0 to 1; -1: there were none */
    double saturation;  /* share of the time in which tasks waited and no slot was free; -1: not known */
    uint64_t queued_max;
    struct snakepit_latency wait; /* from when a task could have run to its first dispatch */
    struct snakepit_latency run;  /* from a dispatch to its answer */
};

struct snakepit_pool_stats {
    uint64_t queued, delayed, running;                                 /* tasks, now */
    uint64_t workers, workers_wanted, slots, slots_busy;               /* now */
    uint64_t succeeded, failed, cancelled, expired, dead, lost;        /* tasks that ended so; never shrink */
    uint64_t requeued, refused;
    uint64_t queued_bytes, queued_max, queued_bytes_max;
    struct snakepit_load total;  /* since the broker's start */
    struct snakepit_load recent; /* the last 30 to 60 seconds */
};

/* The counters and the load of a pool. OK, or as snakepit_list_workers. */
SNAKEPIT_API int
snakepit_get_stats(struct snakepit_client *client, const char *pool, int timeout_ms,
                   struct snakepit_pool_stats *ret_stats);

/* Replace all workers of a pool, or the one worker with this id (0: none), by new ones without losing a task. Begins at once
 * and goes on after the return. *ret_workers (may be NULL) is how many. OK, or as snakepit_list_workers. */
SNAKEPIT_API int
snakepit_recycle(struct snakepit_client *client, const char *pool, uint64_t worker, int timeout_ms,
                 uint64_t *ret_workers);

/* --- driving it ----------------------------------------------------------------------------------------------- */

/* Send what is collected, receive what is there, call the callbacks. Waits up to `timeout_ms` when there is nothing to
 * do yet. The number of callbacks called (0 also when a signal ended the wait), or SYSTEM, MEMORY, REFUSED, INVALID. After
 * MEMORY the client is as it was, and the call can be repeated. */
SNAKEPIT_API int
snakepit_process(struct snakepit_client *client, int timeout_ms);

/* Process until no task is unfinished. OK, TIMEOUT, or what snakepit_process answers. */
SNAKEPIT_API int
snakepit_wait(struct snakepit_client *client, int timeout_ms);

/* Send what is collected; receives nothing and does not block. OK, also when the broker is away (the rest then waits);
 * SYSTEM, MEMORY. */
SNAKEPIT_API int
snakepit_flush(struct snakepit_client *client);

/* A descriptor for poll(2), epoll(7) and the like: readable (POLLIN) when snakepit_process(client, 0) has something to
 * do, timers included. It stays readable until that is done, so it also works level-triggered. It belongs to the client:
 * do not read from it and do not close it. Does not fail. */
SNAKEPIT_API int
snakepit_fd(struct snakepit_client *client);

/* For loops that cannot watch a descriptor: milliseconds until snakepit_process should be called next even if nothing
 * arrives; 0: now. */
SNAKEPIT_API int
snakepit_next_due_ms(struct snakepit_client *client);

/* How many tasks are unfinished. */
SNAKEPIT_API size_t
snakepit_pending(const struct snakepit_client *client);

#ifdef __cplusplus
}
#endif

#endif
