/* message.h - the commands of SPIT/1 as plain structs, and the limits of the protocol. Knows no encoding, does no I/O.
 *
 * Every `struct bytes` in a decoded command is a view into the control frame that it came from.
 * The meaning of each field is in docs/protocol.md, section 4. */
#ifndef SNAKEPIT_WIRE_MESSAGE_H
#define SNAKEPIT_WIRE_MESSAGE_H

#include "body.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_NAME "SPIT/1"
#define ADMIN_POOL "$snakepit"

enum {
    NAME_BYTES_MAX = 64,
    FUNCTION_BYTES_MAX = 255,
    CONTENT_TYPE_BYTES_MAX = 32,
    LABEL_BYTES_MAX = 64,
    HEADERS_BYTES_MAX = 4096,
    ERROR_TEXT_BYTES_MAX = 4096,
    ERROR_TYPE_BYTES_MAX = 128,
    TRACEBACK_BYTES_MAX = 16384,
    TASK_FRAMES_MAX = 64,
    MESSAGE_FRAMES_MAX = 4096,
    INLINE_BYTES_MAX = 256 * 1024,
    CONTROL_BYTES_MAX = 8 * 1024 * 1024,
    FRAME_BYTES_MAX = 64 * 1024 * 1024,
    SLOTS_MAX = 4096,
    LEASES_MAX = 4096,
    PRIORITIES = 10,
    PRIORITY_DEFAULT = 5,
    ATTEMPTS_MAX = 1000,
    INSTANCE_BYTES = 16,
    ID_BYTES_MAX = 16,
    NESTING_MAX = 16,
    ENDPOINT_BYTES_MAX = 256,
    REPORT_BYTES_MAX = 16384,
    AGENT_POOLS_MAX = 256, /* in one HELLO */
    PROCESSES_MAX = 4096,  /* in one PROCESSES */
    EVENT_BYTES_MAX = 8192,
    RETRIES_MAX = 1000,
    RETRY_TYPES_MAX = 16, /* in one `retry_on` */
    KILLS_MAX = 1000,
    DEDUP_KEY_BYTES_MAX = 128,
    ORIGIN_BYTES_MAX = 48,
    CREDIT_MAX = 1000000,
};

#define DURATION_MS_MAX INT64_C(315360000000) /* ten years */

enum verb {
    VERB_NONE = 0,
    VERB_HELLO = 1,
    VERB_WELCOME = 2,
    VERB_REFUSE = 3,
    VERB_HEARTBEAT = 4,
    VERB_BYE = 5,
    VERB_REHELLO = 6,
    VERB_SUBMIT = 8,
    VERB_ACCEPTED = 9,
    VERB_CANCEL = 10,
    VERB_RESULT = 11,
    VERB_ERROR = 12,
    VERB_CHUNK = 13,
    VERB_SEEN = 14,
    VERB_CREDIT = 15,
    VERB_TASK = 16,
    VERB_STARTED = 17,
    VERB_RECALL = 18,
    VERB_NACK = 19,
    VERB_DRAINING = 20,
    VERB_STOP = 21,
    VERB_REPLACE = 24,
    VERB_RETIRE = 25,
    VERB_PROCESSES = 26,
    VERB_EXITED = 27,
    VERB_POOL = 28,
    VERB_EVENT = 29,
};

/* The verb's name in docs/protocol.md, or "?" for a number that has none. */
const char *
verb_name(unsigned verb);

/* Whose socket a command belongs to; it decides what a `ref` is. */
enum side { SIDE_CLIENT, SIDE_WORKER };

enum direction { TO_BROKER, FROM_BROKER };

/* The ref of RESULT, ERROR, CHUNK, CANCEL, and the id of SUBMIT. */
enum ref_kind {
    REF_NONE,   /* nil */
    REF_NUMBER, /* a client's numeric task id, or a fence on the worker socket */
    REF_BYTES,  /* a client's task id of 1..16 bytes */
};

/* Compare with ref_equal. Unused bytes are zero, so that a ref can be a hash key. */
struct ref {
    uint8_t kind;
    uint8_t size; /* of `bytes`, for REF_BYTES */
    union {
        uint64_t number;
        uint8_t bytes[ID_BYTES_MAX];
    };
};

bool
ref_equal(const struct ref *a, const struct ref *b);

struct ref
ref_number(uint64_t number);

