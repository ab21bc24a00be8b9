/* watch.c - the agent's one loop; see watch.h. */
#include "agent/watch.h"

#include "agent/broker_talk.h"
#include "agent/guard.h"
#include "agent/local_pools.h"
#include "agent/memory.h"
#include "agent/poll_set.h"
#include "agent/strays.h"
#include "broker/io/clock.h"
#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* When the broker has ended, nobody waits for what the workers still do, except perhaps a new broker, to which they can
 * bring their results for so long. */
#define ABANDONED_US INT64_C(4000000)

enum { STRAYS_TIMEOUT_MS = 2000, READY_PIDS_MAX = 256 };

struct watch {
    struct config *config;
    const struct overrides *overrides;
    struct log *log;
    struct agent_context context;
    struct broker_talk *talk;
    struct local_pools *pools;
    struct poll_set poll_set;
    int signal_fd;
    int lifeline_fd;        /* the caller's; -1: none */
    int worker_lifeline_fd; /* write end of the pipe that the workers hold the other end of */
    int ready_fd;           /* read end of the pipe that workers tell their pids to */
    bool is_stopping;
    /* Where the fixed ones stand in poll_set; the outputs of processes come behind. */
    size_t at_signals, at_lifeline, at_ready, at_outputs;
};

/* --- making --------------------------------------------------------------------------------------------------- */

static unsigned
count_cpus(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* -1 and errno when the system refuses. */
static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* 63 random bits, and never 0. */
static uint64_t
draw_id(void)
{
    uint64_t id = 0;

    while (id == 0 && getrandom(&id, sizeof(id), 0) == (ssize_t)sizeof(id))
        id >>= 1;
    return id;
}

/* All pipes; false and errno when the system refuses. */
static bool
open_pipes(struct watch *watch)
{
    int lifeline[2], ready[2];

    if (pipe2(lifeline, O_CLOEXEC) != 0)
        return false;
    watch->context.lifeline_fd = lifeline[0];
    watch->worker_lifeline_fd = lifeline[1];
    if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    watch->ready_fd = ready[0];
    watch->context.ready_fd = ready[1];
    return true;
}

static void
take_durations(struct watch *watch)
{
    watch->context.stop_timeout_us = watch->config->stop_timeout_us;
    watch->context.restart_delay_us = watch->config->restart_delay_us;
    watch->context.restart_delay_max_us = watch->config->restart_delay_max_us;
}

/* Each worker takes a descriptor, and thousands are allowed. Workers get the limit that we got: programs that use select
 * rely on it. */
static void
raise_descriptors(struct watch *watch)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &watch->context.descriptors);
    limit = watch->context.descriptors;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* False and errno when the system refuses. */
static bool
open_parts(struct watch *watch)
{
    watch->signal_fd = open_signals();
    return watch->signal_fd >= 0 && open_pipes(watch) && (watch->context.guard = guard_new()) != NULL &&
           (watch->context.id = draw_id()) != 0 && (watch->talk = broker_talk_new(&watch->context)) != NULL;
}

struct watch *
watch_new(struct config **config_p, const struct overrides *overrides, const char *address, int lifeline_fd,
          struct log *log)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        abort();
    watch->config = *config_p;
    *config_p = NULL;
    watch->overrides = overrides;
    watch->log = log;
    watch->signal_fd = watch->worker_lifeline_fd = watch->ready_fd = -1;
    watch->lifeline_fd = lifeline_fd;
    watch->context = (struct agent_context){
        .log = log, .address = address, .lifeline_fd = -1, .ready_fd = -1, .cpus = count_cpus(),
        .memory = memory_new("")};
    take_durations(watch);
    raise_descriptors(watch);
    watch->pools = local_pools_new(&watch->context);
    if (!open_parts(watch)) {
        log_line(log, LOG_ERROR, "agent.start_failed", "%s", strerror(errno));
        watch_destroy(&watch);
    }
    return watch;
}

