/* config_schema.c - the table of options; see config_schema.h. */
#include "broker/io/config_schema.h"

#include "broker/io/config.h"

#define IN_CONFIG(field) offsetof(struct config, field), sizeof(((struct config *)NULL)->field)
#define IN_POOL(field) offsetof(struct pool_config, field), sizeof(((struct pool_config *)NULL)->field)
#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* In the order of the enums that they become. */
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const profiles[] = {"process", "thread", NULL};
static const char *const thread_unsafe_words[] = {"lock", "refuse", NULL};
static const char *const when_failed_words[] = {"wait", "refuse", NULL};
static const char *const fairness_words[] = {"key", "client", NULL};
static const char *const session_on_loss_words[] = {"rebind", "fail", NULL};
static const char *const when_open_words[] = {"wait", "refuse", NULL};

const char *const config_sections[] = {"endpoints", "log", "limits", "timers", "agent", POOLS_SECTION, NULL};

/* Sizes of frames cannot be raised above what SPIT/1 implementations accept, except frame_max, which libzmq checks. */
const struct option config_options[] = {
    {"", "insecure", OPTION_BOOL, IN_CONFIG(insecure), "false", 0, 0, NULL,
     .needs_restart = true,
     .help = "Bind endpoints to addresses that other hosts can reach. There is no encryption and no authentication in "
             "this version: whoever reaches the endpoints can run tasks. Set it only where the network itself is "
             "trusted."},
    {"", "default_pool", OPTION_NAME, IN_CONFIG(broker.default_pool), NULL, 0, 0, NULL,
     .help = "The pool of tasks that are submitted without the name of one. Without it such a task is refused as "
             "\"no_such_pool\"."},
    {"", "io_threads", OPTION_COUNT, IN_CONFIG(io_threads), "1", 1, 16, NULL,
     .needs_restart = true,
     .help = "Threads in which libzmq moves bytes. One carries about a gigabyte per second; more helps only with many "
             "large payloads."},

    {"endpoints", "clients", OPTION_ENDPOINT, IN_CONFIG(clients_endpoint), "\"tcp://127.0.0.1:5570\"", 0, 0, NULL,
     .needs_restart = true,
     .help = "Where clients submit tasks."},
    {"endpoints", "workers", OPTION_ENDPOINT, IN_CONFIG(workers_endpoint), "\"tcp://127.0.0.1:5571\"", 0, 0, NULL,
     .needs_restart = true,
     .help = "Where workers, local and remote, fetch them."},
    {"endpoints", "events", OPTION_ENDPOINT_OR_NONE, IN_CONFIG(events_endpoint), "\"tcp://127.0.0.1:5572\"", 0, 0,
     NULL,
     .needs_restart = true,
     .help = "Where every event of the log is published as JSON."},

    {"log", "format", OPTION_CHOICE, IN_CONFIG(log_format), "\"logfmt\"", 0, 0, log_formats,
     .needs_restart = true,
     .help = "logfmt reads well in a terminal; json is for log collectors."},
    {"log", "level", OPTION_CHOICE, IN_CONFIG(log_level), "\"info\"", 0, 0, log_levels,
     .help = "The least important lines that are still written."},

    {"limits", "tasks_max", OPTION_COUNT, IN_CONFIG(broker.tasks_max), "1000000", 1, 100000000, NULL,
     .help = "Tasks that the broker holds, queued and running, in all pools. A small task takes some 300 bytes."},
    {"limits", "bytes_max", OPTION_SIZE, IN_CONFIG(broker.bytes_max), "\"1GiB\"", MIB, 1024 * GIB, NULL,
     .help = "Bytes of tasks and kept results in all. Resident memory stays below this plus some overhead."},
    {"limits", "client_tasks_max", OPTION_COUNT, IN_CONFIG(broker.client_tasks_max), "100000", 1, 100000000, NULL,
     .help = "Tasks that one client may have open, so that none can fill the broker alone."},
    {"limits", "client_bytes_max", OPTION_SIZE, IN_CONFIG(broker.client_bytes_max), "\"256MiB\"", 64 * KIB, 1024 * GIB,
     NULL,
     .help = "Bytes of one client's open tasks."},
    {"limits", "client_results_max", OPTION_COUNT, IN_CONFIG(broker.client_results_max), "100000", 1, 100000000, NULL,
     .help = "Final messages kept for one client until it says that it has seen them; beyond, the oldest are dropped "
             "and counted."},
    {"limits", "peers_max", OPTION_COUNT, IN_CONFIG(broker.peers_max), "10000", 1, 1000000, NULL,
     .needs_restart = true,
     .help = "Connected clients, and connected workers: so many of each. Each takes one descriptor (see LimitNOFILE, "
             "ulimit -n)."},
    {"limits", "inline_max", OPTION_SIZE, IN_CONFIG(broker.inline_bytes_max), "\"256KiB\"", KIB, INLINE_BYTES_MAX,
     NULL,
     .needs_restart = true,
     .help = "A payload inside a command; larger ones must be attachments, which the broker forwards without copying "
             "them. At most half of control_max."},
    {"limits", "control_max", OPTION_SIZE, IN_CONFIG(broker.control_bytes_max), "\"8MiB\"", 64 * KIB,
     CONTROL_BYTES_MAX, NULL,
     .needs_restart = true,
     .help = "One control frame, a batch of commands. At most frame_max."},
    {"limits", "frame_max", OPTION_SIZE, IN_CONFIG(broker.frame_bytes_max), "\"64MiB\"", 64 * KIB, 2 * GIB, NULL,
     .needs_restart = true,
     .help = "One frame of any kind; libzmq ends the connection of a peer that sends more. At most send_bytes_max."},
    {"limits", "send_queue_max", OPTION_COUNT, IN_CONFIG(send_queue_max), "1000", 1, 1000000, NULL,
     .needs_restart = true,
     .help = "Messages (batches, not tasks) that libzmq queues for one peer."},
    {"limits", "send_bytes_max", OPTION_SIZE, IN_CONFIG(send_bytes_max), "\"64MiB\"", 64 * KIB, 1024 * GIB, NULL,
     .needs_restart = true,
     .help = "Bytes that wait for one slow peer; beyond, its connection is given up. Nothing is lost by that: its "
             "tasks are requeued, or its results are kept for its return."},

    {"timers", "heartbeat", OPTION_DURATION, IN_CONFIG(broker.heartbeat_us), "\"5s\"", 50 * MS, 5 * MINUTE, NULL,
     .help = "How often workers and clients say that they live. Python's side, so a long computation may delay it."},
    {"timers", "heartbeats_missed_max", OPTION_COUNT, IN_CONFIG(broker.heartbeats_missed_max), "3", 1, 100, NULL,
     .help = "So many missing heartbeats make a worker stalled: it gets no new task until it is heard again. Nothing "
             "is taken from it."},
    {"timers", "worker_grace", OPTION_DURATION, IN_CONFIG(broker.worker_grace_us), "\"500ms\"", 0, 10 * MINUTE, NULL,
     .help = "From the end of a worker's connection to the requeue of its tasks. Long enough for a reconnect, short "
             "enough that a killed worker's tasks run elsewhere within a second."},
    {"timers", "client_retention", OPTION_DURATION, IN_CONFIG(broker.client_retention_us), "\"60s\"", 0, 24 * HOUR,
     NULL,
     .help = "How long final messages, and the session of a client that went away, are kept for its return."},
    {"timers", "adopt_window", OPTION_DURATION, IN_CONFIG(broker.adopt_window_us), "\"2s\"", 0, 1 * MINUTE, NULL,
     .needs_restart = true,
     .help = "After the broker's start, tasks that clients offered to an earlier broker wait for so long: a worker may "
             "come that has them running, and then they are not run a second time. New tasks do not wait. 0s: not."},
    {"timers", "drain_timeout", OPTION_DURATION, IN_CONFIG(drain_timeout_us), "\"30s\"", 0, 24 * HOUR, NULL,
     .help = "SIGTERM: how long running tasks may go on before the broker ends."},
    {"timers", "link_timeout", OPTION_DURATION, IN_CONFIG(link_timeout_us), "\"4s\"", 1000 * MS, 5 * MINUTE, NULL,
     .needs_restart = true,
     .help = "A connection on which nothing is answered for so long is ended. Over tcp the kernels see to that, without "
             "waking anybody (keepalive): half of it for a silence, in whole seconds, and half for what was sent then and "
             "is not acknowledged. Where packets get lost, 6s or more lets one question be lost, too."},
    {"timers", "link_heartbeat", OPTION_DURATION, IN_CONFIG(link_heartbeat_us), "\"10s\"", 100 * MS, 5 * MINUTE, NULL,
     .needs_restart = true,
     .help = "ZMTP heartbeats on the broker's sockets find what keepalive does not: a process that stands still, a link "
             "cut behind a proxy or tunnel. libzmq answers them from its own thread, so a busy interpreter does not "
             "look dead; one that is not answered within link_timeout ends the connection."},

    {"agent", "stop_timeout", OPTION_DURATION, IN_CONFIG(stop_timeout_us), "\"10s\"", 0, HOUR, NULL,
     .help = "A worker's time to end after SIGTERM; then it and all that it started are killed."},
    {"agent", "restart_delay", OPTION_DURATION, IN_CONFIG(restart_delay_us), "\"200ms\"", 10 * MS, HOUR, NULL,
     .help = "The wait before a worker that ended by itself is started again; doubles each time until it has lived "
             "for 10 s. At most restart_delay_max. A worker that was killed after its first second is replaced at "
             "once."},
    {"agent", "restart_delay_max", OPTION_DURATION, IN_CONFIG(restart_delay_max_us), "\"30s\"", 10 * MS, 24 * HOUR,
     NULL,
     .help = "The longest such wait."},

    {POOLS_SECTION, "name", OPTION_NAME, IN_POOL(core.name), NULL, 0, 0, NULL,
     .help = "What clients address. No two pools may have the same."},
    {POOLS_SECTION, "workers", OPTION_COUNT, IN_POOL(core.workers_wanted), "0", 0, 4096, NULL,
     .help = "Workers that snakepit-agent keeps alive on this host. With 0 the pool waits for workers that are "
             "started elsewhere."},
    {POOLS_SECTION, "app", OPTION_APP, IN_POOL(app), NULL, 0, 0, NULL,
     .help = "What those workers run: the module and the name of its snakepit.App. Goes together with workers."},
    {POOLS_SECTION, "profile", OPTION_CHOICE, IN_POOL(profile), "\"process\"", 0, 0, profiles,
     .is_local = true,
     .help = "process: one task at a time in each worker, the choice for Python code that computes. thread: several, "
             "for tasks that wait (network, disk), for code that releases the GIL, or for a Python without one."},
    {POOLS_SECTION, "threads_per_worker", OPTION_COUNT, IN_POOL(slots), "1", 1, SLOTS_MAX, NULL,
     .is_local = true,
     .help = "Tasks at a time in each worker of the thread profile; 1 in the process profile."},
    {POOLS_SECTION, "require_free_threading", OPTION_BOOL, IN_POOL(core.require_free_threading), "false", 0, 0, NULL,
     .help = "Take only workers that run without the GIL: a free-threaded build of Python, and no imported module "
             "that switched the GIL on. Others are refused as \"gil_enabled\"."},
    {POOLS_SECTION, "thread_unsafe", OPTION_CHOICE, IN_POOL(thread_unsafe), "\"lock\"", 0, 0, thread_unsafe_words,
     .is_local = true,
     .help = "What a worker of the thread profile does with a function that says it is not thread-safe. lock: runs "
             "one at a time. refuse: ends the task as failed."},
    {POOLS_SECTION, "python", OPTION_TEXT, IN_POOL(python), "\"python3\"", 0, 0, NULL,
     .is_local = true,
     .help = "The interpreter: a name to be found in PATH, or a path, for instance that of a virtual environment. It "
             "must have the package snakepit."},
    {POOLS_SECTION, "directory", OPTION_TEXT, IN_POOL(directory), NULL, 0, 0, NULL,
     .is_local = true,
     .help = "Working directory of the workers; modules in it can be imported. Without it: where the broker was "
             "started."},
    {POOLS_SECTION, "environment", OPTION_STRINGS, IN_POOL(environment), "( )", 0, 0, NULL,
     .is_local = true,
     .help = "Environment variables of the workers, over those of the broker. OMP_NUM_THREADS and its kin (OPENBLAS, "
             "MKL, NUMEXPR, VECLIB) are set to 1 in the process profile, and to the cores shared among the pool's "
             "tasks in the thread profile, unless they are given here."},
    {POOLS_SECTION, "nursery", OPTION_BOOL, IN_POOL(nursery), "false", 0, 0, NULL,
     .is_local = true,
     .help = "Fork the workers from one process that has imported the app, so that they start in milliseconds and "
             "share its memory. Only in the process profile, and only for apps that start no threads on import."},
    {POOLS_SECTION, "startup_batch", OPTION_COUNT, IN_POOL(startup_batch), "0", 1, 4096, NULL,
     .is_local = true,
     .zero = "all at once",
     .help = "Workers that are started at one time; the next ones when these are ready."},
    {POOLS_SECTION, "startup_delay", OPTION_DURATION, IN_POOL(startup_delay_us), "\"0s\"", MS, 10 * MINUTE, NULL,
     .is_local = true,
     .zero = "none",
     .help = "The wait between two such batches."},
    {POOLS_SECTION, "start_timeout", OPTION_DURATION, IN_POOL(core.start_timeout_us), "\"60s\"", 100 * MS, HOUR, NULL,
     .help = "A worker must be ready so long after its start. A replacement that is not leaves the old worker in its "
             "place."},
    {POOLS_SECTION, "start_failures_max", OPTION_COUNT, IN_POOL(start_failures_max), "5", 1, 1000, NULL,
     .is_local = true,
     .help = "So many starts that fail within start_failures_window make the pool failed on this host: workers are "
             "then started only one at a time, once in each such window, until one succeeds."},
    {POOLS_SECTION, "start_failures_window", OPTION_DURATION, IN_POOL(start_failures_window_us), "\"60s\"", SECOND, 24
     * HOUR, NULL,
     .is_local = true,
     .help = "See start_failures_max."},
    {POOLS_SECTION, "when_failed", OPTION_CHOICE, IN_POOL(core.when_failed), "\"wait\"", 0, 0, when_failed_words,
     .help = "Tasks of a pool that failed. wait: they stay queued until it recovers. refuse: they end as "
             "\"pool_failed\", and new ones are refused so."},
    {POOLS_SECTION, "queued_max", OPTION_COUNT, IN_POOL(core.queued_max), "100000", 1, 100000000, NULL,
     .help = "Tasks that may wait in this pool; beyond, they are refused as \"busy\"."},
    {POOLS_SECTION, "queued_bytes_max", OPTION_SIZE, IN_POOL(core.queued_bytes_max), "\"256MiB\"", 64 * KIB, 1024 *
     GIB, NULL,
     .help = "Bytes of waiting tasks in this pool."},
    {POOLS_SECTION, "max_attempts", OPTION_COUNT, IN_POOL(core.max_attempts), "5", 1, ATTEMPTS_MAX, NULL,
     .help = "Dispatches of one task, the first one counted, before it ends as \"dead\"."},
    {POOLS_SECTION, "retries", OPTION_COUNT, IN_POOL(core.retries), "0", 0, RETRIES_MAX, NULL,
     .help = "How often a task that failed is tried again, unless it says so itself. Each such attempt counts in "
             "max_attempts, too."},
    {POOLS_SECTION, "retry_on", OPTION_TYPES, IN_POOL(core.retry_on), "( )", 0, 0, NULL,
     .help = "Types of exceptions that are tried again: the whole name (\"requests.exceptions.Timeout\") or its last "
             "part (\"Timeout\"). Classes derived from them have other names, and are others. Empty: any failure."},
    {POOLS_SECTION, "retry_delay", OPTION_DURATION, IN_POOL(core.retry_delay_us), "\"1s\"", MS, 24 * HOUR, NULL,
     .zero = "none",
     .help = "The pause before the first retry; before each further one it is twice as long."},
    {POOLS_SECTION, "retry_delay_max", OPTION_DURATION, IN_POOL(core.retry_delay_max_us), "\"5m\"", MS, 365 * 24 * HOUR,
     NULL,
     .help = "The longest such pause, also for tasks that say their own."},
    {POOLS_SECTION, "retry_jitter", OPTION_COUNT, IN_POOL(core.retry_jitter_percent), "20", 0, 100, NULL,
     .unit = "percent",
     .help = "Percent by which such a pause is shortened at most, differently for each task, so that tasks that failed "
             "together do not come back together."},
    {POOLS_SECTION, "prefetch", OPTION_COUNT, IN_POOL(core.prefetch), "0", 1, PREFETCH_MAX, NULL,
     .zero = "none",
     .help = "Tasks that a worker may get before a slot is free for them, for each slot at most. How many it gets follows "
             "from how long such tasks took lately: some milliseconds' worth, and none behind one that takes long or of "
             "which nothing is known. What has not begun is taken back when a slot falls free elsewhere."},
    {POOLS_SECTION, "kills_max", OPTION_COUNT, IN_POOL(core.kills_max), "2", 1, KILLS_MAX, NULL,
     .help = "Workers that one task may cost. When so many were lost with it, it ends as \"dead\", although max_attempts "
             "would allow more; after the first one it runs alone in its worker."},
    {POOLS_SECTION, "dead_max", OPTION_COUNT, IN_POOL(core.dead_max), "1000", 1, 1000000, NULL,
     .zero = "none",
     .help = "Dead tasks that stay listed, to be looked at and run again. The oldest make room."},
    {POOLS_SECTION, "dead_bytes_max", OPTION_SIZE, IN_POOL(core.dead_bytes_max), "\"64MiB\"", 64 * KIB, 1024 * GIB, NULL,
     .help = "Bytes of those, arguments included."},
    {POOLS_SECTION, "worker_ttl", OPTION_DURATION, IN_POOL(core.worker_ttl_us), "\"0s\"", 100 * MS, 365 * 24 * HOUR,
     NULL,
     .zero = "never",
     .help = "Age at which a worker is replaced. Its replacement is ready before it stops taking tasks, and the tasks "
             "that it runs end first."},
    {POOLS_SECTION, "worker_max_tasks", OPTION_COUNT, IN_POOL(core.worker_max_tasks), "0", 1, 1000000000, NULL,
     .zero = "never",
     .help = "Tasks after which a worker is replaced."},
    {POOLS_SECTION, "worker_memory_max", OPTION_SIZE, IN_POOL(core.worker_memory_max), "\"0B\"", 16 * MIB, 1024 * GIB,
     NULL,
     .zero = "never",
     .help = "Resident memory, of the worker and its children, at which it is replaced. It must be well above what a "
             "worker takes before its first task."},
    {POOLS_SECTION, "recycle_jitter", OPTION_COUNT, IN_POOL(core.recycle_jitter_percent), "10", 0, 50, NULL,
     .unit = "percent",
     .help = "Percent by which worker_ttl, worker_max_tasks and worker_memory_max are shortened, differently for each "
             "worker, so that not all are replaced at one time."},
    {POOLS_SECTION, "recycle_parallel", OPTION_COUNT, IN_POOL(core.recycle_parallel), "1", 1, 4096, NULL,
     .help = "Workers of this pool that are replaced at one time."},
    {POOLS_SECTION, "recycle_first", OPTION_BOOL, IN_POOL(core.recycle_first), "false", 0, 0, NULL,
     .help = "End the old worker before its replacement starts, where memory does not suffice for both. The pool then "
             "has one worker less for that time."},
    {POOLS_SECTION, "stalled_timeout", OPTION_DURATION, IN_POOL(core.stalled_timeout_us), "\"0s\"", 100 * MS, 24 *
     HOUR, NULL,
     .zero = "never",
     .help = "A worker that is stalled for so long is killed and replaced, and its tasks are requeued."},
    {POOLS_SECTION, "circuit_failures", OPTION_COUNT, IN_POOL(core.circuit_failures), "0", 1, 1000000, NULL,
     .zero = "never",
     .help = "So many attempts that fail within circuit_window, and at least half of those answered in it, open the "
             "pool's circuit: nothing is dispatched for circuit_pause, then one task at a time is tried until one "
             "succeeds. Lost workers count as failures; cancelled tasks and wrong calls do not."},
    {POOLS_SECTION, "circuit_window", OPTION_DURATION, IN_POOL(core.circuit_window_us), "\"10s\"", 100 * MS, 24 * HOUR,
     NULL,
     .help = "See circuit_failures."},
    {POOLS_SECTION, "circuit_pause", OPTION_DURATION, IN_POOL(core.circuit_pause_us), "\"30s\"", 10 * MS, 24 * HOUR,
     NULL,
     .help = "How long an open circuit lets nothing through. Doubles each time that a task which is tried fails, up to "
             "ten times as long."},
    {POOLS_SECTION, "when_open", OPTION_CHOICE, IN_POOL(core.when_open), "\"wait\"", 0, 0, when_open_words,
     .help = "New tasks of a pool whose circuit is open. wait: they are queued. refuse: they are refused as "
             "\"circuit_open\", with the time that is left."},
    {POOLS_SECTION, "dedup_window", OPTION_DURATION, IN_POOL(core.dedup_window_us), "\"5m\"", MS, 365 * 24 * HOUR, NULL,
     .zero = "no memory: only tasks that wait or run are shared",
     .help = "How long the result of a task with a dedup key is remembered for later tasks with the same key. A task "
             "can say it for itself (dedup_ms). Failures are not remembered."},
    {POOLS_SECTION, "dedup_max", OPTION_COUNT, IN_POOL(core.dedup_max), "10000", 0, 100000000, NULL,
     .help = "Results that are remembered so; the oldest make room."},
    {POOLS_SECTION, "dedup_bytes_max", OPTION_SIZE, IN_POOL(core.dedup_bytes_max), "\"64MiB\"", 0, 1024 * GIB, NULL,
     .help = "Bytes of those results. They count in bytes_max, and make room for tasks."},
    {POOLS_SECTION, "fairness", OPTION_CHOICE, IN_POOL(core.fairness), "\"key\"", 0, 0, fairness_words,
     .help = "Who takes turns for the pool's slots. key: the tasks of each fair key, and those without one together. "
             "client: the same, but each client's tasks without a key take turns with those of others, so that none can "
             "keep the others waiting."},
    {POOLS_SECTION, "running_max", OPTION_COUNT, IN_POOL(core.limit.running_max), "0", 1, 1000000, NULL,
     .zero = "no limit",
     .help = "Tasks of this pool that run at one time, however many slots there are. A cancelled task counts until it "
             "has really ended."},
    {POOLS_SECTION, "rate", OPTION_RATE, IN_POOL(core.limit.rate), "\"0/s\"", 1, RATE_COUNT_MAX, NULL,
     .zero = "no limit",
     .help = "How many tasks of this pool start in a time; retries count, too. What is over waits in the queue."},
    {POOLS_SECTION, "rate_burst", OPTION_COUNT, IN_POOL(core.limit.rate_burst), "0", 1, RATE_BURST_MAX, NULL,
     .zero = "as many as the rate gives in a tenth of a second, at least 1",
     .help = "Tasks that may start at once when fewer than rate have started lately."},
    {POOLS_SECTION, "key_running_max", OPTION_COUNT, IN_POOL(core.key_limit.running_max), "0", 1, 1000000, NULL,
     .zero = "no limit",
     .help = "As running_max, for the tasks of each fair key (of each client, where fairness says so). Tasks without "
             "either have no such limit."},
    {POOLS_SECTION, "key_rate", OPTION_RATE, IN_POOL(core.key_limit.rate), "\"0/s\"", 1, RATE_COUNT_MAX, NULL,
     .zero = "no limit",
     .help = "As rate, for each of them."},
    {POOLS_SECTION, "key_rate_burst", OPTION_COUNT, IN_POOL(core.key_limit.rate_burst), "0", 1, RATE_BURST_MAX, NULL,
     .zero = "as many as key_rate gives in a tenth of a second, at least 1",
     .help = "As rate_burst, for each of them."},
    {POOLS_SECTION, "run_timeout", OPTION_DURATION, IN_POOL(core.run_timeout_us), "\"0s\"", MS, 365 * 24 * HOUR, NULL,
     .zero = "no limit",
     .help = "How long one attempt at a task may run, when the task itself does not say. Then it is ended as a cancelled "
             "one is, and fails as \"timed_out\"."},
    {POOLS_SECTION, "cancel_grace", OPTION_DURATION, IN_POOL(core.cancel_grace_us), "\"5s\"", MS, 24 * HOUR, NULL,
     .zero = "never",
     .help = "A running task that is to end (cancelled, past its deadline or its run-time limit) is asked first. One "
             "that has not ended after so long gets an exception, TaskCancelled."},
    {POOLS_SECTION, "cancel_kill_grace", OPTION_DURATION, IN_POOL(core.cancel_kill_grace_us), "\"5s\"", MS, 24 * HOUR,
     NULL,
     .zero = "never",
     .help = "One that has not ended so long after that is ended with its worker process, which is replaced."},
    {POOLS_SECTION, "cancel_kill_shared", OPTION_BOOL, IN_POOL(core.cancel_kill_shared), "false", 0, 0, NULL,
     .help = "Do that also to processes that have slots for several tasks. The others are requeued, which does not count "
             "against their attempts. Without it such a process stays, and so does the task, in its slot."},
    {POOLS_SECTION, "session_ttl", OPTION_DURATION, IN_POOL(core.session_ttl_us), "\"10m\"", MS, 365 * 24 * HOUR, NULL,
     .help = "How long a session of tasks (the option session) without a task is bound to its worker."},
    {POOLS_SECTION, "sessions_max", OPTION_COUNT, IN_POOL(core.sessions_max), "100000", 0, 100000000, NULL,
     .help = "Sessions of tasks, used and remembered ones. Those that are unused for longest make room; when all are in "
             "use, tasks of further ones are refused as \"busy\"."},
    {POOLS_SECTION, "session_on_loss", OPTION_CHOICE, IN_POOL(core.session_on_loss), "\"rebind\"", 0, 0,
     session_on_loss_words,
     .help = "Tasks of a strict session whose worker is gone. rebind: they go to another one, which has nothing of the "
             "session's state. fail: they end as \"session_lost\", and the next one begins the session anew."},
    {0},
};