enum on_disconnect { DISCONNECT_CONTINUE, DISCONNECT_CANCEL };
enum on_loss { LOSS_REQUEUE, LOSS_FINAL };
enum session_mode { SESSION_HINT, SESSION_STRICT_QUEUE, SESSION_STRICT_FAIL_FAST };
enum profile { PROFILE_PROCESS, PROFILE_THREAD };
enum exit_cause { EXIT_STATUS, EXIT_SIGNAL, EXIT_OOM, EXIT_START_FAILED, EXIT_NO_MEMORY };
enum agent_state { AGENT_POOL_OK, AGENT_POOL_FAILED };

/* Fences. A decoder gives a view of the encoded array: iterate with wire_fences_next.
 * Whoever encodes a command sets `list`, or leaves it NULL to send on what was decoded. */
struct fences {
    uint32_t count;
    struct bytes encoded;
    const uint64_t *list;
};

/* Take the next fence of the list. OK, or ERR_NOT_FOUND at the end. */
int
wire_fences_next(struct fences *fences, uint64_t *ret_fence);

/* A pool that an agent serves, and how many workers it keeps alive for it. */
struct agent_pool {
    struct bytes name;
    uint32_t wanted;
};

/* What a worker process and its descendants use, as their agent measured it. */
struct process_usage {
    uint64_t pid;
    uint64_t rss_bytes;
    uint64_t cpu_us;
};

/* Lists of them; decoded and encoded as fences are. */
struct agent_pools {
    uint32_t count;
    struct bytes encoded;
    const struct agent_pool *list;
};

struct processes {
    uint32_t count;
    struct bytes encoded;
    const struct process_usage *list;
};

struct texts {
    uint32_t count;
    struct bytes encoded;
    const struct bytes *list;
};

/* A lease of an earlier broker that a worker still holds; `origin` is what came with its TASK. */
struct hold {
    uint64_t fence;
    uint32_t attempt;
    struct bytes origin;
};

struct holds {
    uint32_t count;
    struct bytes encoded;
    const struct hold *list;
};

int
wire_texts_next(struct texts *texts, struct bytes *ret_text);

int
wire_holds_next(struct holds *holds, struct hold *ret_hold);

/* Take the next one of the list. OK, or ERR_NOT_FOUND at the end. */
int
wire_agent_pools_next(struct agent_pools *pools, struct agent_pool *ret_pool);

int
wire_processes_next(struct processes *processes, struct process_usage *ret_usage);

struct hello {
    bool is_worker;
    bool is_agent; /* neither: a client */
    struct bytes protocol; /* "SPIT/1", or what the peer speaks instead */
    /* client */
    struct bytes instance; /* INSTANCE_BYTES */
    enum on_disconnect on_disconnect;
    /* worker */
    struct bytes pool;
    uint32_t slots;
    enum profile profile;
    struct bytes host;
    uint64_t pid;
    struct bytes python;
    bool gil_enabled;
    uint64_t session; /* to resume; 0: none */
    struct fences leases;
    struct holds holds;      /* of a broker before this one */
    uint64_t replaces;       /* session of the worker whose place it takes; 0: none */
    bool free_threaded;      /* how the interpreter was built */
    struct bytes gil_module; /* whose import switched the GIL on; empty: none, or not known */
    struct bytes report;     /* one encoded map for people, or empty */
    /* agent */
    struct agent_pools pools;
    /* worker and agent; `host` and `pid`, too */
    uint64_t agent; /* the agent's own number, or that of the one that started the worker; 0: none */
    /* all */
    struct bytes name;
};

struct welcome {
    uint64_t session;
    struct bytes broker;
    uint64_t epoch;
    bool resumed;
    uint64_t heartbeat_ms;
    uint64_t inline_max_bytes;
    uint64_t control_max_bytes;
    uint64_t frame_max_bytes;
    uint64_t attachments_max; /* frames per task */
    struct fences leases;
    struct bytes clients; /* to workers: the endpoint at which tasks are submitted */
};

struct heartbeat {
    bool has_facts; /* false: the short form [4] */
    uint64_t rss_bytes;
    uint64_t cpu_us;
    uint64_t tasks_done;
    int gil_enabled; /* -1: not said */
    struct fences running;
    bool has_running;
    struct bytes gil_module;
    struct bytes report; /* one encoded map, or empty: unchanged */
};