static void
close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void
watch_destroy(struct watch **watch_p)
{
    struct watch *watch = *watch_p;

    if (watch == NULL)
        return;
    local_pools_destroy(&watch->pools);
    broker_talk_destroy(&watch->talk);
    memory_destroy(&watch->context.memory);
    guard_destroy(&watch->context.guard);
    poll_set_fini(&watch->poll_set);
    close_if_open(watch->signal_fd);
    close_if_open(watch->context.lifeline_fd);
    close_if_open(watch->context.ready_fd);
    close_if_open(watch->worker_lifeline_fd);
    close_if_open(watch->ready_fd);
    config_unload(&watch->config);
    free(watch);
    *watch_p = NULL;
}

/* --- children ------------------------------------------------------------------------------------------------- */

static void
guard_process(void *data, struct worker_process *worker, bool is_nursery)
{
    (void)is_nursery;
    if (worker_process_pid(worker) != 0)
        guard_add(data, worker_process_pid(worker));
}

/* The guard was killed: nothing is wrong yet, but a kill -9 of this process would now leave grandchildren. */
static void
replace_guard(struct watch *watch)
{
    guard_destroy(&watch->context.guard);
    watch->context.guard = guard_new();
    if (watch->context.guard == NULL)
        abort();
    local_pools_each(watch->pools, guard_process, watch->context.guard);
    log_line(watch->log, LOG_WARN, "agent.guard_replaced", "the process snakepit-guard was killed");
}

/* It may be a worker that was given up before it was forked: then the guard knows it by the worker's own word. */
static void
reap_stray(struct watch *watch, pid_t pid)
{
    guard_remove(watch->context.guard, pid);
    waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOHANG);
}

/* Look at each child that ended before it is reaped, since until then its number is safe. SIGCHLD is needed anyway,
 * for the orphans that the kernel hands to us; so it serves for the workers too, without a descriptor for each. */
static void
handle_ended_children(struct watch *watch, int64_t now_us)
{
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        if (info.si_pid == guard_pid(watch->context.guard))
            replace_guard(watch);
        else if (!local_pools_handle_end(watch->pools, &info, now_us))
            reap_stray(watch, info.si_pid);
        info.si_pid = 0;
    }
}

/* --- orders --------------------------------------------------------------------------------------------------- */

/* The second call leaves no more time. */
static void
stop(struct watch *watch, const char *reason, int64_t timeout_us, int64_t now_us)
{
    int64_t deadline_us = watch->is_stopping ? now_us : now_us + timeout_us;

    log_begin(watch->log, LOG_INFO, "agent.stopping");
    log_str(watch->log, "reason", reason);
    log_end(watch->log);
    if (!watch->is_stopping)
        broker_talk_end(watch->talk, reason);
    watch->is_stopping = true;
    local_pools_close(watch->pools, deadline_us);
}

/* All or nothing: with a mistake in the file everything stays as it is. */
static void
reload(struct watch *watch, int64_t now_us)
{
    struct config *config = NULL;
    const char *pool = NULL;
    char *text = NULL;
    int err = config_load(watch->config->path, &config, &text);

    if (err == OK && !overrides_fit(watch->overrides, config, &pool)) {
        log_line(watch->log, LOG_ERROR, "agent.reload_refused", "--workers names %s, which has no app any more", pool);
        config_unload(&config);
    } else if (err != OK) {
        log_line(watch->log, LOG_ERROR, "agent.reload_refused", "nothing was changed: %s", text);
    } else {
        struct config *old = watch->config;
        watch->config = config;
        take_durations(watch);
        log_set(watch->log, config->log_format, config->log_level);
        local_pools_configure(watch->pools, config, watch->overrides, now_us);
        config_unload(&old);
        log_line(watch->log, LOG_INFO, "agent.reloaded", "%s", config->path);
    }
    free(text);
}

/* The kernel's SIGHUP says that the terminal is gone, anyone else's that the configuration has changed. */
static void
handle_signal(struct watch *watch, const struct signalfd_siginfo *info, int64_t now_us)
{
    bool is_hangup = info->ssi_signo == SIGHUP && info->ssi_code == SI_KERNEL;

    if (info->ssi_signo == SIGCHLD)
        handle_ended_children(watch, now_us);
    else if (info->ssi_signo == SIGTERM)
        stop(watch, "SIGTERM", watch->context.stop_timeout_us, now_us);
    else if (info->ssi_signo == SIGHUP && !is_hangup && !watch->is_stopping)
        reload(watch, now_us);
    /* Ctrl-C and a closed terminal reach everyone there; then our parent decides, and tells us by the lifeline. */
    else if (watch->lifeline_fd < 0)
        stop(watch, info->ssi_signo == SIGINT ? "SIGINT" : "SIGHUP", watch->context.stop_timeout_us, now_us);
}