struct submit {
    struct ref id;
    struct bytes pool;
    struct bytes function;
    struct payload payload;
    struct bytes content_type; /* empty: msgpack */
    struct bytes headers;      /* one encoded map, or empty */
    uint64_t delay_ms;
    uint64_t deadline_ms;  /* 0 with has_deadline false: none */
    uint32_t max_attempts; /* 0: the pool's */
    uint8_t priority;
    bool has_deadline;
    bool ack;
    bool stream;
    bool progress;
    bool info;
    bool again; /* it was offered before, on another connection */
    enum on_loss on_loss;
    struct texts retry_on; /* types of exceptions; empty: any */
    uint64_t backoff_ms;   /* before the first retry */
    uint64_t dedup_ms;
    uint64_t run_ms;    /* 0: the pool's */
    uint32_t retries;   /* of attempts that failed */
    uint32_t kills_max; /* 0: the pool's */
    uint32_t credit;    /* chunks of a stream that may be under way; 0: no limit */
    bool has_retries;   /* else the pool's, and so on */
    bool has_backoff;
    bool has_dedup_ms;
    enum session_mode session_mode;
    struct bytes dedup_key; /* these four are empty when not said */
    struct bytes group;
    struct bytes fair_key;
    struct bytes session;
};

struct accepted {
    struct ref id;
    uint64_t task;
};

/* `info` of RESULT and CHUNK. Zero or empty: not said. */
struct info {
    struct bytes content_type;
    uint32_t attempt;
    uint64_t chunks;
    bool timed; /* worker, queue_us and run_us are said */
    uint64_t worker;
    uint64_t queue_us;
    uint64_t run_us;
};

struct result {
    struct ref ref;
    struct payload payload;
    struct info info;
};

struct chunk {
    struct ref ref;
    uint64_t seq;
    struct payload payload;
    struct info info;
};

/* ERROR and REFUSE. Zero or empty details: not said. */
struct error {
    struct ref ref; /* not for REFUSE */
    enum error_code code;
    struct bytes text;
    struct bytes type;
    struct bytes traceback;
    struct bytes field;
    struct bytes limit;
    struct bytes final;
    bool has_offset;
    uint64_t offset;
    uint64_t limit_bytes;
    uint64_t retry_after_ms;
    uint32_t attempt;
    bool lists_protocols; /* encode `protocols` */
};

struct task_command {
    uint64_t fence;
    uint32_t attempt;
    struct bytes function;
    struct payload payload;
    struct bytes content_type;
    struct bytes headers;
    bool stream;
    bool progress;
    bool has_deadline;
    uint64_t deadline_ms;
    struct bytes origin;  /* opaque: to be named in a HELLO to another broker */
    struct bytes session; /* the key of its SUBMIT, or empty */
    uint32_t credit;      /* chunks that may be sent before CREDIT allows more; 0: no limit */
    uint64_t run_ms;      /* how long it may run; 0: no limit */
};

struct cancel {
    struct ref ref;
    bool raise; /* to workers: asking was not enough */
};

/* How many chunks of an attempt the reader allows in all. */
struct credit {
    struct ref ref;
    uint64_t count;
    uint32_t attempt; /* from clients: of this one; 0: of the current one */
};

struct nack {
    uint64_t fence;
    struct bytes reason;
};

struct stop {
    struct bytes reason;
    uint64_t grace_ms;
};

struct replace {
    uint64_t session; /* of the worker that is to be replaced */
    uint64_t pid;
    struct bytes pool;
    struct bytes reason;
    bool first; /* memory forbids both at one time: end the old one before */
};

struct retire {
    uint64_t pid;
    bool kill; /* at once, with its process group */
    uint64_t grace_ms;
    struct bytes reason;
};

struct exited {
    struct bytes pool;
    uint64_t pid; /* 0: it could not be started */
    enum exit_cause cause;
    uint64_t status; /* exit status, or number of the signal */
    uint64_t replaces;
    struct bytes text; /* the end of what it printed */
};

struct pool_report {
    struct bytes pool;
    enum agent_state state;
    bool has_wanted;
    uint32_t wanted;
    bool changed; /* its workers run an older configuration */
    struct bytes reason;
};

/* Telemetry of an application. */
struct app_event {
    struct bytes name;   /* app.something */
    struct bytes fields; /* one encoded map, or empty */
};

struct message {
    enum verb verb;
    union {
        struct hello hello;
        struct welcome welcome;
        struct heartbeat heartbeat;
        struct bytes reason; /* BYE */
        struct submit submit;
        struct accepted accepted;
        struct cancel cancel;
        struct credit credit;
        struct result result;
        struct error error; /* ERROR, REFUSE */
        struct chunk chunk;
        uint64_t seen_count; /* SEEN */
        struct task_command task;
        uint64_t fence; /* STARTED, RECALL */
        struct nack nack;
        struct stop stop;
        struct replace replace;
        struct retire retire;
        struct processes processes;
        struct exited exited;
        struct pool_report pool;
        struct app_event event;
    };
};

/* The payload of a command that can carry one (SUBMIT, TASK, RESULT, CHUNK), else NULL. */
struct payload *
message_payload(struct message *message);

#endif