static void
handle_signals(struct watch *watch, int64_t now_us)
{
    struct signalfd_siginfo info;

    while (read(watch->signal_fd, &info, sizeof(info)) == sizeof(info))
        handle_signal(watch, &info, now_us);
}

/* True when the process at the other end is gone. What it writes means nothing. */
static bool
lifeline_ended(int fd)
{
    char data[64];

    return read(fd, data, sizeof(data)) == 0;
}

static void
end_with_broker(struct watch *watch, int64_t now_us)
{
    int64_t timeout_us = watch->context.stop_timeout_us;

    watch->lifeline_fd = -1;
    if (!watch->is_stopping)
        stop(watch, "the broker ended", timeout_us < ABANDONED_US ? timeout_us : ABANDONED_US, now_us);
}

static void
handle_ready(struct watch *watch, int64_t now_us)
{
    int32_t pids[READY_PIDS_MAX];
    ssize_t size = read(watch->ready_fd, pids, sizeof(pids));

    for (ssize_t i = 0; i < size / (ssize_t)sizeof(pids[0]); i++)
        local_pools_handle_ready(watch->pools, pids[i], now_us);
}

/* --- the loop ------------------------------------------------------------------------------------------------- */

static void
add_output(void *data, struct worker_process *worker, bool is_nursery)
{
    struct watch *watch = data;

    (void)is_nursery;
    poll_set_add(&watch->poll_set, worker_process_output_fd(worker), worker);
}

static void
wait_for_events(struct watch *watch)
{
    struct poll_set *set = &watch->poll_set;
    int64_t due_us = local_pools_next_due_us(watch->pools);
    int64_t talk_due_us = broker_talk_next_due_us(watch->talk);

    poll_set_clear(set);
    watch->at_signals = poll_set_add(set, watch->signal_fd, NULL);
    watch->at_lifeline = poll_set_add(set, watch->lifeline_fd, NULL);
    watch->at_ready = poll_set_add(set, watch->ready_fd, NULL);
    poll_set_add(set, broker_talk_fd(watch->talk), NULL);
    for (size_t i = 0; i < local_pools_count(watch->pools); i++)
        poll_set_add(set, local_pool_nursery_fd(local_pools_at(watch->pools, i)), NULL);
    watch->at_outputs = set->count;
    local_pools_each(watch->pools, add_output, watch);
    if (talk_due_us < due_us)
        due_us = talk_due_us;
    poll_set_wait(set, due_us == INT64_MAX ? INT64_MAX : due_us - clock_now_us());
}

/* Births first, and then output: it needs the pid, and the lines of a worker that ended belong before the line that
 * says so. */
static void
run_once(struct watch *watch)
{
    struct poll_set *set = &watch->poll_set;

    wait_for_events(watch);
    int64_t now_us = clock_now_us();
    local_pools_hear_nurseries(watch->pools, now_us);
    for (size_t i = watch->at_outputs; i < set->count; i++)
        if (poll_set_is_ready(set, i))
            worker_process_read_output(set->owners[i], now_us);
    if (poll_set_is_ready(set, watch->at_ready))
        handle_ready(watch, now_us);
    if (poll_set_is_ready(set, watch->at_signals))
        handle_signals(watch, now_us);
    if (poll_set_is_ready(set, watch->at_lifeline) && lifeline_ended(watch->lifeline_fd))
        end_with_broker(watch, now_us);
    local_pools_tick(watch->pools, now_us);
    broker_talk_turn(watch->talk, watch->pools, now_us);
}

void
watch_run(struct watch *watch)
{
    local_pools_configure(watch->pools, watch->config, watch->overrides, clock_now_us());
    local_pools_tick(watch->pools, clock_now_us());
    broker_talk_turn(watch->talk, watch->pools, clock_now_us());
    while (!watch->is_stopping || !local_pools_are_gone(watch->pools))
        run_once(watch);
    /* The guard is our child too; it is not needed any more, since no worker is left. */
    guard_destroy(&watch->context.guard);
    strays_kill(STRAYS_TIMEOUT_MS);
}
